/**
 * Confident learning: from labels and out-of-fold probabilities to how often which class stands for which.
 * (Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70, 2021; cleanlab
 * 2.9, `count.py`.)
 */
import { pairwiseSum, roundPreservingSum } from './counts';
import type { LabelNoise } from './types';

/** What a probability may fall short of a threshold. */
export const TOLERANCE = 1e-6;
const LEAST_THRESHOLD = 2 * TOLERANCE;
/** Above every probability: nothing is counted into a class that no row is labelled. */
const UNREACHABLE = 2;
const TINY = 1e-100;
const MOST_NOISE = 0.9999;

/**
 * @param probabilities [rows, classes] of rows that the model had not seen.
 * @param labels class index of each row.
 */
export function estimateNoise(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
): LabelNoise {
  const thresholds = classThresholds(probabilities, labels, classes);
  const counted = confidentJoint(probabilities, labels, thresholds);
  const joint = calibrate(counted, labels, classes);
  return { thresholds, joint, ...noiseMatrices(joint, classes) };
}

/** Mean probability of each class on the rows that are labelled so (equation 2 of the paper). */
export function classThresholds(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
): Float64Array {
  const own: number[][] = Array.from({ length: classes }, () => []);
  for (const [row, label] of labels.entries())
    own[label]?.push(probabilities[row * classes + label]!);
  return Float64Array.from(own, (values) =>
    values.length === 0
      ? UNREACHABLE
      : Math.max(LEAST_THRESHOLD, pairwiseSum(Float64Array.from(values)) / values.length),
  );
}

/**
 * Counts of (given label, likely label): a row is likely of a class whose threshold its probability reaches; of
 * several such classes, of the most probable; of none, it is not counted. Each class keeps one right row at least.
 * @returns [classes, classes].
 */
export function confidentJoint(
  probabilities: Float64Array,
  labels: Int32Array,
  thresholds: Float64Array,
): Float64Array {
  const classes = thresholds.length;
  const joint = new Float64Array(classes * classes);
  for (const [row, label] of labels.entries()) {
    let reached = 0;
    let first = -1;
    let best = 0;
    for (let k = 0; k < classes; k++) {
      const value = probabilities[row * classes + k]!;
      if (value >= thresholds[k]! - TOLERANCE && reached++ === 0) first = k;
      if (value > probabilities[row * classes + best]!) best = k;
    }
    if (reached > 0) joint[label * classes + (reached > 1 ? best : first)]! += 1;
  }
  for (let k = 0; k < classes; k++) joint[k * classes + k] = Math.max(1, joint[k * classes + k]!);
  return joint;
}

/** Counts whose rows sum to the rows labelled so, as integers. */
function calibrate(counted: Float64Array, labels: Int32Array, classes: number): Float64Array {
  const given = new Float64Array(classes);
  for (const label of labels) given[label]! += 1;
  // Summed down the columns, as the reference's memory lies.
  const scaled = new Float64Array(classes * classes);
  const down = new Float64Array(classes * classes);
  for (let i = 0; i < classes; i++) {
    const sum = pairwiseSum(counted, i * classes, (i + 1) * classes);
    for (let j = 0; j < classes; j++) {
      const value = (counted[i * classes + j]! / Math.max(TINY, sum)) * given[i]!;
      scaled[i * classes + j] = value;
      down[j * classes + i] = value;
    }
  }
  const total = Math.max(TINY, pairwiseSum(down));
  const joint = new Float64Array(classes * classes);
  for (let i = 0; i < classes; i++) {
    const row = scaled
      .subarray(i * classes, (i + 1) * classes)
      .map((value) => (value / total) * labels.length);
    joint.set(roundPreservingSum(row), i * classes);
  }
  return joint;
}

function noiseMatrices(
  joint: Float64Array,
  classes: number,
): Pick<LabelNoise, 'noise' | 'inverse'> {
  const noise = new Float64Array(classes * classes);
  const inverse = new Float64Array(classes * classes);
  for (let i = 0; i < classes; i++) {
    let across = 0;
    let down = 0;
    for (let j = 0; j < classes; j++) {
      across += joint[i * classes + j]!;
      down += joint[j * classes + i]!;
    }
    for (let j = 0; j < classes; j++) {
      inverse[j * classes + i] = joint[i * classes + j]! / Math.max(TINY, across);
      noise[j * classes + i] = joint[j * classes + i]! / Math.max(TINY, down);
    }
  }
  return { noise: clipped(noise, classes), inverse: clipped(inverse, classes) };
}

/** Off the diagonal below 1, columns summing to 1 again. */
function clipped(matrix: Float64Array, classes: number): Float64Array {
  const kept = matrix.map((value, at) =>
    at % (classes + 1) === 0 ? value : Math.min(MOST_NOISE, value),
  );
  for (let j = 0; j < classes; j++) {
    let sum = 0;
    for (let i = 0; i < classes; i++) sum += kept[i * classes + j]!;
    for (let i = 0; i < classes; i++) kept[i * classes + j]! /= Math.max(TINY, sum);
  }
  return kept;
}
