/** ROC and precision-recall curves, as scikit-learn's, and their thinning for pictures. Plain JSON. */
import { rankedCounts } from './ranking';

/** `roc_curve`: one point a kept threshold. */
export interface RocCurve {
  readonly fpr: readonly number[];
  readonly tpr: readonly number[];
  /** Descending; the first is null: above every score (infinity in scikit-learn). */
  readonly thresholds: readonly (number | null)[];
}

/** `precision_recall_curve`: ascending thresholds, recall falls; the last point (1, 0) has no threshold. */
export interface PrecisionRecallCurve {
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  readonly thresholds: readonly (number | null)[];
}

/**
 * `sklearn.metrics.roc_curve`.
 * @param scores of the positive class, [rows].
 * @param positive whether each row is of it, [rows].
 * @param drop_intermediate leaves out points on a straight line between their neighbours (nothing is lost).
 * @returns null without a positive, without a negative, or when a score is not finite.
 */
export function rocCurve(
  scores: Float64Array,
  positive: ArrayLike<boolean | number>,
  drop_intermediate = true,
): RocCurve | null {
  const counts = rankedCounts(scores, positive);
  if (counts === null || counts.positives === 0 || counts.negatives === 0) return null;
  const { thresholds, tps, fps, positives, negatives } = counts;
  const fpr = [0];
  const tpr = [0];
  const at: (number | null)[] = [null];
  const last = tps.length - 1;
  for (let i = 0; i <= last; i++) {
    const bends =
      i === 0 ||
      i === last ||
      tps[i + 1]! - tps[i]! !== tps[i]! - tps[i - 1]! ||
      fps[i + 1]! - fps[i]! !== fps[i]! - fps[i - 1]!;
    if (drop_intermediate && !bends) continue;
    fpr.push(fps[i]! / negatives);
    tpr.push(tps[i]! / positives);
    at.push(thresholds[i]!);
  }
  return { fpr, tpr, thresholds: at };
}

/**
 * `sklearn.metrics.precision_recall_curve`. Without a positive recall is 1 everywhere, as there.
 * @param drop_intermediate leaves out thresholds at which no positive is gained (the same recall).
 * @returns null without rows or when a score is not finite.
 */
export function precisionRecallCurve(
  scores: Float64Array,
  positive: ArrayLike<boolean | number>,
  drop_intermediate = true,
): PrecisionRecallCurve | null {
  const counts = rankedCounts(scores, positive);
  if (counts === null || counts.tps.length === 0) return null;
  const { thresholds, tps, fps, positives } = counts;
  const precision: number[] = [];
  const recall: number[] = [];
  const at: (number | null)[] = [];
  const last = tps.length - 1;
  for (let i = last; i >= 0; i--) {
    const turns = i === 0 || i === last || tps[i] !== tps[i - 1] || tps[i + 1] !== tps[i];
    if (drop_intermediate && !turns) continue;
    precision.push(tps[i]! / (tps[i]! + fps[i]!));
    recall.push(positives === 0 ? 1 : tps[i]! / positives);
    at.push(thresholds[i]!);
  }
  precision.push(1);
  recall.push(0);
  at.push(null);
  return { precision, recall, thresholds: at };
}

/**
 * Fewer points for a picture: a point stays when it lies farther than `tolerance` (sum of both axes) from the
 * last one kept, so that no point left out is farther than that from the line drawn. First and last stay.
 */
export function thinRocCurve(curve: RocCurve, tolerance = 0.001): RocCurve {
  const kept = keptPoints(curve.fpr, curve.tpr, tolerance);
  return {
    fpr: kept.map((i) => curve.fpr[i]!),
    tpr: kept.map((i) => curve.tpr[i]!),
    thresholds: kept.map((i) => curve.thresholds[i]!),
  };
}

/** As `thinRocCurve`. */
export function thinPrecisionRecallCurve(
  curve: PrecisionRecallCurve,
  tolerance = 0.001,
): PrecisionRecallCurve {
  const kept = keptPoints(curve.recall, curve.precision, tolerance);
  return {
    precision: kept.map((i) => curve.precision[i]!),
    recall: kept.map((i) => curve.recall[i]!),
    thresholds: kept.map((i) => curve.thresholds[i]!),
  };
}

function keptPoints(x: readonly number[], y: readonly number[], tolerance: number): number[] {
  const kept: number[] = [];
  let from = 0;
  for (let i = 0; i < x.length; i++) {
    const far = Math.abs(x[i]! - x[from]!) + Math.abs(y[i]! - y[from]!) > tolerance;
    if (i > 0 && i < x.length - 1 && !far) continue;
    // The point before a jump stays too: a corner must not be cut.
    if (far && i - 1 > from) kept.push(i - 1);
    kept.push(i);
    from = i;
  }
  return kept;
}
