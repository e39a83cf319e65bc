/** Reads the labels of rows, whichever way they stand in the file, and numbers them in the end. */
import { HeadlightError } from '../base';
import { checkClasses, sortClasses, strata } from './label-classes';
import { binaryValue, splitLabels } from './label-cells';
import type { Column, LabelChoice, LabelledTexts, Table } from './types';

/** More cells than this of 0 and 1 are refused: half a gigabyte. */
const MOST_TARGETS = 2 ** 29;

export interface LabelReader {
  /** Reads the labels of a row of this table, or says why there are none to learn from. */
  of(table: Table): (row: number) => string | null;
  finish(rows: number): Pick<LabelledTexts, 'classes' | 'labels' | 'targets'>;
}

export function labelReader(choice: LabelChoice): LabelReader {
  if (choice.kind === 'columns') {
    return binaryReader(choice.columns, choice.exclusive === true);
  }
  if (choice.kind === 'made') {
    throw new HeadlightError('internal', 'Labels that are made here are read from no table.');
  }
  // Labels as they come, numbered; sorted at the end.
  const numbers = new Map<string, number>();
  const numberOf = (value: string): number => {
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    return number;
  };
  const found: number[] = [];
  /** Row of each of `found`; only for several labels a row. */
  const foundRow: number[] = [];
  let rows = 0;
  const sorted = (): { classes: string[]; rank: Int32Array } => {
    const values = [...numbers.keys()];
    const prefixed = values.length > 0 && values.every((value) => value.startsWith(PREFIX));
    const classes = sortClasses(
      prefixed ? values.map((value) => value.slice(PREFIX.length)) : values,
    );
    const places = new Map(classes.map((value, index) => [value, index]));
    const rank = Int32Array.from(values, (value) => {
      return places.get(prefixed ? value.slice(PREFIX.length) : value) ?? -1;
    });
    return { classes, rank };
  };
  if (choice.kind === 'column') {
    return {
      of(table) {
        const cells = cellsOf(table, choice.column);
        return (row) => {
          const value = (cells.at(row) ?? '').trim();
          if (value === '') return 'no label';
          found.push(numberOf(value));
          return null;
        };
      },
      finish(count) {
        const { classes, rank } = sorted();
        checkClasses(classes, count, choice.column);
        return {
          classes,
          labels: Int32Array.from(found, (number) => rank[number] ?? -1),
          targets: null,
        };
      },
    };
  }
  return {
    of(table) {
      const cells = cellsOf(table, choice.column);
      return (row) => {
        const cell = cells.at(row) ?? '';
        if (cell.trim() === '') return 'no label';
        for (const value of splitLabels(cell, choice.delimiter)) {
          found.push(numberOf(value));
          foundRow.push(rows);
        }
        rows++;
        return null;
      };
    },
    finish(count) {
      const { classes, rank } = sorted();
      // Labels, not rows: ten rows may hold twenty.
      checkClasses(classes, found.length, choice.column);
      const targets = newTargets(count, classes.length);
      found.forEach((number, at) => {
        targets[(foundRow[at] ?? 0) * classes.length + (rank[number] ?? 0)] = 1;
      });
      return { classes, targets, labels: strata(targets, classes.length) };
    },
  };
}

/** fastText's mark of a label, which is no part of its name. */
const PREFIX = '__label__';

/** @param exclusive one label a row: the column that is 1; rows with none or several are left out. */
function binaryReader(columns: readonly string[], exclusive: boolean): LabelReader {
  if (columns.length === 0 || new Set(columns).size < columns.length) {
    throw new HeadlightError(
      'bad-setting',
      'The label columns are none, or one of them is named twice.',
      {
        hint: 'Name each column of labels once.',
      },
    );
  }
  const found: number[] = [];
  return {
    of(table) {
      const all = columns.map((name) => cellsOf(table, name));
      const values: number[] = [];
      return (row) => {
        values.length = 0;
        for (const cells of all) {
          const cell = (cells.at(row) ?? '').trim();
          if (cell === '') return 'no label';
          const value = binaryValue(cell);
          if (value === null) return 'a label that is neither 0 nor 1';
          values.push(value);
        }
        if (exclusive) {
          if (values.filter((value) => value === 1).length !== 1) {
            return 'not exactly one label column with a 1';
          }
          found.push(values.indexOf(1));
          return null;
        }
        for (const value of values) found.push(value);
        return null;
      };
    },
    finish(rows) {
      if (rows === 0) {
        throw new HeadlightError(
          'bad-labels',
          'No row has a text and 0 or 1 in every label column.',
          {
            hint: 'Choose the columns that hold 0 and 1.',
          },
        );
      }
      if (exclusive) {
        const used = new Set(found);
        const classes = sortClasses(columns.filter((_, at) => used.has(at)));
        checkClasses(classes, rows, columns.join(', '));
        const places = columns.map((name) => classes.indexOf(name));
        return { classes, labels: Int32Array.from(found, (at) => places[at] ?? -1), targets: null };
      }
      newTargets(rows, columns.length);
      const targets = Uint8Array.from(found);
      return { classes: columns, targets, labels: strata(targets, columns.length) };
    },
  };
}

function newTargets(rows: number, classes: number): Uint8Array {
  if (rows * classes <= MOST_TARGETS) return new Uint8Array(rows * classes);
  throw new HeadlightError(
    'bad-labels',
    `${rows} rows with ${classes} labels are too many to hold.`,
    { hint: 'Use fewer rows, or leave out the rare labels.' },
  );
}

/** @throws HeadlightError `bad-setting` naming the columns that there are. */
export function cellsOf(table: Table, name: string): Column['cells'] {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (column !== undefined) return column.cells;
  const names = table.columns.slice(0, 10).map((candidate) => `“${candidate.name}”`);
  throw new HeadlightError('bad-setting', `${table.name} has no column “${name}”.`, {
    hint: `Its columns are ${names.join(', ')}${table.columns.length > 10 ? ', …' : ''}.`,
  });
}
