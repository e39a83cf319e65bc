/**
 * Where rows of delimited text end: a scanner that can stop anywhere in a text and go on in the next piece,
 * and a cutter that hands out whole rows. Quotes are read the way Papa Parse reads them: a cell that begins
 * with a quote ends at a quote that a delimiter, a row end or the end follows, blanks between allowed; other
 * quotes inside are malformed.
 */
const QUOTE = 34;
const LF = 10;
const CR = 13;

/** What `String.prototype.trim` takes away, row ends aside. */
function isBlank(unit: number): boolean {
  if (unit < 128) return unit === 32 || unit === 9 || unit === 11 || unit === 12;
  return (
    unit === 0xa0 ||
    unit === 0xfeff ||
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  );
}

/** @param offset of the row end; @param size 2 for CRLF; @param cells of the row that ends. */
export type OnRowEnd = (offset: number, size: number, cells: number) => void;

export class RowScanner {
  /** Cells that open with a quote and do not close as RFC 4180 says. */
  malformed = 0;
  /** Quoted cells that hold a line break. */
  multiline = 0;
  /** Cells of the row that is not ended yet. */
  cells = 1;
  /** Whether a quoted cell is open. */
  quoted = false;
  readonly #separator: number;
  readonly #quoting: boolean;
  #cellStart = true;
  #broken = false;
  #lines = false;

  constructor(delimiter: string, quoting: boolean) {
    this.#separator = delimiter.charCodeAt(0);
    this.#quoting = quoting;
  }

  /**
   * Reads on from `from`.
   * @param last whether nothing follows; else it stops before what only the next piece decides.
   * @returns how far it came.
   */
  scan(text: string, from: number, last: boolean, onRowEnd: OnRowEnd): number {
    const { length } = text;
    let i = from;
    while (i < length) {
      if (this.quoted) {
        const end = this.#scanQuoted(text, i, last);
        if (end < 0) return -1 - end;
        i = end;
        continue;
      }
      const unit = text.charCodeAt(i);
      if (unit === QUOTE && this.#cellStart && this.#quoting) {
        this.quoted = true;
        this.#broken = false;
        this.#lines = false;
        this.#cellStart = false;
        i++;
      } else if (unit === this.#separator) {
        this.cells++;
        this.#cellStart = true;
        i++;
      } else if (unit === LF || unit === CR) {
        if (unit === CR && i + 1 >= length && !last) return i;
        const size = unit === CR && text.charCodeAt(i + 1) === LF ? 2 : 1;
        onRowEnd(i, size, this.cells);
        this.cells = 1;
        this.#cellStart = true;
        i += size;
      } else {
        this.#cellStart = false;
        i++;
      }
    }
    return i;
  }

  /** Within a quoted cell. @returns just after its closing quote; -1 - how far it came while it is open. */
  #scanQuoted(text: string, from: number, last: boolean): number {
    const { length } = text;
    for (let i = from; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit === LF || unit === CR) this.#lines = true;
      if (unit !== QUOTE) continue;
      if (i + 1 >= length && !last) return -1 - i;
      if (text.charCodeAt(i + 1) === QUOTE) {
        i++;
        continue;
      }
      let next = i + 1;
      while (text.charCodeAt(next) !== this.#separator && isBlank(text.charCodeAt(next))) next++;
      if (next >= length && !last) return -1 - i;
      const after = text.charCodeAt(next);
      if (next >= length || after === this.#separator || after === LF || after === CR) {
        if (this.#broken) this.malformed++;
        if (this.#lines) this.multiline++;
        this.quoted = false;
        return i + 1;
      }
      this.#broken = true;
    }
    return -1 - length;
  }
}

/** Cuts a text that comes in pieces into whole rows. */
export class RowCutter {
  readonly #scanner: RowScanner;
  readonly #quoting: boolean;
  #buffer = '';
  #scanned = 0;

  constructor(delimiter: string, quoting: boolean) {
    this.#scanner = new RowScanner(delimiter, quoting);
    this.#quoting = quoting;
  }

  /** Characters of the row that has not ended. */
  get pending(): number {
    return this.#buffer.length;
  }

  /** Whether a quoted cell is open. */
  get isOpen(): boolean {
    return this.#scanner.quoted;
  }

  /** What has not been handed out: the beginning of a row. */
  get rest(): string {
    return this.#buffer;
  }

  /**
   * @param last whether nothing follows: a last row without a row end is handed out too, unless a quote is
   *   open in it (see `rest`).
   * @returns whole rows, each ended by one line feed whatever it was ended by; '' when none is whole yet.
   */
  push(text: string, last = false): string {
    const buffer = this.#buffer === '' ? text : this.#buffer + text;
    let end = 0;
    const ends = { plain: true };
    const pieces: string[] = [];
    const hasCr = buffer.includes('\r');
    if (!this.#quoting && !hasCr) {
      end = buffer.lastIndexOf('\n') + 1;
      this.#scanned = buffer.length;
    } else {
      this.#scanned = this.#scanner.scan(buffer, this.#scanned, last, (offset, size) => {
        if (hasCr) {
          pieces.push(buffer.slice(end, offset));
          if (size === 2 || buffer.charCodeAt(offset) === CR) ends.plain = false;
        }
        end = offset + size;
      });
    }
    let whole = ends.plain ? buffer.slice(0, end) : `${pieces.join('\n')}\n`;
    this.#buffer = buffer.slice(end);
    this.#scanned -= end;
    if (last && this.#buffer !== '' && !this.#scanner.quoted) {
      whole += `${this.#buffer}\n`;
      this.#buffer = '';
      this.#scanned = 0;
    }
    return whole;
  }
}
