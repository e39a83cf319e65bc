/**
 * How a file is written: its delimiter, and whether double quotes enclose cells or are plain characters.
 * Only row counts and cell counts are found here; the cells themselves are Papa Parse's work.
 */
import { RowScanner } from './rows';
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

/** Enough to tell the delimiter; a whole file of 100 MB need not be read for it. */
const SAMPLE = 1 << 18;
const DELIMITERS: readonly Delimiter[] = ['\t', ',', ';', '|'];

function walk(text: string, delimiter: Delimiter, quoting: boolean): Shape {
  const scanner = new RowScanner(delimiter, quoting);
  const widths = new Map<number, number>();
  let rows = 0;
  let firstWidth = 0;
  let start = 0;
  const endRow = (end: number, cells: number): void => {
    if (end === start) return;
    if (rows === 0) firstWidth = cells;
    rows++;
    widths.set(cells, (widths.get(cells) ?? 0) + 1);
  };
  scanner.scan(text, 0, true, (offset, size, cells) => {
    endRow(offset, cells);
    start = offset + size;
  });
  endRow(text.length, scanner.cells);
  const unclosed = scanner.quoted ? 1 : 0;
  return {
    widths,
    firstWidth,
    rows,
    malformed: scanner.malformed + unclosed,
    multiline: scanner.multiline + unclosed,
  };
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

/** Whether most rows are cut into the same number of cells, at least two. */
export function isRegular(text: string, delimiter: Delimiter): boolean {
  const sample = sampleOf(text);
  const { width, share } = commonest(walk(sample, delimiter, isQuoted(sample, delimiter)));
  return width >= 2 && share >= 0.9;
}

/** The first rows, cut at a line end so that no row is half there. */
function sampleOf(text: string): string {
  if (text.length <= SAMPLE) return text;
  const cut = Math.max(text.lastIndexOf('\n', SAMPLE), text.lastIndexOf('\r', SAMPLE));
  return cut > 0 ? text.slice(0, cut) : text.slice(0, SAMPLE);
}
