import { describe, expect, test } from 'vitest';
import {
  labelTexts,
  makeSplit,
  parseParseSettings,
  parseSplitSettings,
  parseTable,
  sortClasses,
  type LabelledTexts,
} from '../../../src/data';

function data(rows: readonly (readonly [string, string])[]): LabelledTexts {
  const body = rows.map(([text, label]) => `${text},${label}`).join('\n');
  return labelTexts([table('a.csv', `text,label\n${body}`)], 'text', 'label');
}
const table = (name: string, text: string) =>
  parseTable({ name, bytes: new TextEncoder().encode(text) });
const many = Array.from({ length: 503 }, (_, i): [string, string] => [
  `text ${i % 3 === 0 ? i % 60 : i}`,
  i % 60 < 6 || i % 7 === 0 ? 'a' : i % 2 === 0 ? 'b' : 'c',
]);

describe('labels', () => {
  test('classes are sorted as numpy sorts them', () => {
    expect(sortClasses(['10', '9', '-1'])).toEqual(['-1', '9', '10']);
    expect(sortClasses(['10', '9', 'b', 'B', '\u{1f600}', '\uff21'])).toEqual([
      '10',
      '9',
      'B',
      'b',
      '\uff21',
      '\u{1f600}',
    ]);
  });
  test('rows without text or label are counted by reason', () => {
    const found = labelTexts(
      [table('a.csv', 'text,label\na, x \n  ,y\nb,\nc,y\nd,x\n')],
      'text',
      'label',
    );
    expect(found.classes).toEqual(['x', 'y']);
    expect(found.leftOut).toEqual([
      { reason: 'no text', rows: 1 },
      { reason: 'no label', rows: 1 },
    ]);
    expect(found.origin[1]).toEqual({ file: 'a.csv', row: 3, line: 5 });
  });
  test('one class, or a column of all different values, is refused', () => {
    expect(() =>
      data([
        ['a', 'x'],
        ['b', 'x'],
      ]),
    ).toThrow(/same label/);
    expect(() =>
      data([
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ]),
    ).toThrow(/probably not/);
  });
});

describe('a stratified split', () => {
  const settings = { method: 'stratified', testShare: 0.2, seed: 3 } as const;
  test('cuts no text in two, loses no row, and repeats with its seed', () => {
    const all = data(many);
    const split = makeSplit(all, settings, null);
    expect([...split.train, ...split.test].sort((a, b) => a - b)).toEqual([...all.texts.keys()]);
    const tested = new Set([...split.test].map((i) => all.texts[i]));
    expect([...split.train].filter((i) => tested.has(all.texts[i]))).toEqual([]);
    expect(makeSplit(all, settings, null)).toEqual(split);
    expect(makeSplit(all, { ...settings, seed: 4 }, null).test).not.toEqual(split.test);
  });
  test('takes a text that is repeated 150,000 times', () => {
    const copies = 150_000;
    const rows = copies + 20;
    const all: LabelledTexts = {
      ...data(many),
      texts: Array.from({ length: rows }, (_, i) => (i < copies ? 'again' : `text ${i}`)),
      labels: Int32Array.from({ length: rows }, (_, i) => (i < copies ? 0 : i % 3)),
    };
    const split = makeSplit(all, settings, null);
    expect(split.train.length + split.test.length).toBe(rows);
  });
  test('holds every class to its share within one row', () => {
    const all = data(many.map(([, label], i) => [`t${i}`, label]));
    const { test: part } = makeSplit(all, settings, null);
    expect(part).toHaveLength(Math.ceil(0.2 * 503));
    all.classes.forEach((_, c) => {
      const rows = all.labels.filter((label) => label === c).length;
      const got = part.filter((i) => all.labels[i] === c).length;
      expect(Math.abs(got - 0.2 * rows)).toBeLessThanOrEqual(1);
    });
  });
  test('two rows of a class go one to each side; one row is refused by name', () => {
    const rows = Array.from({ length: 30 }, (_, i): [string, string] => [
      `t${i}`,
      i < 2 ? 'rare' : 'x',
    ]);
    const all = data(rows);
    expect(
      makeSplit(all, settings, null).test.filter((i) => all.classes[all.labels[i] ?? 0] === 'rare'),
    ).toHaveLength(1);
    expect(() => makeSplit(data(rows.slice(1)), settings, null)).toThrow(/“rare” has only one row/);
    expect(() => makeSplit(data([...rows.slice(1), ['t1', 'rare']]), settings, null)).toThrow(
      /“rare”/,
    );
  });
});

describe('a split by file', () => {
  const two = (test: string) =>
    labelTexts(
      [table('train.csv', 'text,label\na,x\nb,y\nc,x\nd,y\n'), table('test.csv', test)],
      'text',
      'label',
    );
  test('drops training rows whose text is tested, and says how many', () => {
    const split = makeSplit(two('text,label\n a ,x\ne,y\n'), { method: 'files' }, 'test.csv');
    expect([[...split.train], [...split.test], [...split.droppedFromTrain]]).toEqual([
      [1, 2, 3],
      [4, 5],
      [0],
    ]);
    expect(split.notes.join(' ')).toMatch(/One training row was dropped/);
  });
  test('a class that only stands in the test file is named', () => {
    expect(() =>
      makeSplit(two('text,label\ne,new\nf,new\ng,x\n'), { method: 'files' }, 'test.csv'),
    ).toThrow(/“new”/);
  });
});

test('settings from outside are checked', () => {
  expect(parseSplitSettings({ method: 'files' })).toEqual({ method: 'files' });
  expect(() => parseSplitSettings({ method: 'stratified', testShare: 1, seed: 0 })).toThrow(
    /testShare/,
  );
  expect(() => parseParseSettings({ delimiter: 'x' })).toThrow(/delimiter/);
});
