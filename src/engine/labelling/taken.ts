/** What comes with a choice about the data and belongs to its labels: a recipe's labelling, and labels that were mended. */
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
