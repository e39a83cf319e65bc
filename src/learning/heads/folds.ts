/** Stratified folds exactly as scikit-learn's `StratifiedKFold(shuffle=False)` assigns them. */

/**
 * @param labels class index of each row, [rows].
 * @param folds at most the size of the largest class.
 * @returns the fold in which each row is held out, [rows].
 */
export function stratifiedFolds(labels: Int32Array, classes: number, folds: number): Int32Array {
  // Classes are taken in order of first appearance, as scikit-learn does.
  const order: number[] = [];
  const position = new Int32Array(classes).fill(-1);
  const counts = new Int32Array(classes);
  for (const label of labels) {
    if (position[label] === -1) {
      position[label] = order.length;
      order.push(label);
    }
    counts[label]! += 1;
  }
  // The sorted labels, dealt out like cards, say how many of each class go to each fold.
  const allocation = order.map(() => new Int32Array(folds));
  let card = 0;
  for (const [at, label] of order.entries()) {
    for (let i = 0; i < counts[label]!; i++, card++) allocation[at]![card % folds]! += 1;
  }
  // Each class fills its folds in row order.
  const next = new Int32Array(order.length);
  return labels.map((label) => {
    const at = position[label]!;
    const share = allocation[at]!;
    while (share[next[at]!] === 0) next[at]! += 1;
    share[next[at]!]! -= 1;
    return next[at]!;
  });
}
