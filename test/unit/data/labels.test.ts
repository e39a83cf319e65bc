/** Labels as they stand in files: one a row, several columns of 0 and 1, several in a cell. */
import { describe, expect, test } from 'vitest';
import { classCounts, drawTexts, labelTexts, selectRows } from '../../../src/data';
import { table } from './tables';

const flags = table('flags.csv', {
  text: ['a', 'b', 'c', 'd', 'e', ''],
  rude: ['1', '0', 'yes', 'maybe', '0', '1'],
  loud: ['0', '0', 'Yes', '1', '', '1'],
});

describe('several columns of 0 and 1', () => {
  const data = labelTexts([flags], 'text', { kind: 'columns', columns: ['loud', 'rude'] });
  test('are targets in the order of the columns; what is neither is left out and counted', () => {
    expect(data.classes).toEqual(['loud', 'rude']);
    expect([...(data.targets ?? [])]).toEqual([0, 1, 0, 0, 1, 1]);
    expect(data.texts).toEqual(['a', 'b', 'c']);
    expect(data.leftOut).toEqual([
      { reason: 'no text', rows: 1 },
      { reason: 'no label', rows: 1 },
      { reason: 'a label that is neither 0 nor 1', rows: 1 },
    ]);
    expect([...classCounts(data)]).toEqual([1, 2]);
  });
  test('a row is stratified by the rarest of its labels, one without any by none', () => {
    expect([...data.labels]).toEqual([1, 2, 0]);
  });
  test('rows picked keep their targets', () => {
    const picked = selectRows(data, Int32Array.of(2, 0));
    expect([...(picked.targets ?? [])]).toEqual([1, 1, 0, 1]);
    expect(picked.origin.map(({ line }) => line)).toEqual([4, 2]);
  });
});

describe('several labels in a cell', () => {
  const read = (cells: string[], delimiter: string) =>
    labelTexts([table('t.csv', { text: cells.map((_, i) => `text ${i}`), y: cells })], 'text', {
      kind: 'delimited',
      column: 'y',
      delimiter,
    });
  const sets = (data: ReturnType<typeof read>) =>
    data.texts.map((_, row) =>
      data.classes.filter((__, c) => data.targets?.[row * data.classes.length + c] === 1).join('+'),
    );
  test('ids are sorted as numbers; twice in a cell is once', () => {
    const data = read(['4,27', '10', '4, 4', '27', '10,4'], ',');
    expect(data.classes).toEqual(['4', '10', '27']);
    expect(sets(data)).toEqual(['4+27', '10', '4', '27', '4+10']);
  });
  test('lists are read without brackets and quotes; [] has no label, an empty cell is left out', () => {
    const data = read([`['joy', 'awe']`, '["joy"]', '[]', '', 'awe'], ',');
    expect(sets(data)).toEqual(['awe+joy', 'joy', '', 'awe']);
    expect(data.leftOut).toEqual([{ reason: 'no label', rows: 1 }]);
  });
  test('labels of a JSON list may hold the delimiter', () => {
    const data = read(['["a, b", "c"]', '["c"]', '["a, b"]', '[1]', '[1, "c"]'], ',');
    expect(sets(data)).toEqual(['a, b+c', 'c', 'a, b', '1', '1+c']);
  });
  test('fastText’s prefix is no part of a label', () => {
    const data = read(['__label__a __label__b', '__label__b', '__label__a'], ' ');
    expect(sets(data)).toEqual(['a+b', 'b', 'a']);
  });
});

test('pairs and groups follow their rows', () => {
  const data = labelTexts(
    [
      table('p.csv', {
        a: ['x', 'y', 'z'],
        b: ['1', '', '3'],
        l: ['p', 'q', 'q'],
        who: ['u', 'u', ''],
      }),
    ],
    'a',
    'l',
    'b',
    { groups: 'who' },
  );
  expect([data.pairs, [...(data.groups ?? [])]]).toEqual([
    ['1', '3'],
    [0, -1],
  ]);
});

test('“use N rows” takes every class in its share, in the order of the file', () => {
  const n = 400;
  const data = labelTexts(
    [
      table('n.csv', {
        t: Array.from({ length: n }, (_, i) => `t ${i}`),
        l: Array.from({ length: n }, (_, i) => (i % 4 === 0 ? 'rare' : 'common')),
      }),
    ],
    't',
    'l',
  );
  const drawn = drawTexts(data, 100, 5);
  expect([...classCounts(drawn)]).toEqual([75, 25]);
  expect(drawn.origin.map(({ row }) => row)).toEqual(
    drawn.origin.map(({ row }) => row).sort((a, b) => a - b),
  );
  expect(drawTexts(data, 100, 5).texts).toEqual(drawn.texts);
  expect(drawTexts(data, 1000, 5)).toBe(data);
});
