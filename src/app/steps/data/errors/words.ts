/** How labels and parts are said among likely wrong labels. */
import type { LabelledPart } from '../../../../engine';

export const PART_WORDS: Readonly<Record<LabelledPart, string>> = {
  train: 'training',
  validation: 'validation',
  test: 'test',
};

/** `“a”, “b”`; `no label`. */
export function listed(labels: readonly string[]): string {
  return labels.length === 0 ? 'no label' : labels.map((name) => `“${name}”`).join(', ');
}
