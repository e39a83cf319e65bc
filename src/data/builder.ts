/** A table while it is read: columns that grow by a row at a time, and an account of what was left out. */
import { HeadlightError } from '../base';
import { ColumnBuilder } from './cells';
import type { Column, RejectedRow, RowProblem, Table } from './types';

/** Problems that are kept with their line; all are counted. */
export const PROBLEMS_KEPT = 1000;
/** Characters of left-out rows that are kept for download. */
const REJECTED_KEPT = 10_000_000;

export class TableBuilder {
  rowCount = 0;
  #columns: ColumnBuilder[] = [];
  #lines = new Int32Array(1024);
  #problems: RowProblem[] = [];
  #problemCount = 0;
  #rejected: RejectedRow[] = [];
  #rejectedCount = 0;
  #rejectedSize = 0;
  #truncated = false;

  get width(): number {
    return this.#columns.length;
  }

  get rejectedCount(): number {
    return this.#rejectedCount;
  }

  /** A further column; the rows that are there already have '' in it. */
  addColumn(): void {
    const column = new ColumnBuilder();
    column.addEmpty(this.rowCount);
    this.#columns.push(column);
  }

  /** @param cells further than the table is wide are not looked at; missing ones are ''. */
  addRow(cells: readonly (string | undefined)[], line: number): void {
    for (let index = 0; index < this.#columns.length; index++) {
      this.#columns[index]?.add(cells[index] ?? '');
    }
    if (this.rowCount === this.#lines.length) {
      const longer = new Int32Array(2 * this.#lines.length);
      longer.set(this.#lines);
      this.#lines = longer;
    }
    this.#lines[this.rowCount++] = line;
  }

  problem(line: number, problem: string): void {
    this.#problemCount++;
    if (this.#problems.length < PROBLEMS_KEPT) this.#problems.push({ line, problem });
  }

  /** Leaves a row out, kept as it stands. */
  reject(line: number, text: string, problem: string): void {
    this.#rejectedCount++;
    if (this.#rejectedSize + text.length > REJECTED_KEPT) {
      this.#truncated = true;
      return;
    }
    this.#rejectedSize += text.length + 100;
    this.#rejected.push({ line, text, problem });
  }

  /** Leaves a row out and says so among the problems. */
  rejectWithProblem(line: number, text: string, problem: string): void {
    this.problem(line, problem);
    this.reject(line, text, problem);
  }

  /** The builder holds nothing afterwards. */
  finish(
    names: readonly string[],
    rest: Pick<Table, 'name' | 'format' | 'encoding' | 'delimiter' | 'hasHeader'> & Partial<Table>,
  ): Table {
    const columns = this.#columns.map((builder, index): Column => ({
      name: names[index] ?? `column ${index + 1}`,
      cells: builder.finish(),
    }));
    this.#columns = [];
    return {
      ...rest,
      columns,
      rowCount: this.rowCount,
      lines: this.#lines.slice(0, this.rowCount),
      problems: this.#problems.sort((a, b) => a.line - b.line),
      problemCount: this.#problemCount,
      rejected: {
        rows: this.#rejected,
        count: this.#rejectedCount,
        truncated: this.#truncated,
      },
    };
  }

  /** @throws HeadlightError `bad-table` when no row could be taken, with the first reason. */
  refuseEmpty(name: string, what: string, hint: string): void {
    if (this.rowCount > 0) return;
    const [first] = this.#problems;
    const why = first === undefined ? '' : ` Line ${first.line}: ${first.problem}`;
    throw new HeadlightError('bad-table', `${what.replaceAll('{name}', name)}${why}`, { hint });
  }
}
