/** Repairs: only training is touched where the test figures would gain, all is told, order does not matter. */
import { describe, expect, test } from 'vitest';
import {
  applyRepairs,
  classCounts,
  labelTexts,
  makeSplit,
  splitRepaired,
  type LabelledTexts,
  type Repair,
  type Split,
} from '../../../src/data';
import { seededRandom } from '../../../src/base';
import { sentences, table } from './tables';

const text = sentences(80);
const label = text.map((_, i) => (i % 2 === 0 ? 'good' : 'bad'));
// Copies with the same label: rows 10 and 12 of row 8, row 50 of row 48.
text[10] = text[8] ?? '';
text[12] = `${(text[8] ?? '').toUpperCase()}.`;
text[50] = text[48] ?? '';
// Under two labels: rows 20 and 21, rows 60 and 61.
text[21] = text[20] ?? '';
text[61] = `  ${text[60] ?? ''}`;
const data = labelTexts([table('r.csv', { text, label })], 'text', 'label');
/** Rows 0 to 39 are trained, 40 to 49 validation, 50 to 79 tested. */
const split: Split = {
  train: Int32Array.from({ length: 40 }, (_, i) => i),
  validation: Int32Array.from({ length: 8 }, (_, i) => 40 + i),
  test: Int32Array.from({ length: 32 }, (_, i) => 48 + i),
  droppedFromTrain: new Int32Array(0),
  alsoInTraining: new Int32Array(0),
  notes: [],
};
const gone = (after: Split): number[] =>
  [...split.train].filter((row) => !after.train.includes(row));

describe('repairs of rows', () => {
  test('copies: the first stays, and the test part keeps its own', () => {
    const after = applyRepairs(data, split, [{ kind: 'drop_duplicates' }]);
    expect(gone(after.split)).toEqual([10, 12]);
    expect(after.split.test).toEqual(split.test);
    expect(after.changes).toHaveLength(1);
    expect(after.changes[0]).toMatchObject({ part: 'train', count: 2 });
    expect(after.changes[0]?.rows.map(({ line }) => line)).toEqual([12, 14]);
    expect(after.changes[0]?.sentence).toMatch(
      /1 such row stays in the other parts, so that the test figures are not flattered/,
    );
  });
  test('a copy under another label is no copy', () => {
    const after = applyRepairs(data, split, [{ kind: 'drop_duplicates' }]);
    expect([...after.split.train]).toEqual(expect.arrayContaining([20, 21]));
  });
  test('conflicting rows: all of them, in training only', () => {
    const after = applyRepairs(data, split, [{ kind: 'drop_conflicting' }]);
    expect(gone(after.split)).toEqual([20, 21]);
    expect(after.split.test).toEqual(split.test);
    expect(after.changes[0]?.sentence).toMatch(/2 such rows stay/);
  });
  test('rows by their place in the file', () => {
    const rows = [3, 45, 70].map((row) => ({ file: 'r.csv', row, line: row + 2 }));
    const after = applyRepairs(data, split, [{ kind: 'drop_rows', reason: 'not text', rows }]);
    expect(gone(after.split)).toEqual([3]);
    expect([after.split.validation, after.split.test]).toEqual([split.validation, split.test]);
    expect(after.changes[0]?.sentence).toMatch(
      /^1 training row was dropped: not text\. 2 such rows stay/,
    );
  });
  test('a repair that finds nothing changes and tells nothing', () => {
    const clean = labelTexts([table('c.csv', { text: sentences(80), label })], 'text', 'label');
    const after = applyRepairs(clean, split, [
      { kind: 'drop_duplicates' },
      { kind: 'drop_conflicting' },
    ]);
    expect([after.split, after.changes]).toEqual([split, []]);
  });
  test('a class that loses its training rows is named', () => {
    const rows = label.flatMap((value, row) =>
      value === 'bad' ? [{ file: 'r.csv', row, line: row + 2 }] : [],
    );
    expect(() => applyRepairs(data, split, [{ kind: 'drop_rows', reason: 'x', rows }])).toThrow(
      /“bad” is left after/,
    );
  });
});

describe('repairs of labels', () => {
  const names = ['1', '2', '2 ', '3', '4'];
  const many = labelTexts(
    [
      table('l.csv', {
        text: sentences(50),
        label: names.flatMap((name) =>
          Array.from({ length: 10 }, () => name.replace(' ', '\u00a0x')),
        ),
      }),
    ],
    'text',
    'label',
  );
  const splitOf = makeSplit(many, { method: 'stratified', testShare: 0.2, seed: 0 }, null);
  test('are joined in every part', () => {
    const after = applyRepairs(many, splitOf, [
      { kind: 'join_labels', from: ['2\u00a0x'], to: '2' },
    ]);
    expect(after.data.classes).toEqual(['1', '2', '3', '4']);
    expect([...classCounts(after.data)]).toEqual([10, 20, 10, 10]);
    expect(after.split).toEqual(splitOf);
    expect(after.changes[0]).toMatchObject({ part: 'both', count: 10 });
  });
  test('that are joined in a chain, or in a ring, become one', () => {
    const chain: Repair[] = [
      { kind: 'join_labels', from: ['1'], to: '3' },
      { kind: 'join_labels', from: ['3'], to: '4' },
    ];
    expect(applyRepairs(many, null, chain).data.classes).toEqual(['2', '2\u00a0x', '4']);
    const ring: Repair[] = [...chain, { kind: 'join_labels', from: ['4'], to: '1' }];
    expect(applyRepairs(many, null, ring).data.classes).toEqual(['1', '2', '2\u00a0x']);
  });
  test('are named, and sorted by their names', () => {
    const after = applyRepairs(many, null, [
      { kind: 'name_labels', names: { '1': 'zebra', '3': 'ant' } },
    ]);
    expect(after.data.classes).toEqual(['2', '2\u00a0x', '4', 'ant', 'zebra']);
    expect(after.data.labels[0]).toBe(4);
  });
  test('are left out of every part, and the split still points at the same rows', () => {
    const after = applyRepairs(many, splitOf, [{ kind: 'drop_class', label: '3' }]);
    expect(after.data.classes).not.toContain('3');
    const textsOf = (of: LabelledTexts, part: Int32Array): string[] =>
      [...part].map((row) => of.texts[row] ?? '');
    const wanted = textsOf(
      many,
      splitOf.test.filter((row) => many.classes[many.labels[row] ?? 0] !== '3'),
    );
    expect(textsOf(after.data, after.split.test)).toEqual(wanted);
    for (const part of [after.split.train, after.split.test]) {
      for (const row of part) expect(after.data.labels[row]).toBeLessThan(4);
    }
  });
  test('one class is not enough', () => {
    const all: Repair[] = [{ kind: 'join_labels', from: ['1', '2', '2\u00a0x', '3'], to: '4' }];
    expect(() => applyRepairs(many, null, all)).toThrow(/only class “4” is left/);
  });
});

test('several labels: joined, named and left out as columns; rows stay', () => {
  const rows = sentences(20);
  const bit = (on: (i: number) => boolean): string[] => rows.map((_, i) => (on(i) ? '1' : '0'));
  const all = labelTexts(
    [
      table('m.csv', {
        text: rows,
        a: bit((i) => i < 4),
        A: bit((i) => i > 2 && i < 8),
        rare: bit((i) => i === 9),
        z: bit((i) => i % 2 === 0),
      }),
    ],
    'text',
    { kind: 'columns', columns: ['z', 'a', 'A', 'rare'] },
  );
  const after = applyRepairs(all, null, [
    { kind: 'join_labels', from: ['A'], to: 'a' },
    { kind: 'drop_class', label: 'rare' },
    { kind: 'name_labels', names: { z: 'even' } },
  ]);
  expect(after.data.classes).toEqual(['even', 'a']);
  expect([...classCounts(after.data)]).toEqual([10, 8]);
  expect(after.data.texts).toHaveLength(20);
  expect(after.changes.map(({ count }) => count)).toEqual([5, 10, 1]);
});

test('a class of one row, which cannot be split, can be left out first', () => {
  const odd = labelTexts(
    [
      table('o.csv', {
        text: sentences(80),
        label: label.map((value, i) => (i === 7 ? 'odd' : value)),
      }),
    ],
    'text',
    'label',
  );
  const settings = { method: 'stratified', testShare: 0.2, seed: 0 } as const;
  expect(() => makeSplit(odd, settings, null)).toThrow(/“odd”/);
  const after = splitRepaired(odd, settings, null, [], [{ kind: 'drop_class', label: 'odd' }]);
  expect(after.data.texts).toHaveLength(79);
  expect(after.split.train.length + after.split.test.length).toBe(79);
  expect(after.changes).toHaveLength(1);
});

test('the same repairs in any order do the same, and leaving one out undoes it', () => {
  const labels = text.map((_, i) => ['good', 'bad', 'Good', 'worse'][i % 4] ?? '');
  const mixed = labelTexts([table('r.csv', { text, label: labels })], 'text', 'label');
  const repairs: Repair[] = [
    { kind: 'join_labels', from: ['Good'], to: 'good' },
    { kind: 'join_labels', from: ['worse'], to: 'bad' },
    { kind: 'name_labels', names: { good: 'fine' } },
    { kind: 'drop_conflicting' },
    { kind: 'drop_duplicates' },
    {
      kind: 'drop_rows',
      reason: 'x',
      rows: [
        { file: 'r.csv', row: 8, line: 10 },
        { file: 'r.csv', row: 20, line: 22 },
      ],
    },
  ];
  const { data: mended, split: parts } = applyRepairs(mixed, split, repairs);
  const random = seededRandom(3);
  for (let n = 0; n < 20; n++) {
    const again = applyRepairs(mixed, split, random.shuffle([...repairs]));
    expect([again.data, again.split]).toEqual([mended, parts]);
  }
  const without = applyRepairs(
    mixed,
    split,
    repairs.filter(({ kind }) => kind !== 'drop_rows'),
  );
  // Row 8 was the first of its copies: with it gone, its first copy stays in its place.
  expect([...without.split.train].includes(8)).toBe(true);
  expect([...parts.train].includes(10)).toBe(true);
  expect(applyRepairs(mixed, split, [])).toMatchObject({ data: mixed, split, changes: [] });
});
