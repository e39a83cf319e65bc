/** How far to go along a line of logits: they are linear in the weights, so no product is needed to find out. */
import { dots } from './by-model';
import type { LinearProblem } from './conjugate-gradients';
import { probabilitiesOf } from './probabilities';

/** A step is long enough where the slope along it has come down to this share. */
const FLAT = 0.1;
const MOST_TRIALS = 12;

/** A line that is searched; a number a model each. */
export interface Line {
  /** [rows, outputs], where it starts, and what a length of 1 adds to them. */
  readonly logits: Float32Array;
  readonly along: Float32Array;
  /** Of the mean objective, there. */
  readonly slopes: Float64Array;
  /** The penalty's part of the slope where it starts, and what each length adds to it. */
  readonly penaltySlopes: Float64Array;
  readonly penaltyCurvatures: Float64Array;
  /** Guesses, which become what is found; 0 stays 0. */
  readonly lengths: Float64Array;
}

/**
 * Newton's method for where the slopes are flat, kept between what is known to be too short and too long.
 * @param tried become the logits there.
 * @param residuals become the residuals there.
 * @returns the probabilities there.
 */
export async function search(
  problem: LinearProblem,
  { logits, along, slopes, penaltySlopes, penaltyCurvatures, lengths }: Line,
  tried: Float32Array,
  residuals: Float32Array,
): Promise<Float32Array> {
  const { outputs, targets } = problem;
  const { rows } = problem.features;
  const models = lengths.length;
  const short = new Float64Array(models);
  const long = new Float64Array(models).fill(Infinity);
  for (let trial = 1; ; trial++) {
    tryLengths(tried, logits, lengths, along);
    const probabilities = await probabilitiesOf(problem, tried);
    subtract(residuals, probabilities, targets);
    if (trial >= MOST_TRIALS) return probabilities;
    const found = dots(residuals, along, outputs, models);
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

/** What the probabilities are off. */
export function subtract(
  residuals: Float32Array,
  probabilities: Float32Array,
  targets: Uint8Array,
): void {
  for (let at = 0; at < residuals.length; at++) residuals[at] = probabilities[at]! - targets[at]!;
}

/** Logits so far along a line. */
function tryLengths(
  tried: Float32Array,
  logits: Float32Array,
  lengths: Float64Array,
  along: Float32Array,
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
export function curvaturesOf(
  probabilities: Float32Array,
  along: Float32Array,
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
