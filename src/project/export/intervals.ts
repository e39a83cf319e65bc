/** 95 % intervals of what a model card states beyond accuracy, from the counts that a run's record keeps. */
import { wilsonInterval } from '../../learning/evaluate';

/** Two-sided 97.5 % point of the standard normal distribution. */
const Z95 = 1.959963984540054;

/**
 * Of macro-F1, by the delta method on the multinomial counts (Takahashi et al. 2022,
 * https://doi.org/10.1007/s10489-021-02635-5).
 * @param confusion [actual][predicted] counts.
 */
export function macroF1Interval(
  confusion: readonly (readonly number[])[],
): readonly [number, number] {
  const classes = confusion.length;
  const rows = confusion.flat().reduce((sum, count) => sum + count, 0);
  const share = (i: number, j: number): number => (confusion[i]?.[j] ?? 0) / rows;
  // Of each class: what stands in its row and its column together, and what is on the diagonal.
  const marginal = confusion.map((_, k) =>
    confusion.reduce((sum, _row, other) => sum + share(k, other) + share(other, k), 0),
  );
  /** The derivative of class k's F1 = 2 p_kk / marginal_k by a cell of its row or column. */
  const slope = (k: number, onDiagonal: boolean): number => {
    const whole = marginal[k] ?? 0;
    if (whole === 0) return 0;
    const cross = (2 * share(k, k)) / whole ** 2;
    return onDiagonal ? 2 / whole - 2 * cross : -cross;
  };
  let mean = 0;
  let square = 0;
  let f1 = 0;
  for (let i = 0; i < classes; i++) {
    const whole = marginal[i] ?? 0;
    f1 += whole === 0 ? 0 : (2 * share(i, i)) / whole / classes;
    for (let j = 0; j < classes; j++) {
      const gradient = (i === j ? slope(i, true) : slope(i, false) + slope(j, false)) / classes;
      mean += share(i, j) * gradient;
      square += share(i, j) * gradient ** 2;
    }
  }
  // Without one mistake (or one right answer) there is no spread to see; a few rows are still a few rows.
  const right = confusion.reduce((sum, row, k) => sum + (row[k] ?? 0), 0);
  if (right === 0 || right === rows) return wilsonInterval(right, rows);
  const spread = Z95 * Math.sqrt(Math.max(0, square - mean ** 2) / rows);
  return [Math.max(0, f1 - spread), Math.min(1, f1 + spread)];
}

export interface EntityIntervals {
  readonly precision: readonly [number, number];
  readonly recall: readonly [number, number];
  readonly f1_score: readonly [number, number];
}

/**
 * Of entity scores, taking entities as independent draws: precision and recall are shares, and
 * F1 = 2J / (1 + J) of the share J = found / (found + missed + wrong).
 */
export function entityIntervals(scores: {
  readonly precision: number;
  readonly recall: number;
  readonly support: number;
}): EntityIntervals | null {
  const { precision, recall, support } = scores;
  const found = Math.round(recall * support);
  // Without one right answer, the number of wrong ones cannot be told from the scores.
  if (found === 0 || precision === 0) return null;
  const answered = Math.round(found / precision);
  const [low, high] = wilsonInterval(found, support + answered - found);
  const f1 = (share: number): number => (2 * share) / (1 + share);
  return {
    precision: wilsonInterval(found, answered),
    recall: wilsonInterval(found, support),
    f1_score: [f1(low), f1(high)],
  };
}
