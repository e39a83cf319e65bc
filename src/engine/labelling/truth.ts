/** What the column of the truth says, and what its values mean among the classes. */
import { cellsOf, splitLabels, type Table } from '../../data';
import type { DataChoice } from '../../project';
import type { MadeChoice } from './rows';

/** Signs between several labels of a cell, whichever it has. */
const BETWEEN = [';', '|', ','];

type Naming = Pick<MadeChoice, 'names' | 'several'> & {
  readonly places: ReadonlyMap<string, number>;
};

/** @returns indices of classes; null for a value that is none. */
export function truthOf(cell: string, naming: Naming): readonly number[] | null {
  const found = valuesOf(cell, naming).map((value) => classOf(value, naming));
  const known = found.filter((index) => index !== undefined);
  return known.length < found.length ? null : [...new Set(known)].sort((a, b) => a - b);
}

function classOf(value: string, { names, places }: Naming): number | undefined {
  return places.get((Object.hasOwn(names, value) ? names[value] : undefined) ?? value);
}

/** A cell that is a class, or stands for one, is one value, whatever signs it has. */
function valuesOf(cell: string, naming: Naming): readonly string[] {
  if (!naming.several || classOf(cell, naming) !== undefined) return [cell];
  const sign = BETWEEN.find((each) => cell.includes(each)) ?? ',';
  return splitLabels(cell, sign);
}

/**
 * Values of the column of the truth, row by row: of held-out files or parts; where none is, and where a share is held
 * out, of all rows, since any may be drawn.
 */
export function* truthCells(tables: readonly Table[], choice: DataChoice): Generator<string> {
  const { label } = choice;
  if (label?.kind !== 'made' || label.truth === null) return;
  const { truth, classes, names, several } = label;
  const naming = { names, several, places: new Map(classes.map((name, at) => [name, at])) };
  for (const { table, isHeld } of heldOut(tables, choice)) {
    const cells = table.columns.find(({ name }) => name === truth)?.cells;
    if (cells === undefined) continue;
    for (let row = 0; row < table.rowCount; row++) {
      const cell = (cells.at(row) ?? '').trim();
      if (cell !== '' && isHeld(row)) yield* valuesOf(cell, naming);
    }
  }
}

interface HeldOut {
  readonly table: Table;
  readonly isHeld: (row: number) => boolean;
}

function heldOut(tables: readonly Table[], { files, split }: DataChoice): readonly HeldOut[] {
  const of = (...roles: readonly string[]): readonly Table[] =>
    tables.filter(({ name }) => roles.includes(files[name] ?? 'unused'));
  const whole = (table: Table): HeldOut => ({ table, isHeld: () => true });
  const train = of('train');
  if (split.method === 'files') {
    const held = of('test', 'validation');
    return (held.length > 0 ? held : train).map(whole);
  }
  if (split.method !== 'column') return train.map(whole);
  const { column, parts } = split;
  return train
    .filter((table) => table.columns.some(({ name }) => name === column))
    .map((table) => {
      const cells = cellsOf(table, column);
      const isHeld = (row: number): boolean => {
        const part = parts[(cells.at(row) ?? '').trim()];
        return part === 'test' || part === 'validation';
      };
      return { table, isHeld };
    });
}
