/** Rows of the training part held back to say when to stop: seeded, stratified when a row has one class. */
import type { Random } from '../../base';
import type { Targets } from './types';

export interface HeldOut {
  readonly train: Int32Array;
  readonly validation: Int32Array;
}

/** Fewer rows than this say nothing about when to stop. */
const LEAST_ROWS = 2;

/**
 * @param share of the rows to hold back. Every class keeps at least one row in training.
 * @returns null when there are too few rows to hold some back.
 */
export function holdOut(
  targets: Targets,
  rows: number,
  classes: number,
  share: number,
  random: Random,
): HeldOut | null {
  const wanted = Math.ceil(rows * share);
  const order = random.shuffle(Int32Array.from({ length: rows }, (_, row) => row));
  const isHeld = new Uint8Array(rows);
  if (targets.kind === 'multi_label') {
    for (const row of order.subarray(0, Math.min(wanted, rows - 1))) isHeld[row] = 1;
  } else {
    const quota = quotas(targets.labels, classes, wanted);
    for (const row of order) {
      const label = targets.labels[row]!;
      if (quota[label]! === 0) continue;
      quota[label]! -= 1;
      isHeld[row] = 1;
    }
  }
  const all = Array.from({ length: rows }, (_, row) => row);
  const validation = Int32Array.from(all.filter((row) => isHeld[row] === 1));
  if (validation.length < LEAST_ROWS) return null;
  return { train: Int32Array.from(all.filter((row) => isHeld[row] === 0)), validation };
}

/** Rows to hold back of each class: in proportion, what is left over to the largest remainders. */
function quotas(labels: Int32Array, classes: number, wanted: number): Int32Array {
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label]! += 1;
  const exact = Array.from(counts, (count) => (count * wanted) / labels.length);
  const quota = Int32Array.from(exact, Math.floor);
  let left = wanted - quota.reduce((sum, n) => sum + n, 0);
  const byRemainder = Array.from(counts.keys()).sort(
    (a, b) => exact[b]! - quota[b]! - (exact[a]! - quota[a]!) || a - b,
  );
  for (const label of byRemainder) {
    if (left === 0) break;
    quota[label]! += 1;
    left -= 1;
  }
  return quota.map((n, label) => Math.min(n, Math.max(0, counts[label]! - 1)));
}
