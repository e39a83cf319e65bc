/** What needs no text at all: the same labels for every row, those that are best on the training part. */
import type { AveragedScores, MultiLabelMetrics } from './multi-label';

/** The multi-label counterpart of the most frequent class. */
export interface SameAnswerBaseline {
  /** What every row is given, the most frequent first. */
  readonly labels: readonly string[];
  readonly micro: AveragedScores;
  readonly macro: Pick<AveragedScores, 'f1_score'>;
  readonly hamming_loss: number;
}

/**
 * Of all fixed sets of labels the one with the highest micro-F1 on the training part; for a given size that is
 * the most frequent ones, so that each size is tried once. Ties go to fewer labels.
 * @returns its figures on the test part. Both parts have the same labels in the same order.
 */
export function sameAnswerBaseline(
  train: Pick<MultiLabelMetrics, 'rows' | 'per_label'>,
  test: Pick<MultiLabelMetrics, 'rows' | 'per_label'>,
): SameAnswerBaseline {
  const order = train.per_label
    .map(({ support }, at) => ({ support, at }))
    .sort((a, b) => b.support - a.support || a.at - b.at);
  const total = order.reduce((sum, { support }) => sum + support, 0);
  let size = 0;
  let best = 0;
  let right = 0;
  order.forEach(({ support }, at) => {
    right += support;
    const f1 = (2 * right) / ((at + 1) * train.rows + total);
    if (f1 > best) {
      best = f1;
      size = at + 1;
    }
  });
  const chosen = new Set(order.slice(0, size).map(({ at }) => at));
  const { rows, per_label } = test;
  const supports = per_label.map(({ support }) => support);
  const actual = supports.reduce((sum, support) => sum + support, 0);
  const tp = supports.reduce((sum, support, at) => sum + (chosen.has(at) ? support : 0), 0);
  const given = size * rows;
  const labels = supports.length;
  return {
    labels: order.slice(0, size).flatMap(({ at }) => per_label[at]?.label ?? []),
    micro: {
      precision: given === 0 ? 0 : tp / given,
      recall: actual === 0 ? 0 : tp / actual,
      f1_score: given + actual === 0 ? 0 : (2 * tp) / (given + actual),
    },
    macro: {
      f1_score: supports.reduce(
        (sum, support, at) =>
          sum + (chosen.has(at) && support > 0 ? (2 * support) / (rows + support) / labels : 0),
        0,
      ),
    },
    hamming_loss: (given + actual - 2 * tp) / (rows * labels),
  };
}
