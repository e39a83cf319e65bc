/** Measured figures of labels in words. */
import type { MeasuredShare } from '../../../engine';
import { counted, interval, percent } from '../../state/format';

/** `84.2 % of 872 held-out texts right (95 % interval 81.6–86.5 %)`. */
export function accuracySaid({ value, low, high, rows }: MeasuredShare): string {
  return `${percent(value)} of ${counted(rows, 'held-out text')} right (95 % interval ${interval([low, high])})`;
}
