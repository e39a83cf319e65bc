/** What comes with a choice about the data and belongs to its labels: a recipe's labelling, and labels that were mended. */
import type { Table } from '../../data';
import { parseLabellingSettings } from '../../learning/labelling';
import type { DataChoice, LabellingStore, RecipeLabelling } from '../../project';
import type { Prepared } from '../prepare';
import { rowKey } from './rows';

/** A recipe's settings and labels by hand, in the place of the project's own. */
export async function takeLabelling(
  labels: LabellingStore,
  project: string,
  { hand, ...given }: RecipeLabelling,
): Promise<void> {
  await labels.writeSettings(project, parseLabellingSettings(given));
  await labels.replaceHand(project, hand);
}

/**
 * Where labels are made here, a mended label is a label by hand. Of a row to test on it counts there, so that what is
 * looked at does not move to training.
 * @param before null where the labels were not made here until now: then mended ones were of other labels.
 * @returns the choice without these repairs.
 */
export async function mendedByHand(
  labels: LabellingStore,
  project: string,
  choice: DataChoice,
  before: (() => Promise<Prepared>) | null,
): Promise<DataChoice> {
  const mends = choice.repairs.filter((repair) => repair.kind === 'set_label');
  if (choice.label?.kind !== 'made' || mends.length === 0) return choice;
  if (before !== null) {
    const measured = measuredRows(await before());
    for (const { file, row, labels: own } of mends) {
      const held_out = measured.has(rowKey({ file, row }));
      const label = { file, row, labels: own, held_out, how: 'review', at: Date.now() } as const;
      await labels.addHand(project, label);
    }
  }
  return { ...choice, repairs: choice.repairs.filter(({ kind }) => kind !== 'set_label') };
}

/** Rows that are measured by, of truth or by hand. */
function measuredRows({ data, split, made }: Prepared): ReadonlySet<string> {
  if (made?.tested_by !== 'truth') return new Set();
  return new Set(
    [...split.test].flatMap((row) => {
      const origin = data.origin[row];
      return origin === undefined ? [] : [rowKey(origin)];
    }),
  );
}

/**
 * A file that is read otherwise (with a header or without, another sheet) has other rows: labels by hand go with their
 * texts, and those whose text is there no more are dropped.
 */
export async function followTexts(
  labels: LabellingStore,
  project: string,
  before: { readonly tables: readonly Table[]; readonly column: string | null },
  after: { readonly tables: readonly Table[]; readonly column: string | null },
): Promise<void> {
  const log = await labels.hand(project);
  const moves = new Map<string, (row: number) => number | null>();
  for (const table of after.tables) {
    const old = before.tables.find(({ name }) => name === table.name);
    if (old === undefined || old === table) continue;
    if (!log.some(({ file }) => file === table.name)) continue;
    const texts = [textsOf(old, before.column), textsOf(table, after.column)] as const;
    moves.set(table.name, mover(...texts));
  }
  if (moves.size === 0) return;
  const moved = log.flatMap((label) => {
    const row = moves.get(label.file)?.(label.row);
    return row === undefined ? [label] : row === null ? [] : [{ ...label, row }];
  });
  if (JSON.stringify(moved) !== JSON.stringify(log)) await labels.replaceHand(project, moved);
}

function textsOf(table: Table, column: string | null): readonly string[] {
  const cells = table.columns.find(({ name }) => name === column)?.cells;
  return cells === undefined ? [] : Array.from(cells);
}

/** The row that has the same text: of equal ones the same of them in the order of the file. */
function mover(
  before: readonly string[],
  after: readonly string[],
): (row: number) => number | null {
  const places = new Map<string, number[]>();
  after.forEach((text, row) => {
    const rows = places.get(text);
    if (rows === undefined) places.set(text, [row]);
    else rows.push(row);
  });
  const counts = new Map<string, number>();
  const found = before.map((text) => {
    const nth = counts.get(text) ?? 0;
    counts.set(text, nth + 1);
    return places.get(text)?.[nth] ?? null;
  });
  return (row) => found[row] ?? null;
}
