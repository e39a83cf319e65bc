/** Where to draw the line in a task of two classes: what each threshold counts and costs. */
import { rankedCounts, type RankedCounts } from './ranking';

/** What one mistake of each kind costs, in any unit. */
export interface MistakeCosts {
  readonly false_positive: number;
  readonly false_negative: number;
}

/** A row is called positive when its score is at least the threshold. */
export interface ThresholdPoint {
  /** null: above every score, nothing is called positive. */
  readonly threshold: number | null;
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
  /** Undefined ones are 0 (`zero_division=0`). */
  readonly precision: number;
  readonly recall: number;
  readonly f1_score: number;
  readonly cost: number;
}

/** Every distinct threshold of some scores; counts are looked up, so a slider is instant on a million rows. */
export class ThresholdAnalysis {
  readonly #counts: RankedCounts;
  readonly costs: MistakeCosts;

  private constructor(counts: RankedCounts, costs: MistakeCosts) {
    this.#counts = counts;
    this.costs = costs;
  }

  /**
   * @param scores probability of the positive class, [rows].
   * @param positive whether each row is of it.
   * @returns null when a score is not finite.
   */
  static of(
    scores: Float64Array,
    positive: ArrayLike<boolean | number>,
    costs: MistakeCosts = { false_positive: 1, false_negative: 1 },
  ): ThresholdAnalysis | null {
    const counts = rankedCounts(scores, positive);
    return counts === null ? null : new ThresholdAnalysis(counts, costs);
  }

  /** The same counts under other costs; nothing is sorted again. */
  withCosts(costs: MistakeCosts): ThresholdAnalysis {
    return new ThresholdAnalysis(this.#counts, costs);
  }

  /** Number of points: the distinct scores, and one above them all. */
  get length(): number {
    return this.#counts.thresholds.length + 1;
  }

  /** @param index 0 is above every score, then the distinct scores from the highest. */
  point(index: number): ThresholdPoint {
    const { thresholds, tps, fps, positives, negatives } = this.#counts;
    const tp = index === 0 ? 0 : tps[index - 1]!;
    const fp = index === 0 ? 0 : fps[index - 1]!;
    const fn = positives - tp;
    return {
      threshold: index === 0 ? null : thresholds[index - 1]!,
      tp,
      fp,
      fn,
      tn: negatives - fp,
      precision: tp + fp === 0 ? 0 : tp / (tp + fp),
      recall: positives === 0 ? 0 : tp / positives,
      f1_score: positives + tp + fp === 0 ? 0 : (2 * tp) / (positives + tp + fp),
      cost: this.#costOf(fp, fn),
    };
  }

  /** Counts when rows that score at least `threshold` (any number) are called positive. O(log n). */
  at(threshold: number): ThresholdPoint {
    const { thresholds } = this.#counts;
    let low = 0;
    let high = thresholds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (thresholds[middle]! >= threshold) low = middle + 1;
      else high = middle;
    }
    return { ...this.point(low), threshold };
  }

  /** The cheapest point; among equals the highest threshold (the fewest called positive). */
  cheapest(): ThresholdPoint {
    return this.point(this.#least((tp, fp) => this.#costOf(fp, this.#counts.positives - tp)));
  }

  /** The point of the highest F1; among equals the highest threshold. */
  highestF1(): ThresholdPoint {
    const { positives } = this.#counts;
    return this.point(this.#least((tp, fp) => (tp === 0 ? 0 : (-2 * tp) / (positives + tp + fp))));
  }

  /** At most about `count` points, evenly over the ranks, first and last among them: for a table or a picture. */
  points(count = 500): ThresholdPoint[] {
    const last = this.length - 1;
    const steps = Math.min(last, Math.max(1, count - 1));
    if (last === 0) return [this.point(0)];
    return Array.from({ length: steps + 1 }, (_, i) => this.point(Math.round((i * last) / steps)));
  }

  #costOf(fp: number, fn: number): number {
    return fp * this.costs.false_positive + fn * this.costs.false_negative;
  }

  #least(value: (tp: number, fp: number) => number): number {
    const { tps, fps } = this.#counts;
    let best = 0;
    let least = value(0, 0);
    for (let i = 0; i < tps.length; i++) {
      const here = value(tps[i]!, fps[i]!);
      if (here < least) {
        least = here;
        best = i + 1;
      }
    }
    return best;
  }
}
