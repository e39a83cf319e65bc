/**
 * A logistic regression that is fitted again each time a few rows come in, from where the last fit ended: the
 * objective is `fitLogistic`'s (one label a row) or `fitOneVsRest`'s (several), and so is the optimum; only the
 * way there is short. Classes that no row has yet are left out, and join when the first one comes.
 */
import { HeadlightError } from '../../base';
import type { TensorBackendName } from '../../platform';
import { fitBatch, type BatchContext, type FitRequest, type FitStep } from './batch';
import { prepareDesign, type Design } from './design';
import { headOf } from './fit';
import { columnOf, countTargets } from './multi-label-input';
import { CONSTANT_LOGIT } from './one-vs-rest';
import { covariance, type Preconditioner } from './preconditioner';
import { Products } from './products';
import { loadTensorFlow } from './tensorflow';
import type { Matrix, Targets } from './types';

export interface RefitSettings {
  readonly classes: readonly string[];
  /** Whether a row may have several of them. */
  readonly several: boolean;
  /** Inverse strength of the L2 penalty, as scikit-learn's. */
  readonly C: number;
}

/** A linear map of features to a logit a class. */
export interface WarmHead {
  /** [features, classes] row-major. Of two classes they are each other's negative. */
  readonly weights: Float32Array;
  /** [classes]; -Infinity for a class without rows where a row has one class. */
  readonly bias: Float64Array;
  readonly iterations: number;
  readonly converged: boolean;
}

/** As `fitLogistic`'s. */
const TOL = 1e-4;
/** Relative step at which it is near enough: coefficients are then within 1e-3 of the optimum. */
const STEP = 5e-5;
const MOST_ITERATIONS = 500;
/** As many iterations as with twenty, and less memory to walk through at each. */
const CORRECTIONS = 4;
/** A preconditioner serves until there are so many times the rows that it was made of. */
const SERVES_UNTIL = 1.6;

export class Refitter {
  readonly #settings: RefitSettings;
  readonly #backend: TensorBackendName;
  #last: WarmHead | null = null;
  #preconditioner: {
    readonly rows: number;
    readonly made: Map<number, Preconditioner>;
    /** Made at the start of a fit that began from nothing, where the curvature is another than at its end. */
    readonly cold: boolean;
  } | null = null;

  /** @param backend the tfjs backend that is current at each `fit`. */
  constructor(settings: RefitSettings, backend: TensorBackendName) {
    this.#settings = settings;
    this.#backend = backend;
  }

  /**
   * @param features [rows, columns], the same columns at each call.
   * @throws HeadlightError `bad-labels` for fewer than two classes with rows (of one class a row), `device` for
   *   features that are not finite or a fit that diverges.
   */
  async fit(features: Matrix, targets: Targets): Promise<WarmHead> {
    await loadTensorFlow();
    const design = prepareDesign(features, false);
    const fitted =
      targets.kind === 'labels'
        ? await this.#fitOne(design, targets.labels)
        : await this.#fitSeveral(design, targets.targets);
    this.#last = fitted;
    return fitted;
  }

  /** The next fit starts from nothing. */
  forget(): void {
    this.#last = null;
    for (const one of this.#preconditioner?.made.values() ?? []) one.dispose();
    this.#preconditioner = null;
  }

  async #fitOne(design: Design, labels: Int32Array): Promise<WarmHead> {
    const { classes } = this.#settings;
    const present = classes.flatMap((_, k) => (labels.includes(k) ? [k] : []));
    if (present.length < 2) {
      throw new HeadlightError('bad-labels', 'A probe needs texts of at least two classes.', {
        hint: 'Label a text of another class.',
      });
    }
    const place = new Int32Array(classes.length).fill(-1);
    present.forEach((k, at) => (place[k] = at));
    const outputs = present.length === 2 ? 1 : present.length;
    const [step] = await this.#solve(
      design,
      outputs,
      labels.map((label) => place[label]!),
      [{ weights: ones(design.rows), Cs: [this.#settings.C], start: this.#start(design, present) }],
    );
    const { coef, intercept } = headOf(step!.point, design, [], outputs);
    const head = this.#empty(design.columns, -Infinity);
    present.forEach((k, at) => {
      const factor = outputs === 1 ? at - 0.5 : 1;
      const row = outputs === 1 ? 0 : at;
      head.bias[k] = factor * intercept[row]!;
      for (let j = 0; j < design.columns; j++)
        head.weights[j * classes.length + k] = factor * coef[row * design.columns + j]!;
    });
    return { ...head, ...endOf([step!]) };
  }

  async #fitSeveral(design: Design, targets: Uint8Array): Promise<WarmHead> {
    const { classes, C } = this.#settings;
    const counts = countTargets(targets, design.rows, classes);
    const fitted = classes.flatMap((_, k) =>
      counts[k]! > 0 && counts[k]! < design.rows ? [k] : [],
    );
    const head = this.#empty(design.columns, 0);
    for (const [k, rows] of counts.entries())
      head.bias[k] = rows === 0 ? -CONSTANT_LOGIT : CONSTANT_LOGIT;
    const requests = fitted.map((k): FitRequest => ({
      labels: columnOf(targets, design.rows, classes.length, k),
      weights: ones(design.rows),
      Cs: [C],
      start: this.#start(design, [k]),
    }));
    const steps = await this.#solve(design, 1, new Int32Array(design.rows), requests);
    fitted.forEach((k, at) => {
      const { coef, intercept } = headOf(steps[at]!.point, design, [], 1);
      head.bias[k] = intercept[0]!;
      for (let j = 0; j < design.columns; j++) head.weights[j * classes.length + k] = coef[j]!;
    });
    return { ...head, ...endOf(steps) };
  }

  async #solve(
    design: Design,
    outputs: number,
    labels: Int32Array,
    requests: readonly FitRequest[],
  ): Promise<FitStep[]> {
    if (requests.length === 0) return [];
    const products = new Products(design, requests.length * outputs, this.#backend);
    try {
      const { made, isNew } = this.#preconditioners(design.rows);
      const batch: BatchContext = {
        design,
        products,
        labels,
        outputs,
        covariance: isNew ? await covariance(design, ones(design.rows)) : new Float64Array(0),
        preconditioners: made,
        pause: () => Promise.resolve(),
      };
      const job = fitBatch(
        requests,
        { tol: TOL, stepTolerance: STEP, max_iter: MOST_ITERATIONS, memory: CORRECTIONS },
        batch,
      );
      let step = await job.next();
      while (!step.done) step = await job.next();
      const steps = step.value.flatMap(([last]) => (last === undefined ? [] : [last]));
      if (!steps.every(({ point }) => point.every(Number.isFinite))) {
        throw new HeadlightError('device', 'Fitting the probe gave numbers that are not finite.', {
          hint: 'Choose another encoder, or another layer of it.',
        });
      }
      return steps;
    } finally {
      products.dispose();
    }
  }

  /** It changes the path and never the optimum, so an older one does for a while. */
  #preconditioners(rows: number): { made: Map<number, Preconditioner>; isNew: boolean } {
    const before = this.#preconditioner;
    const cold = this.#last === null;
    const serves =
      before !== null &&
      before.cold === cold &&
      rows >= before.rows &&
      rows <= SERVES_UNTIL * before.rows;
    if (serves && before.made.size > 0) return { made: before.made, isNew: false };
    for (const one of before?.made.values() ?? []) one.dispose();
    this.#preconditioner = { rows, made: new Map(), cold };
    return { made: this.#preconditioner.made, isNew: true };
  }

  /** Where the last fit ended, for the centred features: [columns + 1, outputs], intercepts last. */
  #start({ columns, offset }: Design, present: readonly number[]): Float64Array | null {
    const last = this.#last;
    if (last === null) return null;
    const k = this.#settings.classes.length;
    const outputs = present.length === 2 ? 1 : present.length;
    const start = new Float64Array((columns + 1) * outputs);
    present.forEach((label, at) => {
      const intercept = last.bias[label]!;
      if (!Number.isFinite(intercept) || Math.abs(intercept) === CONSTANT_LOGIT) return;
      // Of two classes the one output is the difference of both.
      const factor = outputs === present.length ? 1 : at === 1 ? 1 : -1;
      const column = outputs === present.length ? at : 0;
      let shift = 0;
      for (let j = 0; j < columns; j++) {
        const weight = last.weights[j * k + label]!;
        start[j * outputs + column]! += factor * weight;
        shift += weight * offset[j]!;
      }
      start[columns * outputs + column]! += factor * (intercept + shift);
    });
    return start;
  }

  #empty(columns: number, bias: number): { weights: Float32Array; bias: Float64Array } {
    const { length } = this.#settings.classes;
    return {
      weights: new Float32Array(columns * length),
      bias: new Float64Array(length).fill(bias),
    };
  }
}

function ones(rows: number): Float64Array {
  return new Float64Array(rows).fill(1);
}

function endOf(steps: readonly FitStep[]): Pick<WarmHead, 'iterations' | 'converged'> {
  return {
    iterations: steps.reduce((most, { iterations }) => Math.max(most, iterations), 0),
    converged: steps.every(({ gradientNorm }) => gradientNorm <= TOL),
  };
}
