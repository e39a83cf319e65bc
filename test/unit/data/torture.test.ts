import Papa from 'papaparse';
import { expect, test } from 'vitest';
import { HeadlightError } from '../../../src/base';
import { parseTable, type ParseSettings, type Table } from '../../../src/data';
import { sameAsPapa } from '../../helpers/table-fuzz';
import golden from '../../reference/data/torture.json';

type Delimiter = Table['delimiter'];

/** Where DuckDB's reader says something else, what we say, and why. */
const DIFFERENCES: Readonly<
  Record<string, { rows: string[][] | null; leftOut?: number; why: string }>
> = {
  'unclosed quote': {
    rows: [['a', 'x']],
    leftOut: 3,
    why: 'DuckDB refuses the file; the rows before the quote are whole, the others are counted and kept',
  },
  'CRLF, CR and LF': {
    rows: [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'x'],
    ],
    why: 'DuckDB refuses mixed row ends; files joined from two systems have them',
  },
  'short rows': {
    rows: [
      ['a', 'x', ''],
      ['b', 'y', 'z'],
      ['c', '', ''],
    ],
    why: 'DuckDB refuses; a missing cell at the end is empty, and said',
  },
  'long rows': {
    rows: [
      ['a', 'x'],
      ['d', 'y'],
    ],
    leftOut: 1,
    why: 'DuckDB refuses the file; one row is left out, said and kept',
  },
  'empty cells at the end': {
    rows: [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'x'],
    ],
    why: 'DuckDB refuses; spreadsheets write them, and nothing is lost',
  },
  'UTF-16 with a mark': {
    rows: [
      ['ä', 'x'],
      ['b', 'y'],
    ],
    why: 'DuckDB reads UTF-8 only',
  },
  'UTF-16 without a mark': {
    rows: [
      ['ä', 'x'],
      ['b', 'y'],
    ],
    why: 'DuckDB reads UTF-8 only',
  },
  'Windows-1252': {
    rows: [
      ['café €', 'x'],
      ['b', 'y'],
    ],
    why: 'DuckDB reads UTF-8 only',
  },
  'tabs and plain quotes': {
    rows: [
      ['"a" b', 'x'],
      ['"c', 'y'],
      ['d', 'x'],
    ],
    why: 'DuckDB refuses; tab-separated sets such as GLUE have no quoting',
  },
  'header only': { rows: null, why: 'there is nothing to learn from: refused' },
  empty: { rows: null, why: 'there is nothing to learn from: refused' },
  'twice the same name': {
    rows: [
      ['a', 'b', 'x'],
      ['c', 'd', 'y'],
    ],
    why: 'the second is called `text 2`, not `text_1`',
  },
};

function read(bytes: Uint8Array, settings: ParseSettings): Table | null {
  try {
    return parseTable({ name: 'file.csv', bytes }, settings);
  } catch (error) {
    if (error instanceof HeadlightError) return null;
    throw error;
  }
}

const rowsOf = (table: Table): string[][] =>
  Array.from({ length: table.rowCount }, (_, row) =>
    table.columns.map(({ cells }) => cells.at(row) ?? ''),
  );

test.each(golden.files)('$name: what DuckDB reads, or what is said to differ', (file) => {
  const bytes = Uint8Array.from(atob(file.base64), (char) => char.charCodeAt(0));
  const table = read(bytes, { delimiter: file.delimiter as Delimiter, hasHeader: true });
  const mine =
    table === null ? null : { columns: table.columns.map(({ name }) => name), rows: rowsOf(table) };
  const { duckdb } = file;
  const theirs = 'rows' in duckdb ? { columns: duckdb.columns, rows: duckdb.rows } : null;
  const difference = DIFFERENCES[file.name];
  if (difference === undefined) expect(mine).toEqual(theirs);
  else {
    expect(mine).not.toEqual(theirs);
    expect(mine?.rows ?? null).toEqual(difference.rows);
    expect(table?.rejected.count ?? 0).toBe(difference.leftOut ?? 0);
    expect(table?.rejected.rows ?? []).toHaveLength(difference.leftOut ?? 0);
  }
});

test('Papa Parse alone sees the same rows of every file that it can read', () => {
  let compared = 0;
  for (const file of golden.files) {
    const bytes = Uint8Array.from(atob(file.base64), (char) => char.charCodeAt(0));
    const table = read(bytes, { delimiter: file.delimiter as Delimiter, hasHeader: true });
    const text = new TextDecoder().decode(bytes);
    if (table?.encoding === 'utf-8' && sameAsPapa(table, text)) compared++;
  }
  expect(compared).toBeGreaterThan(10);
});

test('a cell of a megabyte, and ten thousand columns', () => {
  const cell = 'long "quoted", and\nbroken '.repeat(40_000);
  const tall = Papa.unparse([
    ['text', 'label'],
    [cell, 'x'],
    ['b', 'y'],
  ]);
  expect(rowsOf(parseTable({ name: 'a.csv', bytes: new TextEncoder().encode(tall) }))).toEqual([
    [cell, 'x'],
    ['b', 'y'],
  ]);
  const wide = ['name', 'cell', 'more'].map((word) =>
    Array.from({ length: 10_000 }, (_, index) => `${word}${index}`).join(','),
  );
  const table = parseTable(
    { name: 'a.csv', bytes: new TextEncoder().encode(wide.join('\n')) },
    { hasHeader: true },
  );
  expect([table.columns.length, table.rowCount]).toEqual([10_000, 2]);
  expect(table.columns[9_999]).toMatchObject({ name: 'name9999' });
  expect(table.columns[9_999]?.cells.at(1)).toBe('more9999');
});
