import { expect, test } from 'vitest';
import Papa from 'papaparse';
import { predictionsCsv, rowsCsv, safeCell, type Table } from '../../../src/data';

test.each(['=1+1', '+a', '-a', '@x', '\tx', '  =1', '＝1', '\u200b=1', '-1+1', '\nx'])(
  '%j cannot become a formula',
  (cell) => {
    expect(safeCell(cell)).toBe(`'${cell}`);
  },
);
test.each(['-3.5', '+4', '1e-5', '-1,5', 'a=b', '', "it's", '3 - 2'])(
  '%j stays as it is',
  (cell) => {
    expect(safeCell(cell)).toBe(cell);
  },
);
test.each([
  ['a;=1+1', "a;'=1+1"],
  ['a; -x', "a; '-x"],
  ['a;"=1+1;"', `a;"'=1+1;"`],
  ['list:\r\n+ one\n@two', "list:\r\n'+ one\n'@two"],
  ['\t=1', "'\t'=1"],
  ['a;;\u200b＝1', "a;;\u200b'＝1"],
])('%j cannot become a formula where another separator is set', (cell, expected) => {
  expect(safeCell(cell)).toBe(expected);
  // As Excel cuts a line when the semicolon is its separator: quotes count at a cell's start only.
  const pieces = rowsCsv(['t', 'u'], [['x', cell]])
    .split(/[;\t\r\n]/)
    .map((piece) => piece.replace(/^[\s"\u200b\ufeff]+/, ''));
  expect(pieces.filter((piece) => /^[=+\-@＝＋－＠]/.test(piece))).toEqual([]);
});
test('what is written reads back as the same cells, save for the apostrophe', () => {
  const rows = [
    ['a,b', 'say "x"', 'two\r\nlines'],
    ['=1', '-2', ' '],
    ['', ';', '\t|'],
    ['a;=1', 'two\n- three', ';"@x"'],
  ];
  const text = rowsCsv(['x', '=y', 'z'], rows);
  expect(text.startsWith('\ufeffx,')).toBe(true);
  const back = Papa.parse<string[]>(text.trimEnd(), { delimiter: ',', newline: '\r\n' });
  expect(back.errors).toEqual([]);
  expect(back.data).toEqual([['x', "'=y", 'z'], ...rows.map((row) => row.map(safeCell))]);
});
test('predictions stand after the own columns, under names that were free', () => {
  const table: Table = {
    name: 'a.csv',
    columns: [
      { name: 'text', cells: ['a', ''] },
      { name: 'prediction', cells: ['old', '-1'] },
    ],
    rowCount: 2,
    lines: Int32Array.of(2, 3),
    encoding: 'utf-8',
    delimiter: ',',
    format: 'table',
    hasHeader: true,
    problems: [],
    problemCount: 0,
    rejected: { rows: [], count: 0, truncated: false },
  };
  const csv = predictionsCsv(table, { labels: ['x', null], probabilities: [[0.75, 0.25], null] }, [
    'x',
    'y',
  ]);
  expect(csv).toBe(
    '\ufefftext,prediction,prediction 2,probability: x,probability: y\r\na,old,x,0.75,0.25\r\n,-1,,,\r\n',
  );
});
