/**
 * How a file is written: its delimiter, and whether double quotes enclose cells or are plain characters.
 * Only row counts and cell counts are found here; the cells themselves are Papa Parse's work.
 */
import type { Table } from './types';

export type Delimiter = Table['delimiter'];

/** What one reading of a text under one dialect looks like. */
interface Shape {
  /** Rows, empty lines not counted, by their number of cells. */
  readonly widths: ReadonlyMap<number, number>;
  readonly firstWidth: number;
  readonly rows: number;
  /** Cells that open with a quote and do not close as RFC 4180 says, the last unclosed one included. */
  readonly malformed: number;
  /** Quoted cells that hold a line break. */
  readonly multiline: number;
}

const QUOTE = 34;
const LF = 10;
const CR = 13;
const SPACE = 32;
/** Enough to tell the delimiter; a whole file of 100 MB need not be read for it. */
const SAMPLE = 1 << 18;
const DELIMITERS: readonly Delimiter[] = ['\t', ',', ';', '|'];

/**
 * Walks a text the way Papa Parse reads quotes: a cell that begins with a quote ends at a quote that
 * a delimiter, a line end or the end follows (spaces between allowed); other quotes inside are malformed.
 * @param onRowBreak called with the offset and length of each line break that ends a row.
 */
function walk(
  text: string,
  delimiter: Delimiter,
  quoting: boolean,
  onRowBreak?: (offset: number, length: number) => void,
): Shape {
  const separator = delimiter.charCodeAt(0);
  const widths = new Map<number, number>();
  let rows = 0;
  let firstWidth = 0;
  let malformed = 0;
  let multiline = 0;
  let cells = 1;
  let rowStart = 0;
  const length = text.length;

  const endRow = (end: number): void => {
    if (end > rowStart) {
      if (rows === 0) firstWidth = cells;
      rows++;
      widths.set(cells, (widths.get(cells) ?? 0) + 1);
    }
    cells = 1;
  };

  /** From just after an opening quote to just after the closing one. */
  const skipQuoted = (from: number): number => {
    let broken = false;
    let lines = false;
    let i = from;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit === LF || unit === CR) lines = true;
      if (unit !== QUOTE) continue;
      if (text.charCodeAt(i + 1) === QUOTE) {
        i++;
        continue;
      }
      let next = i + 1;
      while (text.charCodeAt(next) === SPACE) next++;
      const after = text.charCodeAt(next);
      if (next >= length || after === separator || after === LF || after === CR) {
        if (broken) malformed++;
        if (lines) multiline++;
        return i + 1;
      }
      broken = true;
    }
    malformed++;
    if (lines) multiline++;
    return length;
  };

  let cellStart = true;
  let i = 0;
  while (i < length) {
    const unit = text.charCodeAt(i);
    if (cellStart && quoting && unit === QUOTE) {
      i = skipQuoted(i + 1);
      cellStart = false;
    } else if (unit === separator) {
      cells++;
      cellStart = true;
      i++;
    } else if (unit === LF || unit === CR) {
      endRow(i);
      const size = unit === CR && text.charCodeAt(i + 1) === LF ? 2 : 1;
      onRowBreak?.(i, size);
      i += size;
      rowStart = i;
      cellStart = true;
    } else {
      cellStart = false;
      i++;
    }
  }
  endRow(length);
  return { widths, firstWidth, rows, malformed, multiline };
}

function commonest(shape: Shape): { width: number; share: number } {
  let width = 1;
  let most = 0;
  for (const [candidate, rows] of shape.widths) {
    const witness = candidate === shape.firstWidth ? 0.5 : 0; // among equals the first row decides
    if (rows + witness > most) [width, most] = [candidate, rows + witness];
  }
  return { width, share: shape.rows === 0 ? 0 : Math.floor(most) / shape.rows };
}

/**
 * The delimiter that cuts most rows into the same number of cells, at least two. A list of texts in one
 * column gets a delimiter that cuts none of its rows.
 */
export function sniffDelimiter(text: string, name: string): Delimiter {
  const sample = sampleOf(text);
  let best: { delimiter: Delimiter; score: number } | null = null;
  for (const delimiter of DELIMITERS) {
    if (!sample.includes(delimiter)) continue;
    const shape = walk(sample, delimiter, isQuoted(sample, delimiter));
    const { width, share } = commonest(shape);
    if (width < 2) continue;
    // One cell in the first row is a list of texts under a one-word header, its commas part of the prose.
    if (shape.firstWidth === 1 && share < 0.9) continue;
    const namesIt = delimiter === '\t' && /\.(tsv|tab)$/i.test(name);
    // Prose has commas in every row by chance; a first row of the same width is the better witness.
    const score = share + (shape.firstWidth === width ? 0.1 : 0) + (namesIt ? 0.5 : 0);
    // A ragged file is still cut as its first row is; a guess from the rows alone needs more of them.
    const enough = shape.firstWidth === width ? 0.4 : 0.5;
    if (share >= enough && (best === null || score > best.score + 1e-9))
      best = { delimiter, score };
  }
  if (best !== null) return best.delimiter;
  const harmless = ([',', '\t', ';', '|'] as const).find((delimiter) => {
    const { widths } = walk(sample, delimiter, isQuoted(sample, delimiter));
    return [...widths.keys()].every((width) => width === 1);
  });
  return harmless ?? ',';
}

/**
 * Whether double quotes enclose cells. Always so between commas, semicolons and bars. Tab-separated files
 * often have no quoting at all (GLUE): a quote there encloses only if every cell that opens with one closes
 * properly, and if reading quotes as plain characters is not the reading that makes all rows equally wide.
 */
export function isQuoted(text: string, delimiter: Delimiter): boolean {
  if (delimiter !== '\t') return true;
  if (!text.includes('"')) return false;
  const quoted = walk(text, delimiter, true);
  if (quoted.malformed > 0) return false;
  if (quoted.multiline === 0) return true;
  const literal = walk(text, delimiter, false);
  return commonest(literal).share < 1 || commonest(literal).width < 2;
}

/** Row ends written as one line feed each, whatever mixture they were; line breaks inside quotes stay. */
export function unifyRowEnds(text: string, delimiter: Delimiter, quoting: boolean): string {
  if (!text.includes('\r')) return text;
  if (!quoting || !text.includes('"')) return text.replace(/\r\n?/g, '\n');
  const pieces: string[] = [];
  let start = 0;
  walk(text, delimiter, true, (offset, length) => {
    pieces.push(text.slice(start, offset));
    start = offset + length;
  });
  pieces.push(text.slice(start));
  return pieces.join('\n');
}

/** The first rows, cut at a line end so that no row is half there. */
function sampleOf(text: string): string {
  if (text.length <= SAMPLE) return text;
  const cut = Math.max(text.lastIndexOf('\n', SAMPLE), text.lastIndexOf('\r', SAMPLE));
  return cut > 0 ? text.slice(0, cut) : text.slice(0, SAMPLE);
}
