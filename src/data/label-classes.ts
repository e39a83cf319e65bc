/** Classes: their order, their counts, and rows picked with all that belongs to them. */
import { HeadlightError } from '../base';
import { isNumber } from './header';
import type { LabelledTexts } from './types';

/** @throws HeadlightError `bad-labels` when this is hardly a column of labels. */
export function checkClasses(classes: readonly string[], rows: number, column: string): void {
  if (rows === 0) {
    throw new HeadlightError('bad-labels', `No row has both a text and a label in “${column}”.`, {
      hint: 'Choose the column that holds the labels.',
    });
  }
  if (classes.length < 2) {
    throw new HeadlightError('bad-labels', `Every row has the same label, “${classes[0] ?? ''}”.`, {
      hint: 'A classifier needs at least two classes. Choose another column, or add rows of other classes.',
    });
  }
  if (classes.length > 2 && classes.length > rows / 2) {
    throw new HeadlightError(
      'bad-labels',
      `“${column}” has ${classes.length} different values in ${rows} rows, so it is probably not a column of labels.`,
      { hint: 'Choose a column whose few values come again and again.' },
    );
  }
}

/** As `np.unique`: numerically when all are numbers, else by code point (UTF-16 order differs there). */
export function sortClasses(labels: Iterable<string>): string[] {
  const classes = [...labels];
  const numeric = classes.every((label) => isNumber(label) && Number.isFinite(Number(label)));
  return classes.sort((a, b) =>
    numeric ? Number(a) - Number(b) || compareCodePoints(a, b) : compareCodePoints(a, b),
  );
}

function compareCodePoints(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const surrogateX = x >= 0xd800 && x < 0xe000;
    const surrogateY = y >= 0xd800 && y < 0xe000;
    if (surrogateX !== surrogateY) return surrogateX ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** Rows a class `[classes]`, of several labels a row: rows that have it; of the given rows, or of all. */
export function classCounts(data: LabelledTexts, indices?: Int32Array): Int32Array {
  const counts = new Int32Array(data.classes.length);
  const count = (label: number): void => {
    counts[label] = (counts[label] ?? 0) + 1;
  };
  const { targets, classes } = data;
  if (targets !== null) {
    const all = indices ?? data.labels.map((_, row) => row);
    for (const row of all) {
      for (let label = 0; label < classes.length; label++) {
        if (targets[row * classes.length + label] === 1) count(label);
      }
    }
    return counts;
  }
  if (indices === undefined) data.labels.forEach(count);
  else for (const index of indices) count(data.labels[index] ?? -1);
  return counts;
}

/**
 * What a row with several labels is stratified by: the rarest of its labels, `classes` for a row with none.
 * @param targets 0 and 1 `[rows, classes]`.
 */
export function strata(targets: Uint8Array, classes: number): Int32Array {
  const rows = classes === 0 ? 0 : targets.length / classes;
  const counts = new Int32Array(classes);
  targets.forEach((value, at) => {
    if (value === 1) counts[at % classes] = (counts[at % classes] ?? 0) + 1;
  });
  return Int32Array.from({ length: rows }, (_, row) => {
    let rarest = classes;
    for (let label = 0; label < classes; label++) {
      if (targets[row * classes + label] !== 1) continue;
      if (rarest === classes || (counts[label] ?? 0) < (counts[rarest] ?? 0)) rarest = label;
    }
    return rarest;
  });
}

/** Some of the rows, in this order; `classes` stay as they are. */
export function selectRows(data: LabelledTexts, rows: Int32Array): LabelledTexts {
  const pick = <T>(values: readonly T[]): T[] => {
    const picked: T[] = [];
    for (const row of rows) {
      const value = values[row];
      if (value !== undefined) picked.push(value);
    }
    return picked;
  };
  const { targets, classes } = data;
  let pickedTargets: Uint8Array | null = null;
  if (targets !== null) {
    pickedTargets = new Uint8Array(rows.length * classes.length);
    for (const [at, row] of rows.entries()) {
      const from = row * classes.length;
      pickedTargets.set(targets.subarray(from, from + classes.length), at * classes.length);
    }
  }
  return {
    ...data,
    texts: pick(data.texts),
    pairs: data.pairs === null ? null : pick(data.pairs),
    labels: rows.map((row) => data.labels[row] ?? 0),
    tags: data.tags === null ? null : pick(data.tags),
    targets: pickedTargets,
    groups: data.groups === null ? null : rows.map((row) => data.groups?.[row] ?? -1),
    origin: pick(data.origin),
  };
}
