/**
 * What a zip says it holds, from the directory at its end (APPNOTE 6.3, zip64 included), read without its
 * contents. Everything is checked before anything is unpacked: names that leave the folder, entries that lie over
 * one another, sizes that only a bomb has.
 */
import { HeadlightError } from '../../base';
import type { SourceFile } from '../../data';

export interface ZipEntry {
  /** `/` between folders. */
  readonly name: string;
  /** As stored in the zip, and unpacked. */
  readonly packedBytes: number;
  readonly bytes: number;
  readonly isDeflated: boolean;
  readonly crc32: number;
  /** Where its own header lies in the zip. */
  readonly at: number;
}

/** An entry that cannot be read here, with why: it matters only when it is wanted. */
export interface UnreadableEntry {
  readonly name: string;
  readonly why: string;
}

export interface ZipDirectory {
  readonly entries: readonly ZipEntry[];
  readonly unreadable: readonly UnreadableEntry[];
}

const MOST_ENTRIES = 10_000;
const MOST_DIRECTORY_BYTES = 16 * 2 ** 20;
/** Of all entries unpacked: no model that runs here is as large. */
const MOST_UNPACKED_BYTES = 16 * 2 ** 30;
/** JSON deflates 3 to 30 times, weights hardly; deflate's own limit, about 1,030, is reached only on purpose. */
const MOST_RATIO = 200;

const END = 0x06054b50;
const END_BYTES = 22;
const END64 = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
/** Other ways to pack, as the format numbers them. */
const METHODS: Readonly<Record<number, string>> = {
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'Zstandard',
  95: 'xz',
  98: 'PPMd',
};
const UTF8 = new TextDecoder();

/** @throws HeadlightError `bad-file` when it is no zip, damaged, or would unpack to more than it should. */
export async function readZipDirectory(file: SourceFile): Promise<ZipDirectory> {
  const { count, at, bytes } = await findDirectory(file);
  if (count > MOST_ENTRIES || bytes > MOST_DIRECTORY_BYTES) throw tooMuch(file.name);
  if (at + bytes > file.size) throw damaged(file.name);
  const directory = await file.slice(at, at + bytes);
  if (directory.length < bytes) throw damaged(file.name);
  const view = viewOf(directory);
  const entries: ZipEntry[] = [];
  const unreadable: UnreadableEntry[] = [];
  const names = new Set<string>();
  let cursor = 0;
  let total = 0;
  for (let index = 0; index < count; index++) {
    if (cursor + ENTRY_BYTES > bytes || view.getUint32(cursor, true) !== ENTRY)
      throw damaged(file.name);
    const { entry, why, next } = readEntry(directory, view, cursor);
    if (next > bytes || entry === null) throw damaged(file.name);
    cursor = next;
    checkName(entry.name, file.name);
    if (entry.name.endsWith('/')) continue;
    if (names.has(entry.name)) throw damaged(file.name, `${entry.name} stands in it twice`);
    names.add(entry.name);
    if (entry.at + LOCAL_BYTES + entry.packedBytes > at)
      throw damaged(file.name, `${entry.name} reaches beyond its end`);
    total += entry.bytes;
    if (total > MOST_UNPACKED_BYTES || entry.bytes > MOST_RATIO * entry.packedBytes + 2 ** 20)
      throw tooMuch(file.name);
    if (why === null) entries.push(entry);
    else unreadable.push({ name: entry.name, why });
  }
  checkApart(entries, file.name);
  return { entries, unreadable };
}

async function findDirectory(
  file: SourceFile,
): Promise<{ readonly count: number; readonly at: number; readonly bytes: number }> {
  // A comment of up to 65,535 bytes may follow the end's record; a locator of zip64 may stand before it.
  const from = Math.max(0, file.size - END_BYTES - 65_535 - 20);
  const tail = await file.slice(from, file.size);
  const view = viewOf(tail);
  for (let end = tail.length - END_BYTES; end >= 0; end--) {
    if (view.getUint32(end, true) !== END) continue;
    if (end + END_BYTES + view.getUint16(end + 20, true) > tail.length) continue;
    const count = view.getUint16(end + 10, true);
    const bytes = view.getUint32(end + 12, true);
    const at = view.getUint32(end + 16, true);
    if (view.getUint16(end + 4, true) !== view.getUint16(end + 6, true)) throw inParts(file.name);
    const is64 = count === 0xffff || bytes === 0xffffffff || at === 0xffffffff;
    if (is64 && end >= 20 && view.getUint32(end - 20, true) === END64_LOCATOR)
      return findDirectory64(file, whole(view, end - 20 + 8));
    return { count, at, bytes };
  }
  throw new HeadlightError('bad-file', `${file.name} is not a zip file, or its end is missing.`, {
    hint: 'Download or save it again, or unpack it and drop the folder.',
  });
}

async function findDirectory64(file: SourceFile, at: number | null) {
  const record = at === null ? new Uint8Array() : await file.slice(at, at + 56);
  const view = viewOf(record);
  if (record.length < 56 || view.getUint32(0, true) !== END64) throw damaged(file.name);
  const [count = null, bytes = null, start = null] = [32, 40, 48].map((offset) =>
    whole(view, offset),
  );
  if (count === null || bytes === null || start === null) throw damaged(file.name);
  return { count, at: start, bytes };
}

interface Read {
  /** null: cut short. */
  readonly entry: ZipEntry | null;
  readonly why: string | null;
  readonly next: number;
}

function readEntry(directory: Uint8Array, view: DataView, at: number): Read {
  const nameAt = at + ENTRY_BYTES;
  const extraAt = nameAt + view.getUint16(at + 28, true);
  const commentAt = extraAt + view.getUint16(at + 30, true);
  const next = commentAt + view.getUint16(at + 32, true);
  if (next > directory.length) return { entry: null, why: null, next };
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const sizes = sizes64(view, at, extraAt, commentAt);
  if (sizes === null) return { entry: null, why: null, next };
  const isLink =
    view.getUint16(at + 4, true) >> 8 === 3 && view.getUint16(at + 40, true) >> 12 === 10;
  const why =
    (flags & 1) !== 0
      ? 'is encrypted with a password'
      : isLink
        ? 'is a link to a file that is not in the zip'
        : method !== STORED && method !== DEFLATED
          ? `is packed with ${METHODS[method] ?? `method ${method}`}, which Headlight does not read`
          : null;
  const entry: ZipEntry = {
    name: UTF8.decode(directory.subarray(nameAt, extraAt)).replaceAll('\\', '/'),
    ...sizes,
    isDeflated: method === DEFLATED,
    crc32: view.getUint32(at + 16, true),
  };
  if (why === null && method === STORED && entry.bytes !== entry.packedBytes)
    return { entry: null, why: null, next };
  return { entry, why, next };
}

/** Sizes and place; those that do not fit in 32 bits stand in the extra field 1. null: they are missing. */
function sizes64(
  view: DataView,
  at: number,
  extraAt: number,
  end: number,
): Pick<ZipEntry, 'bytes' | 'packedBytes' | 'at'> | null {
  const fields = [24, 20, 42].map((offset) => view.getUint32(at + offset, true));
  const large = fields.filter((field) => field === 0xffffffff).length;
  const read: (number | null)[] = [];
  for (let extra = extraAt; large > 0 && extra + 4 <= end;) {
    const bytes = view.getUint16(extra + 2, true);
    if (view.getUint16(extra, true) === 1 && extra + 4 + bytes <= end && bytes >= 8 * large) {
      for (let index = 0; index < large; index++) read.push(whole(view, extra + 4 + 8 * index));
      break;
    }
    extra += 4 + bytes;
  }
  const [bytes = null, packedBytes = null, place = null] = fields.map((field) =>
    field === 0xffffffff ? read.shift() : field,
  );
  if (bytes === null || packedBytes === null || place === null) return null;
  return { bytes, packedBytes, at: place };
}

/** Entries that share bytes make a bomb of a small file. */
function checkApart(entries: readonly ZipEntry[], what: string): void {
  const sorted = [...entries].sort((a, b) => a.at - b.at);
  sorted.forEach((entry, index) => {
    const next = sorted[index + 1];
    if (next !== undefined && entry.at + LOCAL_BYTES + entry.packedBytes > next.at)
      throw damaged(what, `${entry.name} and ${next.name} lie over one another`);
  });
}

function checkName(name: string, what: string): void {
  const outside = name.split('/').includes('..') || /^(\/|[a-z]:)/i.test(name);
  if (!outside && !name.includes('\0') && name !== '') return;
  throw new HeadlightError('bad-file', `${what} holds an entry outside its folder.`, {
    hint: 'It was not made by a usual program. Do not unpack it; get the model from where it comes from.',
  });
}

/** A 64-bit number; null beyond 2^53. */
function whole(view: DataView, at: number): number | null {
  const value = Number(view.getBigUint64(at, true));
  return Number.isSafeInteger(value) ? value : null;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function damaged(
  what: string,
  why = 'its directory does not fit its content',
): HeadlightError {
  return new HeadlightError('bad-file', `${what} is damaged: ${why}.`, {
    hint: 'Download or save it again, or unpack it and drop the folder.',
  });
}

function tooMuch(what: string): HeadlightError {
  return new HeadlightError('bad-file', `${what} would unpack to more than it should.`, {
    hint: 'A zip of one model is wanted, as Headlight or a usual program makes it.',
  });
}

function inParts(what: string): HeadlightError {
  return new HeadlightError('bad-file', `${what} is one part of a zip that was split.`, {
    hint: 'Put the parts together, or unpack them and drop the folder.',
  });
}
