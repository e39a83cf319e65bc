/** What is no table at all (a PDF, an archive, a picture) is refused with what it seems to be and what to do. */
import { HeadlightError } from '../base';
import { encodingOfMark, findEncoding } from './decode';
import type { EncodingName } from './types';

const SIGNATURES: readonly { starts: string; what: string; hint: string }[] = [
  {
    starts: '\xd0\xcf\x11\xe0',
    what: 'an old Excel (.xls) or Word file, or an Excel workbook with a password',
    hint: 'Open it in a spreadsheet program and save it as an Excel workbook (.xlsx) without a password, or as CSV (UTF-8), then drop that.',
  },
  { starts: '%PDF', what: 'a PDF', hint: 'Put the texts in a table and save it as CSV.' },
  { starts: '\x1f\x8b', what: 'a gzip archive', hint: 'Unpack it and drop the file inside.' },
  { starts: 'BZh', what: 'a bzip2 archive', hint: 'Unpack it and drop the file inside.' },
  { starts: '\xfd7zXZ', what: 'an xz archive', hint: 'Unpack it and drop the file inside.' },
  { starts: '7z\xbc\xaf', what: 'a 7-Zip archive', hint: 'Unpack it and drop the file inside.' },
  { starts: 'Rar!', what: 'a RAR archive', hint: 'Unpack it and drop the file inside.' },
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

/** What the bytes are by their signature: a format that is read in pieces of its own, or text. */
export function binaryFormat(head: Uint8Array, tail: Uint8Array): 'parquet' | 'xlsx' | null {
  const first = latin1(head.subarray(0, 4));
  if (first === 'PAR1') return 'parquet';
  const parts = latin1(head.subarray(0, 4096)) + latin1(tail);
  const isZip = first === 'PK\x03\x04' && !parts.includes('xl/workbook.bin');
  return isZip && /xl\/(workbook|worksheets|_rels)/.test(parts) ? 'xlsx' : null;
}

/**
 * Refuses what is no text.
 * @param name the file's name, for the message.
 * @param tail its last few thousand bytes.
 * @throws HeadlightError `bad-file` naming what the file seems to be.
 */
export function refuseBinary(
  name: string,
  head: Uint8Array,
  tail: Uint8Array,
  encoding?: EncodingName,
): void {
  if (head.length === 0) {
    throw new HeadlightError('bad-file', `${name} is empty.`, {
      hint: 'Check that the file was saved and copied completely.',
    });
  }
  const start = latin1(head.subarray(0, 16));
  if (start.startsWith('PK\x03\x04') || start.startsWith('PK\x05\x06'))
    throw zipError(name, latin1(head.subarray(0, 4096)) + latin1(tail));
  const signature = SIGNATURES.find(({ starts }) => start.startsWith(starts));
  if (signature !== undefined) throw refused(name, signature.what, signature.hint);
  if (encoding?.startsWith('utf-16') === true || encodingOfMark(head) !== 'utf-8') return;
  const sample = head.subarray(0, 1 << 16);
  let control = 0;
  for (const byte of sample) {
    if (byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27)
      control++;
  }
  // Random bytes have one control character in nine; text that is not UTF-8 has hardly any.
  const limit = findEncoding(sample, sample.length === head.length) === 'utf-8' ? 0.1 : 0.03;
  if (control > limit * sample.length) {
    throw refused(
      name,
      'binary data',
      'Drop a table of texts and labels: CSV, Excel, JSON or Parquet.',
    );
  }
}

/** Refuses text that is no table. */
export function refuseWebPage(name: string, text: string): void {
  if (/^\s*(<!doctype html|<html)/i.test(text.slice(0, 500))) {
    throw refused(name, 'a web page', 'Download the table itself, as CSV, and drop that.');
  }
}

function zipError(name: string, parts: string): HeadlightError {
  const sheet =
    'Open it in a spreadsheet program and save it as an Excel workbook (.xlsx) or as CSV (UTF-8), then drop that.';
  if (/xl\/workbook\.bin/.test(parts) || /\.xlsb$/i.test(name))
    return refused(name, 'a binary Excel workbook', sheet);
  if (parts.includes('opendocument.spreadsheet'))
    return refused(name, 'an OpenDocument sheet', sheet);
  if (/word\/|opendocument\.text/.test(parts)) {
    return refused(
      name,
      'a word processor document',
      'Put the texts in a table and save it as CSV.',
    );
  }
  if (/\.xls[xmb]?$/i.test(name)) return refused(name, 'a damaged Excel workbook', sheet);
  return refused(name, 'a zip archive', 'Unpack it and drop the table inside.');
}

function refused(name: string, what: string, hint: string): HeadlightError {
  return new HeadlightError('bad-file', `${name} seems to be ${what}, not a table of texts.`, {
    hint,
  });
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
