/** The curves of a training: losses gathered into points. */
import * as v from 'valibot';
import type { CurvePoint, EvaluationPoint } from '../../base';

const measured = v.nullable(v.number());

export const evaluationPointSchema = v.object({
  loss: v.number(),
  accuracy: v.number(),
  f1: v.number(),
}) satisfies v.GenericSchema<unknown, EvaluationPoint>;

/** A point as checkpoints, runs and projects keep it. */
export const curvePointSchema = v.object({
  step: v.pipe(v.number(), v.integer(), v.minValue(0)),
  epoch: v.number(),
  loss: measured,
  learning_rate: measured,
  grad_norm: measured,
  evaluation: v.nullable(evaluationPointSchema),
}) satisfies v.GenericSchema<unknown, CurvePoint>;

export class Curve {
  readonly history: CurvePoint[] = [];
  #sum = 0;
  #count = 0;
  #rate: number | null = null;
  #norm: number | null = null;
  #told = 0;
  #last = performance.now();

  add(loss: number, rate: number, norm: number): void {
    this.#sum += loss;
    this.#count += 1;
    this.#rate = rate;
    this.#norm = norm;
  }

  get stepsPending(): number {
    return this.#count;
  }

  get secondsPending(): number {
    return (performance.now() - this.#last) / 1000;
  }

  /** Makes a point of the losses since the one before; of none unless there is an evaluation. */
  flush(at: Pick<CurvePoint, 'step' | 'epoch'>, evaluation: EvaluationPoint | null = null): void {
    this.#last = performance.now();
    if (this.#count === 0 && evaluation === null) return;
    this.history.push({
      ...at,
      loss: this.#count === 0 ? null : this.#sum / this.#count,
      learning_rate: this.#rate,
      grad_norm: this.#norm,
      evaluation,
    });
    this.#sum = 0;
    this.#count = 0;
  }

  /** Points that have not been taken yet. */
  takeNew(): readonly CurvePoint[] {
    const points = this.history.slice(this.#told);
    this.#told = this.history.length;
    return points;
  }

  /** Losses that no point has yet. */
  pending(): { sum: number; count: number } {
    return { sum: this.#sum, count: this.#count };
  }

  /** All points count as new: whoever goes on draws the curves again. */
  restore(history: readonly CurvePoint[], pending: { sum: number; count: number }): void {
    this.history.push(...history);
    this.#sum = pending.sum;
    this.#count = pending.count;
  }
}
