/**
 * Training and test part, such that no text stands in both: texts equal after trimming are one group, and a
 * group is never cut. Seeded; the same everywhere.
 */
import { HeadlightError, seededRandom } from '../base';
import { classCounts } from './labels';
import { entityType } from './tags';
import type { LabelledTexts, Split, SplitSettings } from './types';

/**
 * @param testFile the file whose rows are the test part; only for `files`.
 * @returns both parts as ascending indices into `data.texts`.
 * @throws HeadlightError `bad-labels` naming a class that cannot stand in both parts (stratified) or that
 *   cannot be learned (files); `bad-setting` when the settings and `testFile` do not fit.
 */
export function makeSplit(
  data: LabelledTexts,
  settings: SplitSettings,
  testFile: string | null,
): Split {
  if (settings.method === 'files') {
    if (testFile === null) {
      throw new HeadlightError('bad-setting', 'A split by file needs a test file.', {
        hint: 'Choose the test file, or split the one file by share.',
      });
    }
    return splitByFile(data, testFile);
  }
  if (!(settings.testShare > 0 && settings.testShare < 1)) {
    throw new HeadlightError(
      'bad-setting',
      `The test share ${settings.testShare} is not between 0 and 1.`,
      {
        hint: 'Take 0.2 to keep a fifth of the rows for the test.',
      },
    );
  }
  return splitStratified(data, settings.testShare, settings.seed);
}

/**
 * As `makeSplit` for sentences with tags: stratified by the type of entity that fills most of a sentence. Types
 * that stand in too few sentences are divided with the others; a tag may be in one part only.
 */
export function splitSentences(
  data: LabelledTexts,
  settings: SplitSettings,
  testFile: string | null,
): Split {
  const names = data.classes.map((tag) => entityType(tag) ?? '');
  const texts = new Map<string, Set<string>>();
  data.labels.forEach((label, index) => {
    const type = names[label] ?? '';
    const seen = texts.get(type) ?? new Set<string>();
    texts.set(type, seen.add(keyOf(data, index)));
  });
  const bySize = [...texts].sort((a, b) => b[1].size - a[1].size);
  const largest = bySize[0]?.[0] ?? '';
  const strata = bySize.filter(([type, { size }]) => size > 1 || type === largest);
  const classes = strata.map(([type]) => type);
  const strataOf = (type: string): number =>
    classes.includes(type) ? classes.indexOf(type) : classes.indexOf(largest);
  const view: LabelledTexts = {
    ...data,
    classes,
    labels: data.labels.map((label) => strataOf(names[label] ?? '')),
  };
  const split =
    settings.method === 'files' && testFile !== null
      ? splitByFile(view, testFile, false)
      : makeSplit(view, settings, testFile);
  const notes = split.notes.map((note) =>
    note.replace(
      'of the rows of every class were',
      'of the sentences, of each type of entity, were',
    ),
  );
  return { ...split, notes };
}

function splitByFile(data: LabelledTexts, testFile: string, everyClass = true): Split {
  const test: number[] = [];
  const candidates: number[] = [];
  data.origin.forEach(({ file }, index) => (file === testFile ? test : candidates).push(index));
  for (const [part, rows] of [
    ['test', test],
    ['training', candidates],
  ] as const) {
    if (rows.length > 0) continue;
    throw new HeadlightError('bad-labels', `The ${part} file has no row with a text and a label.`, {
      hint: 'Check that both files have the same columns.',
    });
  }
  const tested = new Set(test.map((index) => keyOf(data, index)));
  const train: number[] = [];
  const dropped: number[] = [];
  for (const index of candidates) (tested.has(keyOf(data, index)) ? dropped : train).push(index);

  const notes = [`The rows of ${testFile} are the test part.`];
  if (dropped.length > 0) {
    notes.push(
      dropped.length === 1
        ? 'One training row was dropped, because its text also stands in the test file.'
        : `${dropped.length} training rows were dropped, because their texts also stand in the test file.`,
    );
  }
  const parts = {
    train: Int32Array.from(train),
    test: Int32Array.from(test),
    droppedFromTrain: Int32Array.from(dropped),
    notes,
  };
  if (!everyClass) return parts;
  const trainCounts = classCounts(data, parts.train);
  const testCounts = classCounts(data, parts.test);
  data.classes.forEach((label, index) => {
    if (trainCounts[index] === 0) {
      throw new HeadlightError(
        'bad-labels',
        `No training row is left of class “${label}”, which stands in the test file ${testFile}.`,
        { hint: 'Add training rows of this class, or take its rows out of the test file.' },
      );
    }
    if (testCounts[index] === 0) {
      notes.push(
        `Class “${label}” does not stand in the test file, so it is trained but not tested.`,
      );
    }
  });
  return parts;
}

function splitStratified(data: LabelledTexts, testShare: number, seed: number): Split {
  const groups = groupByText(data);
  const counts = classCounts(data);
  checkSplittable(data, groups, counts);
  const target = allocate(counts, testShare);
  const tested = Int32Array.from(target).fill(0);
  const inTest = new Uint8Array(groups.length);
  const label = (row: number): number => data.labels[row] ?? 0;
  const move = (group: number): void => {
    inTest[group] = 1;
    for (const row of groups[group] ?? []) tested[label(row)] = (tested[label(row)] ?? 0) + 1;
  };
  /** How many rows of each class the group has; a text may stand under several labels. */
  const rowsByClass = (group: number): Map<number, number> => {
    const rows = new Map<number, number>();
    for (const row of groups[group] ?? []) rows.set(label(row), (rows.get(label(row)) ?? 0) + 1);
    return rows;
  };
  const fits = (group: number, limit: (index: number) => number): boolean =>
    [...rowsByClass(group)].every(([index, rows]) => (tested[index] ?? 0) + rows <= limit(index));

  const random = seededRandom(seed);
  const byClass: number[][] = data.classes.map(() => []);
  groups.forEach((rows, group) => byClass[label(rows[0] ?? 0)]?.push(group));
  for (const members of byClass) {
    for (const group of random.shuffle(members)) {
      if (fits(group, (index) => target[index] ?? 0)) move(group);
    }
  }
  // A class whose every text has many copies may have found no group small enough: then one too large goes.
  data.classes.forEach((name, index) => {
    if ((tested[index] ?? 0) > 0) return;
    const smallest = groups
      .map((_, group) => group)
      .filter((group) => inTest[group] === 0 && rowsByClass(group).has(index))
      .filter((group) => fits(group, (other) => (counts[other] ?? 0) - 1))
      .sort((a, b) => (groups[a]?.length ?? 0) - (groups[b]?.length ?? 0))[0];
    if (smallest === undefined) throw tooFewTexts(name, counts[index] ?? 0);
    move(smallest);
  });

  const train: number[] = [];
  const test: number[] = [];
  groups.forEach((rows, group) => {
    const part = inTest[group] === 1 ? test : train;
    // Not `push(...rows)`: a text may be repeated more often than a call may have arguments.
    for (const row of rows) part.push(row);
  });
  const repeated = data.texts.length - groups.length;
  const ambiguous = groups.filter((_, group) => rowsByClass(group).size > 1).length;
  const percent = Number((100 * testShare).toFixed(1));
  return {
    train: Int32Array.from(train).sort(),
    test: Int32Array.from(test).sort(),
    droppedFromTrain: new Int32Array(0),
    notes: [
      `About ${percent} % of the rows of every class were set aside for the test, at random (seed ${seed}).`,
      ...(repeated > 0
        ? [
            `${repeated} ${repeated === 1 ? 'row repeats' : 'rows repeat'} the text of another row; all copies of a text stand in the same part.`,
          ]
        : []),
      ...(ambiguous > 0
        ? [
            `${ambiguous} ${ambiguous === 1 ? 'text stands' : 'texts stand'} under more than one label.`,
          ]
        : []),
    ],
  };
}

function keyOf(data: LabelledTexts, index: number): string {
  const text = (data.texts[index] ?? '').trim();
  return data.pairs === null ? text : `${text}\0${(data.pairs[index] ?? '').trim()}`;
}

/** Rows by text, in the order of first appearance. */
function groupByText(data: LabelledTexts): number[][] {
  const groups = new Map<string, number[]>();
  data.texts.forEach((_, index) => {
    const key = keyOf(data, index);
    const rows = groups.get(key);
    if (rows === undefined) groups.set(key, [index]);
    else rows.push(index);
  });
  return [...groups.values()];
}

function checkSplittable(
  data: LabelledTexts,
  groups: readonly number[][],
  counts: Int32Array,
): void {
  const texts = new Int32Array(data.classes.length);
  for (const rows of groups) {
    for (const index of new Set(rows.map((row) => data.labels[row] ?? 0))) {
      texts[index] = (texts[index] ?? 0) + 1;
    }
  }
  data.classes.forEach((label, index) => {
    if ((texts[index] ?? 0) < 2) throw tooFewTexts(label, counts[index] ?? 0);
  });
}

function tooFewTexts(label: string, rows: number): HeadlightError {
  const message =
    rows < 2
      ? `Class “${label}” has only one row, so it cannot be both trained and tested.`
      : `Class “${label}” has ${rows} rows, but too few different texts to be both trained and tested.`;
  return new HeadlightError('bad-labels', message, {
    hint: 'Add rows of this class, join it with another class, or take its rows out of the file.',
  });
}

/**
 * Test rows a class: the whole (rounded up, as scikit-learn does) by largest remainder, ties to the first
 * class; at least one row on each side.
 */
function allocate(counts: Int32Array, testShare: number): Int32Array {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  // 0.2 * 15 is 3.0000000000000004 in floating point; the margin keeps it 3.
  const total = Math.ceil(testShare * rows - 1e-9);
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
