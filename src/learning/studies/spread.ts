/** Several values of each figure as their mean and spread. */
import type { Scores, Spread } from './types';

/** A figure that was defined in no fit is left out. */
export function spreadOf(fits: readonly Scores[]): Record<string, Spread> {
  const names = new Set(fits.flatMap((scores) => Object.keys(scores)));
  const result: Record<string, Spread> = {};
  for (const name of names) {
    const values = fits
      .map((scores) => scores[name])
      .filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
    const count = values.length;
    if (count === 0) continue;
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    result[name] = {
      mean,
      standard_deviation: count === 1 ? null : Math.sqrt(squares / (count - 1)),
      lowest: Math.min(...values),
      highest: Math.max(...values),
      count,
    };
  }
  return result;
}
