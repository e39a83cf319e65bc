/** Numbers of a labelling as they are typed. */
import type { Read } from '../../state/split-choice';

export function wholeTokens(typed: string): Read<number> {
  const value = Number(typed.replaceAll(/[,\s\u00a0]/g, '') || Number.NaN);
  return Number.isSafeInteger(value) && value >= 8 && value <= 100_000
    ? { value }
    : { problem: 'Type a whole number of tokens from 8 on.' };
}

export function inRange(
  low: number,
  high: number,
  problem: string,
): (typed: string) => Read<number> {
  return (typed) => {
    const value = Number(typed.replace(',', '.').trim() || Number.NaN);
    return value >= low && value <= high ? { value } : { problem };
  };
}
