/** Seeded stratified draws of rows: growing shares, folds, test parts. Groups are never cut. */
import { seededRandom } from '../../base';

/**
 * All rows in an order of which every beginning is stratified: classes in proportion, each with at least one
 * row as early as possible. So larger shares contain the smaller ones.
 */
export function stratifiedOrder(strata: Int32Array, seed: number): Int32Array {
  const random = seededRandom(seed);
  const shuffled = random.shuffle(Int32Array.from(strata.keys()));
  const members = new Map<number, number[]>();
  for (const row of shuffled) {
    const own = members.get(strata[row]!);
    if (own === undefined) members.set(strata[row]!, [row]);
    else own.push(row);
  }
  const priority = new Float64Array(strata.length);
  for (const stratum of [...members.keys()].sort((a, b) => a - b)) {
    const rows = members.get(stratum)!;
    const offset = random.next();
    for (const [rank, row] of rows.entries())
      priority[row] = rank === 0 ? -1 : (rank + offset) / rows.length;
  }
  return shuffled.sort((a, b) => priority[a]! - priority[b]! || a - b);
}

/** Rows of the first `share` of the order, at least one for each stratum; in ascending order. */
export function takeShare(order: Int32Array, strata: Int32Array, share: number): Int32Array {
  const least = new Set(strata).size;
  const count = Math.min(order.length, Math.max(least, Math.round(order.length * share)));
  return order.slice(0, count).sort();
}

/** @returns the fold in which each row is held out, [rows]. */
export function stratifiedGroupFolds(
  strata: Int32Array,
  groups: Int32Array | null,
  folds: number,
  seed: number,
): Int32Array {
  const random = seededRandom(seed);
  const shuffled = random.shuffle(Int32Array.from(strata.keys()));
  const foldOf = new Int32Array(strata.length);
  if (groups === null) {
    // Dealt like cards, class after class, so that neither classes nor folds differ by more than one.
    let card = 0;
    const byStratum = [...shuffled].sort((a, b) => strata[a]! - strata[b]!);
    for (const row of byStratum) foldOf[row] = card++ % folds;
    return foldOf;
  }
  const members = new Map<number, number[]>();
  for (const row of shuffled) {
    const own = members.get(groups[row]!);
    if (own === undefined) members.set(groups[row]!, [row]);
    else own.push(row);
  }
  const width = strata.reduce((most, stratum) => Math.max(most, stratum), 0) + 1;
  const total = new Float64Array(width);
  for (const stratum of strata) total[stratum]! += 1;
  const held = Array.from({ length: folds }, () => new Float64Array(width));
  // The largest group first, each where the classes are then most even (scikit-learn's
  // StratifiedGroupKFold goes by the same idea).
  for (const rows of [...members.values()].sort((a, b) => b.length - a.length)) {
    const own = new Map<number, number>();
    for (const row of rows) own.set(strata[row]!, (own.get(strata[row]!) ?? 0) + 1);
    let best = 0;
    let least = Infinity;
    for (const [fold, counts] of held.entries()) {
      let cost = 0;
      for (const [stratum, count] of own)
        cost += (count * (2 * counts[stratum]! + count)) / total[stratum]! ** 2;
      if (cost < least) {
        least = cost;
        best = fold;
      }
    }
    for (const [stratum, count] of own) held[best]![stratum]! += count;
    for (const row of rows) foldOf[row] = best;
  }
  return foldOf;
}
