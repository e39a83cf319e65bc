/** Whether probabilities mean what they say: Brier score, reliability diagram, expected calibration error. */
import { HeadlightError } from '../../base';
import { quantileOfSorted } from './distributions';

export type BinStrategy = 'uniform' | 'quantile';

/** One non-empty bin; a probability on an edge belongs to the bin below, as in `calibration_curve`. */
export interface ReliabilityBin {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** `prob_pred` and `prob_true` of `sklearn.calibration.calibration_curve`. */
  readonly mean_predicted: number;
  readonly fraction_of_positives: number;
}

export interface ReliabilityDiagram {
  readonly strategy: BinStrategy;
  readonly n_bins: number;
  /** Empty ones are left out. */
  readonly bins: readonly ReliabilityBin[];
  /** Mean over rows of |mean_predicted - fraction_of_positives| of the row's bin (Naeini 2015, Guo 2017). */
  readonly expected_calibration_error: number;
  readonly maximum_calibration_error: number;
}

/**
 * @param probabilities [rows], each the probability of that row's event.
 * @param happened whether it did: is of the positive class, or (for top-label confidence) was right.
 * @returns null without rows, or when a probability is not in [0, 1] (scikit-learn refuses).
 * @throws HeadlightError `internal` when `n_bins` is not a positive whole number.
 */
export function reliabilityDiagram(
  probabilities: Float64Array,
  happened: ArrayLike<boolean | number>,
  n_bins = 15,
  strategy: BinStrategy = 'uniform',
): ReliabilityDiagram | null {
  if (!Number.isInteger(n_bins) || n_bins < 1)
    throw new HeadlightError('internal', `A reliability diagram of ${n_bins} bins.`);
  const rows = probabilities.length;
  if (rows === 0 || !areProbabilities(probabilities)) return null;
  const edges = binEdges(probabilities, n_bins, strategy);
  const counts = new Float64Array(n_bins);
  const predicted = new Float64Array(n_bins);
  const actual = new Float64Array(n_bins);
  for (let i = 0; i < rows; i++) {
    const p = probabilities[i]!;
    const bin = binOf(edges, p);
    counts[bin]! += 1;
    predicted[bin]! += p;
    actual[bin]! += happened[i] === true || happened[i] === 1 ? 1 : 0;
  }
  const bins: ReliabilityBin[] = [];
  let error = 0;
  let worst = 0;
  for (let b = 0; b < n_bins; b++) {
    const count = counts[b]!;
    if (count === 0) continue;
    const mean_predicted = predicted[b]! / count;
    const fraction_of_positives = actual[b]! / count;
    const off = Math.abs(mean_predicted - fraction_of_positives);
    error += (off * count) / rows;
    worst = Math.max(worst, off);
    bins.push({
      lower: edges[b]!,
      upper: edges[b + 1]!,
      count,
      mean_predicted,
      fraction_of_positives,
    });
  }
  return {
    strategy,
    n_bins,
    bins,
    expected_calibration_error: error,
    maximum_calibration_error: worst,
  };
}

function binEdges(
  probabilities: Float64Array,
  n_bins: number,
  strategy: BinStrategy,
): Float64Array {
  const step = 1 / n_bins;
  const shares = Float64Array.from({ length: n_bins + 1 }, (_, i) => (i === n_bins ? 1 : i * step));
  if (strategy === 'uniform') return shares;
  const sorted = probabilities.slice().sort();
  return shares.map((share) => quantileOfSorted(sorted, (share * 100) / 100));
}

/** First inner edge that is not below `p`: numpy's `searchsorted(edges[1:-1], p)`. */
function binOf(edges: Float64Array, p: number): number {
  let low = 0;
  let high = edges.length - 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle + 1]! < p) low = middle + 1;
    else high = middle;
  }
  return low;
}

function areProbabilities(values: Float64Array): boolean {
  for (const value of values) if (!(value >= 0 && value <= 1)) return false;
  return true;
}

/**
 * Reliability of the answers given: the probability of the most probable class against how often it was right.
 * @param probabilities [rows, classes], row-major.
 * @param labels actual class of each row, [rows].
 */
export function topLabelReliability(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
  n_bins = 15,
  strategy: BinStrategy = 'uniform',
): ReliabilityDiagram | null {
  if (!areProbabilities(probabilities)) return null;
  const confidence = new Float64Array(labels.length);
  const right = new Uint8Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (probabilities[i * classes + c]! > probabilities[i * classes + best]!) best = c;
    confidence[i] = probabilities[i * classes + best]!;
    right[i] = best === labels[i] ? 1 : 0;
  }
  return reliabilityDiagram(confidence, right, n_bins, strategy);
}

/**
 * `sklearn.metrics.brier_score_loss` (1.7 and later). Two classes: mean (p1 - y)²; more: mean over rows of the
 * sum over classes of (p - y)², from 0 to 2 (`scale_by_half='auto'`).
 * @param probabilities [rows, classes], row-major.
 * @returns null without rows, or when a probability is not in [0, 1] (scikit-learn refuses).
 */
export function brierScore(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
): number | null {
  if (labels.length === 0 || !areProbabilities(probabilities)) return null;
  let sum = 0;
  for (let i = 0; i < labels.length; i++)
    for (let c = classes === 2 ? 1 : 0; c < classes; c++)
      sum += (probabilities[i * classes + c]! - (labels[i] === c ? 1 : 0)) ** 2;
  return sum / labels.length;
}
