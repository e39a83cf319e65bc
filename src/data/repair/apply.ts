/**
 * Repairs, applied to data and split. What could flatter the test figures changes the training part only, and
 * says how many such rows stay in the others. The same repairs in any order do the same; a repair is undone by
 * leaving it out.
 */
import { HeadlightError } from '../../base';
import { inConflict } from '../audit';
import { groupTexts, type RowGroups } from '../same-text';
import { labelKeys, many, origins } from '../words';
import { classCounts } from '../labels';
import { makeSplit, type FileParts } from '../split';
import type { LabelledTexts, Repair, RepairChange, Split, SplitSettings, Table } from '../types';
import { repairLabels } from './labels';

export interface Repaired<S extends Split | null> {
  readonly data: LabelledTexts;
  readonly split: S;
  readonly changes: readonly RepairChange[];
}

/**
 * @param split null before there is one: then labels are repaired, and rows are left to a later call.
 * @throws HeadlightError `bad-labels` when too few classes, or no training row of a class, are left.
 */
export function applyRepairs<S extends Split | null>(
  data: LabelledTexts,
  split: S,
  repairs: readonly Repair[],
): Repaired<S> {
  const labelled = repairLabels(data, repairs);
  const changes = [...labelled.changes];
  if (split === null) return { data: labelled.data, split, changes };
  let mended: Split =
    labelled.kept === null ? split : renumber(split, labelled.kept, data.texts.length);
  const rowRepairs = repairs.filter(
    ({ kind }) => kind === 'drop_rows' || kind === 'drop_conflicting' || kind === 'drop_duplicates',
  );
  if (rowRepairs.length > 0) {
    const dropped = dropRows(labelled.data, mended, rowRepairs);
    mended = { ...mended, train: dropped.train };
    changes.push(...dropped.changes);
    checkTrained(labelled.data, split.train.length > 0, mended);
  }
  return { data: labelled.data, split: mended as S, changes };
}

/**
 * Labels are repaired, the data are split, rows are repaired: so a class that cannot be split can be left out.
 * @throws HeadlightError as `makeSplit` and `applyRepairs`.
 */
export function splitRepaired(
  data: LabelledTexts,
  settings: SplitSettings,
  files: FileParts,
  tables: readonly Table[],
  repairs: readonly Repair[],
): Repaired<Split> {
  const labelled = applyRepairs(data, null, repairs);
  const split = makeSplit(labelled.data, settings, files, tables);
  const rows = applyRepairs(
    labelled.data,
    split,
    repairs.filter(({ kind }) => kind.startsWith('drop_') && kind !== 'drop_class'),
  );
  return { ...rows, changes: [...labelled.changes, ...rows.changes] };
}

/** Indices into the data before become indices into the rows that were kept. */
function renumber(split: Split, kept: Int32Array, rows: number): Split {
  const places = new Int32Array(rows).fill(-1);
  kept.forEach((row, at) => {
    places[row] = at;
  });
  const part = (indices: Int32Array): Int32Array =>
    indices.map((row) => places[row] ?? -1).filter((row) => row >= 0);
  return {
    ...split,
    train: part(split.train),
    validation: part(split.validation),
    test: part(split.test),
    droppedFromTrain: part(split.droppedFromTrain),
    alsoInTraining: part(split.alsoInTraining),
  };
}

interface Dropping {
  readonly repair: Repair;
  readonly why: string;
  /** Of these rows, those that the repair means. */
  readonly of: (rows: Int32Array) => number[];
}

function dropRows(
  data: LabelledTexts,
  split: Split,
  repairs: readonly Repair[],
): { train: Int32Array; changes: RepairChange[] } {
  const groups = groupTexts(data);
  const key = labelKeys(data);
  const droppings = [
    ...repairs.filter(({ kind }) => kind === 'drop_rows').sort((a, b) => byJson(a, b)),
    ...repairs.filter(({ kind }) => kind === 'drop_conflicting').slice(0, 1),
    ...repairs.filter(({ kind }) => kind === 'drop_duplicates').slice(0, 1),
  ].map((repair) => droppingOf(data, repair, groups, key));
  let train = split.train;
  const changes: RepairChange[] = [];
  for (const { repair, why, of } of droppings) {
    const gone = of(train);
    const stay = of(split.test).length + of(split.validation).length;
    if (gone.length === 0 && stay === 0) continue;
    const left = new Set(gone);
    train = train.filter((row) => !left.has(row));
    const rest =
      stay === 0
        ? ''
        : ` ${many(stay, 'such row stays', 'such rows stay')} in the other parts, so that the test figures are not flattered.`;
    changes.push({
      repair,
      sentence: `${many(gone.length, 'training row was', 'training rows were')} dropped: ${why}.${rest}`,
      part: 'train',
      count: gone.length,
      rows: origins(data, gone),
    });
  }
  return { train, changes };
}

function byJson(a: Repair, b: Repair): number {
  const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function droppingOf(
  data: LabelledTexts,
  repair: Repair,
  groups: RowGroups,
  key: (row: number) => string | number,
): Dropping {
  if (repair.kind === 'drop_rows') {
    const wanted = new Map<string, Set<number>>();
    for (const { file, row } of repair.rows) {
      wanted.set(file, (wanted.get(file) ?? new Set<number>()).add(row));
    }
    const has = (row: number): boolean => {
      const origin = data.origin[row];
      return origin !== undefined && wanted.get(origin.file)?.has(origin.row) === true;
    };
    return { repair, why: repair.reason, of: (rows) => [...rows.filter(has)] };
  }
  if (repair.kind === 'drop_conflicting') {
    const marked = new Uint8Array(groups.count);
    for (let group = 0; group < groups.count; group++) {
      if (groups.size(group) > 1 && inConflict(groups.rows(group), key)) marked[group] = 1;
    }
    return {
      repair,
      why: 'their texts stand under different labels',
      of: (rows) => [...rows.filter((row) => marked[groups.of[row] ?? 0] === 1)],
    };
  }
  return {
    repair,
    why: 'their text and label stand in an earlier row, exactly or but for case, white space and punctuation',
    of: (rows) => {
      const seen = new Map<number, Set<string | number>>();
      return [...rows].filter((row) => {
        const group = groups.of[row] ?? 0;
        if (groups.size(group) === 1) return false;
        const labels = seen.get(group) ?? new Set<string | number>();
        if (labels.has(key(row))) return true;
        seen.set(group, labels.add(key(row)));
        return false;
      });
    },
  };
}

/** @throws HeadlightError `bad-labels` naming a class that is tested but has lost its training rows. */
function checkTrained(data: LabelledTexts, hadRows: boolean, split: Split): void {
  if (data.tags !== null) {
    if (hadRows && split.train.length === 0) throw nothingLeft('No training row is left');
    return;
  }
  const trained = classCounts(data, split.train);
  const tested = classCounts(data, split.test);
  data.classes.forEach((label, index) => {
    if (trained[index] === 0 && (tested[index] ?? 0) > 0) {
      throw nothingLeft(`No training row of class “${label}” is left`);
    }
  });
}

function nothingLeft(what: string): HeadlightError {
  return new HeadlightError('bad-labels', `${what} after the repairs.`, {
    hint: 'Undo one of the repairs that drop rows, or leave the class out.',
  });
}
