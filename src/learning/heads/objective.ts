/**
 * scikit-learn's logistic loss at given logits, in float64: binomial for two classes (one column),
 * multinomial softmax for more. (`sklearn._loss.HalfBinomialLoss`, `HalfMultinomialLoss`.)
 */

import type { SoftRows } from './weighting';

/** What one fit gathers while its rows are visited. Weights of held-out rows are 0. */
export interface Tally {
  /** Sum of weighted losses. */
  loss: number;
  /** Sums of residuals: the intercepts' gradient, [outputs]. */
  readonly intercepts: Float64Array;
  /** Sum of weighted p(1 - p) over rows and outputs: the curvature of the loss. */
  curvature: number;
  /** Held-out rows whose class is predicted, or their weight; of soft labels the share of that class. */
  correct: number;
}

export interface LossColumns {
  /** Columns of the logits, and where this fit's columns start. */
  readonly width: number;
  readonly first: number;
  /** 1 for two classes, else the number of classes. */
  readonly outputs: number;
  readonly intercept: Float64Array;
}

/**
 * Replaces this fit's logits by weighted residuals `s (p - y)` and adds to its tally.
 * @param start,rows which rows the logits are of.
 * @param soft shares instead of labels, and how held-out rows count; absent: as the labels are, 1 each.
 */
export function visitLoss(
  tally: Tally,
  { width, first, outputs, intercept }: LossColumns,
  labels: Int32Array,
  weights: Float64Array,
  start: number,
  rows: number,
  logits: Float32Array | Float64Array,
  soft?: SoftRows,
): void {
  const shares = soft?.shares ?? null;
  if (outputs === 1) {
    const b = intercept[0]!;
    let loss = 0;
    let gradient = 0;
    let curvature = 0;
    for (let i = 0, at = first; i < rows; i++, at += width) {
      const z = logits[at]! + b;
      const y = shares === null ? labels[start + i]! : shares[start + i]!;
      const s = weights[start + i]!;
      if (s === 0) {
        tally.correct += rightness(start + i, z > 0 ? 1 : 0, 1, labels, soft);
        logits[at] = 0;
        continue;
      }
      const e = Math.exp(z > 0 ? -z : z);
      const p = (z > 0 ? 1 : e) / (1 + e);
      loss += s * (Math.log1p(e) + (z > 0 ? z : 0) - y * z);
      const residual = s * (p - y);
      gradient += residual;
      curvature += s * p * (1 - p);
      logits[at] = residual;
    }
    tally.loss += loss;
    tally.intercepts[0]! += gradient;
    tally.curvature += curvature;
    return;
  }
  const { intercepts } = tally;
  const values = new Float64Array(outputs);
  let loss = 0;
  let curvature = 0;
  for (let i = 0, at = first; i < rows; i++, at += width) {
    const row = start + i;
    const s = weights[row]!;
    let largest = -Infinity;
    let best = 0;
    for (let k = 0; k < outputs; k++) {
      const z = logits[at + k]! + intercept[k]!;
      values[k] = z;
      if (z > largest) {
        largest = z;
        best = k;
      }
    }
    if (s === 0) {
      tally.correct += rightness(row, best, outputs, labels, soft);
      for (let k = 0; k < outputs; k++) logits[at + k] = 0;
      continue;
    }
    const y = labels[row]!;
    const own = shares === null ? values[y]! : expected(values, shares, row * outputs);
    let sum = 0;
    let squares = 0;
    for (let k = 0; k < outputs; k++) {
      const e = Math.exp(values[k]! - largest);
      values[k] = e;
      sum += e;
      squares += e * e;
    }
    loss += s * (Math.log(sum) + largest - own);
    curvature += s * (1 - squares / (sum * sum));
    // Shares that are wanted come off where there are any: of a label, in its class alone.
    const scale = s / sum;
    if (shares === null) {
      for (let k = 0; k < outputs; k++) {
        const predicted = scale * values[k]!;
        intercepts[k]! += predicted;
        logits[at + k] = predicted;
      }
      intercepts[y]! -= s;
      logits[at + y] = scale * values[y]! - s;
    } else {
      for (let k = 0; k < outputs; k++) {
        const residual = scale * values[k]! - s * shares[row * outputs + k]!;
        intercepts[k]! += residual;
        logits[at + k] = residual;
      }
    }
  }
  tally.loss += loss;
  tally.curvature += curvature;
}

/** How right a held-out row is when this class is predicted. */
function rightness(
  row: number,
  predicted: number,
  outputs: number,
  labels: Int32Array,
  soft: SoftRows | undefined,
): number {
  if (soft === undefined) return labels[row] === predicted ? 1 : 0;
  const { held } = soft;
  const weight = held.weights[row]!;
  if (held.shares === null) return labels[row] === predicted ? weight : 0;
  if (outputs > 1) return weight * held.shares[row * outputs + predicted]!;
  const second = held.shares[row]!;
  return weight * (predicted === 1 ? second : 1 - second);
}

/** Mean of the logits by the shares of the classes. */
function expected(logits: Float64Array, shares: Float64Array, from: number): number {
  let sum = 0;
  for (let k = 0; k < logits.length; k++) {
    const share = shares[from + k]!;
    if (share !== 0) sum += share * logits[k]!;
  }
  return sum;
}
