/**
 * A logistic regression that is fitted again each time a few rows come in, from where the last fit ended: the
 * objective is `fitLogistic`'s (one label a row) or `fitOneVsRest`'s (several), and so is the optimum; only the
 * way there is short. Classes that no row has yet are left out, and join when the first one comes.
 */
import { HeadlightError } from '../../base';
import { descendClasses } from './class-block';
import {
  descend,
  type Descended,
  type DescentSettings,
  type DescentStart,
  type LinearProblem,
} from './conjugate-gradients';
import { designMatrix, withoutOnes, type DesignMatrix } from './design';
import { foresee } from './foresee';
import type { Activation, Kernels } from './kernels';
import { countTargets } from './multi-label-input';
import { CONSTANT_LOGIT } from './one-vs-rest';
import { covariance, DensePreconditioner, type Preconditioner } from './preconditioner';
import { RowPreconditioner } from './row-preconditioner';
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
/** Relative step at which it is near enough: coefficients and probabilities (Euclidean norms) are then within 5e-4. */
const STEP = 2e-4;
const MOST_ITERATIONS = 500;
/** A preconditioner serves for so many times the rows that it was made of, or for so many times fewer... */
const SERVES_UNTIL = 1.6;
/** ...but a better one is made, where there is time for it, from so many times on. */
const IS_GOOD_UNTIL = 1.2;
/** Rows a column up to which a preconditioner is made of the rows. */
const FEW_ROWS = 0.5;
/** Of rows that come in together each is foreseen without the others. */
const MOST_FORESEEN = 4;
/** Classes that rows which come in pull at the most are fitted before all: so many of them, where there are many. */
const BLOCK_CLASSES = 8;
const MANY_CLASSES = 4 * BLOCK_CLASSES;
const BLOCK: DescentSettings = { tol: Infinity, stepTolerance: 4e-4, max_iter: 12 };

type Linear = Pick<WarmHead, 'weights' | 'bias'>;

/** What a fit leaves for the next. */
interface Kept {
  readonly design: DesignMatrix;
  readonly curvature: number;
}

interface Made {
  readonly rows: number;
  readonly preconditioner: Preconditioner;
  /** Made at the start of a fit that began from nothing, where the curvature is another than at its end. */
  readonly cold: boolean;
}

export class Refitter {
  readonly #settings: RefitSettings;
  readonly #kernels: Kernels;
  #last: WarmHead | null = null;
  #kept: Kept | null = null;
  #made: Made | null = null;

  constructor(settings: RefitSettings, kernels: Kernels) {
    this.#settings = settings;
    this.#kernels = kernels;
  }

  /**
   * @param features [rows, columns], the same columns at each call.
   * @throws HeadlightError `bad-labels` for fewer than two classes with rows (of one class a row), `device` for
   *   features that are not finite or a fit that diverges.
   */
  async fit(features: Matrix, targets: Targets): Promise<WarmHead> {
    const design = designMatrix(features);
    const fitted =
      targets.kind === 'labels'
        ? await this.#fitOne(design, targets.labels)
        : await this.#fitSeveral(design, targets.targets);
    this.#last = fitted;
    return fitted;
  }

  /**
   * Makes what the next fit can use, between two fits where there is time for it; a fit that finds nothing makes it
   * itself. No fit runs beside it.
   */
  async prepare(): Promise<void> {
    const kept = this.#kept;
    if (kept === null || this.#serves(kept.design.rows, IS_GOOD_UNTIL) !== null) return;
    await this.#make(kept.design, kept.curvature, false);
    // Forgotten meanwhile: nobody else frees it.
    if (this.#kept !== kept) this.forget();
  }

  /** The next fit starts from nothing. */
  forget(): void {
    this.#last = null;
    this.#kept = null;
    this.#made?.preconditioner.dispose();
    this.#made = null;
  }

  async #fitOne(design: DesignMatrix, labels: Int32Array): Promise<WarmHead> {
    const { classes } = this.#settings;
    const present = classes.flatMap((_, k) => (labels.includes(k) ? [k] : []));
    if (present.length < 2) {
      throw new HeadlightError('bad-labels', 'A probe needs texts of at least two classes.', {
        hint: 'Label a text of another class.',
      });
    }
    const outputs = present.length === 2 ? 1 : present.length;
    const place = new Int32Array(classes.length).fill(-1);
    present.forEach((k, at) => (place[k] = outputs === 1 ? at - 1 : at));
    const targets = new Uint8Array(design.rows * outputs);
    for (const [row, label] of labels.entries())
      if (place[label]! >= 0) targets[row * outputs + place[label]!] = 1;
    const activation = outputs === 1 ? 'sigmoid' : 'softmax';
    const start = this.#start(design, present);
    const found = await this.#solve(design, activation, outputs, targets, start);
    const head = this.#empty(design, -Infinity);
    fill(head, found.point, design, present, outputs);
    return { ...head, ...endOf(found) };
  }

  async #fitSeveral(design: DesignMatrix, targets: Uint8Array): Promise<WarmHead> {
    const { classes } = this.#settings;
    const counts = countTargets(targets, design.rows, classes);
    const fitted = classes.flatMap((_, k) =>
      counts[k]! > 0 && counts[k]! < design.rows ? [k] : [],
    );
    const head = this.#empty(design, 0);
    for (const [k, rows] of counts.entries())
      head.bias[k] = rows === 0 ? -CONSTANT_LOGIT : CONSTANT_LOGIT;
    const outputs = fitted.length;
    if (outputs === 0) return { ...head, iterations: 0, converged: true };
    const own = Uint8Array.from(
      { length: design.rows * outputs },
      (_, at) => targets[Math.floor(at / outputs) * classes.length + fitted[at % outputs]!]!,
    );
    const start = this.#start(design, fitted, outputs);
    const found = await this.#solve(design, 'sigmoid', outputs, own, start);
    fill(head, found.point, design, fitted, outputs);
    return { ...head, ...endOf(found) };
  }

  async #solve(
    design: DesignMatrix,
    activation: Activation,
    outputs: number,
    targets: Uint8Array,
    start: Float32Array | null,
  ): Promise<Descended> {
    const kernels = this.#kernels;
    const features = kernels.hold(design.values, design.rows, design.columns);
    const cold = this.#last === null;
    try {
      const problem: LinearProblem = {
        kernels,
        features,
        offset: design.offset,
        activation,
        outputs,
        targets,
        rest: null,
        penalty: this.#penalty(design),
        preconditioner: async (curvature) =>
          this.#serves(design.rows, SERVES_UNTIL) ?? (await this.#make(design, curvature, cold)),
      };
      const found = await descend(
        problem,
        start && (await this.#approach(problem, design, start)),
        {
          tol: TOL,
          stepTolerance: STEP,
          max_iter: MOST_ITERATIONS,
        },
      );
      if (!Number.isFinite(found.gradientNorm) || !found.point.every(Number.isFinite)) {
        this.forget();
        throw new HeadlightError('device', 'Fitting the probe gave numbers that are not finite.', {
          hint: 'Choose another encoder, or another layer of it.',
        });
      }
      this.#kept = { design, curvature: found.curvature };
      return found;
    } finally {
      features.dispose();
    }
  }

  /** Moves the start by the rows that have come in since the last fit, where they are few. */
  async #approach(
    problem: LinearProblem,
    { rows, columns, values }: DesignMatrix,
    start: Float32Array,
  ): Promise<DescentStart> {
    const { activation, outputs, targets } = problem;
    const before = this.#kept?.design.rows ?? rows;
    const preconditioner = this.#serves(rows, SERVES_UNTIL);
    if (preconditioner === null || rows <= before || rows - before > MOST_FORESEEN)
      return { point: start, logits: null };
    const pulls = new Float64Array(outputs);
    for (let row = before; row < rows; row++) {
      const own = {
        features: values.subarray(row * columns, (row + 1) * columns),
        targets: targets.subarray(row * outputs, (row + 1) * outputs),
      };
      const residuals = await foresee(start, own, rows, activation, preconditioner);
      for (const [k, residual] of residuals.entries()) pulls[k]! += Math.abs(residual);
    }
    if (activation !== 'softmax' || outputs < MANY_CLASSES) return { point: start, logits: null };
    const logits = await problem.features.times(start, outputs);
    const classes = [...pulls.keys()].sort((a, b) => pulls[b]! - pulls[a]!).slice(0, BLOCK_CLASSES);
    await descendClasses(problem, classes, start, logits, BLOCK);
    return { point: start, logits };
  }

  #penalty({ rows }: DesignMatrix): number {
    return 1 / (this.#settings.C * rows);
  }

  /** It changes the path and never the optimum, so an older one does for a while; null where none does. */
  #serves(rows: number, times: number): Preconditioner | null {
    if (this.#made === null || (this.#made.cold && this.#last !== null)) return null;
    const isNear = rows <= times * this.#made.rows && this.#made.rows <= times * rows;
    return isNear ? this.#made.preconditioner : null;
  }

  async #make(matrix: DesignMatrix, curvature: number, cold: boolean): Promise<Preconditioner> {
    this.#made?.preconditioner.dispose();
    this.#made = null;
    const design = withoutOnes(matrix);
    const { rows, columns } = design;
    const penalty = this.#penalty(matrix);
    const preconditioner =
      rows <= FEW_ROWS * columns
        ? await RowPreconditioner.create(design, curvature, penalty, this.#kernels)
        : await DensePreconditioner.create(
            await covariance(design, new Float64Array(rows).fill(1), this.#kernels),
            columns,
            curvature,
            penalty,
            this.#kernels,
            () => Promise.resolve(),
          );
    this.#made = { rows, preconditioner, cold };
    return preconditioner;
  }

  /**
   * Where the last fit ended, for the centred features: [columns, outputs], intercepts last.
   * @param outputs 1 for the difference of two classes.
   */
  #start(
    { columns, offset }: DesignMatrix,
    present: readonly number[],
    outputs = present.length === 2 ? 1 : present.length,
  ): Float32Array | null {
    const last = this.#last;
    if (last === null) return null;
    const k = this.#settings.classes.length;
    const start = new Float32Array(columns * outputs);
    present.forEach((label, at) => {
      const intercept = last.bias[label]!;
      if (!Number.isFinite(intercept) || Math.abs(intercept) === CONSTANT_LOGIT) return;
      const factor = outputs === present.length ? 1 : at === 1 ? 1 : -1;
      const column = outputs === present.length ? at : 0;
      let shift = 0;
      for (let j = 0; j < offset.length; j++) {
        const weight = last.weights[j * k + label]!;
        start[j * outputs + column]! += factor * weight;
        shift += weight * offset[j]!;
      }
      start[offset.length * outputs + column]! += factor * (intercept + shift);
    });
    return start;
  }

  #empty({ offset }: DesignMatrix, bias: number): Linear {
    const { length } = this.#settings.classes;
    return {
      weights: new Float32Array(offset.length * length),
      bias: new Float64Array(length).fill(bias),
    };
  }
}

/** A point becomes the weights and biases of these classes; of two classes in one output they are each other's negative. */
function fill(
  { weights, bias }: Linear,
  point: Float32Array,
  { offset }: DesignMatrix,
  classes: readonly number[],
  outputs: number,
): void {
  const isOne = outputs < classes.length;
  classes.forEach((k, at) => {
    const factor = isOne ? at - 0.5 : 1;
    const column = isOne ? 0 : at;
    let shift = 0;
    for (let j = 0; j < offset.length; j++) {
      const value = factor * point[j * outputs + column]!;
      weights[j * bias.length + k] = value;
      shift += value * offset[j]!;
    }
    bias[k] = factor * point[offset.length * outputs + column]! - shift;
  });
}

function endOf({
  iterations,
  gradientNorm,
}: Descended): Pick<WarmHead, 'iterations' | 'converged'> {
  return { iterations, converged: gradientNorm <= TOL };
}
