/** How unsure probabilities are of each text; the higher, the sooner it should be labelled. */
import type { ActiveStrategy } from './types';

export type UnsureBy = Extract<ActiveStrategy, 'uncertainty' | 'margin' | 'entropy'>;

/**
 * One class a text: 1 - max p, 1 - (p₁ - p₂), and the entropy over log K; each 0 where one class is certain, and
 * largest where all are as likely (Settles, Active Learning Literature Survey, 2009, section 3.1).
 *
 * Several labels a text, each by itself: the mean over the labels of min(p, 1 - p), the label that is nearest to one
 * half (Brinker 2006), and the mean entropy in bits.
 *
 * @param probabilities [rows, classes] row-major.
 * @returns [rows].
 */
export function unsureScores(
  probabilities: Float32Array,
  classes: number,
  several: boolean,
  by: UnsureBy,
): Float64Array {
  const score = (several ? OF_LABELS : OF_CLASSES)[by];
  const rows = probabilities.length / classes;
  const scores = new Float64Array(rows);
  for (let row = 0; row < rows; row++)
    scores[row] = score(probabilities, row * classes, (row + 1) * classes);
  return scores;
}

type Score = (p: Float32Array, from: number, to: number) => number;

const OF_CLASSES: Readonly<Record<UnsureBy, Score>> = {
  uncertainty: (p, from, to) => {
    let largest = 0;
    for (let at = from; at < to; at++) if (p[at]! > largest) largest = p[at]!;
    return 1 - largest;
  },
  margin: (p, from, to) => {
    let first = 0;
    let second = 0;
    for (let at = from; at < to; at++) {
      if (p[at]! > first) {
        second = first;
        first = p[at]!;
      } else if (p[at]! > second) second = p[at]!;
    }
    return 1 - (first - second);
  },
  entropy: (p, from, to) => {
    let sum = 0;
    for (let at = from; at < to; at++) sum += plogp(p[at]!);
    return to - from > 1 ? -sum / Math.log(to - from) : 0;
  },
};

const OF_LABELS: Readonly<Record<UnsureBy, Score>> = {
  uncertainty: (p, from, to) => {
    let sum = 0;
    for (let at = from; at < to; at++) sum += Math.min(p[at]!, 1 - p[at]!);
    return sum / (to - from);
  },
  margin: (p, from, to) => {
    let nearest = 0;
    for (let at = from; at < to; at++) nearest = Math.max(nearest, Math.min(p[at]!, 1 - p[at]!));
    return 2 * nearest;
  },
  entropy: (p, from, to) => {
    let sum = 0;
    for (let at = from; at < to; at++) sum += plogp(p[at]!) + plogp(1 - p[at]!);
    return -sum / (Math.LN2 * (to - from));
  },
};

function plogp(p: number): number {
  return p > 0 ? p * Math.log(p) : 0;
}
