import { describe, expect, test } from 'vitest';
import { HeadlightError, seededRandom } from '../../../src/base';
import { decodeBytes, findColumns, parseTable, type ParseSettings } from '../../../src/data';

const encoder = new TextEncoder();
const read = (text: string | Uint8Array, name = 'file.csv', settings?: ParseSettings) =>
  parseTable({ name, bytes: typeof text === 'string' ? encoder.encode(text) : text }, settings);
const cells = (table: ReturnType<typeof read>) => table.columns.map((column) => [...column.cells]);
const bytesOf = (latin1: string) => Uint8Array.from(latin1, (unit) => unit.charCodeAt(0));

describe('bytes become text', () => {
  test('UTF-8 and UTF-16 by their marks, else Windows-1252', () => {
    expect(decodeBytes(encoder.encode('\ufeffgrün'))).toEqual({ text: 'grün', encoding: 'utf-8' });
    expect(decodeBytes(Uint8Array.of(0xff, 0xfe, 0x61, 0, 0x16, 0x20))).toEqual({
      text: 'a‖',
      encoding: 'utf-16le',
    });
    expect(decodeBytes(Uint8Array.of(0xfe, 0xff, 0, 0x61)).text).toBe('a');
    expect(decodeBytes(bytesOf('caf\xe9 \x80 \x93x\x94'))).toEqual({
      text: 'café € “x”',
      encoding: 'windows-1252',
    });
  });
  test('what is not UTF-8 is refused when UTF-8 was chosen', () => {
    expect(() => decodeBytes(bytesOf('caf\xe9'), 'utf-8')).toThrow(/not UTF-8/);
  });
  test.each([
    ['PK\x03\x04....xl/workbook.bin', /binary Excel workbook/],
    ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', /old Excel/],
    ['PK\x03\x04....a.csv', /zip archive/],
    ['%PDF-1.7', /PDF/],
    ['', /empty/],
    ['\n\n \n', /blank/],
    ['\x00\x01\x02\xff\xfe\x03\x04\x80', /binary/],
    ['<!DOCTYPE html><p>', /web page/],
  ])('%j is refused with what it is', (content, message) => {
    expect(() => read(bytesOf(content))).toThrow(message);
    try {
      read(bytesOf(content));
    } catch (error) {
      expect(error).toMatchObject({ code: 'bad-file', hint: expect.any(String) as string });
    }
  });
});

describe('a table is read as it stands', () => {
  test('quoted delimiters, quotes and line breaks, with the line each row begins on', () => {
    const table = read('text,label\r\n"a, ""b""\r\nc",x\r\n\r\nd,y\r\n"e\rf\ng",x\r\nh,y');
    expect(cells(table)).toEqual([
      ['a, "b"\r\nc', 'd', 'e\rf\ng', 'h'],
      ['x', 'y', 'x', 'y'],
    ]);
    expect([...table.lines]).toEqual([2, 5, 6, 9]);
    expect(table.problems).toEqual([]);
  });
  test('lone CR, and mixed row ends', () => {
    expect(cells(read('text,label\ra,x\rb,y\r'))[0]).toEqual(['a', 'b']);
    expect(cells(read('text,label\r\na,x\nb,y\rc,x'))[1]).toEqual(['x', 'y', 'x']);
  });
  test.each([',', '\t', ';', '|'] as const)('delimiter %j is found', (delimiter) => {
    const rows = ['text|label', 'one, two|x', 'a; three, four|y', 'five|x'];
    const quoted = rows.map((row) =>
      row
        .split('|')
        .map((cell) => `"${cell}"`)
        .join(delimiter),
    );
    const table = read(quoted.join('\n'));
    expect(table.delimiter).toBe(delimiter);
    expect(cells(table)[0]).toEqual(['one, two', 'a; three, four', 'five']);
  });
  test('one column of prose is not cut at its commas', () => {
    expect(cells(read('message\nhello, you\nno\nwell, well, well\nfine'))).toEqual([
      ['hello, you', 'no', 'well, well, well', 'fine'],
    ]);
  });
  test('tab-separated files without quoting keep their quotes; with quoting they lose them', () => {
    expect(cells(read('sentence\tlabel\n"a" he said\t1\n"b\t0\nc"\t1\n', 'a.tsv'))[0]).toEqual([
      '"a" he said',
      '"b',
      'c"',
    ]);
    expect(cells(read('sentence\tlabel\n"a\nb"\t1\n"c\td"\t0\n', 'a.tsv'))[0]).toEqual([
      'a\nb',
      'c\td',
    ]);
  });
  test('ragged rows are reported with their line, never mended in silence', () => {
    const table = read('text,label\na,x\nb\nc,d,y\ne,y,\n');
    expect(cells(table)).toEqual([
      ['a', 'b', 'e'],
      ['x', '', 'y'],
    ]);
    expect(table.problems.map(({ line }) => line)).toEqual([3, 4]);
    expect([...table.lines]).toEqual([2, 3, 5]);
  });
  test('an unclosed quote is reported', () => {
    const table = read('text,label\na,x\n"b,y\nc,x\n', 'a.csv', { delimiter: ',' });
    expect(
      table.problems.some(({ line, problem }) => line === 3 && /never closes/.test(problem)),
    ).toBe(true);
  });
  test('header names are filled and made unique', () => {
    const table = read('text,,text,text 2\na,b,c,d\n', 'a.csv', { hasHeader: true });
    expect(table.columns.map(({ name }) => name)).toEqual(['text', 'column 2', 'text 3', 'text 2']);
  });
  test('a first row that comes again is data, even if it is a word such as spam', () => {
    const table = read('spam\tbuy now\nham\thello\nspam\tcheap\nham\tsee you\n');
    expect(table.hasHeader).toBe(false);
    expect(table.rowCount).toBe(4);
    expect(read('текст,метка\nда нет,а\nещё один,б\nи третий,а\nи ещё,б').hasHeader).toBe(true);
  });
  test('only a header is a table without rows', () => {
    expect(() => read('text,label\n')).toThrow(/no rows/);
  });
  test('NUL, a cell of a megabyte, ten thousand columns', () => {
    const withNul = read('text,label\nlong enough a text so that it is no binary \0 here,x\nb,y\n');
    expect(withNul.problems).toHaveLength(1);
    const big = 'long "" '.repeat(131072);
    expect(cells(read(`text,label\n"${big}",x\nb,y`))[0]?.[0]?.length).toBe(big.length - 131072);
    const wide = Array.from({ length: 10000 }, (_, i) => `c${i}`).join(',');
    expect(read(`${wide}\n${wide.replaceAll('c', '')}`).columns).toHaveLength(10000);
  });
  test('damaged files end in a table or a HeadlightError, and soon', () => {
    const base = encoder.encode('text,label\n"a, ""b""\nc",x\r\nd;é|,y\n"e\tf",x\n');
    const random = seededRandom(1);
    const odd = [0, 9, 10, 13, 34, 44, 59, 124, 255, 0xef];
    for (let round = 0; round < 2000; round++) {
      const bytes = [...base];
      for (let edits = 1 + random.integer(6); edits > 0; edits--) {
        const byte = odd[random.integer(odd.length)] ?? 0;
        bytes.splice(
          random.integer(bytes.length),
          random.integer(3),
          ...(random.integer(2) ? [byte] : []),
        );
      }
      try {
        const table = read(Uint8Array.from(bytes));
        for (const column of table.columns) expect(column.cells).toHaveLength(table.rowCount);
        expect(table.lines).toHaveLength(table.rowCount);
        findColumns([table]);
      } catch (error) {
        if (!(error instanceof HeadlightError)) throw error;
      }
    }
  });
});
