/**
 * Bytes to text: a byte order mark decides, then valid UTF-8, else Windows-1252. What is no text at all
 * (a workbook, a PDF, an archive) is refused with what it seems to be and what to do.
 */
import { HeadlightError } from '../base';
import type { EncodingName } from './types';

/** Windows-1252 differs from Latin-1 only here (WHATWG Encoding, index windows-1252). */
const WINDOWS_1252_HIGH = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

export interface DecodedText {
  /** Without the byte order mark. */
  readonly text: string;
  readonly encoding: EncodingName;
}

/**
 * @param encoding what the person chose; without it the encoding is found.
 * @throws HeadlightError `bad-file` when the bytes are not text in the chosen encoding.
 */
export function decodeBytes(bytes: Uint8Array, encoding?: EncodingName): DecodedText {
  const found = encoding ?? encodingOfMark(bytes);
  switch (found) {
    case 'utf-8': {
      const text = decodeUtf8(bytes);
      if (text !== null) return { text, encoding: 'utf-8' };
      if (encoding === undefined)
        return { text: decodeWindows1252(bytes), encoding: 'windows-1252' };
      throw new HeadlightError('bad-file', 'The file is not UTF-8 all through.', {
        hint: 'Choose another encoding, such as Windows-1252, or save the file as UTF-8.',
      });
    }
    case 'utf-16le':
    case 'utf-16be':
      return { text: decodeUtf16(bytes, found), encoding: found };
    case 'windows-1252':
      return { text: decodeWindows1252(bytes), encoding: 'windows-1252' };
  }
}

function encodingOfMark(bytes: Uint8Array): EncodingName {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}

/** null when the bytes are not valid UTF-8. */
function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null; // the caller falls to Windows-1252, or says so
  }
}

function decodeUtf16(bytes: Uint8Array, encoding: 'utf-16le' | 'utf-16be'): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new HeadlightError('bad-file', `The file is not ${encoding.toUpperCase()} all through.`, {
      hint: 'It may have been cut off. Save it again, best as UTF-8.',
      cause,
    });
  }
}

/** By table and not by TextDecoder: some Node versions decode 0x80 to 0x9f as Latin-1. */
function decodeWindows1252(bytes: Uint8Array): string {
  const pieces: string[] = [];
  const units = new Uint16Array(8192);
  for (let start = 0; start < bytes.length; start += units.length) {
    const count = Math.min(units.length, bytes.length - start);
    for (let i = 0; i < count; i++) {
      const byte = bytes[start + i] ?? 0;
      units[i] = byte >= 0x80 && byte <= 0x9f ? WINDOWS_1252_HIGH.charCodeAt(byte - 0x80) : byte;
    }
    pieces.push(String.fromCharCode(...units.subarray(0, count)));
  }
  return pieces.join('');
}

const SIGNATURES: readonly { starts: string; what: string; hint: string }[] = [
  {
    starts: '\xd0\xcf\x11\xe0',
    what: 'an old Excel or Word file',
    hint: 'Open it in a spreadsheet program and save the sheet as CSV (UTF-8), then drop that.',
  },
  { starts: '%PDF', what: 'a PDF', hint: 'Put the texts in a table and save it as CSV.' },
  { starts: '\x1f\x8b', what: 'a gzip archive', hint: 'Unpack it and drop the file inside.' },
  { starts: 'BZh', what: 'a bzip2 archive', hint: 'Unpack it and drop the file inside.' },
  { starts: '\xfd7zXZ', what: 'an xz archive', hint: 'Unpack it and drop the file inside.' },
  { starts: '7z\xbc\xaf', what: 'a 7-Zip archive', hint: 'Unpack it and drop the file inside.' },
  { starts: 'Rar!', what: 'a RAR archive', hint: 'Unpack it and drop the file inside.' },
  { starts: 'PAR1', what: 'a Parquet file', hint: 'Save the table as CSV and drop that.' },
  { starts: 'ARROW1', what: 'an Arrow file', hint: 'Save the table as CSV and drop that.' },
  {
    starts: 'SQLite format 3',
    what: 'a SQLite database',
    hint: 'Save the table as CSV and drop that.',
  },
  { starts: '\x89PNG', what: 'a picture', hint: 'Drop a CSV or TSV file with texts and labels.' },
  {
    starts: '\xff\xd8\xff',
    what: 'a picture',
    hint: 'Drop a CSV or TSV file with texts and labels.',
  },
  { starts: 'GIF8', what: 'a picture', hint: 'Drop a CSV or TSV file with texts and labels.' },
  {
    starts: '{\\rtf',
    what: 'a rich text document',
    hint: 'Put the texts in a table and save it as CSV.',
  },
];

/**
 * Refuses what is no table of text.
 * @param name the file's name, for the message.
 * @throws HeadlightError `bad-file` naming what the file seems to be.
 */
export function refuseBinary(name: string, bytes: Uint8Array, encoding?: EncodingName): void {
  if (bytes.length === 0) {
    throw new HeadlightError('bad-file', `${name} is empty.`, {
      hint: 'Check that the file was saved and copied completely.',
    });
  }
  const head = latin1(bytes.subarray(0, 16));
  if (head.startsWith('PK\x03\x04') || head.startsWith('PK\x05\x06')) throw zipError(name, bytes);
  const signature = SIGNATURES.find(({ starts }) => head.startsWith(starts));
  if (signature !== undefined) throw refused(name, signature.what, signature.hint);
  if (encoding?.startsWith('utf-16') === true || encodingOfMark(bytes) !== 'utf-8') return;
  const sample = bytes.subarray(0, 1 << 16);
  let nul = 0;
  let control = 0;
  for (const byte of sample) {
    if (byte === 0) nul++;
    if (byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27)
      control++;
  }
  if (nul > 0.2 * sample.length && control - nul < 0.02 * sample.length) {
    throw refused(
      name,
      'UTF-16 text without a byte order mark',
      'Save it as UTF-8, or choose UTF-16 as its encoding.',
    );
  }
  // Random bytes have one control character in nine; text that is not UTF-8 has hardly any.
  const limit = decodeUtf8(bytes.subarray(0, utf8Cut(sample))) === null ? 0.03 : 0.1;
  if (control > limit * sample.length) {
    throw refused(name, 'binary data', 'Drop a CSV or TSV file with texts and labels.');
  }
}

/** Refuses text in another notation than a table. */
export function refuseOtherText(name: string, text: string): void {
  const head = text.slice(0, 500).trimStart();
  if (/^(<!doctype html|<html)/i.test(head)) {
    throw refused(name, 'a web page', 'Download the table itself, as CSV, and drop that.');
  }
  const json = /\.(json|jsonl|ndjson)$/i.test(name) ? /^[{[]/ : /^(\{\s*"[^"\n]*"\s*:|\[\s*\{\s*")/;
  if (json.test(head)) {
    throw refused(name, 'JSON', 'Save the table as CSV, with a column a field, and drop that.');
  }
}

function zipError(name: string, bytes: Uint8Array): HeadlightError {
  const sheet =
    'Open it in a spreadsheet program and save the sheet as CSV (UTF-8), then drop that.';
  // The names of the parts stand in the local headers at the front and in the directory at the end.
  const parts =
    latin1(bytes.subarray(0, 4096)) + latin1(bytes.subarray(Math.max(0, bytes.length - 8192)));
  if (/xl\/(workbook|worksheets|_rels)/.test(parts))
    return refused(name, 'an Excel workbook', sheet);
  if (parts.includes('opendocument.spreadsheet'))
    return refused(name, 'an OpenDocument sheet', sheet);
  if (/word\/|opendocument\.text/.test(parts)) {
    return refused(
      name,
      'a word processor document',
      'Put the texts in a table and save it as CSV.',
    );
  }
  if (/\.xls[xmb]$/i.test(name)) return refused(name, 'an Excel workbook', sheet);
  return refused(name, 'a zip archive', 'Unpack it and drop the CSV file inside.');
}

function refused(name: string, what: string, hint: string): HeadlightError {
  return new HeadlightError('bad-file', `${name} seems to be ${what}, not a CSV or TSV file.`, {
    hint,
  });
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Where a sample can end without cutting a UTF-8 sequence in two. */
function utf8Cut(sample: Uint8Array): number {
  let end = sample.length;
  if (end < 1 << 16) return end;
  while (end > 0 && ((sample[end - 1] ?? 0) & 0xc0) === 0x80) end--;
  return Math.max(0, end - 1);
}
