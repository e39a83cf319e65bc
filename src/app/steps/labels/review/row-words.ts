/** What stands for a row of the review table: the person's label, else what is proposed. */
import type { ReviewRow } from '../../../../engine';

/** From this probability on a text is proposed to have a label, where it may have several. */
const HAS_LABEL = 0.5;

export function proposedLabels(
  { proposed }: ReviewRow,
  classes: readonly string[],
  several: boolean,
): readonly string[] {
  if (proposed === null) return [];
  if (!several) return [proposed.label];
  return classes.filter((_, at) => (proposed.probabilities[at] ?? 0) >= HAS_LABEL);
}

export function standingLabels(
  row: ReviewRow,
  classes: readonly string[],
  several: boolean,
): readonly string[] {
  return row.hand?.labels ?? proposedLabels(row, classes, several);
}

export function labelsSaid(labels: readonly string[]): string {
  return labels.length === 0 ? 'none of the classes' : labels.join(', ');
}
