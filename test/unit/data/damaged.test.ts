/** Parquet and Excel that say what they are not: refused in words, before memory or time is spent on them. */
import { readdirSync, readFileSync } from 'node:fs';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { finish, HeadlightError } from '../../../src/base';
import { fileOfBytes, readTable, type Table } from '../../../src/data';

const FOLDER = new URL('../../fixtures/data/', import.meta.url);
const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(name, FOLDER)));
const read = (name: string, bytes: Uint8Array): Promise<Table> =>
  finish(readTable(fileOfBytes(name, bytes)));
const rowsOf = (table: Table): (string | undefined)[][] =>
  Array.from({ length: table.rowCount }, (_, row) =>
    table.columns.map(({ cells }) => cells.at(row)),
  );

async function refusal(name: string, bytes: Uint8Array): Promise<HeadlightError> {
  const error: unknown = await read(name, bytes).catch((thrown: unknown) => thrown);
  if (!(error instanceof HeadlightError)) throw new Error('it was not refused');
  return error;
}

/** The places at which `bytes` holds `wanted`. */
function places(bytes: Uint8Array, wanted: readonly number[]): number[] {
  return [...bytes.keys()].filter((at) => wanted.every((byte, i) => bytes[at + i] === byte));
}

test('every encoding, page version and codec that pyarrow writes holds the rows that it was given', async () => {
  const golden = JSON.parse(readFileSync(new URL('parquet/rows.json', FOLDER), 'utf8')) as {
    names: string[];
    rows: string[][];
  };
  const names = readdirSync(new URL('parquet/', FOLDER)).filter((name) =>
    name.endsWith('.parquet'),
  );
  expect(names.length).toBeGreaterThan(12);
  for (const name of names) {
    const table = await read(name, bytesOf(`parquet/${name}`));
    expect(table.columns.map((column) => column.name)).toEqual(golden.names);
    expect(rowsOf(table), name).toEqual(golden.rows);
    expect(table.notes, name).toBeUndefined();
  }
});

test('a page whose checksum is another is not read', async () => {
  const bytes = bytesOf('parquet/dictionary-1-checksum.parquet');
  // In the dictionary, behind its length.
  const [at = 0] = places(bytes, [3, 0, 0, 0, ...strToU8('yes')]);
  bytes[at + 4] = 'Y'.charCodeAt(0);
  const { code, message, hint } = await refusal('a.parquet', bytes);
  expect(code).toBe('bad-file');
  expect(message).toContain('column “label”: a page does not have its checksum');
  expect(hint).toContain('damaged or was cut off');
});

test('a gzipped page that unpacks to something else is not read', async () => {
  const original = bytesOf('parquet/dictionary-1-gzip.parquet');
  const starts = places(original, [0x1f, 0x8b, 8]);
  expect(starts.length).toBeGreaterThan(5);
  for (const start of starts.slice(0, 8)) {
    const bytes = original.slice();
    bytes[start + 14] = (bytes[start + 14] ?? 0) ^ 1;
    expect((await refusal('a.parquet', bytes)).message).toContain('cannot be read as Parquet');
  }
});

test('bytes that are no UTF-8 are shown as such and said', async () => {
  const bytes = bytesOf('parquet/plain-1-none.parquet');
  const [at = 0] = places(bytes, [...strToU8('q11')]);
  bytes[at] = 0xff;
  const table = await read('a.parquet', bytes);
  expect(table.notes?.join()).toContain('1 different text holds bytes that are no UTF-8');
  expect(rowsOf(table).flat()).toContain('\ufffd11');
});

test('columns that say they have fewer than no children do not hang the reader', async () => {
  const bytes = bytesOf('parquet/dictionary-2-snappy.parquet');
  // The list `tags`: its name, then that it has one child (zigzag 2).
  const at = places(bytes, [0x18, 4, ...strToU8('tags'), 0x15, 2])[0];
  if (at === undefined) throw new Error('the fixture is written otherwise');
  bytes[at + 7] = 3;
  expect((await refusal('a.parquet', bytes)).message).toContain('description of its columns');
});

/** The small workbook with its second sheet's XML changed. */
function workbook(change: (xml: string) => string): Uint8Array {
  const parts = unzipSync(bytesOf('small.xlsx'));
  const name = 'xl/worksheets/sheet2.xml';
  const xml = new TextDecoder().decode(parts[name]);
  const changed = change(xml);
  expect(changed).not.toBe(xml);
  return zipSync({ ...parts, [name]: strToU8(changed) });
}

test('a stray cell at the far end of a sheet is named as the reason, not filled up to', async () => {
  const far = workbook((xml) =>
    xml.replace(
      '</sheetData>',
      '<row r="1000000"><c r="XFD1000000" t="inlineStr"><is><t>x</t></is></c></row></sheetData>',
    ),
  );
  const { message, hint } = await refusal('far.xlsx', far);
  expect(message).toBe('far.xlsx reaches over more cells than can be read at once.');
  expect(hint).toContain('delete the rows and columns beyond the table');
});

test.each(['A2000000000', 'ZZZZ2', 'A1e9', 'a2'])('a cell %s is not there', async (address) => {
  const odd = workbook((xml) => xml.replace('r="A2"', `r="${address}"`));
  expect((await refusal('a.xlsx', odd)).message).toContain(`there is no cell “${address}”`);
});

test('a sheet that is listed and missing is said', async () => {
  const parts = unzipSync(bytesOf('small.xlsx'));
  const rels = 'xl/_rels/workbook.xml.rels';
  const xml = new TextDecoder().decode(parts[rels]);
  const broken = zipSync({ ...parts, [rels]: strToU8(xml.replaceAll(/Id="rId\d"/g, 'Id="none"')) });
  expect((await refusal('a.xlsx', broken)).message).toMatch(/cannot be read as an Excel workbook/);
});

test('a workbook that unpacks to more than it says, or to far more than it is, is not unpacked', async () => {
  const parts = unzipSync(bytesOf('small.xlsx'));
  const bomb = zipSync({ ...parts, 'xl/media/zeros.xml': new Uint8Array(3_000_000) }, { level: 9 });
  const view = new DataView(bomb.buffer);
  // In the directory: three million bytes become four thousand million.
  for (const at of places(bomb, [0x50, 0x4b, 1, 2]))
    if (view.getUint32(at + 24, true) === 3_000_000) view.setUint32(at + 24, 4_000_000_000, true);
  expect((await refusal('a.xlsx', bomb)).message).toContain('too large a workbook');
  const lying = workbook((xml) => `${xml}<!--${'-'.repeat(100_000)}-->`);
  const lied = new DataView(lying.buffer);
  for (const at of places(lying, [0x50, 0x4b, 1, 2]))
    if (lied.getUint32(at + 24, true) > 100_000) lied.setUint32(at + 24, 500, true);
  expect((await refusal('a.xlsx', lying)).message).toContain('larger than it says');
});
