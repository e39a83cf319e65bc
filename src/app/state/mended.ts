/** Labels mended by hand, among the repairs of a project and of its runs. */
import { canonicalJson } from '../../base';
import type { DataChoice } from '../../engine';

export type MendedLabel = Extract<DataChoice['repairs'][number], { readonly kind: 'set_label' }>;

/** The labels mended by hand among repairs. */
export function mendedIn(repairs: DataChoice['repairs']): readonly MendedLabel[] {
  return repairs.filter((repair): repair is MendedLabel => repair.kind === 'set_label');
}

/** How many rows have another mended label, or none any more, or one now. */
export function mendedSince(before: readonly MendedLabel[], after: readonly MendedLabel[]): number {
  const then = new Set(before.map(canonicalJson));
  const now = new Set(after.map(canonicalJson));
  const changed = [...before, ...after].filter((one) => {
    const key = canonicalJson(one);
    return then.has(key) !== now.has(key);
  });
  return new Set(changed.map(({ file, row }) => `${row}/${file}`)).size;
}
