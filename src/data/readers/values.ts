/**
 * Values with fields (JSON, Parquet) as cells: a field within a field becomes a column `outer.inner`; a list
 * of plain values becomes one cell, divided by `|` (as JSON where a value holds one), an empty list `[]`;
 * other lists become JSON. Nothing, null and a missing field are empty cells.
 */
import { HeadlightError } from '../../base';
import { TableBuilder } from '../builder';
import { columnNames } from '../header';

export const LIST_DELIMITER = '|';
/** Objects used as dictionaries have a column a key; nobody wants those. */
const MOST_COLUMNS = 1000;
const DEEPEST = 16;

/** Collects rows whose columns are found on the way. */
export class FieldsBuilder {
  readonly rows = new TableBuilder();
  /** Path of a field, as JSON, to its column. */
  readonly #columns = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  get names(): string[] {
    return columnNames(this.#names, this.#names.length);
  }

  /**
   * A list becomes columns by place, a plain value the one column `text`.
   * @throws HeadlightError `bad-table` when there are too many columns.
   */
  add(value: unknown, line: number): void {
    const cells: string[] = [];
    if (Array.isArray(value)) {
      value.forEach((item: unknown, index) => this.#field([`column ${index + 1}`], item, cells));
    } else if (isRecord(value)) {
      for (const [name, item] of Object.entries(value)) this.#field([name], item, cells);
    } else this.#field(['text'], value, cells);
    this.rows.addRow(cells, line);
  }

  #field(path: readonly string[], value: unknown, cells: string[]): void {
    if (isRecord(value) && path.length < DEEPEST) {
      for (const [name, item] of Object.entries(value)) this.#field([...path, name], item, cells);
      return;
    }
    const key = path.length === 1 ? (path[0] ?? '') : JSON.stringify(path);
    let column = this.#columns.get(key);
    if (column === undefined) {
      column = this.#names.length;
      if (column === MOST_COLUMNS) {
        throw new HeadlightError(
          'bad-table',
          `${this.#file} has more than ${MOST_COLUMNS} different fields.`,
          { hint: 'Save it as a list of rows that have the same few fields.' },
        );
      }
      this.#columns.set(key, column);
      this.#names.push(path.join('.'));
      this.rows.addColumn();
    }
    cells[column] = cellOf(value);
  }
}

/** @returns the value as it stands in a cell. */
export function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  if (value instanceof Date) return dateCell(value);
  if (Array.isArray(value)) return listCell(value);
  if (ArrayBuffer.isView(value))
    return listCell(Array.from(value as unknown as ArrayLike<unknown>));
  return asJson(value);
}

function listCell(list: readonly unknown[]): string {
  if (list.length === 0) return '[]';
  if (!list.every(isPlain)) return asJson(list);
  const cells = list.map(cellOf);
  const clear = cells.every((cell) => cell !== '' && !cell.includes(LIST_DELIMITER));
  return clear ? cells.join(LIST_DELIMITER) : asJson(list);
}

/** A day without its midnight. */
export function dateCell(date: Date): string {
  if (Number.isNaN(date.getTime())) return '';
  return date.toISOString().replace(/T00:00:00\.000Z$/, '');
}

function isPlain(value: unknown): boolean {
  return ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Date)
  );
}

function asJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? item.toString() : item,
  );
}

/** Whole numbers beyond 2^53 (ids) would be rounded: they are read as text. */
const LONG_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** @throws SyntaxError */
export function parseJsonValue(text: string): unknown {
  const exact = /\d{16}/.test(text)
    ? text.replace(LONG_NUMBER, (found) => (found.startsWith('"') ? found : `"${found}"`))
    : text;
  return JSON.parse(exact);
}
