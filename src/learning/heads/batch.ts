/**
 * Several fits of the same rows at once, each with its own row weights and its own path along C: one
 * matrix product evaluates all that are still running, and a fit that has walked its path leaves.
 */
import type { Design } from './design';
import { Lbfgs, type LbfgsState } from './lbfgs';
import { visitLoss, type Tally } from './objective';
import { DiagonalPreconditioner, DensePreconditioner } from './preconditioner';
import type { Products } from './products';
import type { SoftRows } from './weighting';

export interface FitRequest {
  /** Its own targets, for one of several labels; else the batch's. */
  readonly labels?: Int32Array;
  /** Weight of each row; 0 for rows held out. */
  readonly weights: Float64Array;
  /** Soft labels, and how held-out rows are scored. */
  readonly soft?: SoftRows | undefined;
  /** In this order, each starting from the one before. */
  readonly Cs: readonly number[];
  /** [columns + 1, outputs], intercepts last, for the centred features; null for zeros. */
  readonly start: Float64Array | null;
}

export interface FitStep {
  readonly C: number;
  readonly point: Float64Array;
  readonly iterations: number;
  readonly state: LbfgsState;
  readonly gradientNorm: number;
  /** Share of the held-out rows (of their weight) that are predicted right; NaN when none is held out. */
  readonly heldOutAccuracy: number;
}

export interface BatchSettings {
  readonly tol: number;
  readonly max_iter: number;
  /** See LbfgsOptions.stepTolerance. */
  readonly stepTolerance: number;
}

export interface BatchContext {
  readonly design: Design;
  readonly products: Products;
  readonly labels: Int32Array;
  readonly outputs: number;
  readonly covariance: Float64Array;
  /** Of the columns, where they are (nearly) uncorrelated: instead of the covariance, and each path has its own C and rows. */
  readonly variances?: Float64Array;
  /** Kept between batches: a matrix is factored once for each C. */
  readonly preconditioners: Map<number, DensePreconditioner>;
  /** Awaited between blocks of rows; throws to stop. */
  readonly pause: () => Promise<void>;
}

interface Path {
  readonly request: FitRequest;
  readonly totalWeight: number;
  /** Rows that are held out, or their weight. */
  readonly heldOut: number;
  readonly steps: FitStep[];
  solver: Lbfgs | null;
  diagonal: DiagonalPreconditioner | null;
  point: Float64Array;
  penalty: number;
}

/**
 * @yields the steps finished so far, after each evaluation.
 * @returns for each request, the fit at each of its Cs.
 */
export async function* fitBatch(
  requests: readonly FitRequest[],
  settings: BatchSettings,
  context: BatchContext,
): AsyncGenerator<number, FitStep[][], void> {
  const { design, outputs, labels } = context;
  const { columns } = design;
  const paths = requests.map((request): Path => {
    let totalWeight = 0;
    let heldOut = 0;
    const scored = request.soft?.held.weights;
    for (const [row, weight] of request.weights.entries()) {
      totalWeight += weight;
      if (weight === 0) heldOut += scored?.[row] ?? 1;
    }
    const point = request.start ?? new Float64Array((columns + 1) * outputs);
    const empty = { steps: [], solver: null, diagonal: null, penalty: 0 };
    return { request, totalWeight, heldOut, point, ...empty };
  });
  let finished = 0;
  for (;;) {
    const active = paths.filter((path) => path.steps.length < path.request.Cs.length);
    if (active.length === 0) return paths.map(({ steps }) => steps);
    const width = active.length * outputs;
    const packed = new Float32Array(columns * width);
    const tallies: Tally[] = [];
    const loss = active.map((path, index) => {
      const at = path.solver?.trial ?? path.point;
      for (let j = 0; j < columns; j++)
        for (let k = 0; k < outputs; k++)
          packed[j * width + index * outputs + k] = at[j * outputs + k]!;
      tallies.push({
        loss: 0,
        intercepts: new Float64Array(outputs),
        curvature: 0,
        correct: 0,
      });
      const intercept = at.subarray(columns * outputs);
      return { width, first: index * outputs, outputs, intercept };
    });
    const gradient = await context.products.gradient(
      packed,
      width,
      (start, rows, logits) => {
        for (const [index, path] of active.entries())
          visitLoss(
            tallies[index]!,
            loss[index]!,
            path.request.labels ?? labels,
            path.request.weights,
            start,
            rows,
            logits,
            path.request.soft,
          );
      },
      context.pause,
    );
    for (const [index, path] of active.entries()) {
      const own = new Float64Array((columns + 1) * outputs);
      for (let j = 0; j < columns; j++)
        for (let k = 0; k < outputs; k++)
          own[j * outputs + k] = gradient[j * width + index * outputs + k]!;
      const before = path.steps.length;
      await advance(path, own, tallies[index]!, settings, context);
      finished += path.steps.length - before;
      await context.pause();
    }
    yield finished;
  }
}

/** Tells a path's solver what was found at its trial point; moves on to the next C when it is done. */
async function advance(
  path: Path,
  lossGradient: Float64Array,
  tally: Tally,
  settings: BatchSettings,
  context: BatchContext,
): Promise<void> {
  const { outputs, design } = context;
  const { columns } = design;
  for (;;) {
    const C = path.request.Cs[path.steps.length];
    if (C === undefined) return;
    path.penalty = 1 / (C * path.totalWeight);
    path.solver ??= newSolver(path, settings, context);
    const { solver, penalty, totalWeight } = path;
    const at = solver.trial;
    const gradient = new Float64Array(lossGradient.length);
    let squares = 0;
    for (let i = 0; i < columns * outputs; i++) {
      squares += at[i]! * at[i]!;
      gradient[i] = lossGradient[i]! / totalWeight + penalty * at[i]!;
    }
    for (let k = 0; k < outputs; k++)
      gradient[columns * outputs + k] = tally.intercepts[k]! / totalWeight;
    const preconditioner = await preconditionerFor(C, path, tally, context);
    solver.tell(
      tally.loss / totalWeight + 0.5 * penalty * squares,
      gradient,
      preconditioner instanceof DiagonalPreconditioner
        ? preconditioner.apply(gradient, outputs)
        : Float64Array.from(await preconditioner.apply(Float32Array.from(gradient), outputs)),
    );
    if (solver.state === 'running') return;
    path.point = solver.point;
    path.steps.push({
      C,
      point: solver.point,
      iterations: solver.iterations,
      state: solver.state,
      gradientNorm: solver.gradientNorm,
      // Held-out rows without any weight say nothing of any C.
      heldOutAccuracy:
        path.heldOut === 0 && path.request.soft !== undefined ? 0 : tally.correct / path.heldOut,
    });
    path.solver = null;
    path.diagonal = null;
    // Only when it ended at the point just evaluated is that evaluation the next path's first.
    if (solver.point !== at) return;
  }
}

async function preconditionerFor(
  C: number,
  path: Path,
  tally: Tally,
  { outputs, design, products, covariance, variances, preconditioners, pause }: BatchContext,
): Promise<DensePreconditioner | DiagonalPreconditioner> {
  const known = path.diagonal ?? preconditioners.get(C);
  if (known !== undefined) return known;
  const curvature = Math.max(tally.curvature / (path.totalWeight * outputs), 1e-4);
  if (variances !== undefined)
    return (path.diagonal = new DiagonalPreconditioner(variances, curvature, path.penalty));
  const made = await DensePreconditioner.create(
    covariance,
    design.columns,
    curvature,
    path.penalty,
    products.kernels,
    pause,
  );
  preconditioners.set(C, made);
  return made;
}

function newSolver(
  path: Path,
  { tol, max_iter, stepTolerance }: BatchSettings,
  { outputs, design: { columns, offset } }: BatchContext,
): Lbfgs {
  return new Lbfgs(path.point, {
    tol,
    stepTolerance,
    max_iter,
    // scikit-learn's gradient is for features that are not centred.
    gradientNorm: (gradient) => {
      let largest = 0;
      for (let i = 0; i < gradient.length; i++) {
        const raw =
          gradient[i]! +
          (i < columns * outputs
            ? offset[Math.floor(i / outputs)]! * gradient[columns * outputs + (i % outputs)]!
            : 0);
        if (!(Math.abs(raw) <= largest)) largest = Math.abs(raw);
      }
      return largest;
    },
  });
}
