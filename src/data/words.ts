/** Small words for the audit's sentences. */
import type { LabelledTexts, RowOrigin } from './types';

const ROWS_SHOWN = 100;

/** `1 row`, `2 rows`, `12,000 rows`. */
export function many(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
}

/** `“a”, “b” and 3 more`. */
export function listed(names: readonly string[], shown = 5): string {
  const first = names.slice(0, shown).map((name) => `“${name}”`);
  const rest = names.length - first.length;
  if (rest > 0) return `${first.join(', ')} and ${rest} more`;
  return first.length < 2
    ? first.join('')
    : `${first.slice(0, -1).join(', ')} and ${first[first.length - 1] ?? ''}`;
}

/** `0.4 %`, `12 %`. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value > 0 && value < 1 ? Math.max(0.1, Number(value.toFixed(1))) : Math.round(value)} %`;
}

/** Where the first of these rows stand. */
export function origins(data: LabelledTexts, rows: Iterable<number>): RowOrigin[] {
  const found: RowOrigin[] = [];
  for (const row of rows) {
    const origin = data.origin[row];
    if (origin !== undefined) found.push(origin);
    if (found.length === ROWS_SHOWN) break;
  }
  return found;
}

/** What tells two rows' labels apart: the class, the set of labels, or the tags. */
export function labelKeys(data: LabelledTexts): (row: number) => string | number {
  const { tags, targets, labels } = data;
  const width = data.classes.length;
  if (tags !== null) return (row) => tags[row]?.join() ?? '';
  if (targets !== null) return (row) => targets.subarray(row * width, (row + 1) * width).join('');
  return (row) => labels[row] ?? -1;
}
