/**
 * Rows that do not all count alike, and labels that are not sure. A row's weight is scikit-learn's `sample_weight`; a soft
 * label is a row of every class, each with the weight of its probability. Both are folded into the two numbers a row that
 * the loss is made of: how much it counts, and which share of it is of which class.
 */
import { HeadlightError } from '../../base';
import type { LogisticSettings } from './types';

export interface Weighting {
  /** [rows], at least 0; absent: every row counts 1. */
  readonly sample_weight?: ArrayLike<number>;
  /**
   * Probabilities, [rows, classes] row-major: shares of one row that add up to 1, or of several labels each for itself;
   * absent: the labels as they are.
   */
  readonly soft?: ArrayLike<number>;
}

/** What the loss needs of rows beside their labels. */
export interface SoftRows {
  /** [rows, outputs]: the share of each class, of two classes that of the second; null: the labels. */
  readonly shares: Float64Array | null;
  /** How rows that are held out are scored: the balance of the classes has no part in it. */
  readonly held: { readonly weights: Float64Array; readonly shares: Float64Array | null };
}

export interface WeighedRows {
  /** In the loss, [rows]; the balance of the classes is in it. */
  readonly weights: Float64Array;
  /** undefined where rows have neither weights nor soft labels. */
  readonly soft: SoftRows | undefined;
}

/** A weighting that has been looked at. */
export interface CheckedWeighting {
  /** [rows]. */
  readonly weights: Float64Array | null;
  /** [rows, classes]; of one class a row they add up to 1. */
  readonly soft: Float64Array | null;
}

const NONE: CheckedWeighting = { weights: null, soft: null };

/**
 * @param several whether each label's probability stands for itself.
 * @throws HeadlightError `bad-labels` naming the row of a weight or share that is none, or of shares that are all 0.
 */
export function checkWeighting(
  weighting: Weighting | undefined,
  rows: number,
  classes: number,
  several: boolean,
): CheckedWeighting {
  if (weighting === undefined) return NONE;
  const { sample_weight, soft } = weighting;
  return {
    weights: sample_weight === undefined ? null : checkWeights(sample_weight, rows),
    soft: soft === undefined ? null : checkShares(soft, rows, classes, several),
  };
}

function checkWeights(given: ArrayLike<number>, rows: number): Float64Array {
  if (given.length !== rows)
    throw new HeadlightError('internal', `${given.length} weights for ${rows} rows.`);
  const weights = Float64Array.from(given);
  const wrong = weights.findIndex((weight) => !(weight >= 0 && weight < Infinity));
  if (wrong !== -1) throw badRow(wrong, `the weight ${weights[wrong]}`);
  if (!weights.some((weight) => weight > 0)) {
    throw new HeadlightError('bad-labels', 'Every row to train on has the weight 0.', {
      hint: 'Let every row count alike.',
    });
  }
  return weights;
}

function checkShares(
  given: ArrayLike<number>,
  rows: number,
  classes: number,
  several: boolean,
): Float64Array {
  if (given.length !== rows * classes)
    throw new HeadlightError('internal', `${given.length} shares for ${rows} rows.`);
  const soft = Float64Array.from(given);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let at = row * classes; at < (row + 1) * classes; at++) {
      const share = soft[at]!;
      if (!(share >= 0 && share <= (several ? 1 : Infinity)) || share === Infinity)
        throw badRow(row, `the probability ${share}`);
      sum += share;
    }
    if (several) continue;
    if (sum === 0) throw badRow(row, 'probabilities that are all 0');
    for (let at = row * classes; at < (row + 1) * classes; at++) soft[at]! /= sum;
  }
  return soft;
}

function badRow(row: number, what: string): HeadlightError {
  return new HeadlightError('bad-labels', `Row ${row + 1} of the training part has ${what}.`, {
    hint: 'Train on hard labels, every row counting alike.',
  });
}

/**
 * How much there is of each class, [classes]: rows, their weights, or the shares of these.
 * @param labels class index of each row.
 */
export function classMass(
  labels: Int32Array,
  classes: number,
  { weights, soft }: CheckedWeighting,
): Float64Array {
  const mass = new Float64Array(classes);
  for (const [row, label] of labels.entries()) {
    const weight = weights?.[row] ?? 1;
    if (soft === null) mass[label]! += weight;
    else for (let k = 0; k < classes; k++) mass[k]! += weight * soft[row * classes + k]!;
  }
  return mass;
}

/**
 * Weights and shares as the loss takes them.
 *
 * Cross-validation scores a held-out row as scikit-learn scores `sample_weight`: by its weight, and a soft one by the
 * share of the class that was predicted; the balance of the classes has no part in that.
 * @param classWeight `compute_class_weight`: all there is / (classes · what there is of the class), over the whole
 *   training part.
 */
export function weighRows(
  labels: Int32Array,
  classes: number,
  given: CheckedWeighting,
  classWeight: LogisticSettings['class_weight'],
): WeighedRows {
  const mass = classMass(labels, classes, given);
  const total = mass.reduce((sum, one) => sum + one, 0);
  const balance = mass.map((one) => (classWeight === null ? 1 : total / (classes * one)));
  const { soft } = given;
  const counts = given.weights ?? new Float64Array(labels.length).fill(1);
  const isPlain = given.weights === null && soft === null;
  if (soft === null) {
    return {
      weights: counts.map((weight, row) => weight * balance[labels[row]!]!),
      soft: isPlain ? undefined : { shares: null, held: { weights: counts, shares: null } },
    };
  }
  const weights = new Float64Array(labels.length);
  const shares = soft.slice();
  for (let row = 0; row < labels.length; row++) {
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      // What there is none of has no balance either.
      const part = soft[row * classes + k]!;
      const own = part === 0 ? 0 : part * balance[k]!;
      shares[row * classes + k] = own;
      sum += own;
    }
    weights[row] = counts[row]! * sum;
    for (let k = 0; k < classes; k++) shares[row * classes + k]! /= sum;
  }
  return {
    weights,
    soft: {
      shares: outputShares(shares, classes),
      held: { weights: counts, shares: outputShares(soft, classes) },
    },
  };
}

/** [rows, outputs]: of two classes the second alone. */
export function outputShares(soft: Float64Array, classes: number): Float64Array {
  if (classes !== 2) return soft;
  return Float64Array.from({ length: soft.length / 2 }, (_, row) => soft[2 * row + 1]!);
}

/** One of several labels as two classes: without and with it. [rows, 2] */
export function oneAgainstRest(
  { weights, soft }: CheckedWeighting,
  classes: number,
  label: number,
): CheckedWeighting {
  if (soft === null) return { weights, soft };
  const two = new Float64Array((2 * soft.length) / classes);
  for (let row = 0; 2 * row < two.length; row++) {
    const share = soft[row * classes + label]!;
    two[2 * row] = 1 - share;
    two[2 * row + 1] = share;
  }
  return { weights, soft: two };
}
