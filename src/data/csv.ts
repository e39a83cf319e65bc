/**
 * Tables out, as CSV that spreadsheets read: UTF-8 with a byte order mark, CRLF, RFC 4180 quotes. No cell
 * becomes a formula (OWASP "CSV injection"): one that could is given an apostrophe before the sign.
 */
import { HeadlightError } from '../base';
import { isNumber } from './header';
import type { Table } from './types';

/** After blanks and invisible characters: the signs that begin a formula, their full-width forms too. */
const FORMULA = /^[\s\p{Cf}\p{Cc}]*[=+\-@＝＋－＠]/u;
/** Some spreadsheets drop these at the start of a cell, and read what follows. */
const CONTROL_FIRST = /^[\t\r\n\0]/;

export type CsvCell = string | number | null;

/**
 * Where another separator is set (Excel in much of Europe: the semicolon), a spreadsheet does not see our
 * quotes, since they do not begin its cells, and cuts within them: a formula may begin after each of these.
 */
const FORMULA_INSIDE = /([;\t\r\n][\s\p{Cf}\p{Cc}"]*)(?=[=+\-@＝＋－＠])/gu;

/** A cell that no spreadsheet takes for a formula, nor any piece of it; plain numbers such as -3.5 stay. */
export function safeCell(cell: string): string {
  const risky = CONTROL_FIRST.test(cell) || (FORMULA.test(cell) && !isNumber(cell));
  return (risky ? `'${cell}` : cell).replace(FORMULA_INSIDE, "$1'");
}

/** The whole file as a text that begins with a byte order mark. */
export function rowsCsv(header: readonly string[], rows: Iterable<readonly CsvCell[]>): string {
  const lines = [csvLine(header)];
  for (const row of rows) lines.push(csvLine(row));
  return `\ufeff${lines.join('\r\n')}\r\n`;
}

/** How the column of labels is called, and another one after it. */
export interface CsvNames {
  readonly label?: string;
  readonly more?: { readonly name: string; readonly cells: readonly string[] } | null;
}

/**
 * The table's own columns, then `prediction`, then `probability: <class>` for each class.
 * @param predictions a label and probabilities `[rows][classes]` a row; null where there was no text.
 * @throws HeadlightError `internal` when there are not as many predictions as rows.
 */
export function predictionsCsv(
  table: Table,
  predictions: {
    readonly labels: readonly (string | null)[];
    readonly probabilities: readonly (readonly number[] | null)[];
  },
  classes: readonly string[],
  { label = 'prediction', more = null }: CsvNames = {},
): string {
  const { labels, probabilities } = predictions;
  if (labels.length !== table.rowCount || probabilities.length !== table.rowCount) {
    throw new HeadlightError(
      'internal',
      `${table.name} has ${table.rowCount} rows, but ${labels.length} predictions.`,
    );
  }
  const names = table.columns.map(({ name }) => name);
  const taken = new Set(names);
  const own = more === null ? [label] : [label, more.name];
  for (const wanted of [...own, ...classes.map((label) => `probability: ${label}`)]) {
    let name = wanted;
    for (let n = 2; taken.has(name); n++) name = `${wanted} ${n}`;
    taken.add(name);
    names.push(name);
  }
  function* rows(): Generator<CsvCell[]> {
    for (let row = 0; row < table.rowCount; row++) {
      const shares = probabilities[row] ?? null;
      yield [
        ...table.columns.map(({ cells }) => cells.at(row) ?? ''),
        labels[row] ?? null,
        ...(more === null ? [] : [more.cells[row] ?? '']),
        ...classes.map((_, index) => shares?.[index] ?? null),
      ];
    }
  }
  return rowsCsv(names, rows());
}

/** The rows of a file that were left out, as they stand in it, with line and reason. */
export function rejectedCsv(table: Table): string {
  return rowsCsv(
    ['line', 'problem', 'row'],
    table.rejected.rows.map(({ line, problem, text }) => [line, problem, text]),
  );
}

/** A row as a line of the file, without its end. */
export function csvLine(cells: readonly CsvCell[]): string {
  // A lone empty cell would be an empty line, which readers skip.
  if (cells.length === 1 && (cells[0] === '' || cells[0] === null)) return '""';
  return cells.map(quoted).join(',');
}

function quoted(cell: CsvCell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const safe = safeCell(cell);
  return /[",;|\t\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
