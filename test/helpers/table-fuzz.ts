/**
 * Mutated files for the readers, by seed: what is read of them is a table or a HeadlightError, soon, and a
 * table keeps its promises. Used by the tests (a small share) and by `bench/data/fuzz.ts` (all of it).
 */
import { unzipSync, zipSync } from 'fflate';
import Papa from 'papaparse';
import { HeadlightError, finish, seededRandom } from '../../src/base';
import {
  fileOfBytes,
  readTable,
  type FileFormat,
  type ParseSettings,
  type Table,
} from '../../src/data';
import { ReadAgain, textReader } from '../../src/data/readers';

type Random = ReturnType<typeof seededRandom>;

const encoder = new TextEncoder();

/** What is mutated: a file of each format, small, with what makes it hard. */
export function seedFiles(binary: readonly { name: string; bytes: Uint8Array }[] = []): readonly {
  readonly name: string;
  readonly bytes: Uint8Array;
}[] {
  const text = (name: string, content: string) => ({ name, bytes: encoder.encode(content) });
  const utf16 = (content: string) => {
    const bytes = new Uint8Array(2 * content.length);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < content.length; i++) view.setUint16(2 * i, content.charCodeAt(i), true);
    return bytes;
  };
  return [
    text('a.csv', 'text,label\n"a, ""b""\nc",x\r\nd;é|,y\n"e\tf",x\nplain,y\n'),
    text(
      'b.csv',
      'id;text;label\r\n1;"über; ""alles""";x\r\n2;zwei\r3;drei;y\r\n\r\n4;"vier" ;x\r\n',
    ),
    text('l.csv', 'text,label\n"a" ,x\n"b, ""c"""\u00a0,y\n "d",x\n"e\nf" \ng,y\n'),
    text('m.csv', 'text,label\r\na,x\r\nb,y\rc,x\nd,y\r\n\r\ne,x\r\n'),
    text('c.tsv', 'sentence\tlabel\n"a" he said\t1\n"b\t0\n"c\td"\t1\ne\t0\n'),
    text('d.txt', 'hello, you\nwell "there"\nfine\n'),
    text('e.csv', '\ufefftext|label\nkurz|x\nlänger und länger|y\n'),
    { name: 'f.csv', bytes: utf16('text,label\nä,x\nb,y\nc,x\n') },
    {
      name: 'g.csv',
      bytes: Uint8Array.from('text,label\ncaf\xe9,x\nna\xefve,y\n', (c) => c.charCodeAt(0)),
    },
    text(
      'h.jsonl',
      '{"text":"a, \\"b\\"","label":["x","y"],"n":{"m":1}}\n{"text":"c","label":[]}\n{"text":"d"}\n',
    ),
    text(
      'i.json',
      '[{"text":"a]","label":"x"},\n {"text":"b","id":12345678901234567890},["c","y"], "d", null]',
    ),
    text('j.txt', '__label__a __label__b hello\n__label__b well, there\n__label__a fine\n'),
    text('k.conll', '-DOCSTART- O\n\nAnna B-PER\nruft O\nBerlin I-LOC\n\nEnde O\n'),
    ...binary,
  ];
}

const ODD = [
  0, 9, 10, 13, 32, 34, 39, 44, 58, 59, 91, 92, 93, 123, 124, 125, 255, 0xef, 0xc3, 0xfe,
];

export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const made = [...bytes];
  for (let edits = 1 + random.integer(6); edits > 0; edits--) {
    const at = random.integer(made.length + 1);
    const kind = random.integer(6);
    const byte =
      random.integer(4) === 0 ? random.integer(256) : (ODD[random.integer(ODD.length)] ?? 0);
    if (kind === 0) made.splice(at, random.integer(4));
    else if (kind === 1) made.splice(at, 0, byte);
    else if (kind === 2) made.splice(at, 1, byte);
    else if (kind === 3)
      made.splice(at, 0, ...made.slice(random.integer(made.length + 1), at + random.integer(20)));
    else if (kind === 4 && made.length > 0) made[random.integer(made.length)] = random.integer(256);
    else made.length = Math.max(0, made.length - random.integer(5));
  }
  return Uint8Array.from(made);
}

/** Other bytes in their place: lengths, counts and levels within a Parquet file, or its end cut off. */
function damage(bytes: Uint8Array, random: Random): Uint8Array {
  const made = bytes.slice(0, random.integer(20) === 0 ? random.integer(bytes.length) : undefined);
  for (let edits = 1 + random.integer(4); edits > 0 && made.length > 0; edits--) {
    const at = random.integer(made.length);
    const kind = random.integer(4);
    if (kind === 0) made[at] = random.integer(256);
    else if (kind === 1) made[at] = (made[at] ?? 0) ^ (1 << random.integer(8));
    else if (kind === 2)
      made.fill([0, 0xff, 0x80, 0x7f][random.integer(4)] ?? 0, at, at + 1 + random.integer(5));
    else made.copyWithin(at, random.integer(made.length), random.integer(made.length));
  }
  return made;
}

/** A workbook with a part of it mutated, zipped again; or the zip itself. */
function damageWorkbook(bytes: Uint8Array, random: Random): Uint8Array {
  if (random.integer(3) === 0) return damage(bytes, random);
  const parts = unzipSync(bytes);
  const names = Object.keys(parts);
  const name = names[random.integer(names.length)] ?? '';
  const part = Uint8Array.from(mutate(parts[name] ?? new Uint8Array(), random));
  return zipSync({ ...parts, [name]: part }, { level: 1 });
}

const FORMATS: readonly FileFormat[] = ['table', 'json', 'jsonl', 'lines', 'fasttext', 'conll'];

export interface FuzzCount {
  inputs: number;
  tables: number;
  refused: number;
  /** Tables whose cells were compared with Papa Parse's. */
  compared: number;
  slowestMs: number;
}

/** @throws Error naming the seed when a promise is broken. */
export async function fuzzOne(
  seed: number,
  files: ReturnType<typeof seedFiles>,
  count: FuzzCount,
): Promise<void> {
  const random = seededRandom(seed);
  const file = files[random.integer(files.length)] ?? { name: 'x', bytes: new Uint8Array() };
  const isText = !/\.(parquet|xlsx)$/.test(file.name);
  const change = isText ? mutate : file.name.endsWith('.xlsx') ? damageWorkbook : damage;
  const bytes = change(file.bytes, random);
  const format =
    isText && random.integer(4) === 0 ? FORMATS[random.integer(FORMATS.length)] : undefined;
  const settings: ParseSettings = format === undefined ? {} : { format };
  // Time of the processor: other work on the machine is no fault of a reader.
  const started = process.cpuUsage();
  count.inputs++;
  try {
    const table = await finish(readTable(fileOfBytes(file.name, bytes), settings));
    count.tables++;
    keepsPromises(table);
    if (isText && table.encoding === 'utf-8') {
      const text = new TextDecoder().decode(bytes);
      samePieces(table, text, settings, random);
      if (table.format === 'table' && sameAsPapa(table, text)) count.compared++;
    }
  } catch (error) {
    if (!(error instanceof HeadlightError) || error.code === 'internal') {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Error(`seed ${seed}, ${file.name}: ${what}`, { cause: error });
    }
    count.refused++;
  }
  const { user, system } = process.cpuUsage(started);
  const took = (user + system) / 1000;
  count.slowestMs = Math.max(count.slowestMs, took);
  if (took > 5000) throw new Error(`seed ${seed}, ${file.name} took ${took.toFixed(0)} ms`);
}

function insist(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}

function keepsPromises(table: Table): void {
  insist(table.rowCount > 0, 'a table has rows');
  insist(table.lines.length === table.rowCount, 'a line for each row');
  const names = table.columns.map(({ name }) => name);
  insist(
    new Set(names).size === names.length && !names.includes(''),
    'columns have different names',
  );
  for (const { cells } of table.columns) {
    insist(cells.length === table.rowCount, 'a cell for each row');
    let row = 0;
    for (const cell of cells)
      insist(cells.at(row++) === cell, 'cells are the same, read either way');
    insist(row === table.rowCount, 'as many cells as rows');
  }
  for (let row = 1; row < table.rowCount; row++)
    insist((table.lines[row] ?? 0) >= (table.lines[row - 1] ?? 0), 'lines go up');
  insist(table.rejected.rows.length === table.rejected.count, 'left-out rows are kept');
  insist(table.rejected.count === 0 || table.problemCount > 0, 'what is left out is said');
}

/** The same text in pieces of any size is the same table. */
function samePieces(table: Table, text: string, settings: ParseSettings, random: Random): void {
  let asked: ParseSettings = { ...settings, format: table.format };
  for (let attempt = 0; attempt < 3; attempt++) {
    const reader = textReader(table.format as 'table', {
      name: table.name,
      encoding: 'utf-8',
      settings: asked,
      head: text,
    });
    try {
      for (let at = 0; at < text.length;) {
        const size = 1 + random.integer(7);
        reader.push(text.slice(at, at + size));
        at += size;
      }
      const again = reader.finish();
      insist(snapshot(again) === snapshot(table), 'pieces make the same table as the whole');
      return;
    } catch (error) {
      if (!(error instanceof ReadAgain)) throw error;
      asked = { ...asked, ...error.settings };
    }
  }
}

function snapshot({ columns, lines, rejected, problems }: Table): string {
  return JSON.stringify([
    columns.map(({ name, cells }) => [name, ...cells]),
    [...lines],
    rejected,
    problems,
  ]);
}

/** Where Papa Parse alone can read it (one kind of row end), it sees the same rows. @returns whether it could. */
export function sameAsPapa(table: Table, text: string): boolean {
  // Of mixed row ends only those that no quote can enclose are put in order here.
  if ((text.includes('\r') && text.includes('"')) || table.notes !== undefined) return false;
  const unified = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  if (table.problems.some(({ problem }) => problem.includes('never closes'))) return false;
  const read = (quotes: boolean): string[][] =>
    Papa.parse<string[]>(`${unified.replace(/\n$/, '')}\n`, {
      delimiter: table.delimiter,
      newline: '\n',
      fastMode: !quotes,
    })
      .data.slice(0, -1)
      .filter((row) => row.length > 1 || (row[0] ?? '').trim() !== '');
  const width = table.columns.length;
  const kept = (rows: string[][]): string[][] =>
    rows
      .slice(table.hasHeader ? 1 : 0)
      .filter((row) => row.length <= width || row.slice(width).every((cell) => cell.trim() === ''))
      .map((row) => Array.from({ length: width }, (_, column) => row[column] ?? ''));
  const mine = JSON.stringify(
    Array.from({ length: table.rowCount }, (_, row) =>
      table.columns.map(({ cells }) => cells.at(row)),
    ),
  );
  // A tab-separated file may have been read without quoting.
  const papa = [read(true), ...(table.delimiter === '\t' ? [read(false)] : [])];
  const alike = papa.filter((rows) => JSON.stringify(kept(rows)) === mine);
  // Read with quotes and without, the rows that are kept can be the same, and those left out others.
  const below = table.rowCount + table.rejected.count;
  const isWhole = (rows: string[][]): boolean => rows.length - (table.hasHeader ? 1 : 0) === below;
  const same = alike.find(isWhole) ?? alike[0];
  insist(same !== undefined, 'Papa Parse sees the same rows');
  if (!text.includes('"') && table.rejected.count === 0) {
    const lines = unified.split('\n').flatMap((line, at) => (line.trim() === '' ? [] : [at + 1]));
    const own = [...table.lines];
    const filled = table.columns.length > 1 ? own : lines.slice(-own.length);
    insist(
      filled.every((line) => lines.includes(line)),
      'rows begin on lines that hold something',
    );
  }
  insist(same !== undefined && isWhole(same), 'rows and left-out rows are all rows');
  return true;
}
