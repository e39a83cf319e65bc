/** What two runs have in common, and which of them is a first look. */
import { canonicalJson } from '../../base';
import type { DataChoice, RunView } from '../../engine';

/** Static embeddings that ship: shown as a first look. */
export function isFirstLook({ record }: RunView): boolean {
  return record.encoder.architecture === 'static' && record.encoder.source === 'shipped';
}

/** Whether two runs were trained and tested on the same rows. */
export function sameData(a: RunView, b: RunView): boolean {
  return (
    JSON.stringify(a.recipe.data) === JSON.stringify(b.recipe.data) &&
    sameSplit(a.recipe.split, b.recipe.split)
  );
}

/**
 * Whether two runs were tested on the same rows, with the same labels. Of labels that are made here those to learn from
 * may differ, where there are others to measure by.
 */
export function sameTest(a: RunView, b: RunView): boolean {
  return (
    JSON.stringify(testedOn(a)) === JSON.stringify(testedOn(b)) &&
    sameSplit(a.recipe.split, b.recipe.split)
  );
}

function testedOn({ recipe, record }: RunView): unknown {
  const { labelling, ...data } = recipe.data;
  const made = record.labelling;
  if (labelling === undefined || made === undefined) return recipe.data;
  const tests = new Set(data.files.filter(({ role }) => role === 'test').map(({ name }) => name));
  const held = labelling.hand.filter(
    ({ file, held_out: isHeld, labels }) => (isHeld || tests.has(file)) && labels !== null,
  );
  // A share of the labels to learn from is another one with every label.
  if (made.tested_by === 'teacher' || made.rows.truth + held.length === 0) return recipe.data;
  const { truth, held_out: count } = made.rows;
  const byHand = held.map(({ file, row, labels }) => `${row}/${file}: ${canonicalJson(labels)}`);
  return [data, truth, count, byHand.sort()];
}

function sameSplit(a: DataChoice['split'], b: DataChoice['split']): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
