/**
 * Logistic regressions of the same features by preconditioned nonlinear conjugate gradients (Polak-Ribière+; Nocedal &
 * Wright, Numerical Optimization, 2006, section 5.2). Logits are linear in the weights, so they are kept, and how far to go
 * along a direction is found on them alone: a step costs a product there, one back, and the preconditioner's, however
 * often it is tried. Near the optimum, where the objective is nearly quadratic, no memory of more steps would help.
 */
import { combine, dots } from './by-model';
import type { Activation, HeldMatrix, Kernels } from './kernels';
import { curvaturesOf, search, subtract } from './line-search';
import { probabilitiesOf } from './probabilities';
import type { Preconditioner } from './preconditioner';

export interface LinearProblem {
  readonly kernels: Kernels;
  /** [rows, columns], centred, but the last column, which is all ones: its weights are the intercepts. */
  readonly features: HeldMatrix;
  /** What was subtracted to centre the columns before the last. */
  readonly offset: Float64Array;
  /** `softmax`: the outputs are one model; `sigmoid`: each is a model of its own, and goes its own way. */
  readonly activation: Activation;
  readonly outputs: number;
  /** What the probabilities should be: 0/1, [rows, outputs]. */
  readonly targets: Uint8Array;
  /** Of a softmax over more classes than `outputs`: the logit of all others together, which stay as they are; [rows]. */
  readonly rest: Float32Array | null;
  /** What multiplies 0.5 ||w||² in the mean objective. */
  readonly penalty: number;
  /** @param curvature mean p(1 - p) of a row and output, where it starts. */
  readonly preconditioner: (curvature: number) => Promise<Preconditioner>;
}

export interface DescentStart {
  /** As `Descended.point`, and left as it is. */
  readonly point: Float32Array;
  /** Its logits where they are known, [rows, outputs]: taken over. */
  readonly logits: Float32Array | null;
}

export interface DescentSettings {
  /** Stop when the largest gradient component (for features that are not centred) is at most this... */
  readonly tol: number;
  /** ...and a step is at most this, relative to the weights (both Euclidean norms). */
  readonly stepTolerance: number;
  readonly max_iter: number;
}

export interface Descended {
  /** [columns, outputs] of `LinearProblem.features`: intercepts last. */
  readonly point: Float32Array;
  readonly iterations: number;
  /** Largest gradient component of any model where it was last looked at: before a last, small step. NaN where numbers overflow. */
  readonly gradientNorm: number;
  /** Mean p(1 - p) of a row and output, there too. */
  readonly curvature: number;
}

const LEAST_CURVATURE = 1e-4;
/** Steps after which logits are computed anew, since rounding adds up in them. */
const FRESH_FOR = 12;

/** What is known at a point. */
interface Place {
  readonly probabilities: Float32Array;
  /** As the point. */
  readonly gradient: Float32Array;
  /** The same, as the preconditioner sees it. */
  readonly preconditioned: Float32Array;
  /** Their product, a model. */
  readonly descents: Float64Array;
  /** Largest component of the gradient, a model. */
  readonly norms: Float64Array;
}

/** @param start null for zeros. */
export async function descend(
  problem: LinearProblem,
  start: DescentStart | null,
  { tol, stepTolerance, max_iter }: DescentSettings,
): Promise<Descended> {
  const { features, outputs, activation, penalty } = problem;
  const models = activation === 'softmax' ? 1 : outputs;
  /** All but the intercepts. */
  const weights = (features.columns - 1) * outputs;
  const point = start?.point.slice() ?? new Float32Array(weights + outputs);
  let logits = start?.logits ?? (await features.times(point, outputs));
  let spare: Float32Array = new Float32Array(logits.length);
  const residuals = new Float32Array(logits.length);
  const probabilities = await probabilitiesOf(problem, logits);
  subtract(residuals, probabilities, problem.targets);
  const preconditioner = await problem.preconditioner(curvatureOf(probabilities));
  let here = await arrive(problem, preconditioner, point, probabilities, residuals);
  const direction = here.preconditioned.map((value) => -value);
  const ones = new Float64Array(models).fill(1);
  const minusOnes = new Float64Array(models).fill(-1);
  const isOpen = new Uint8Array(models).fill(1);
  /** Squared norms of the weights, which each step changes. */
  const sizes = dots(point.subarray(0, weights), point, outputs, models);
  let iterations = 0;
  while (iterations < max_iter) {
    const slopes = downhill(direction, here, isOpen, outputs);
    if (!isOpen.includes(1)) break;
    iterations += 1;
    if (iterations % FRESH_FOR === 0) logits = await features.times(point, outputs);
    const along = await features.times(direction, outputs);
    const squares = dots(direction.subarray(0, weights), direction, outputs, models);
    const curvatures = curvaturesOf(here.probabilities, along, outputs, models);
    const penaltyCurvatures = squares.map((square) => penalty * square);
    const lengths = new Float64Array(models);
    for (let m = 0; m < models; m++) {
      if (isOpen[m] === 0) continue;
      lengths[m] = -slopes[m]! / (curvatures[m]! + penaltyCurvatures[m]!);
      const step = lengths[m]! * Math.sqrt(squares[m]!);
      // A step too small to matter is the last, and needs no look at where it leads.
      const isLast = here.norms[m]! <= tol && step <= stepTolerance * Math.sqrt(sizes[m]!);
      if (isLast) isOpen[m] = 0;
    }
    if (!isOpen.includes(1)) {
      combine(point, ones, direction, lengths, outputs);
      break;
    }
    const crossed = dots(direction.subarray(0, weights), point, outputs, models);
    const penaltySlopes = crossed.map((product) => penalty * product);
    const line = { logits, along, slopes, penaltySlopes, penaltyCurvatures, lengths };
    const found = await search(problem, line, spare, residuals);
    [logits, spare] = [spare, logits];
    for (let m = 0; m < models; m++)
      sizes[m]! += lengths[m]! * (2 * crossed[m]! + lengths[m]! * squares[m]!);
    combine(point, ones, direction, lengths, outputs);
    const before = here;
    here = await arrive(problem, preconditioner, point, found, residuals);
    combine(direction, betas(before, here, outputs), here.preconditioned, minusOnes, outputs);
  }
  // Where the preconditioner overflows there is no way down, though the gradient may be finite.
  const isLost = !here.descents.every(Number.isFinite);
  return {
    point,
    iterations,
    gradientNorm: isLost ? NaN : here.norms.reduce((most, norm) => Math.max(most, norm), 0),
    curvature: curvatureOf(here.probabilities),
  };
}

async function arrive(
  { features, offset, outputs, penalty, activation }: LinearProblem,
  preconditioner: Preconditioner,
  point: Float32Array,
  probabilities: Float32Array,
  residuals: Float32Array,
): Promise<Place> {
  const { rows } = features;
  const models = activation === 'softmax' ? 1 : outputs;
  const gradient = await features.transposedTimes(residuals, outputs);
  const ofIntercepts = Float64Array.from(
    gradient.subarray(offset.length * outputs),
    (sum) => sum / rows,
  );
  const largest = ofIntercepts.map(Math.abs);
  for (let j = 0, at = 0; j < offset.length; j++) {
    // scikit-learn's gradient is for features that are not centred.
    const shift = offset[j]!;
    for (let k = 0; k < outputs; k++, at++) {
      const value = gradient[at]! / rows + penalty * point[at]!;
      gradient[at] = value;
      const norm = Math.abs(value + shift * ofIntercepts[k]!);
      largest[k] = Math.max(largest[k]!, norm);
    }
  }
  gradient.set(ofIntercepts, offset.length * outputs);
  const preconditioned = await preconditioner.apply(gradient, outputs);
  return {
    probabilities,
    gradient,
    preconditioned,
    descents: dots(gradient, preconditioned, outputs, models),
    norms:
      models > 1
        ? largest
        : Float64Array.of(largest.reduce((most, norm) => Math.max(most, norm), 0)),
  };
}

/**
 * Slopes along the direction; where one is not downhill, its model turns to the preconditioned descent, and a model without
 * any descent is closed. A closed model stays where it is.
 */
function downhill(
  direction: Float32Array,
  { gradient, preconditioned, descents }: Place,
  isOpen: Uint8Array,
  outputs: number,
): Float64Array {
  const models = isOpen.length;
  const slopes = dots(gradient, direction, outputs, models);
  const keep = Float64Array.from(isOpen);
  const factor = new Float64Array(models);
  for (let m = 0; m < models; m++) {
    if (isOpen[m] === 0 || slopes[m]! < 0) continue;
    slopes[m] = -descents[m]!;
    keep[m] = 0;
    if (slopes[m]! < 0) factor[m] = -1;
    else isOpen[m] = 0;
  }
  if (keep.includes(0)) combine(direction, keep, preconditioned, factor, outputs);
  return slopes;
}

/** How much of the direction is kept, at least nothing. */
function betas(before: Place, here: Place, outputs: number): Float64Array {
  const crossed = dots(before.gradient, here.preconditioned, outputs, here.norms.length);
  return here.descents.map((own, m) => {
    const kept = (own - crossed[m]!) / before.descents[m]!;
    return kept > 0 ? kept : 0;
  });
}

/** Mean p(1 - p), away from nothing. */
function curvatureOf(probabilities: Float32Array): number {
  let sum = 0;
  for (const p of probabilities) sum += p * (1 - p);
  return Math.max(sum / probabilities.length, LEAST_CURVATURE);
}
