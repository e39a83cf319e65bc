/**
 * The training loop: steps, evaluations, checkpoints, and what is told of them. What it computes follows from
 * the request alone; how often it tells and saves follows the clock.
 */
import {
  abortedError,
  HeadlightError,
  type CurvePoint,
  type EvaluationPoint,
  type Job,
  type Progress,
} from '../../base';
import { Checkpoints, type Kept, type Position } from './checkpoint';
import { Curve } from './curve';
import { evaluationPoint, readAll } from './evaluation';
import { notFinite, stepFailed } from './failures';
import { openTrainer } from './open-trainer';
import { Pace } from './pace';
import { learningRate } from './schedule';
import { parseTrainerSettings } from './settings';
import type { Snapshot, Trainer } from './trainer';
import { TrainingSet } from './training-set';
import type { FinetuneRequest, FinetuneResult, TrainerSettings } from './types';

const PHASE = 'Fine-tuning';
/** A checkpoint at least every minute: begun early enough that it is whole by then. */
const SAVE_AFTER_SECONDS = 40;
const SLOWEST_SAVE_SECONDS = 55;
const POINT_STEPS = 10;
const POINT_SECONDS = 1;

/**
 * Trains until the settings say so, evaluates on `data.validation`, keeps the best. Stopping it (signal)
 * commits a checkpoint and throws `aborted`; asked again with the same `identity` it goes on from there and
 * ends with the same weights, to the bit where the optimiser runs on the processor. The last checkpoint
 * stays until `discardFinetune`, so that nothing is lost before the result has been kept.
 *
 * @throws HeadlightError `bad-setting` (a setting out of range; loss or gradients that are no numbers any
 *   more), `bad-table` (no rows), `device` (lost, out of memory), `not-found` (`finish` without checkpoint),
 *   `storage-full` (stopped, but there is no room to keep it), `aborted`.
 */
export function finetune(request: FinetuneRequest, signal?: AbortSignal): Job<FinetuneResult> {
  const settings = parseTrainerSettings(request.settings);
  return new Training({ ...request, settings }, signal).run();
}

class Training {
  readonly #request: FinetuneRequest;
  readonly #settings: TrainerSettings;
  readonly #signal: AbortSignal | undefined;
  readonly #set: TrainingSet;
  readonly #checkpoints: Checkpoints;
  readonly #pace = new Pace();
  readonly #curve = new Curve();
  #step = 0;
  #best: { step: number; evaluation: EvaluationPoint; values: Snapshot } | null = null;
  #withoutBetter = 0;
  #ended: Position['ended'] = null;
  #resumedAt: number | null = null;
  /** Step of the last checkpoint that was committed. */
  #saved: number | null = null;
  #lastSave = performance.now();
  #saveSeconds = 0;
  #lastTurn = performance.now();

  constructor(request: FinetuneRequest, signal: AbortSignal | undefined) {
    this.#request = request;
    this.#settings = request.settings;
    this.#signal = signal;
    this.#set = new TrainingSet(request);
    const { storage, scope, identity, meta } = request;
    this.#checkpoints = new Checkpoints(storage, scope, identity, meta);
    const { eval_strategy } = this.#settings;
    if (eval_strategy !== 'no' && request.data.validation.length === 0) {
      throw new HeadlightError(
        'bad-setting',
        `eval_strategy is "${eval_strategy}", but there are no rows to evaluate on.`,
        { hint: 'Set validation_share above 0, or eval_strategy to "no".' },
      );
    }
  }

  async *run(): Job<FinetuneResult> {
    const kept = await this.#checkpoints.read();
    if (this.#request.then === 'finish' && (kept === null || kept === 'other')) {
      throw new HeadlightError('not-found', 'There is no unfinished fine-tune to keep.', {
        hint: 'Start it again.',
      });
    }
    if (kept === 'other')
      yield this.#progress('What was begun before was another training; this one starts anew.');
    const trainer = await openTrainer(this.#request, this.#set);
    try {
      if (kept !== null && kept !== 'other') {
        await trainer.restore(kept.state);
        this.#goOnFrom(kept);
        yield this.#progress(`Going on from step ${this.#step}.`);
      } else yield this.#progress();
      if (this.#request.then === 'finish') return await this.#result(trainer, 'kept');
      const { steps } = this.#set.batches.plan;
      while (this.#step < steps && this.#ended === null) yield* this.#one(trainer);
      this.#ended ??= 'finished';
      this.#curve.flush(this.#at());
      yield* this.#save(trainer);
      yield this.#progress();
      return await this.#result(trainer, this.#ended);
    } finally {
      await trainer.release();
    }
  }

  #goOnFrom({ position, best }: Kept): void {
    this.#step = position.step;
    this.#resumedAt = position.step;
    this.#saved = position.step;
    this.#curve.restore(position.history, position.pending);
    this.#best =
      position.best !== null && best !== null ? { ...position.best, values: best } : null;
    this.#withoutBetter = position.withoutBetter;
    this.#ended = position.ended;
    this.#pace.restore(position.seconds, position.tokens);
  }

  /** One optimiser step with all that belongs to it. */
  async *#one(trainer: Trainer): Job<void> {
    if (this.#signal?.aborted === true) {
      if (this.#saved !== this.#step) await this.#commit(trainer);
      throw abortedError();
    }
    const step = this.#step + 1;
    const started = performance.now();
    const rate = learningRate(this.#step, this.#set.batches.plan, this.#settings);
    let tokens = 0;
    let loss = 0;
    let norm: number;
    try {
      for (const batch of this.#set.ofStep(this.#step)) {
        loss += await trainer.learn(batch);
        tokens += batch.realTokens;
        await this.#turn();
      }
      norm = Number.isFinite(loss) ? await trainer.gradientNorm() : 0;
      if (Number.isFinite(loss) && Number.isFinite(norm)) await trainer.update(step, rate, norm);
    } catch (error) {
      await this.#saveBefore(trainer);
      throw stepFailed(step, error);
    }
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      await this.#saveBefore(trainer);
      throw notFinite(step, Number.isFinite(loss) ? 'norm of the gradients' : 'loss');
    }
    this.#step = step;
    this.#pace.stepped((performance.now() - started) / 1000, tokens);
    this.#curve.add(loss, rate, norm);

    const evaluates = this.#evaluatesAt(step);
    if (evaluates) yield* this.#evaluate(trainer);
    if (this.#saveIsDue()) yield* this.#save(trainer);
    const due =
      this.#curve.stepsPending >= POINT_STEPS || this.#curve.secondsPending > POINT_SECONDS;
    if (due) this.#curve.flush(this.#at());
    if (due || evaluates) yield this.#progress();
  }

  /** The weights are still those of the step before the one that failed. */
  async #saveBefore(trainer: Trainer): Promise<void> {
    if (this.#step === 0 || this.#saved === this.#step) return;
    // A lost GPU takes its weights along: then the checkpoint before is what is left, and the error that
    // is thrown is why.
    await this.#commit(trainer).catch(() => undefined);
  }

  /** Lets messages in: a stop, a question. */
  async #turn(): Promise<void> {
    if (performance.now() - this.#lastTurn < 40) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#lastTurn = performance.now();
  }

  /** As the Trainer: after each epoch and at the end; or each so many steps. */
  #evaluatesAt(step: number): boolean {
    const { eval_strategy, eval_steps } = this.#settings;
    const { steps, stepsPerEpoch } = this.#set.batches.plan;
    if (eval_strategy === 'steps') return step % eval_steps === 0;
    return eval_strategy === 'epoch' && (step % stepsPerEpoch === 0 || step === steps);
  }

  async *#evaluate(trainer: Trainer): Job<void> {
    const { data, model, loss } = this.#request;
    const started = performance.now();
    const { task, classes } = model.options;
    const isPairs = loss.name === 'cosine_similarity';
    const reading = readAll(
      data.validation,
      {
        batchSize: this.#settings.per_device_eval_batch_size * (isPairs ? 2 : 1),
        maxTokens: model.maxTokens,
        padId: data.padId,
        columns: task === 'embedding' ? model.hiddenSize : classes,
        byToken: task === 'token',
      },
      async (batch) => {
        await this.#turn();
        return trainer.predict(batch);
      },
      'Evaluating',
      // A stop waits for the evaluation: it belongs to the step, and is part of its checkpoint.
    );
    let told = started;
    let next = await this.#evaluated(reading);
    while (next.done !== true) {
      if (performance.now() - told > 1000 * POINT_SECONDS) {
        told = performance.now();
        yield next.value;
      }
      next = await this.#evaluated(reading);
    }
    const evaluation = evaluationPoint(this.#set.fold, data.validation, next.value, data.classes);
    this.#pace.evaluated((performance.now() - started) / 1000);
    this.#curve.flush(this.#at(), evaluation);
    await this.#judge(trainer, evaluation);
  }

  async #evaluated(
    reading: Job<Float32Array[]>,
  ): Promise<IteratorResult<Progress, Float32Array[]>> {
    try {
      return await reading.next();
    } catch (error) {
      throw stepFailed(this.#step, error);
    }
  }

  async #judge(trainer: Trainer, evaluation: EvaluationPoint): Promise<void> {
    const { metric_for_best_model: metric, early_stopping_patience: patience } = this.#settings;
    const sign = metric === 'loss' ? -1 : 1;
    const before = this.#best?.evaluation[metric];
    const isBetter = before === undefined || sign * evaluation[metric] > sign * before;
    if (isBetter) {
      this.#withoutBetter = 0;
      this.#best = { step: this.#step, evaluation, values: await trainer.snapshot() };
      return;
    }
    this.#withoutBetter += 1;
    if (patience !== null && this.#withoutBetter >= patience) this.#ended = 'early_stopping';
  }

  #saveIsDue(): boolean {
    const seconds = (performance.now() - this.#lastSave) / 1000;
    // A slow disk is begun with earlier, but at most half of the time goes into saving.
    const wait = Math.min(SAVE_AFTER_SECONDS, SLOWEST_SAVE_SECONDS - this.#saveSeconds);
    return seconds > Math.max(wait, this.#saveSeconds);
  }

  /** As `#commit`; training goes on where there is no room, and says so. */
  async *#save(trainer: Trainer): Job<void> {
    try {
      await this.#commit(trainer);
    } catch (error) {
      if (!(error instanceof HeadlightError) || error.code !== 'storage-full') throw error;
      yield this.#progress(
        'There is no room for a checkpoint: training goes on, but would start again where the last one was made. Free space on this device.',
      );
    }
  }

  async #commit(trainer: Trainer): Promise<void> {
    const started = performance.now();
    const { steps } = this.#set.batches.plan;
    const best = this.#best;
    try {
      await this.#checkpoints.write(
        {
          step: this.#step,
          steps,
          history: [...this.#curve.history],
          pending: this.#curve.pending(),
          best: best === null ? null : { step: best.step, evaluation: best.evaluation },
          withoutBetter: this.#withoutBetter,
          ended: this.#ended,
          ...this.#pace.totals(),
        },
        await trainer.state(),
        best?.values ?? null,
      );
      this.#saved = this.#step;
    } finally {
      this.#lastSave = performance.now();
      this.#saveSeconds = (this.#lastSave - started) / 1000;
    }
  }

  async #result(trainer: Trainer, ended: FinetuneResult['ended']): Promise<FinetuneResult> {
    const { load_best_model_at_end, save_strategy } = this.#settings;
    const wantsBest = load_best_model_at_end || (ended === 'kept' && save_strategy !== 'no');
    const best = wantsBest ? this.#best : null;
    const { seconds } = this.#pace.totals();
    return {
      trained: trainer.values(best?.values ?? (await trainer.snapshot())),
      history: this.#curve.history,
      step: best?.step ?? this.#step,
      steps: this.#set.batches.plan.steps,
      ended,
      trainSeconds: seconds,
      tokensPerSecond: this.#pace.tokensPerSecond(),
      resumedAtStep: this.#resumedAt,
    };
  }

  #at(): Pick<CurvePoint, 'step' | 'epoch'> {
    return { step: this.#step, epoch: this.#set.batches.epochAfter(this.#step) };
  }

  #progress(note?: string): Progress {
    const { steps, stepsPerEpoch } = this.#set.batches.plan;
    const step = this.#step;
    let evaluations = 0;
    const { eval_strategy, eval_steps } = this.#settings;
    if (eval_strategy === 'steps')
      evaluations = Math.floor(steps / eval_steps) - Math.floor(step / eval_steps);
    if (eval_strategy === 'epoch')
      evaluations = Math.ceil(steps / stepsPerEpoch) - Math.floor(step / stepsPerEpoch);
    const isOver = step === steps || this.#ended !== null;
    return {
      phase: PHASE,
      done: step,
      total: steps,
      unit: 'steps',
      rate: this.#pace.stepsPerSecond(),
      secondsLeft: isOver ? 0 : this.#pace.secondsLeft(steps - step, evaluations),
      ...(note === undefined ? {} : { note }),
      training: {
        step,
        steps,
        epoch: this.#set.batches.epochAfter(step),
        epochs: steps / stepsPerEpoch,
        tokensPerSecond: this.#pace.tokensPerSecond(),
        points: this.#curve.takeNew(),
        bestStep: this.#best?.step ?? null,
        savedStep: this.#saved,
      },
    };
  }
}
