/**
 * Text a line a row: plain texts, and fastText's `__label__x text`, whose labels become one cell as they
 * stand, divided by single spaces.
 */
import { HeadlightError } from '../../base';
import { TableBuilder } from '../builder';
import { normalName, TEXT_NAMES } from '../header';
import { RowCutter } from '../rows';
import type { Table } from '../types';
import { LONGEST_ROW, type ReaderInput, type TextReader } from './reader';

/** Calls with each line of a text that comes in pieces, blank ones too. */
export class LineCutter {
  readonly #cutter = new RowCutter('\n', false);
  readonly #onLine: (line: string, number: number) => void;
  readonly #name: string;
  #number = 1;

  constructor(name: string, onLine: (line: string, number: number) => void) {
    this.#name = name;
    this.#onLine = onLine;
  }

  push(text: string, last = false): void {
    const whole = this.#cutter.push(text, last);
    if (this.#cutter.pending > LONGEST_ROW) {
      throw new HeadlightError(
        'bad-file',
        `${this.#name}, line ${this.#number}: the line is longer than 64 million characters.`,
        { hint: 'Check that the file has a row on each line.' },
      );
    }
    let start = 0;
    for (let end = whole.indexOf('\n'); end >= 0; end = whole.indexOf('\n', start)) {
      this.#onLine(whole.slice(start, end), this.#number++);
      start = end + 1;
    }
  }
}

/** A reader to whom each line is a row of a few columns. */
abstract class LineReader implements TextReader {
  protected readonly input: ReaderInput;
  protected readonly rows = new TableBuilder();
  readonly #cutter: LineCutter;

  constructor(input: ReaderInput, columns: number) {
    this.input = input;
    for (let column = 0; column < columns; column++) this.rows.addColumn();
    this.#cutter = new LineCutter(input.name, (line, number) => this.line(line, number));
  }

  push(text: string): void {
    this.#cutter.push(text);
  }

  finish(): Table {
    this.#cutter.push('', true);
    const { empty, columns, ...rest } = this.ended();
    const { name, encoding } = this.input;
    this.rows.refuseEmpty(name, ...empty);
    return this.rows.finish(columns, { name, encoding, delimiter: '\t', ...rest });
  }

  protected abstract line(line: string, number: number): void;

  /** What is known when the last line is read. */
  protected abstract ended(): Pick<Table, 'format' | 'hasHeader' | 'headerReason'> & {
    readonly columns: readonly string[];
    /** What is said when there is no row, and what to do. */
    readonly empty: readonly [what: string, hint: string];
  };
}

export class LinesReader extends LineReader {
  #header: string | null = null;
  #first = true;

  constructor(input: ReaderInput) {
    super(input, 1);
  }

  protected ended(): ReturnType<LineReader['ended']> {
    const header = this.#header;
    return {
      format: 'lines',
      columns: [header ?? 'text'],
      hasHeader: header !== null,
      headerReason:
        header === null
          ? 'Plain text: each line is a row.'
          : `Plain text: each line is a row, the first names them “${header}”.`,
      empty: [
        '{name} holds no line of text below its header.',
        'Drop a file with a text on each line.',
      ],
    };
  }

  protected line(line: string, number: number): void {
    const text = line.trim();
    if (text === '') return;
    const first = this.#first;
    this.#first = false;
    const { hasHeader } = this.input.settings;
    if (first && (hasHeader ?? TEXT_NAMES.has(normalName(text)))) {
      this.#header = text;
      return;
    }
    this.rows.addRow([line], number);
  }
}

const LABEL = /^\s*(__label__\S+)/;

/** Whether nearly all of the first lines begin with a label of fastText. */
export function looksLikeFastText(head: string): boolean {
  const lines = head.slice(0, 1 << 18).split(/\r\n?|\n/);
  if (lines.length > 1 && head.length > 1 << 18) lines.pop();
  const filled = lines.filter((line) => line.trim() !== '');
  return (
    filled.length > 0 && filled.filter((line) => LABEL.test(line)).length >= 0.9 * filled.length
  );
}

export class FastTextReader extends LineReader {
  constructor(input: ReaderInput) {
    super(input, 2);
  }

  protected ended(): ReturnType<LineReader['ended']> {
    return {
      format: 'fasttext',
      columns: ['label', 'text'],
      hasHeader: false,
      headerReason:
        'fastText: __label__ marks the labels of each line; several are divided by spaces.',
      empty: [
        'No line of {name} begins with a label.',
        'Each line needs __label__name before its text.',
      ],
    };
  }

  protected line(line: string, number: number): void {
    if (line.trim() === '') return;
    const labels: string[] = [];
    let text = line;
    for (let found = LABEL.exec(text); found !== null; found = LABEL.exec(text)) {
      labels.push(found[1] ?? '');
      text = text.slice(found[0].length);
    }
    if (labels.length === 0) {
      this.rows.rejectWithProblem(
        number,
        line,
        'The line does not begin with __label__; it was left out.',
      );
      return;
    }
    this.rows.addRow([labels.join(' '), text.trim()], number);
  }
}
