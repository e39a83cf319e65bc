/** The rows of a table that hold a text, and what was predicted for them, row by row of the table. */
import { HeadlightError, type Job } from '../base';
import { fileOfBytes, findColumns, readTable, type FileBytes, type Table } from '../data';
import { labelsAbove } from './figures';

export interface TextRows {
  readonly column: string;
  /** Rows of the table, ascending. */
  readonly rows: readonly number[];
  /** The text of each of them, trimmed as in training. */
  readonly texts: readonly string[];
}

export interface LabelledRows {
  /** A label for each row of the table (of several labels joined by `;`); null where there was no text. */
  readonly labels: readonly (string | null)[];
  readonly probabilities: readonly (readonly number[] | null)[];
  /** How many rows got each class. */
  readonly counts: readonly number[];
}

/**
 * A file to predict. One with few rows shows no header by its cells; a cell that is called as the column of
 * texts is one.
 * @param column that was asked for, or that training had.
 * @throws HeadlightError as `readTable`.
 */
export async function* parseToPredict(
  { name, bytes }: FileBytes,
  column: string | null,
  signal?: AbortSignal,
): Job<Table> {
  const file = fileOfBytes(name, bytes);
  const table = yield* readTable(file, {}, signal);
  if (table.hasHeader || table.format === 'conll' || column === null) return table;
  const first = table.columns.map(({ cells }) => (cells.at(0) ?? '').trim());
  return first.includes(column) && table.rowCount > 1
    ? yield* readTable(file, { hasHeader: true }, signal)
    : table;
}

/**
 * @param asked the column, by name; else the one of the same name as in training, else the one that looks
 *   like text.
 * @throws HeadlightError `bad-setting` when there is no such column, `bad-table` when none looks like text
 *   or it holds none.
 */
export function textRows(table: Table, asked: string | null, trained: string | null): TextRows {
  const column = chooseTextColumn(table, asked, trained);
  const cells = table.columns.find(({ name }) => name === column)?.cells ?? [];
  const rows: number[] = [];
  const texts: string[] = [];
  let row = 0;
  for (const cell of cells) {
    const text = cell.trim();
    if (text !== '') {
      rows.push(row);
      texts.push(text);
    }
    row++;
  }
  if (rows.length === 0) {
    throw new HeadlightError('bad-table', `Column “${column}” of ${table.name} holds no text.`, {
      hint: `Choose the column that holds the texts. ${columnsOf(table)}`,
    });
  }
  return { column, rows, texts };
}

/** Between several labels in a cell. */
export const LABEL_SEPARATOR = ';';

/**
 * @param probabilities `[rows, classes]` row-major.
 * @param thresholds of several labels a row, [classes]; null for one class a row.
 */
export function labelRows(
  table: Table,
  { rows }: TextRows,
  probabilities: Float64Array,
  classes: readonly string[],
  thresholds: ArrayLike<number> | null,
): LabelledRows {
  const labels = new Array<string | null>(table.rowCount).fill(null);
  const shares = new Array<readonly number[] | null>(table.rowCount).fill(null);
  const counts = new Array<number>(classes.length).fill(0);
  rows.forEach((row, index) => {
    const values = [
      ...probabilities.subarray(index * classes.length, (index + 1) * classes.length),
    ];
    const given = thresholds === null ? [argmax(values)] : labelsAbove(values, thresholds);
    labels[row] = given.map((label) => classes[label] ?? '').join(LABEL_SEPARATOR);
    shares[row] = values;
    for (const label of given) counts[label] = (counts[label] ?? 0) + 1;
  });
  return { labels, probabilities: shares, counts };
}

/** The first of the largest, as numpy's argmax. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if ((values[i] ?? -Infinity) > (values[best] ?? -Infinity)) best = i;
  }
  return best;
}

function chooseTextColumn(table: Table, asked: string | null, trained: string | null): string {
  const names = table.columns.map(({ name }) => name);
  if (asked !== null) {
    if (names.includes(asked)) return asked;
    throw new HeadlightError('bad-setting', `${table.name} has no column “${asked}”.`, {
      hint: columnsOf(table),
    });
  }
  if (trained !== null && names.includes(trained)) return trained;
  const found = findColumns([table]).text;
  if (found !== null) return found.column;
  const [only] = names;
  if (names.length === 1 && only !== undefined) return only;
  throw new HeadlightError('bad-table', `No column of ${table.name} looks like text.`, {
    hint: `Choose the column that holds the texts. ${columnsOf(table)}`,
  });
}

function columnsOf(table: Table): string {
  return `Its columns are: ${table.columns.map(({ name }) => name).join(', ')}.`;
}
