/**
 * What a workbook would come to, before it is read: sizes from the zip's directory and from what really
 * unpacks, and how far its sheets reach. A cell at the far end of a sheet, put there by accident, by damage or
 * on purpose, would fill the memory: read-excel-file makes every cell between.
 */
import { Inflate } from 'fflate';

/** A workbook is read whole, and is several times larger in memory. */
const MOST_UNPACKED = 1_500_000_000;
/** Deflate makes at most 1,032 bytes of one; XML of a sheet comes to some 10 to 50. */
const MOST_RATIO = 1040;
/** Excel's own limits. */
const MOST_ROWS = 1_048_576;
const MOST_COLUMNS = 16_384;
/** Rows times columns of all sheets, filled or not. */
const MOST_CELLS = 40_000_000;
const PIECE = 1 << 16;

export type WorkbookTrouble = 'too-large' | 'too-wide' | { readonly damaged: string };

/** @returns what keeps it from being read; null where nothing does. */
export function troubleOf(workbook: Uint8Array): WorkbookTrouble | null {
  const parts = zipParts(workbook);
  if (parts === null) return null; // no directory: the reader says that it is damaged
  let unpacked = 0;
  for (const { packed, size } of parts) {
    unpacked += size;
    if (unpacked > MOST_UNPACKED || size > MOST_RATIO * packed.length + 1000) return 'too-large';
  }
  let cells = 0;
  for (const part of parts) {
    if (!/^xl\/.*sheet[^/]*\.xml$/i.test(part.name)) continue;
    const reach = new SheetReach();
    try {
      part.unpack((piece) => reach.push(piece));
    } catch (error) {
      return { damaged: error instanceof Error ? error.message : String(error) };
    }
    if (reach.trouble !== null) return { damaged: reach.trouble };
    cells += reach.rows * reach.columns;
    if (cells > MOST_CELLS) return 'too-wide';
  }
  return null;
}

interface ZipPart {
  readonly name: string;
  readonly packed: Uint8Array;
  /** As the directory says. */
  readonly size: number;
  /** Piece by piece. @throws Error when it is damaged, or larger than it says. */
  readonly unpack: (take: (piece: Uint8Array) => void) => void;
}

/** The parts that the directory at the end lists; null without one. */
function zipParts(bytes: Uint8Array): ZipPart[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  const lowest = Math.max(0, end - 65_535);
  while (end >= lowest && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < lowest) return null;
  const parts: ZipPart[] = [];
  let at = view.getUint32(end + 16, true);
  while (at + 46 <= bytes.length && view.getUint32(at, true) === 0x02014b50) {
    const method = view.getUint16(at + 10, true);
    const size = view.getUint32(at + 24, true);
    const nameLength = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const packed = packedBytes(view, bytes, at);
    parts.push({ name, packed, size, unpack: (take) => unpackPart(packed, method, size, take) });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return parts;
}

function packedBytes(view: DataView, bytes: Uint8Array, entry: number): Uint8Array {
  const local = view.getUint32(entry + 42, true);
  if (local + 30 > bytes.length) return new Uint8Array();
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  return bytes.subarray(start, start + view.getUint32(entry + 20, true));
}

function unpackPart(
  packed: Uint8Array,
  method: number,
  size: number,
  take: (piece: Uint8Array) => void,
): void {
  let seen = 0;
  const bounded = (piece: Uint8Array): void => {
    seen += piece.length;
    if (seen > size) throw new Error('a part is larger than it says');
    take(piece);
  };
  if (method === 0) {
    bounded(packed);
    return;
  }
  const inflate = new Inflate(bounded);
  for (let at = 0; at < packed.length; at += PIECE)
    inflate.push(packed.subarray(at, at + PIECE), at + PIECE >= packed.length);
}

const TAG = /<(?:[\w.-]+:)?(row|c)(\s[^<>]*)?>/g;
const ADDRESS = /\sr\s*=\s*(?:"([^"]*)"|'([^']*)')/;

/** How many rows and columns of a sheet hold something, from its XML as it comes. */
class SheetReach {
  rows = 0;
  columns = 0;
  trouble: string | null = null;
  #rest = '';
  readonly #decoder = new TextDecoder('latin1');

  push(piece: Uint8Array): void {
    const text = this.#rest + this.#decoder.decode(piece);
    const cut = text.lastIndexOf('<');
    // A tag is not as long as this: what follows is text.
    this.#rest = cut < 0 || text.length - cut > PIECE ? '' : text.slice(cut);
    for (const [tag, kind, attributes = ''] of text
      .slice(0, text.length - this.#rest.length)
      .matchAll(TAG)) {
      const found = ADDRESS.exec(attributes);
      const address = found?.[1] ?? found?.[2];
      if (address === undefined) continue;
      if (kind === 'row') this.#row(address);
      else this.#cell(address, tag.endsWith('/>'));
    }
  }

  #row(text: string): void {
    const row = /^\d{1,7}$/.test(text) ? Number(text) : 0;
    if (row < 1 || row > MOST_ROWS) this.trouble ??= `there is no row “${text.slice(0, 20)}”`;
  }

  #cell(text: string, isEmpty: boolean): void {
    const [, letters = '', digits = ''] = /^([A-Z]{1,3})(\d{1,7})$/.exec(text) ?? [];
    const row = Number(digits);
    const column = Array.from(letters).reduce(
      (sum, letter) => 26 * sum + letter.charCodeAt(0) - 64,
      0,
    );
    if (row < 1 || row > MOST_ROWS || column < 1 || column > MOST_COLUMNS) {
      this.trouble ??= `there is no cell “${text.slice(0, 20)}”`;
    } else if (!isEmpty) {
      this.rows = Math.max(this.rows, row);
      this.columns = Math.max(this.columns, column);
    }
  }
}
