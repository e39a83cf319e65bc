/** What a text of several labels has, and what it was given. */
import type { RowPage } from '../../../engine';
import { percent } from '../../state/format';

/** `Labelled “toxic”, “insult”; given “toxic”, 91.0 % sure`. Empty for one class a row. */
export function labelsSaid(
  { labels, probability }: Pick<RowPage['rows'][number], 'labels' | 'probability'>,
  classes: readonly string[],
): string {
  if (labels === null) return '';
  const named = (found: readonly number[]): string =>
    found.length === 0 ? 'nothing' : found.map((at) => `“${classes[at] ?? ''}”`).join(', ');
  return `Labelled ${named(labels.actual)}; given ${named(labels.predicted)}, ${percent(probability)} sure`;
}
