import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { finish, HeadlightError, type Progress } from '../../../src/base';
import {
  fileOfBlob,
  fileOfBytes,
  fileOfText,
  labelTexts,
  readTable,
  rejectedCsv,
  type ParseSettings,
  type SourceFile,
  type Table,
} from '../../../src/data';

const read = (name: string, content: string | Uint8Array, settings?: ParseSettings) =>
  finish(
    readTable(
      typeof content === 'string' ? fileOfText(name, content) : fileOfBytes(name, content),
      settings,
    ),
  );
const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/data/${name}`, import.meta.url)));
const asRows = (table: Table) =>
  Array.from({ length: table.rowCount }, (_, row) =>
    Object.fromEntries(table.columns.map(({ name, cells }) => [name, cells.at(row) ?? ''])),
  );

describe('JSON', () => {
  test('fields within fields are columns, lists are cells divided by bars, long ids stay whole', async () => {
    const text =
      '{"text":"a, b","tags":["x","y"],"meta":{"id":12345678901234567890,"by":{"n":1.5}}}\n\n' +
      '{"text":"c","tags":[],"ok":true,"list":[{"a":1}],"odd":["p|q","r"]}\n{"text":null}\n';
    const table = await read('a.jsonl', text);
    expect(table.format).toBe('jsonl');
    expect(asRows(table)).toEqual([
      {
        text: 'a, b',
        tags: 'x|y',
        'meta.id': '12345678901234567890',
        'meta.by.n': '1.5',
        ok: '',
        list: '',
        odd: '',
      },
      {
        text: 'c',
        tags: '[]',
        'meta.id': '',
        'meta.by.n': '',
        ok: 'true',
        list: '[{"a":1}]',
        odd: '["p|q","r"]',
      },
      { text: '', tags: '', 'meta.id': '', 'meta.by.n': '', ok: '', list: '', odd: '' },
    ]);
    expect([...table.lines]).toEqual([1, 3, 4]);
  });
  test('lists of labels are several labels a row', async () => {
    const rows = Array.from({ length: 8 }, (_, i) => ({
      text: `text ${i}`,
      labels: i % 2 === 0 ? ['a'] : ['a', 'b c'],
    }));
    const data = labelTexts([await read('a.json', JSON.stringify(rows))], 'text', {
      kind: 'delimited',
      column: 'labels',
      delimiter: '|',
    });
    expect(data.classes).toEqual(['a', 'b c']);
    expect([...(data.targets ?? [])].slice(0, 4)).toEqual([1, 0, 1, 1]);
  });
  test('an array over many lines; what is no JSON is left out, kept and said', async () => {
    const table = await read(
      'a.json',
      '[\n{"text":"]}"},\n{"text":\n"b"},{oops},\n{"text":"d"},\n]',
    );
    expect(asRows(table).map((row) => row['text'])).toEqual([']}', 'b', 'd']);
    expect([...table.lines]).toEqual([2, 3, 5]);
    expect(table.rejected.rows).toMatchObject([{ line: 4, text: '{oops}' }]);
    expect(rejectedCsv(table)).toMatch(/^\ufeffline,problem,row\r\n4,.*\{oops\}\r\n$/);
  });
  test('an array that is cut off says so; one object is not a list of rows', async () => {
    const table = await read('a.json', '[{"text":"a"},{"text":"b');
    expect([table.rowCount, table.rejected.rows[0]?.text]).toEqual([1, '{"text":"b']);
    await expect(read('a.json', '{\n"text": {"0": "a"}\n}')).rejects.toMatchObject({
      code: 'bad-table',
    });
  });
});

describe('plain text and fastText', () => {
  test('a text a line', async () => {
    const table = await read('a.txt', 'hello, you\n\nwell "there"\r\nfine');
    expect([table.format, table.columns[0]?.name]).toEqual(['lines', 'text']);
    expect([...(table.columns[0]?.cells ?? [])]).toEqual(['hello, you', 'well "there"', 'fine']);
    expect([...table.lines]).toEqual([1, 3, 4]);
  });
  test('fastText: the labels are one cell; a line without one is left out', async () => {
    const lines = Array.from(
      { length: 12 },
      (_, i) => `__label__a${i % 2 ? ' __label__b' : ''} text ${i}`,
    );
    const table = await read('a.txt', [...lines, 'no label'].join('\n'));
    expect(asRows(table).slice(0, 2)).toEqual([
      { label: '__label__a', text: 'text 0' },
      { label: '__label__a __label__b', text: 'text 1' },
    ]);
    expect(table.rejected.rows).toMatchObject([{ line: 13, text: 'no label' }]);
  });
});

describe('Parquet and Excel', () => {
  test.each(['snappy', 'zstd', 'gzip', 'uncompressed'])('Parquet, %s', async (codec) => {
    const table = await read('a.parquet', fixture(`small-${codec}.parquet`));
    expect([table.format, table.rowCount]).toEqual(['parquet', 50]);
    // As the script that wrote it says.
    expect(asRows(table)[5]).toEqual({
      id: '5',
      text: 'text 5, "größer" 文',
      labels: 'a|b',
      'meta.x': '5',
      'meta.y': 'q5',
      day: '2024-01-07',
      quarter: '1.25',
      big: '9007199254740998',
      even: 'false',
    });
    expect(asRows(table)[0]).toMatchObject({ text: '', labels: '[]' });
  });
  test('a Parquet file that was cut off', async () => {
    await expect(
      read('a.parquet', fixture('small-snappy.parquet').slice(0, -40)),
    ).rejects.toMatchObject({
      code: 'bad-file',
    });
  });
  test('a workbook: the first sheet with rows, or the one that is named', async () => {
    const table = await read('a.xlsx', fixture('small.xlsx'));
    expect([table.sheet, table.sheets]).toEqual(['data', ['notes', 'data', 'more']]);
    expect(asRows(table)).toEqual([
      { text: 'hello, "you"', label: 'x', when: '2024-01-02T03:04:05.000Z', number: '1.5' },
      { text: ' two\nlines ', label: 'y', when: '2024-05-06', number: 'true' },
      { text: 'größer 文', label: 'x', when: '', number: '12' },
    ]);
    expect([...table.lines]).toEqual([2, 3, 5]);
    const other = await read('a.xlsx', fixture('small.xlsx'), { sheet: 'more', hasHeader: true });
    expect(asRows(other)).toEqual([{ text: 'another sheet', label: 'z' }]);
    await expect(read('a.xlsx', fixture('small.xlsx'), { sheet: 'none' })).rejects.toThrow(
      /no sheet “none”/,
    );
  });
});

describe('large files', () => {
  /** A file that is made as it is read, and counts what was asked for. */
  function made(rows: number, row: (index: number) => string): SourceFile & { asked: number } {
    const size = row(0).length;
    const file = {
      name: 'big.csv',
      size: rows * size,
      asked: 0,
      slice(start: number, end: number): Promise<Uint8Array> {
        file.asked += end - start;
        let text = '';
        for (let i = Math.floor(start / size); i * size < end; i++) text += row(i);
        const from = start % size;
        return Promise.resolve(new TextEncoder().encode(text.slice(from, from + end - start)));
      },
    };
    return file;
  }
  const row = (index: number): string =>
    index === 0
      ? `${'text'.padEnd(49, '_')},label\n`
      : `"${String(index).padStart(9, '0')}, ""quoted""${index % 2 ? '\n' : ' '}${'x'.repeat(25)}",lab${index % 10}1\n`;

  test('quotes across pieces, lines and rows as they are, progress to the end', async () => {
    expect(row(1).length).toBe(row(0).length);
    const file = made(200_000, row);
    const seen: Progress[] = [];
    const table = await finish(readTable(file, {}), (progress) => seen.push(progress));
    expect([table.rowCount, table.problemCount, table.columns.length]).toEqual([199_999, 0, 2]);
    for (const at of [0, 1, 77_777, 199_998]) {
      const index = at + 1;
      expect(table.columns[0]?.cells.at(at)).toBe(
        `${String(index).padStart(9, '0')}, "quoted"${index % 2 ? '\n' : ' '}${'x'.repeat(25)}`,
      );
      expect(table.lines[at]).toBe(1 + index + Math.floor(index / 2));
    }
    expect(seen.at(-1)).toMatchObject({
      done: file.size / 1e6,
      total: file.size / 1e6,
      secondsLeft: 0,
    });
  });
  test('bytes that are not UTF-8 far down: all is read as Windows-1252, and said', async () => {
    const file = made(200_000, row);
    const broken: SourceFile = {
      ...file,
      async slice(start, end) {
        const bytes = await file.slice(start, end);
        const at = 11_000_000 - start;
        if (at >= 0 && at < bytes.length) bytes[at] = 0xe9;
        return bytes;
      },
    };
    const table = await finish(readTable(broken));
    expect([table.encoding, table.rowCount]).toEqual(['windows-1252', 199_999]);
    expect(table.notes?.[0]).toMatch(/after about 1[01] MB .* Windows-1252/);
    await expect(finish(readTable(broken, { encoding: 'utf-8' }))).rejects.toThrow(/not UTF-8/);
  });
  test('a quote that never closes leaves out what it swallows, line by line; without quotes all is there', async () => {
    const text = `text,label\na,x\n"open,y\n${'more,z\n'.repeat(3000)}`;
    const table = await read('a.csv', text);
    expect([table.rowCount, table.rejected.count, table.problemCount]).toEqual([1, 3001, 1]);
    expect(table.problems[0]).toMatchObject({
      line: 3,
      problem: expect.stringMatching(/3001 lines/) as string,
    });
    expect((await read('a.csv', text, { quotes: false })).rowCount).toBe(3002);
  });
  test('it can be stopped', async () => {
    const controller = new AbortController();
    const job = readTable(made(200_000, row), {}, controller.signal);
    await job.next();
    controller.abort();
    await expect(finish(job)).rejects.toMatchObject({ code: 'aborted' });
  });
  test('a Blob is read in pieces', async () => {
    const blob = new Blob(['text,label\n', 'a,x\nb,y\n']);
    const table = await finish(readTable(fileOfBlob('a.csv', blob)));
    expect([...(table.columns[0]?.cells ?? [])]).toEqual(['a', 'b']);
  });
  test('of left-out rows ten megabytes are kept, all are counted', async () => {
    const long = `${'x'.repeat(2000)},y,z\n`;
    const table = await read('a.csv', `text,label\n${'a,x\n'.repeat(9000)}${long.repeat(6000)}`, {
      hasHeader: true,
    });
    expect(table.rejected).toMatchObject({ count: 6000, truncated: true });
    expect(table.rejected.rows.length).toBeGreaterThan(4000);
    expect([table.problems.length, table.problemCount]).toEqual([1000, 6000]);
  });
});

test('what cannot be read says what to do', async () => {
  const old = Uint8Array.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0]);
  const error: unknown = await read('a.xls', old).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HeadlightError);
  expect(error).toMatchObject({
    code: 'bad-file',
    hint: expect.stringMatching(/\.xlsx.*CSV/) as string,
  });
});
