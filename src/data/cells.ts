/**
 * A column as UTF-8 bytes with an offset a cell, in blocks of rows; a cell is decoded when it is read. A
 * million rows cost about what they cost in the file, where as many strings would cost several times that.
 * What UTF-8 cannot say (half of a surrogate pair, which only JSON escapes can bring) becomes U+FFFD.
 */
import type { Cells } from './types';

const BLOCK_BITS = 12;
const BLOCK = 1 << BLOCK_BITS;
/** Shorter cells are encoded and decoded faster by hand. */
const SHORT = 24;

interface Block {
  readonly bytes: Uint8Array;
  /** Row i of the block stands from `ends[i - 1]` (0 for the first) to `ends[i]`. */
  readonly ends: Uint32Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

class ByteCells implements Cells {
  readonly length: number;
  readonly #blocks: readonly Block[];

  constructor(blocks: readonly Block[], length: number) {
    this.#blocks = blocks;
    this.length = length;
  }

  at(row: number): string | undefined {
    const index = row < 0 ? this.length + row : row;
    const block = this.#blocks[index >> BLOCK_BITS];
    if (block === undefined || index < 0 || index >= this.length) return undefined;
    return cellOf(block, index & (BLOCK - 1));
  }

  *[Symbol.iterator](): Iterator<string> {
    for (const block of this.#blocks) {
      for (let row = 0; row < block.ends.length; row++) yield cellOf(block, row);
    }
  }
}

function cellOf({ bytes, ends }: Block, row: number): string {
  const start = row === 0 ? 0 : (ends[row - 1] ?? 0);
  const end = ends[row] ?? start;
  if (end - start < SHORT) {
    let text = '';
    for (let i = start; i < end; i++) {
      const byte = bytes[i] ?? 0;
      if (byte > 127) return decoder.decode(bytes.subarray(start, end));
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return decoder.decode(bytes.subarray(start, end));
}

export class ColumnBuilder {
  readonly #blocks: Block[] = [];
  #bytes = new Uint8Array(256);
  #used = 0;
  #ends = new Uint32Array(16);
  #rows = 0;

  add(cell: string): void {
    // UTF-8 takes at most three bytes a UTF-16 unit.
    const needed = this.#used + 3 * cell.length;
    if (needed > this.#bytes.length) {
      const longer = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      longer.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = longer;
    }
    this.#used += this.#encode(cell);
    this.#end();
  }

  /** As many empty cells, for rows before the column was first seen. */
  addEmpty(rows: number): void {
    for (let row = 0; row < rows; row++) this.#end();
  }

  finish(): Cells {
    const length = this.#blocks.length * BLOCK + this.#rows;
    if (this.#rows > 0) this.#closeBlock();
    return new ByteCells(this.#blocks, length);
  }

  #encode(cell: string): number {
    if (cell.length < SHORT) {
      let i = 0;
      for (; i < cell.length; i++) {
        const unit = cell.charCodeAt(i);
        if (unit > 127) break;
        this.#bytes[this.#used + i] = unit;
      }
      if (i === cell.length) return i;
    }
    return encoder.encodeInto(cell, this.#bytes.subarray(this.#used)).written;
  }

  #end(): void {
    if (this.#rows === this.#ends.length) {
      const longer = new Uint32Array(Math.min(BLOCK, 4 * this.#ends.length));
      longer.set(this.#ends);
      this.#ends = longer;
    }
    this.#ends[this.#rows++] = this.#used;
    if (this.#rows === BLOCK) this.#closeBlock();
  }

  #closeBlock(): void {
    this.#blocks.push({
      bytes: this.#bytes.slice(0, this.#used),
      ends: this.#ends.slice(0, this.#rows),
    });
    // One cell of a megabyte must not keep as much aside for every block that follows.
    if (this.#bytes.length > 8 * this.#used + 4096) this.#bytes = new Uint8Array(4096);
    this.#used = 0;
    this.#rows = 0;
  }
}
