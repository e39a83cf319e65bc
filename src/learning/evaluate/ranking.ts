/** Area under the ROC curve as scikit-learn's `roc_auc_score`. */

/**
 * Probability that a random positive scores above a random negative, ties counted half (Mann-Whitney).
 * @returns null without a positive or without a negative.
 */
export function rocAuc(scores: Float64Array, positive: readonly boolean[]): number | null {
  const order = Array.from(scores, (_, row) => row).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0;
  let rankSum = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    let here = 0;
    const value = scores[order[start]!]!;
    while (end < order.length && scores[order[end]!] === value) {
      if (positive[order[end]!] === true) here += 1;
      end += 1;
    }
    positives += here;
    rankSum += (here * (start + 1 + end)) / 2; // tied rows share the mean of their ranks
    start = end;
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return null;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
