/**
 * Logistic regressions of the same features by preconditioned nonlinear conjugate gradients (Polak-Ribière+; Nocedal &
 * Wright, Numerical Optimization, 2006, section 5.2). Logits are linear in the weights, so they are kept, and how far to go
 * along a direction is found on them alone: a step costs a product there, one back, and the preconditioner's, however
 * often it is tried. Near the optimum, where the objective is nearly quadratic, no memory of more steps would help.
 */
import { combine, dots } from './by-model';
import type { Design } from './design';
import type { Metric } from './preconditioner';
import { probabilitiesOf, type Activation } from './probabilities';
import type { Products } from './products';

export interface LinearProblem {
  readonly design: Design;
  readonly products: Products;
  /** `softmax`: the outputs are one model; `sigmoid`: each is a model of its own, and goes its own way. */
  readonly activation: Activation;
  readonly outputs: number;
  /** What the probabilities should be: 0/1, [rows, outputs]. */
  readonly targets: Uint8Array;
  /** What multiplies 0.5 ||w||² in the mean objective. */
  readonly penalty: number;
  /** @param curvature mean p(1 - p) of a row and output, where it starts. */
  readonly preconditioner: (curvature: number) => Promise<Metric>;
}

export interface DescentSettings {
  /** Stop when the largest gradient component (for features that are not centred) is at most this... */
  readonly tol: number;
  /** ...and a step is at most this, relative to the weights (both Euclidean norms). */
  readonly stepTolerance: number;
  readonly max_iter: number;
}

export interface Descended {
  /** [columns + 1, outputs], intercepts last, for the centred features. */
  readonly point: Float64Array;
  readonly iterations: number;
  /** Largest gradient component of any model where it was last looked at: before a last, small step. NaN where numbers overflow. */
  readonly gradientNorm: number;
  /** Mean p(1 - p) of a row and output, there too. */
  readonly curvature: number;
}

/** A step is long enough where the slope along it has come down to this share. */
const FLAT = 0.1;
const MOST_TRIALS = 12;
const LEAST_CURVATURE = 1e-4;

/** What is known at a point. */
interface Place {
  readonly probabilities: Float32Array;
  /** As the point. */
  readonly gradient: Float64Array;
  /** The same, as the preconditioner sees it. */
  readonly preconditioned: Float64Array;
  /** Their product, a model. */
  readonly descents: Float64Array;
  /** Largest component of the gradient, a model. */
  readonly norms: Float64Array;
}

/** What is used again at each step, so that nothing of the rows' size has to be collected. */
interface Scratch {
  /** [rows, outputs]: what a step of length 1 adds to the logits. */
  readonly along: Float64Array;
  readonly tried: Float32Array;
  readonly residuals: Float32Array;
}

/** A line that is searched; a number a model each. */
interface Line {
  /** [rows, outputs], where it starts. */
  readonly logits: Float64Array;
  /** Of the mean objective, there. */
  readonly slopes: Float64Array;
  /** The penalty's part of the slope where it starts, and what each length adds to it. */
  readonly penaltySlopes: Float64Array;
  readonly penaltyCurvatures: Float64Array;
  /** Guesses, which become what is found; 0 stays 0. */
  readonly lengths: Float64Array;
}

/** @param start as `Descended.point`, and left as it is; null for zeros. */
export async function descend(
  problem: LinearProblem,
  start: Float64Array | null,
  { tol, stepTolerance, max_iter }: DescentSettings,
): Promise<Descended> {
  const { outputs, activation, penalty, design } = problem;
  const models = activation === 'softmax' ? 1 : outputs;
  const weights = design.columns * outputs;
  const size = design.rows * outputs;
  const point = start?.slice() ?? new Float64Array(weights + outputs);
  const logits = new Float64Array(size);
  const scratch: Scratch = {
    along: new Float64Array(size),
    tried: new Float32Array(size),
    residuals: new Float32Array(size),
  };
  await forward(problem, point, logits);
  scratch.tried.set(logits);
  const probabilities = await probabilitiesOf(activation, scratch.tried, outputs);
  const preconditioner = await problem.preconditioner(curvatureOf(probabilities));
  let here = await arrive(problem, preconditioner, point, probabilities, scratch);
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
    await forward(problem, direction, scratch.along);
    const squares = dots(direction.subarray(0, weights), direction, outputs, models);
    const curvatures = curvaturesOf(here.probabilities, scratch.along, outputs, models);
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
    const line = { logits, slopes, penaltySlopes, penaltyCurvatures, lengths };
    const found = await search(problem, line, scratch);
    for (let m = 0; m < models; m++)
      sizes[m]! += lengths[m]! * (2 * crossed[m]! + lengths[m]! * squares[m]!);
    combine(logits, ones, scratch.along, lengths, outputs);
    combine(point, ones, direction, lengths, outputs);
    const before = here;
    here = await arrive(problem, preconditioner, point, found, scratch);
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

/** Features times weights, and intercepts. */
function forward(
  { products, design, outputs }: LinearProblem,
  point: Float64Array,
  result: Float64Array,
): Promise<void> {
  const weights = design.columns * outputs;
  const narrow = new Float32Array(point.subarray(0, weights));
  return products.forward(narrow, point.subarray(weights), outputs, result);
}

async function arrive(
  { design, products, outputs, targets, penalty, activation }: LinearProblem,
  preconditioner: Metric,
  point: Float64Array,
  probabilities: Float32Array,
  { residuals }: Scratch,
): Promise<Place> {
  const { rows, columns, offset } = design;
  const models = activation === 'softmax' ? 1 : outputs;
  const weights = columns * outputs;
  const ofIntercepts = new Float64Array(outputs);
  for (let at = 0; at < residuals.length; at += outputs)
    for (let k = 0; k < outputs; k++) {
      const residual = probabilities[at + k]! - targets[at + k]!;
      residuals[at + k] = residual;
      ofIntercepts[k]! += residual;
    }
  for (let k = 0; k < outputs; k++) ofIntercepts[k]! /= rows;
  const gradient = new Float64Array(point.length);
  await products.backward(residuals, outputs, gradient);
  const largest = ofIntercepts.map(Math.abs);
  for (let j = 0, at = 0; j < columns; j++) {
    // scikit-learn's gradient is for features that are not centred.
    const shift = offset[j]!;
    for (let k = 0; k < outputs; k++, at++) {
      const value = gradient[at]! / rows + penalty * point[at]!;
      gradient[at] = value;
      const norm = Math.abs(value + shift * ofIntercepts[k]!);
      largest[k] = Math.max(largest[k]!, norm);
    }
  }
  gradient.set(ofIntercepts, weights);
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
  direction: Float64Array,
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

/**
 * Newton's method for where the slopes are flat, kept between what is known to be too short and too long.
 * @returns the probabilities there.
 */
async function search(
  { activation, outputs, targets, design: { rows } }: LinearProblem,
  { logits, slopes, penaltySlopes, penaltyCurvatures, lengths }: Line,
  { along, tried }: Scratch,
): Promise<Float32Array> {
  const models = lengths.length;
  const short = new Float64Array(models);
  const long = new Float64Array(models).fill(Infinity);
  for (let trial = 1; ; trial++) {
    tryLengths(tried, logits, lengths, along);
    const probabilities = await probabilitiesOf(activation, tried, outputs);
    if (trial >= MOST_TRIALS) return probabilities;
    const found = slopesOf(probabilities, targets, along, outputs, models);
    for (let m = 0; m < models; m++)
      found[m] = found[m]! / rows + penaltySlopes[m]! + lengths[m]! * penaltyCurvatures[m]!;
    const steep = Array.from(found.keys()).filter(
      (m) => lengths[m] !== 0 && !(Math.abs(found[m]!) <= FLAT * Math.abs(slopes[m]!)),
    );
    if (steep.length === 0) return probabilities;
    const curvatures = curvaturesOf(probabilities, along, outputs, models);
    for (const m of steep) {
      const length = lengths[m]!;
      if (found[m]! < 0) short[m] = length;
      else long[m] = length;
      const next = length - found[m]! / (curvatures[m]! + penaltyCurvatures[m]!);
      if (next > short[m]! && next < long[m]!) lengths[m] = next;
      else lengths[m] = long[m] === Infinity ? 2 * length : (short[m]! + long[m]!) / 2;
    }
  }
}

/** How much of the direction is kept, at least nothing. */
function betas(before: Place, here: Place, outputs: number): Float64Array {
  const crossed = dots(before.gradient, here.preconditioned, outputs, here.norms.length);
  return here.descents.map((own, m) => {
    const kept = (own - crossed[m]!) / before.descents[m]!;
    return kept > 0 ? kept : 0;
  });
}

/** Slope of the summed loss along a line. */
function slopesOf(
  probabilities: Float32Array,
  targets: Uint8Array,
  along: Float64Array,
  outputs: number,
  models: number,
): Float64Array {
  if (models === 1) {
    let sum = 0;
    for (let at = 0; at < along.length; at++)
      sum += (probabilities[at]! - targets[at]!) * along[at]!;
    return Float64Array.of(sum);
  }
  const sums = new Float64Array(models);
  for (let at = 0; at < along.length; at += outputs)
    for (let k = 0; k < outputs; k++)
      sums[k]! += (probabilities[at + k]! - targets[at + k]!) * along[at + k]!;
  return sums;
}

/** Logits so far along a line. */
function tryLengths(
  tried: Float32Array,
  logits: Float64Array,
  lengths: Float64Array,
  along: Float64Array,
): void {
  const models = lengths.length;
  if (models === 1) {
    const length = lengths[0]!;
    for (let at = 0; at < tried.length; at++) tried[at] = logits[at]! + length * along[at]!;
    return;
  }
  for (let at = 0; at < tried.length; at += models)
    for (let m = 0; m < models; m++) tried[at + m] = logits[at + m]! + lengths[m]! * along[at + m]!;
}

/** Second derivative of the mean loss along a line. */
function curvaturesOf(
  probabilities: Float32Array,
  along: Float64Array,
  outputs: number,
  models: number,
): Float64Array {
  const sums = new Float64Array(models);
  for (let at = 0; at < along.length; at += outputs) {
    let mean = 0;
    let square = 0;
    for (let k = 0; k < outputs; k++) {
      const own = along[at + k]!;
      const share = probabilities[at + k]! * own;
      mean += share;
      square += share * own;
      // A model of its own has no other outputs to share with.
      if (models === outputs) {
        sums[k]! += square - mean * mean;
        mean = 0;
        square = 0;
      }
    }
    if (models !== outputs) sums[0]! += square - mean * mean;
  }
  // Of probabilities whose sum is a hair above 1 it could be below 0.
  return sums.map((sum) => Math.max(0, sum / (along.length / outputs)));
}

/** Mean p(1 - p), away from nothing. */
function curvatureOf(probabilities: Float32Array): number {
  let sum = 0;
  for (const p of probabilities) sum += p * (1 - p);
  return Math.max(sum / probabilities.length, LEAST_CURVATURE);
}
