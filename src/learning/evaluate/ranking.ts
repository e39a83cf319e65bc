/**
 * Scores in descending order with the counts of both classes: what every ranking figure is computed from.
 * O(n log n); a figure is null where scikit-learn refuses (scores that are not finite) or gives NaN.
 */

/** Counts at each distinct score, descending: scikit-learn's `confusion_matrix_at_thresholds` (`_binary_clf_curve`). */
export interface RankedCounts {
  readonly thresholds: Float64Array;
  /** Positives, negatives that score at least the threshold. */
  readonly tps: Float64Array;
  readonly fps: Float64Array;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * Both classes are sorted on their own and merged: native sorts of plain numbers, no comparison callback.
 * @param positive whether each row is of the positive class, [rows].
 * @returns null when a score is not finite.
 */
export function rankedCounts(
  scores: Float64Array,
  positive: ArrayLike<boolean | number>,
): RankedCounts | null {
  const rows = scores.length;
  let positives = 0;
  for (let i = 0; i < rows; i++) {
    if (!Number.isFinite(scores[i]!)) return null;
    if (isPositive(positive[i]!)) positives += 1;
  }
  const yes = new Float64Array(positives);
  const no = new Float64Array(rows - positives);
  let y = 0;
  let n = 0;
  for (let i = 0; i < rows; i++) {
    if (isPositive(positive[i]!)) yes[y++] = scores[i]!;
    else no[n++] = scores[i]!;
  }
  yes.sort();
  no.sort();
  const thresholds = new Float64Array(rows);
  const tps = new Float64Array(rows);
  const fps = new Float64Array(rows);
  let count = 0;
  while (y > 0 || n > 0) {
    const value = y === 0 ? no[n - 1]! : n === 0 ? yes[y - 1]! : Math.max(yes[y - 1]!, no[n - 1]!);
    while (y > 0 && yes[y - 1] === value) y -= 1;
    while (n > 0 && no[n - 1] === value) n -= 1;
    thresholds[count] = value;
    tps[count] = positives - y;
    fps[count] = no.length - n;
    count += 1;
  }
  return {
    thresholds: thresholds.slice(0, count),
    tps: tps.slice(0, count),
    fps: fps.slice(0, count),
    positives,
    negatives: no.length,
  };
}

function isPositive(value: boolean | number): boolean {
  return value === true || value === 1;
}

/**
 * Area under the ROC curve as scikit-learn's `roc_auc_score`: the probability that a random positive scores
 * above a random negative, ties counted half (Mann-Whitney).
 * @returns null without a positive, without a negative, or when a score is not finite.
 */
export function rocAuc(scores: Float64Array, positive: ArrayLike<boolean | number>): number | null {
  const counts = rankedCounts(scores, positive);
  return counts === null ? null : areaOfCounts(counts);
}

/** @returns null without a positive or without a negative. */
export function areaOfCounts({ tps, fps, positives, negatives }: RankedCounts): number | null {
  if (positives === 0 || negatives === 0) return null;
  let area = 0;
  let tp = 0;
  let fp = 0;
  for (let i = 0; i < tps.length; i++) {
    area += ((fps[i]! - fp) * (tps[i]! + tp)) / 2;
    tp = tps[i]!;
    fp = fps[i]!;
  }
  return area / positives / negatives;
}

/**
 * `average_precision_score`: the precision at each score, weighted by the recall gained there.
 * @returns 0 without a positive (as scikit-learn), null without rows or when a score is not finite.
 */
export function averagePrecision(
  scores: Float64Array,
  positive: ArrayLike<boolean | number>,
): number | null {
  const counts = rankedCounts(scores, positive);
  return counts === null ? null : averagePrecisionOfCounts(counts);
}

/** As `averagePrecision`. */
export function averagePrecisionOfCounts({ tps, fps, positives }: RankedCounts): number | null {
  if (tps.length === 0) return null;
  if (positives === 0) return 0;
  let sum = 0;
  let before = 0;
  for (let i = 0; i < tps.length; i++) {
    sum += ((tps[i]! - before) * tps[i]!) / (tps[i]! + fps[i]!);
    before = tps[i]!;
  }
  return sum / positives;
}

/** Column `c` of row-major `[rows, classes]` values. */
export function columnOfScores(values: Float64Array, classes: number, c: number): Float64Array {
  const column = new Float64Array(classes === 0 ? 0 : values.length / classes);
  for (let i = 0; i < column.length; i++) column[i] = values[i * classes + c]!;
  return column;
}
