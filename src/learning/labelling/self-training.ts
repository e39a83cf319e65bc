/**
 * Self-training: which texts without a label a student is sure enough of to learn from in its next round. (Yarowsky 1995;
 * with a threshold as scikit-learn's `SelfTrainingClassifier`.) No class gets more than its share of the labels that there
 * were, the surest first, so that the class that is found most easily does not take over (class-balanced self-training,
 * Zou et al. 2018, arXiv:1810.07911). Every round chooses anew among all texts without a label: an early mistake can be
 * taken back.
 */

export interface SureRequest {
  /** What the student says, [rows, classes] row-major. */
  readonly probabilities: ArrayLike<number>;
  readonly classes: number;
  /** Of several labels every one must be sure, of its yes or of its no. */
  readonly several: boolean;
  /** In (0, 1]: the least probability. */
  readonly threshold: number;
  /** Of the labels that were there at first, the share of each class; not used of several labels. [classes] */
  readonly shares: ArrayLike<number>;
  /** Of several labels: from where on one is a yes; default 0.5 each. [classes] */
  readonly cuts?: ArrayLike<number>;
}

export interface SureRows {
  /** Ascending. */
  readonly rows: Int32Array;
  /** Class of each; of several labels -1. */
  readonly labels: Int32Array;
  /** 0/1 [rows, classes]. */
  readonly hard: Uint8Array;
  /** How sure each is: the probability of its class, or of the least sure of its labels. */
  readonly confidence: Float64Array;
}

export function sureRows(request: SureRequest): SureRows {
  return request.several ? sureOfAll(request) : sureOfOne(request);
}

function sureOfOne({ probabilities, classes, threshold, shares }: SureRequest): SureRows {
  const rows = probabilities.length / classes;
  const byClass: { row: number; sure: number }[][] = Array.from({ length: classes }, () => []);
  let all = 0;
  for (let row = 0; row < rows; row++) {
    let best = 0;
    for (let k = 1; k < classes; k++)
      if (probabilities[row * classes + k]! > probabilities[row * classes + best]!) best = k;
    const sure = probabilities[row * classes + best]!;
    if (!(sure >= threshold)) continue;
    byClass[best]!.push({ row, sure });
    all += 1;
  }
  const chosen = byClass.flatMap((candidates, label) =>
    candidates
      .sort((a, b) => b.sure - a.sure || a.row - b.row)
      .slice(0, Math.ceil(shares[label]! * all))
      .map((candidate) => ({ ...candidate, label })),
  );
  chosen.sort((a, b) => a.row - b.row);
  const hard = new Uint8Array(chosen.length * classes);
  chosen.forEach(({ label }, at) => (hard[at * classes + label] = 1));
  return {
    rows: Int32Array.from(chosen, ({ row }) => row),
    labels: Int32Array.from(chosen, ({ label }) => label),
    hard,
    confidence: Float64Array.from(chosen, ({ sure }) => sure),
  };
}

function sureOfAll({ probabilities, classes, threshold, cuts }: SureRequest): SureRows {
  const rows = probabilities.length / classes;
  const chosen: number[] = [];
  const confidence: number[] = [];
  const hard: number[] = [];
  for (let row = 0; row < rows; row++) {
    const own: number[] = [];
    let least = 1;
    for (let k = 0; k < classes; k++) {
      const share = probabilities[row * classes + k]!;
      const isYes = share >= (cuts?.[k] ?? 0.5);
      own.push(isYes ? 1 : 0);
      least = Math.min(least, isYes ? share : 1 - share);
    }
    if (!(least >= threshold)) continue;
    chosen.push(row);
    confidence.push(least);
    hard.push(...own);
  }
  return {
    rows: Int32Array.from(chosen),
    labels: new Int32Array(chosen.length).fill(-1),
    hard: Uint8Array.from(hard),
    confidence: Float64Array.from(confidence),
  };
}

/** Whether two rounds chose the same rows with the same labels: another round would change nothing. */
export function sameRows(a: SureRows, b: SureRows): boolean {
  return (
    a.rows.length === b.rows.length &&
    a.rows.every((row, at) => row === b.rows[at]) &&
    a.hard.every((value, at) => value === b.hard[at])
  );
}
