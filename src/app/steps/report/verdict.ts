/** The paired test of two classifiers in plain words. */
import type { McNemar } from '../../../learning/evaluate';
import { count } from '../../state/format';

/** Below this a difference is called more than chance; the usual level. */
const LEVEL = 0.05;

/** A difference of shares as points: `+4.7`, `−0.3`. */
export function points(share: number): string {
  const value = Math.abs(share * 100).toFixed(1);
  return `${share < 0 && value !== '0.0' ? '−' : '+'}${value}`;
}

/** `p = 0.041`; `p < 0.001` where more digits would say nothing. */
export function pValue(p: number): string {
  if (p < 0.001) return 'p < 0.001';
  return `p = ${p < 0.1 ? p.toFixed(3) : p.toFixed(2)}`;
}

/** One sentence: which one is better on these rows, if that can be said at all. */
export function verdict(test: McNemar, first: string, second: string): string {
  const { onlyFirst, onlySecond, p_value, difference } = test;
  if (onlyFirst === onlySecond) {
    return `${first} and ${second} get equally many right (${pValue(p_value)}).`;
  }
  const [better, worse] = difference > 0 ? [first, second] : [second, first];
  const size = `${Math.abs(difference * 100).toFixed(1)} points`;
  if (p_value < LEVEL) {
    return `${better} is better than ${worse} by ${size}: more than chance explains (${pValue(p_value)}).`;
  }
  return (
    `${better} gets ${size} more right, but chance explains that easily (${pValue(p_value)}): ` +
    `these test texts cannot tell which of the two is better.`
  );
}

/** Where they differ: `Only the first is right on 71 texts, only the second on 24.` */
export function disagreement(
  { onlyFirst, onlySecond }: McNemar,
  first: string,
  second: string,
): string {
  return `Only ${first} is right on ${count(onlyFirst)}, only ${second} on ${count(onlySecond)}.`;
}
