/** The columns that a choice of labels speaks of. */
import type { LabelChoice } from './types';

/** By name; of labels that are made here the column of the truth, where there is one. */
export function labelColumns(label: LabelChoice): readonly string[] {
  if (label.kind === 'columns') return label.columns;
  if (label.kind === 'made') return label.truth === null ? [] : [label.truth];
  return [label.column];
}
