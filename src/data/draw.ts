/** Drawing some of the rows, stratified by class and seeded: “use N rows”, and the held-out part of training. */
import { seededRandom } from '../base';
import { selectRows } from './labels';
import type { LabelledTexts } from './types';

export interface DrawnRows {
  /** Ascending. */
  readonly drawn: Int32Array;
  /** The others, ascending. */
  readonly rest: Int32Array;
}

/**
 * Draws `count` of the rows, as many of each class as its share (largest remainder, ties to the first class),
 * at least one of each class where `count` allows.
 *
 * @param rows indices of any kind.
 * @param labelOf the class of each of them.
 * @param keyOf rows of the same key go together (copies of one text); then it may be a few more than `count`.
 */
export function drawRows(
  rows: Int32Array,
  labelOf: (row: number) => number,
  count: number,
  seed: number,
  keyOf?: (row: number) => string,
): DrawnRows {
  const wanted = Math.max(0, Math.min(count, rows.length));
  const byClass = new Map<number, number[]>();
  for (const row of rows) {
    const label = labelOf(row);
    const members = byClass.get(label);
    if (members === undefined) byClass.set(label, [row]);
    else members.push(row);
  }
  const classes = [...byClass.keys()].sort((a, b) => a - b);
  const sizes = classes.map((label) => byClass.get(label)?.length ?? 0);
  const quotas = allocate(sizes, wanted);
  const random = seededRandom(seed);
  const drawn = new Set<number>();
  classes.forEach((label, index) => {
    const members = random.shuffle([...(byClass.get(label) ?? [])]);
    for (const row of members.slice(0, quotas[index])) drawn.add(row);
  });
  if (keyOf !== undefined) {
    const keys = new Set([...drawn].map(keyOf));
    for (const row of rows) if (keys.has(keyOf(row))) drawn.add(row);
  }
  return {
    drawn: rows.filter((row) => drawn.has(row)).sort(),
    rest: rows.filter((row) => !drawn.has(row)).sort(),
  };
}

/**
 * Draws at most `count` rows of each class: a row is taken while any of its classes has fewer. The same seed with more
 * of them takes the same rows and others.
 *
 * @param classesOf the classes of each row; none is a class of its own.
 * @returns ascending.
 */
export function drawPerClass(
  rows: Int32Array,
  classesOf: (row: number) => readonly number[],
  count: number,
  seed: number,
): Int32Array {
  const taken = new Map<number, number>();
  const drawn: number[] = [];
  for (const row of seededRandom(seed).shuffle(rows.slice())) {
    const found = classesOf(row);
    const own = found.length === 0 ? [-1] : found;
    if (own.every((label) => (taken.get(label) ?? 0) >= count)) continue;
    for (const label of own) taken.set(label, (taken.get(label) ?? 0) + 1);
    drawn.push(row);
  }
  return Int32Array.from(drawn).sort();
}

/** “Use N rows”: some of the texts before they are split, in the order of the file; all when there are no more. */
export function drawTexts(data: LabelledTexts, count: number, seed: number): LabelledTexts {
  if (count >= data.texts.length) return data;
  const all = Int32Array.from({ length: data.texts.length }, (_, row) => row);
  return selectRows(data, drawRows(all, (row) => data.labels[row] ?? 0, count, seed).drawn);
}

/** `wanted` in shares of the sizes, by largest remainder; nobody gets none while another has several. */
function allocate(sizes: readonly number[], wanted: number): number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  if (all === 0) return sizes.map(() => 0);
  const exact = sizes.map((size) => (size * wanted) / all);
  const quotas = exact.map(Math.floor);
  let left = wanted - quotas.reduce((sum, quota) => sum + quota, 0);
  const order = exact
    .map((quota, index) => ({ index, remainder: quota - Math.floor(quota) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of order) {
    if (left-- <= 0) break;
    quotas[index] = (quotas[index] ?? 0) + 1;
  }
  if (wanted < sizes.length) return quotas;
  for (let index = 0; index < quotas.length; index++) {
    if (quotas[index] !== 0) continue;
    const largest = quotas.indexOf(Math.max(...quotas));
    quotas[largest] = (quotas[largest] ?? 0) - 1;
    quotas[index] = 1;
  }
  return quotas;
}
