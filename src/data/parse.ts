/**
 * A file to a table, whatever it is. Bytes are read in pieces and handed on as text to the reader of the
 * format; nothing is ever held whole but the columns, which are bytes again (`cells.ts`). What the pieces need
 * is asked for by one generator, so that the same code reads a large file bit by bit and a small one at once.
 */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../base';
import { BadEncoding, decodeHead, findEncoding, TextStream } from './decode';
import { findTextFormat, ReadAgain, readParquet, readXlsx, textReader } from './readers';
import { binaryFormat, refuseBinary, refuseWebPage } from './refuse';
import type { FileBytes, FileFormat, ParseSettings, SourceFile, Table } from './types';

/** Format, encoding, dialect and header are found on so many bytes. */
const HEAD = 1 << 23;
const TAIL = 1 << 13;
const PIECE = 1 << 20;
/** How long the thread is kept before others may run. */
const BREATH_MS = 40;

/** Asks for bytes `[start, end)` and is given them. */
type Steps<Result> = Generator<readonly [start: number, end: number], Result, Uint8Array>;
type Beginning = 'parquet' | 'xlsx' | { readonly head: Uint8Array };

/**
 * Reads a file as a stream: progress in megabytes, the thread let go many times a second.
 * @param settings what the person has set; the rest is found.
 * @throws HeadlightError `bad-file` when the file is empty, binary, or not what was set; `bad-table` when it
 *   has no rows; `bad-labels` for CoNLL without entities; `aborted`.
 */
export async function* readTable(
  file: SourceFile,
  settings: ParseSettings = {},
  signal?: AbortSignal,
): Job<Table> {
  const meter = new ProgressMeter(`Reading ${file.name}`, 'MB', file.size / 1e6);
  throwIfAborted(signal);
  const beginning = await answered(begin(file, settings), file);
  if (beginning === 'parquet') return yield* readParquet(file, signal);
  if (beginning === 'xlsx') return yield* readXlsx(file, settings, signal);
  yield meter.at(0);
  const steps = readText(file, settings, beginning.head);
  let breath = performance.now();
  let step = steps.next();
  while (!step.done) {
    const [start, end] = step.value;
    const bytes = await file.slice(start, end);
    throwIfAborted(signal);
    step = steps.next(bytes);
    if (performance.now() - breath > BREATH_MS) {
      yield meter.at(Math.min(end, file.size) / 1e6);
      await new Promise((resolve) => setTimeout(resolve, 0));
      breath = performance.now();
    }
  }
  yield meter.at(file.size / 1e6);
  return step.value;
}

/**
 * A small file at once. Parquet and Excel, which are read in pieces only, are `readTable`'s.
 * @throws HeadlightError as `readTable`.
 */
export function parseTable(file: FileBytes, settings: ParseSettings = {}): Table {
  const source = { name: file.name, size: file.bytes.length };
  const run = <Result>(steps: Steps<Result>): Result => {
    let step = steps.next();
    while (!step.done) step = steps.next(file.bytes.subarray(...step.value));
    return step.value;
  };
  const beginning = run(begin(source, settings));
  if (typeof beginning === 'string') {
    throw new HeadlightError('internal', `${file.name} must be read with readTable.`);
  }
  return run(readText(source, settings, beginning.head));
}

type Measured = Pick<SourceFile, 'name' | 'size'>;

async function answered<Result>(steps: Steps<Result>, file: SourceFile): Promise<Result> {
  let step = steps.next();
  while (!step.done) step = steps.next(await file.slice(...step.value));
  return step.value;
}

function* begin({ name, size }: Measured, settings: ParseSettings): Steps<Beginning> {
  const head = yield [0, Math.min(HEAD, size)];
  const tail = yield [Math.max(0, size - TAIL), size];
  const binary = binaryFormat(head, tail);
  const asked = settings.format;
  if (binary !== null && (asked === undefined || asked === binary)) return binary;
  refuseBinary(name, head, tail, settings.encoding);
  if (asked === 'parquet' || asked === 'xlsx' || binary !== null) {
    const words: Partial<Record<FileFormat, string>> = {
      parquet: 'Parquet',
      xlsx: 'an Excel workbook',
    };
    throw new HeadlightError(
      'bad-file',
      binary === null
        ? `${name} is not ${words[asked ?? 'table'] ?? 'what was set'}.`
        : `${name} is ${words[binary] ?? binary}, not what was set.`,
      { hint: 'Choose the format of this file, or let it be found.' },
    );
  }
  return { head };
}

function* readText(file: Measured, settings: ParseSettings, head: Uint8Array): Steps<Table> {
  const notes: string[] = [];
  let asked = settings;
  for (;;) {
    try {
      const table = yield* readTextOnce(file, asked, head);
      return notes.length === 0 ? table : { ...table, notes: [...notes, ...(table.notes ?? [])] };
    } catch (error) {
      const again =
        error instanceof BadEncoding ? otherEncoding(file.name, error, settings) : error;
      if (!(again instanceof ReadAgain)) throw again;
      notes.push(again.note);
      asked = { ...asked, ...again.settings };
    }
  }
}

function* readTextOnce(
  { name, size }: Measured,
  settings: ParseSettings,
  headBytes: Uint8Array,
): Steps<Table> {
  const encoding = settings.encoding ?? findEncoding(headBytes, size <= HEAD);
  const head = decodeHead(headBytes, encoding);
  refuseWebPage(name, head);
  if (head.trim() === '' && size <= HEAD) {
    throw new HeadlightError('bad-file', `${name} holds only blank lines.`, {
      hint: 'Check that the file was saved and copied completely.',
    });
  }
  const asked = settings.format;
  const format =
    asked === undefined || asked === 'parquet' || asked === 'xlsx'
      ? findTextFormat(name, head, settings)
      : asked;
  const reader = textReader(format, { name, encoding, settings, head });
  const stream = new TextStream(encoding);
  for (let start = 0; start < size; start += PIECE) {
    const end = Math.min(start + PIECE, size);
    // The beginning is at hand.
    const bytes = end <= headBytes.length ? headBytes.subarray(start, end) : yield [start, end];
    if (bytes.length !== end - start) {
      throw new HeadlightError('bad-file', `${name} was changed while it was read.`, {
        hint: 'Drop the file again.',
      });
    }
    const text = stream.decode(bytes, end === size);
    if (text !== '') reader.push(text);
  }
  return reader.finish();
}

/** Bytes that are not UTF-8 all through are Windows-1252, unless the person has set what they are. */
function otherEncoding(
  name: string,
  { encoding, offset }: BadEncoding,
  settings: ParseSettings,
): ReadAgain | HeadlightError {
  if (encoding === 'utf-8' && settings.encoding === undefined) {
    return new ReadAgain(
      { encoding: 'windows-1252' },
      `It begins as UTF-8, but after about ${(offset / 1e6).toFixed(0)} MB there are bytes that are not, so all of it was read as Windows-1252. Look at letters with accents.`,
    );
  }
  return new HeadlightError(
    'bad-file',
    `${name}: the file is not ${encoding.toUpperCase()} all through.`,
    {
      hint:
        encoding === 'utf-8'
          ? 'Choose another encoding, such as Windows-1252, or save the file as UTF-8.'
          : 'It may have been cut off. Choose another encoding, or save it again, best as UTF-8.',
    },
  );
}
