/**
 * Delimited text to a table. Rows are cut by `rows.ts`, their cells are Papa Parse's. What cannot be taken as
 * it stands is reported with its line: short rows are filled with empty cells, rows with too many cells are
 * left out, since no one can say which cell is the label, and so is what a quote that never closes swallows.
 */
import Papa from 'papaparse';
import { HeadlightError } from '../../base';
import { TableBuilder } from '../builder';
import { isQuoted, sniffDelimiter, type Delimiter } from '../dialect';
import { columnNames, findHeader, type HeaderFinding } from '../header';
import { RowCutter, RowScanner } from '../rows';
import type { Table } from '../types';
import { lineBreaks, LONGEST_ROW, ReadAgain, type ReaderInput, type TextReader } from './reader';

/** Rows that the header and the width are found on; more where they come in one piece. */
const HEADER_ROWS = 1000;
const HEADER_CHARACTERS = 1 << 22;
const DELIMITER_WORDS = { ',': 'comma', '\t': 'tab', ';': 'semicolon', '|': 'bar' } as const;

interface Row {
  readonly cells: readonly string[];
  readonly line: number;
  /** As it stands in the file, row ends unified. */
  readonly raw: () => string;
}

export class DelimitedReader implements TextReader {
  readonly #input: ReaderInput;
  readonly #delimiter: Delimiter;
  readonly #quoting: boolean;
  readonly #cutter: RowCutter;
  readonly #builder = new TableBuilder();
  #line = 1;
  /** The first rows, until there are enough to find header and width; then null. */
  #waiting: Row[] | null = [];
  #waitingSize = 0;
  #header: readonly string[] | null = null;
  #finding: HeaderFinding = { hasHeader: false, reason: '' };
  /** Lines that a quote which never closes has swallowed so far, when that has happened. */
  #lost: { readonly line: number; lines: number } | null = null;

  constructor(input: ReaderInput) {
    this.#input = input;
    const { name, head, settings } = input;
    this.#delimiter = settings.delimiter ?? sniffDelimiter(head, name);
    this.#quoting = settings.quotes ?? isQuoted(head, this.#delimiter);
    this.#cutter = new RowCutter(this.#delimiter, this.#quoting);
  }

  push(text: string): void {
    if (this.#lost !== null) {
      this.#lose(text);
      return;
    }
    this.#take(this.#cutter.push(text));
    if (this.#cutter.pending <= LONGEST_ROW) return;
    if (!this.#cutter.isOpen) {
      throw new HeadlightError(
        'bad-file',
        `${this.#input.name}, line ${this.#line}: the row is longer than 64 million characters.`,
        { hint: 'Check that the file is a table, with a row on each line.' },
      );
    }
    this.#unclosed(this.#cutter.rest);
  }

  finish(): Table {
    if (this.#lost === null) {
      this.#take(this.#cutter.push('', true));
      if (this.#cutter.isOpen) this.#unclosed(this.#cutter.rest);
    }
    if (this.#waiting !== null) this.#start();
    const { name, encoding } = this.#input;
    const lost = this.lost();
    if (lost !== null) {
      this.#builder.problem(
        lost.line,
        `A quote opens a cell here and never closes; ${lost.lines === 1 ? 'the line was' : `the ${lost.lines} lines from here to the end were`} left out. Read quotes as plain characters to keep them.`,
      );
    }
    this.#builder.refuseEmpty(
      name,
      this.#header === null
        ? 'No row of {name} could be read.'
        : 'No row of {name} below its header could be read.',
      'Check the delimiter, and put cells that contain it in double quotes.',
    );
    return this.#builder.finish(columnNames(this.#header, this.#builder.width), {
      name,
      format: 'table',
      encoding,
      delimiter: this.#delimiter,
      hasHeader: this.#finding.hasHeader,
      headerReason: this.#finding.reason,
      quotes: this.#quoting,
    });
  }

  /** Asked for by a method: it may have been set since it was last looked at. */
  private lost(): { readonly line: number; readonly lines: number } | null {
    return this.#lost;
  }

  /** @param text whole rows, each ended by a line feed. */
  #take(text: string): void {
    if (text === '') return;
    // Papa Parse takes a byte order mark away; here it is a character of the first cell.
    const marked = text.charCodeAt(0) === 0xfeff ? `\ufeff${text}` : text;
    const { data, errors } = Papa.parse<string[]>(marked, {
      delimiter: this.#delimiter,
      newline: '\n',
      ...(this.#quoting ? {} : { fastMode: true }),
    });
    data.pop(); // what follows the last line feed
    if (errors.some(({ type }) => type === 'Quotes')) this.#malformed(data, errors);
    const rawRow = rawRows(text, this.#delimiter, this.#quoting);
    for (const [index, cells] of data.entries()) {
      const line = this.#line++;
      if (this.#quoting) for (const cell of cells) this.#line += lineBreaks(cell);
      if (cells.length === 1 && (cells[0] ?? '').trim() === '') continue;
      this.#add({ cells, line, raw: () => rawRow(index) });
    }
    if (this.#waiting !== null) {
      this.#waitingSize += text.length;
      if (this.#waiting.length >= HEADER_ROWS || this.#waitingSize >= HEADER_CHARACTERS)
        this.#start();
    }
  }

  #malformed(data: readonly string[][], errors: readonly Papa.ParseError[]): void {
    this.#refuseQuotesOfTabs(this.#line);
    const starts: number[] = [];
    let line = this.#line;
    for (const cells of data) {
      starts.push(line++);
      for (const cell of cells) line += lineBreaks(cell);
    }
    const seen = new Set<number>();
    for (const { type, row } of errors) {
      const start = starts[row ?? 0] ?? this.#line;
      if (type !== 'Quotes' || seen.has(start)) continue;
      seen.add(start);
      this.#builder.problem(
        start,
        'A quote inside a quoted cell is not doubled; the cell may end elsewhere than meant.',
      );
    }
  }

  /** Tab-separated files often have no quoting: one quote that does not close as it should says so. */
  #refuseQuotesOfTabs(line: number): void {
    if (this.#delimiter !== '\t' || this.#input.settings.quotes !== undefined) return;
    throw new ReadAgain(
      { quotes: false },
      `Quotes were taken as plain characters: one at about line ${line} does not enclose its cell.`,
    );
  }

  #unclosed(rest: string): void {
    this.#refuseQuotesOfTabs(this.#line);
    this.#lost = { line: this.#line, lines: 0 };
    this.#lose(rest);
  }

  /** Leaves out what a quote that never closes has swallowed, line by line. */
  #lose(text: string): void {
    const { line: from } = this.#lost ?? { line: this.#line };
    for (const line of text
      .replace(/\r\n?|\n$/g, '\n')
      .replace(/\n$/, '')
      .split('\n')) {
      this.#builder.reject(
        this.#line++,
        line,
        `Swallowed by a quote that opens a cell on line ${from} and never closes.`,
      );
      if (this.#lost !== null) this.#lost.lines++;
    }
  }

  #start(): void {
    const rows = this.#waiting ?? [];
    this.#waiting = null;
    const { name, settings } = this.#input;
    this.#finding =
      settings.hasHeader === undefined
        ? findHeader(rows.slice(0, HEADER_ROWS).map(({ cells }) => cells))
        : { hasHeader: settings.hasHeader, reason: 'Set by you.' };
    this.#header = this.#finding.hasHeader ? (rows[0]?.cells ?? []) : null;
    const below = this.#header === null ? rows : rows.slice(1);
    if (below.length === 0 && this.#lost === null) {
      throw new HeadlightError('bad-table', `${name} has a header but no rows below it.`, {
        hint: 'Drop a file with at least a few rows of texts and labels.',
      });
    }
    for (let width = tableWidth(below, this.#header); width > 0; width--) this.#builder.addColumn();
    for (const row of below) this.#add(row);
  }

  #add(row: Row): void {
    if (this.#waiting !== null) {
      this.#waiting.push(row);
      return;
    }
    const { cells, line } = row;
    const builder = this.#builder;
    if (cells.length !== builder.width) {
      const where = this.#header === null ? 'other rows have' : 'the header has';
      const found = `${cells.length} ${cells.length === 1 ? 'cell' : 'cells'} where ${where} ${builder.width}`;
      if (cells.length < builder.width) {
        builder.problem(line, `${found}; the missing ones were taken as empty.`);
        // Spreadsheets write empty cells at the end of a row; nothing is lost with them.
      } else if (!cells.slice(builder.width).every((cell) => cell.trim() === '')) {
        builder.rejectWithProblem(
          line,
          row.raw(),
          `${found}; the row was left out. A cell that contains a ${DELIMITER_WORDS[this.#delimiter]} must stand in quotes.`,
        );
        return;
      }
    }
    builder.addRow(cells, line);
    if (cells.some((cell) => cell.includes('\0'))) {
      builder.problem(line, 'A cell holds a NUL character; the file may be damaged there.');
    }
  }
}

/** The rows of a text as they stand, cut when the first is asked for. */
function rawRows(text: string, delimiter: string, quoting: boolean): (row: number) => string {
  let rows: string[] | null = null;
  return (row) => {
    if (rows === null) {
      const found: string[] = [];
      let start = 0;
      new RowScanner(delimiter, quoting).scan(text, 0, true, (offset, size) => {
        found.push(text.slice(start, offset));
        start = offset + size;
      });
      rows = found;
    }
    return rows[row] ?? '';
  };
}

/** The header's width, or that of most rows where the header is shorter (R leaves out a name). */
function tableWidth(below: readonly Row[], header: readonly string[] | null): number {
  const counts = new Map<number, number>();
  for (const { cells } of below) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  let width = 1;
  let most = 0;
  for (const [cells, count] of counts) {
    if (count > most || (count === most && cells < width)) [width, most] = [cells, count];
  }
  if (header === null) return width;
  return width > header.length && most > below.length / 2 ? width : header.length;
}
