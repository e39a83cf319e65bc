/** The paired test of two classifiers in plain words. */
import type { RunComparison } from '../../../engine';
import type { McNemar } from '../../../learning/evaluate';
import { count, score } from '../../state/format';

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

/** What is compared of two runs, and how it is said. */
export interface Difference {
  /** First minus second. */
  readonly difference: number;
  /** 95 %. */
  readonly interval: readonly [number, number];
  readonly p_value: number;
  /** With its sign: `+4.7 points`, `+0.031 micro-F1`; and without. */
  readonly said: (difference: number) => string;
  readonly size: string;
  /** `gets 4.7 points more right`, `is 0.031 higher in micro-F1`. */
  readonly lead: string;
  /** Neither has more. */
  readonly tied: boolean;
  readonly tie: string;
  /** How it was tested. */
  readonly method: string;
}

/** Micro-F1 of several labels a text, else the share that is right. */
export function differenceOf({ test, micro_f1: micro }: RunComparison): Difference {
  if (micro === null) {
    const size = `${Math.abs(test.difference * 100).toFixed(1)} points`;
    return {
      ...test,
      said: (share) => `${points(share)} points`,
      size,
      lead: `gets ${size} more right`,
      tied: test.onlyFirst === test.onlySecond,
      tie: 'get equally many right',
      method: 'McNemar’s exact test.',
    };
  }
  const size = score(Math.abs(micro.difference));
  return {
    ...micro,
    said: (value) =>
      `${value < 0 && score(-value) !== '0.000' ? '−' : '+'}${score(Math.abs(value))}`,
    size: `${size} micro-F1`,
    lead: `has ${size} more micro-F1`,
    tied: micro.difference === 0,
    tie: 'have the same micro-F1',
    method: `Paired bootstrap of ${count(micro.resamples)} draws of the texts.`,
  };
}

/** One sentence: which one is better on these rows, if that can be said at all. */
export function verdict(
  { difference, p_value, size, lead, tied, tie }: Difference,
  first: string,
  second: string,
  rows: number,
  unit: string,
): string {
  if (tied) return `${first} and ${second} ${tie} (${pValue(p_value)}).`;
  const [better, worse] = difference > 0 ? [first, second] : [second, first];
  if (p_value < LEVEL) {
    return `${better} is better than ${worse} by ${size}: more than chance explains (${pValue(p_value)}).`;
  }
  return (
    `${better} ${lead}, but chance explains that easily (${pValue(p_value)}): ` +
    `these ${count(rows)} test ${unit}s cannot tell which of the two is better.`
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
