/**
 * Groups of rows divided into test, validation and training part. A group is never cut. With one label a row
 * every class is held to its share; seeded, the same everywhere.
 */
import { HeadlightError, type Random } from '../../base';
import type { RowGroups } from '../same-text';
import { classCounts } from '../labels';
import type { LabelledTexts } from '../types';

/** Part of each group `[groups]`. */
export const TRAIN = 0;
export const TEST = 1;
export const VALIDATION = 2;

export interface Shares {
  readonly test: number;
  readonly validation: number;
}

/** How many rows of each class a group has; a text may stand under several labels. */
function rowsByClass(data: LabelledTexts, groups: RowGroups, group: number): Map<number, number> {
  const found = new Map<number, number>();
  if (groups.size(group) === 1) return found.set(data.labels[groups.first(group)] ?? 0, 1);
  for (const row of groups.rows(group)) {
    const label = data.labels[row] ?? 0;
    found.set(label, (found.get(label) ?? 0) + 1);
  }
  return found;
}

/**
 * @param random null: no shuffling, the last rows of each class go to the test, those before to validation.
 * @param wide groups of many rows (by an id): where none fits the share, those that come closest are taken.
 * @throws HeadlightError `bad-labels` naming a class that cannot stand in both parts.
 */
export function divideByClass(
  data: LabelledTexts,
  groups: RowGroups,
  shares: Shares,
  random: Random | null,
  wide: boolean,
): Uint8Array {
  const counts = classCounts(data);
  checkSplittable(data, groups, counts, wide);
  const parts = new Uint8Array(groups.count);
  const target = allocate(counts, shares.test);
  take(data, groups, parts, TEST, {
    target,
    counts,
    left: counts.map((rows) => rows - 1),
    random,
    wide,
    atLeastOne: true,
  });
  if (shares.validation === 0) return parts;
  const trained = new Int32Array(counts.length);
  data.labels.forEach((label, row) => {
    if (parts[groups.of[row] ?? 0] === TRAIN) trained[label] = (trained[label] ?? 0) + 1;
  });
  const wanted = allocate(counts, shares.validation).map((rows, label) =>
    Math.max(0, Math.min(rows, (trained[label] ?? 0) - 1)),
  );
  take(data, groups, parts, VALIDATION, {
    target: wanted,
    counts,
    left: trained.map((rows) => rows - 1),
    random,
    wide,
    atLeastOne: false,
  });
  return parts;
}

interface Wanted {
  /** Rows of each class that the part should have. */
  readonly target: Int32Array;
  /** Rows of each class that there are. */
  readonly counts: Int32Array;
  /** Rows of each class that may be taken at most. */
  readonly left: Int32Array;
  readonly random: Random | null;
  readonly wide: boolean;
  readonly atLeastOne: boolean;
}

/** Moves groups of the training part to another, class by class, as long as they fit. */
function take(
  data: LabelledTexts,
  groups: RowGroups,
  parts: Uint8Array,
  part: number,
  { target, counts, left, random, wide, atLeastOne }: Wanted,
): void {
  const taken = new Int32Array(target.length);
  const fits = (group: number, limit: Int32Array): boolean => {
    if (groups.size(group) === 1) {
      const label = data.labels[groups.first(group)] ?? 0;
      return (taken[label] ?? 0) < (limit[label] ?? 0);
    }
    for (const [label, rows] of rowsByClass(data, groups, group)) {
      if ((taken[label] ?? 0) + rows > (limit[label] ?? 0)) return false;
    }
    return true;
  };
  const move = (group: number): void => {
    parts[group] = part;
    for (const [label, rows] of rowsByClass(data, groups, group)) {
      taken[label] = (taken[label] ?? 0) + rows;
    }
  };
  const byClass: number[][] = data.classes.map(() => []);
  for (let group = 0; group < groups.count; group++) {
    if (parts[group] !== TRAIN) continue;
    byClass[data.labels[groups.first(group)] ?? 0]?.push(group);
  }
  for (const members of byClass) {
    const order = random === null ? members.reverse() : random.shuffle(members);
    for (const group of order) if (fits(group, target)) move(group);
  }
  if (wide) fillWide(data, groups, parts, { target, counts, left, taken, random, fits, move });
  if (!atLeastOne) return;
  // A class whose every text has many copies may have found no group small enough: then one too large goes.
  data.classes.forEach((name, label) => {
    if ((taken[label] ?? 0) > 0) return;
    let smallest = -1;
    for (let group = 0; group < groups.count; group++) {
      if (parts[group] !== TRAIN || !rowsByClass(data, groups, group).has(label)) continue;
      if (!fits(group, left)) continue;
      if (smallest < 0 || groups.size(group) < groups.size(smallest)) smallest = group;
    }
    if (smallest < 0) throw tooFewTexts(name, counts[label] ?? 0, wide);
    move(smallest);
  });
}

/** Takes further groups, in random order, as long as each brings the part nearer to its shares. */
function fillWide(
  data: LabelledTexts,
  groups: RowGroups,
  parts: Uint8Array,
  given: Pick<Wanted, 'target' | 'counts' | 'left' | 'random'> & {
    readonly taken: Int32Array;
    readonly fits: (group: number, limit: Int32Array) => boolean;
    readonly move: (group: number) => void;
  },
): void {
  const { target, counts, left, taken, random, fits, move } = given;
  const order: number[] = [];
  for (let group = 0; group < groups.count; group++) if (parts[group] === TRAIN) order.push(group);
  for (const group of random === null ? order.reverse() : random.shuffle(order)) {
    let change = 0;
    for (const [label, rows] of rowsByClass(data, groups, group)) {
      const missing = (target[label] ?? 0) - (taken[label] ?? 0);
      change += ((missing - rows) ** 2 - missing ** 2) / Math.max(1, counts[label] ?? 0);
    }
    if (change < 0 && fits(group, left)) move(group);
  }
}

function checkSplittable(
  data: LabelledTexts,
  groups: RowGroups,
  counts: Int32Array,
  wide: boolean,
): void {
  const texts = new Int32Array(data.classes.length);
  for (let group = 0; group < groups.count; group++) {
    for (const label of rowsByClass(data, groups, group).keys()) {
      texts[label] = (texts[label] ?? 0) + 1;
    }
  }
  data.classes.forEach((label, index) => {
    if ((texts[index] ?? 0) < 2) throw tooFewTexts(label, counts[index] ?? 0, wide);
  });
}

export function tooFewTexts(label: string, rows: number, wide = false): HeadlightError {
  const message =
    rows < 2
      ? `Class “${label}” has only ${rows === 1 ? 'one row' : 'no row'}, so it cannot be both trained and tested.`
      : `Class “${label}” has ${rows} rows, but too few different ${wide ? 'groups' : 'texts'} to be both trained and tested.`;
  return new HeadlightError('bad-labels', message, {
    hint: 'Add rows of this class, join it with another class, or leave it out.',
  });
}

/**
 * Rows a class: the whole (rounded up, as scikit-learn does) by largest remainder, ties to the first class; at
 * least one row on each side.
 */
export function allocate(counts: Int32Array, share: number): Int32Array {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  // 0.2 * 15 is 3.0000000000000004 in floating point; the margin keeps it 3.
  const total = Math.ceil(share * rows - 1e-9);
  const quotas = Array.from(counts, (count) => (count * total) / rows);
  const target = Int32Array.from(quotas, Math.floor);
  let left = total - target.reduce((sum, count) => sum + count, 0);
  const order = quotas
    .map((quota, index) => ({ index, remainder: quota - Math.floor(quota) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of order) {
    if (left-- <= 0) break;
    target[index] = (target[index] ?? 0) + 1;
  }
  return target.map((count, index) => Math.min(Math.max(count, 1), (counts[index] ?? 0) - 1));
}

/**
 * Without regard to classes: groups at random (or, with no `random`, the last rows of the file) until each part
 * has its share of the rows.
 */
export function divideByRows(groups: RowGroups, shares: Shares, random: Random | null): Uint8Array {
  const parts = new Uint8Array(groups.count);
  const order = Array.from({ length: groups.count }, (_, group) => group);
  if (random === null) {
    const last = (group: number): number => groups.rows(group)[groups.size(group) - 1] ?? 0;
    order.sort((a, b) => last(b) - last(a));
  } else random.shuffle(order);
  const rows = groups.of.length;
  for (const [part, share] of [
    [TEST, shares.test],
    [VALIDATION, shares.validation],
  ] as const) {
    const total = Math.ceil(share * rows - 1e-9);
    let taken = 0;
    for (const group of order) {
      if (taken >= total) break;
      const size = groups.size(group);
      if (parts[group] !== TRAIN || (taken > 0 && taken + size > total)) continue;
      parts[group] = part;
      taken += size;
    }
  }
  return parts;
}
