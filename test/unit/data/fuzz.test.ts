import { readFileSync } from 'node:fs';
import Papa from 'papaparse';
import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/base';
import { parseTable, type EncodingName } from '../../../src/data';
import { fuzzOne, seedFiles, type FuzzCount } from '../../helpers/table-fuzz';

const fixture = (name: string) => ({
  name,
  bytes: new Uint8Array(readFileSync(new URL(`../../fixtures/data/${name}`, import.meta.url))),
});

test('2,000 damaged files end in a table that keeps its promises or in a plain error, and soon', async () => {
  const files = seedFiles(
    ['small-snappy.parquet', 'small.xlsx', 'parquet/delta-1-none.parquet'].map(fixture),
  );
  const count: FuzzCount = { inputs: 0, tables: 0, refused: 0, compared: 0, slowestMs: 0 };
  for (let seed = 1_000_001; seed <= 1_002_000; seed++) await fuzzOne(seed, files, count);
  expect(count.inputs).toBe(2000);
  expect(count.tables).toBeGreaterThan(500);
  expect(count.refused).toBeGreaterThan(100);
  expect(count.compared).toBeGreaterThan(50);
});

test('what is written as CSV is read back, every character of it', () => {
  const random = seededRandom(11);
  const characters = Array.from('ab ,;|\t"\'\n\r é文😀\u00a0=-0\u200b');
  const encodings: EncodingName[] = ['utf-8', 'utf-16le', 'utf-16be'];
  for (let round = 0; round < 500; round++) {
    const width = 2 + random.integer(4);
    const rows = Array.from({ length: 1 + random.integer(6) }, () =>
      Array.from({ length: width }, () =>
        Array.from(
          { length: random.integer(12) },
          () => characters[random.integer(characters.length)],
        ).join(''),
      ),
    );
    const delimiter = ([',', ';', '\t', '|'] as const)[random.integer(4)] ?? ',';
    const newline = ['\n', '\r\n', '\r'][random.integer(3)] ?? '\n';
    const encoding = encodings[random.integer(3)] ?? 'utf-8';
    const text = `\ufeff${Papa.unparse(rows, { delimiter, newline, quotes: true })}`;
    const table = parseTable(
      { name: 'a.csv', bytes: encode(text, encoding) },
      { delimiter, hasHeader: false, quotes: true },
    );
    const back = Array.from({ length: table.rowCount }, (_, row) =>
      table.columns.map(({ cells }) => cells.at(row)),
    );
    expect(back).toEqual(rows);
    expect([table.encoding, table.problemCount, table.rejected.count]).toEqual([encoding, 0, 0]);
  }
});

function encode(text: string, encoding: EncodingName): Uint8Array {
  if (encoding === 'utf-8') return new TextEncoder().encode(text);
  const bytes = new Uint8Array(2 * text.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++)
    view.setUint16(2 * i, text.charCodeAt(i), encoding === 'utf-16le');
  return bytes;
}
