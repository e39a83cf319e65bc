/**
 * Bytes to text, whole or in pieces: a byte order mark decides, then UTF-16 by its NUL bytes, then valid
 * UTF-8, else Windows-1252.
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

/** UTF-16 text has a NUL for every ASCII character, all on one side; nothing else has. */
export function encodingOfMark(bytes: Uint8Array): EncodingName {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const length = Math.min(bytes.length, 1 << 16) & ~1;
  const nul: [number, number] = [0, 0];
  for (let i = 0; i < length; i++) if (bytes[i] === 0) nul[i % 2 === 0 ? 0 : 1]++;
  if (nul[1] > 0.2 * length && nul[0] <= 0.01 * length) return 'utf-16le';
  if (nul[0] > 0.2 * length && nul[1] <= 0.01 * length) return 'utf-16be';
  return 'utf-8';
}

/** The encoding of a file, by its first bytes; of UTF-8 not more is known than that they are. */
export function findEncoding(head: Uint8Array, isWhole: boolean): EncodingName {
  const marked = encodingOfMark(head);
  if (marked !== 'utf-8') return marked;
  return decodeUtf8(isWhole ? head : head.subarray(0, utf8Cut(head))) === null
    ? 'windows-1252'
    : 'utf-8';
}

/** A piece of text that begins a file, for sniffing: what its end cuts in two is left out. */
export function decodeHead(head: Uint8Array, encoding: EncodingName): string {
  if (encoding === 'windows-1252') return decodeWindows1252(head);
  return new TextDecoder(encoding).decode(head, { stream: true });
}

/** Bytes that are not text in the encoding they were read in. */
export class BadEncoding extends Error {
  constructor(
    readonly encoding: EncodingName,
    /** About where: so many bytes from the beginning. */
    readonly offset: number,
  ) {
    super(`not ${encoding}`);
  }
}

/** Decodes a file that comes in pieces. */
export class TextStream {
  readonly #encoding: EncodingName;
  readonly #decoder: TextDecoder | null;
  #offset = 0;

  constructor(encoding: EncodingName) {
    this.#encoding = encoding;
    this.#decoder = encoding === 'windows-1252' ? null : new TextDecoder(encoding, { fatal: true });
  }

  /** @throws BadEncoding where the bytes are no such text. */
  decode(bytes: Uint8Array, last: boolean): string {
    const offset = this.#offset;
    this.#offset += bytes.length;
    if (this.#decoder === null) return decodeWindows1252(bytes);
    try {
      return this.#decoder.decode(bytes, { stream: !last });
    } catch {
      throw new BadEncoding(this.#encoding, offset);
    }
  }
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

/** Where a sample can end without cutting a UTF-8 sequence in two. */
function utf8Cut(sample: Uint8Array): number {
  let end = sample.length;
  while (end > 0 && end > sample.length - 4 && ((sample[end - 1] ?? 0) & 0xc0) === 0x80) end--;
  // The byte before is plain, or begins a sequence that may not be whole.
  const before = sample[end - 1] ?? 0;
  return before >= 0xc0 ? end - 1 : sample.length;
}
