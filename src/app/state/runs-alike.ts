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

function sameSplit(a: DataChoice['split'], b: DataChoice['split']): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
