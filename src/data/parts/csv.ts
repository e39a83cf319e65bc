/** A part of the data as CSV, with all the columns that its files had. */
import { HeadlightError } from '../../base';
import { csvLine } from '../csv';
import type { Cells, LabelledTexts, Split, Table } from '../types';

const PIECE = 1000;

/**
 * The rows of a part, in the order of the files, in pieces of a thousand rows (a million rows may be longer than
 * a text can be). Every part has the columns of all files; those that a file lacks are empty. UTF-8 when encoded, with a byte
 * order mark; cells that a spreadsheet would run are given an apostrophe, as in every table that leaves here.
 * @throws HeadlightError `internal` when a table is missing.
 */
export function* splitCsv(
  tables: readonly Table[],
  data: LabelledTexts,
  split: Split,
  part: 'train' | 'validation' | 'test' | 'droppedFromTrain',
): Generator<string> {
  const names: string[] = [];
  const seen = new Set<string>();
  const cells = new Map<string, Map<string, Cells>>();
  const used = new Set(data.origin.map(({ file }) => file));
  for (const table of tables) {
    if (!used.has(table.name)) continue;
    cells.set(table.name, new Map(table.columns.map((column) => [column.name, column.cells])));
    for (const { name } of table.columns) {
      if (!seen.has(name)) names.push(name);
      seen.add(name);
    }
  }
  let lines = [csvLine(names)];
  let first = true;
  for (const row of split[part]) {
    const origin = data.origin[row];
    const columns = origin === undefined ? undefined : cells.get(origin.file);
    if (origin === undefined || columns === undefined) {
      throw new HeadlightError('internal', `The table of row ${row} was not given to be written.`);
    }
    lines.push(csvLine(names.map((name) => columns.get(name)?.at(origin.row) ?? '')));
    if (lines.length < PIECE) continue;
    yield `${first ? '\ufeff' : ''}${lines.join('\r\n')}\r\n`;
    first = false;
    lines = [];
  }
  if (lines.length > 0) yield `${first ? '\ufeff' : ''}${lines.join('\r\n')}\r\n`;
}
