/**
 * Unpacking pages with what they may come to known before: more than the codec can make of so many bytes is
 * refused before there is room asked for it, and the decompressors are kept from what would hang or flood them,
 * or pass unnoticed.
 */
import type { CompressionCodec, Compressors } from 'hyparquet';
import { crc32 } from '../../../base';

/** The most that a codec makes of a byte, by its format; with something for small pages. */
const MOST: Partial<Record<CompressionCodec, number>> = {
  UNCOMPRESSED: 1,
  SNAPPY: 32,
  GZIP: 1040,
  LZ4: 256,
  LZ4_RAW: 256,
};
/** Zstandard and Brotli name a run of any length in a few bytes. */
const MOST_OF_OTHERS = 50_000;
const SMALL = 1 << 16;
const LARGEST_PAGE = 1 << 30;

/** @throws Error when so many bytes cannot become so many. */
export function checkSizes(codec: CompressionCodec, packed: number, unpacked: number): void {
  const most = packed * (MOST[codec] ?? MOST_OF_OTHERS) + (codec === 'UNCOMPRESSED' ? 0 : SMALL);
  if (unpacked > most || (codec === 'UNCOMPRESSED' && unpacked !== packed))
    throw new Error(`a page of ${packed} bytes says that it holds ${unpacked}`);
  if (unpacked > LARGEST_PAGE) throw new Error('a page is larger than 1 GB');
}

/** The decompressors of hyparquet-compressors, guarded: those believe what they are given. */
export function guarded({
  compressors,
  decompressZstd,
}: {
  readonly compressors: Compressors;
  readonly decompressZstd: (input: Uint8Array, output?: Uint8Array) => Uint8Array;
}): Compressors {
  const { GZIP, LZ4, LZ4_RAW } = compressors;
  if (GZIP === undefined || LZ4 === undefined || LZ4_RAW === undefined)
    throw new Error('hyparquet-compressors lacks a codec');
  return {
    ...compressors,
    GZIP: (input, length) => {
      const output = GZIP(input, length);
      checkGzip(input, output);
      return output;
    },
    ZSTD: (input, length) => {
      checkZstd(input, length);
      const output = new Uint8Array(length).fill(UNTOUCHED);
      decompressZstd(input, output);
      if (length > 0 && isUntouched(output)) {
        // Perhaps it ends like that: filled otherwise before, it still would.
        const again = new Uint8Array(length);
        decompressZstd(input, again);
        if (!isUntouched(again)) throw new Error('a page holds less than it says');
      }
      return output;
    },
    LZ4: (input, length) => (isFramed(input, length) ? LZ4(input, length) : LZ4_RAW(input, length)),
  };
}

const UNTOUCHED = 0xa5;

function isUntouched(output: Uint8Array): boolean {
  return output.at(-1) === UNTOUCHED;
}

/** One member with its length and checksum behind it. */
function checkGzip(input: Uint8Array, output: Uint8Array): void {
  // Without its first bytes it is a bare deflate stream, which has no checksum.
  if (input[0] !== 31 || input[1] !== 139) return;
  const end = new DataView(input.buffer, input.byteOffset + input.length - 8, 8);
  if (end.getUint32(4, true) !== output.length || end.getUint32(0, true) !== crc32(output))
    throw new Error('a page does not have its checksum');
}

/** One frame that says its size, as Parquet's writers write, or one with a small window and few blocks. */
function checkZstd(input: Uint8Array, length: number): void {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 6 || view.getUint32(0, true) !== 0xfd2fb528)
    throw new Error('a page is no Zstandard frame');
  const flags = input[4] ?? 0;
  const single = (flags & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][flags & 3] ?? 0;
  const size = [single ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  let at = 5;
  if (!single) {
    const window = input[at++] ?? 0;
    const base = 2 ** (10 + (window >> 3));
    if (base + (base / 8) * (window & 7) > 1 << 27)
      throw new Error('a page asks for too much memory');
  }
  at += dictionary;
  if (at + size > input.length) throw new Error('a page is no Zstandard frame');
  if (size > 0) {
    let content = 0;
    for (let place = 0; place < size; place++) content += (input[at + place] ?? 0) * 256 ** place;
    if (size === 2) content += 256;
    if (content !== length) throw new Error('a page holds more or less than it says');
  }
  at += size;
  let whole = 0;
  for (let blocks = 1; ; blocks++) {
    if (at + 3 > input.length) throw new Error('a page was cut off');
    const head = (input[at] ?? 0) + (input[at + 1] ?? 0) * 256 + (input[at + 2] ?? 0) * 65_536;
    const kind = (head >> 1) & 3;
    const bytes = head >> 3;
    if (kind === 3) throw new Error('a page holds a block of an unknown kind');
    whole += kind === 2 ? 0 : bytes;
    if (whole > length || blocks > length / 256 + 64)
      throw new Error('a page holds more than it says');
    at += 3 + (kind === 1 ? 1 : bytes);
    if (head % 2 === 1) return;
  }
}

/** Whether it is cut into blocks with their sizes before them, as Hadoop writes LZ4. */
function isFramed(input: Uint8Array, length: number): boolean {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let unpacked = 0;
  let at = 0;
  while (at + 8 <= input.length) {
    unpacked += view.getUint32(at);
    at += 8 + view.getUint32(at + 4);
  }
  return at === input.length && unpacked === length;
}
