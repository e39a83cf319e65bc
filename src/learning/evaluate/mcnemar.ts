/** Two classifiers on the same rows: McNemar's exact test, and an interval of the difference. */
import { HeadlightError } from '../../base';
import { wilsonInterval } from './interval';

/** McNemar's exact test of two classifiers on the same rows. */
export interface McNemar {
  /** Rows that only the first, only the second got right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Two-sided, exact binomial. */
  readonly p_value: number;
  /** Accuracy of the first minus the second, with a 95 % interval (paired, Newcombe 1998 method 10). */
  readonly difference: number;
  readonly interval: readonly [number, number];
}

/**
 * @param first whether the first classifier got each row right.
 * @param second the same of the second, on the same rows in the same order.
 * @throws HeadlightError `internal` when they were not tested on the same rows, `bad-table` without rows.
 */
export function mcnemar(first: readonly boolean[], second: readonly boolean[]): McNemar {
  const rows = first.length;
  if (rows !== second.length)
    throw new HeadlightError('internal', 'A paired test needs the same rows twice.');
  if (rows === 0) {
    throw new HeadlightError('bad-table', 'There are no rows to compare the two on.', {
      hint: 'Use a larger test share, or a test file.',
    });
  }
  let both = 0;
  let onlyFirst = 0;
  let onlySecond = 0;
  first.forEach((right, row) => {
    if (right && second[row] === true) both += 1;
    else if (right) onlyFirst += 1;
    else if (second[row] === true) onlySecond += 1;
  });
  return {
    onlyFirst,
    onlySecond,
    p_value: exactTwoSided(onlyFirst, onlySecond),
    difference: (onlyFirst - onlySecond) / rows,
    interval: pairedInterval(both, onlyFirst, onlySecond, rows),
  };
}

/** Twice the smaller tail of Binomial(b + c, 1/2), at most 1. */
function exactTwoSided(b: number, c: number): number {
  const n = b + c;
  const few = Math.min(b, c);
  // Logarithms: 2^-n underflows beyond a thousand rows.
  let logTerm = -n * Math.LN2;
  let tail = Math.exp(logTerm);
  for (let k = 1; k <= few; k++) {
    logTerm += Math.log((n - k + 1) / k);
    tail += Math.exp(logTerm);
  }
  return Math.min(1, 2 * tail);
}

/**
 * Newcombe, Improved confidence intervals for the difference between binomial proportions based on paired
 * data, Statistics in Medicine 17 (1998), method 10: Wilson intervals of both shares, joined with their
 * correlation (corrected for continuity).
 */
function pairedInterval(
  both: number,
  onlyFirst: number,
  onlySecond: number,
  rows: number,
): readonly [number, number] {
  const neither = rows - both - onlyFirst - onlySecond;
  const right1 = both + onlyFirst;
  const right2 = both + onlySecond;
  const product = right1 * (rows - right1) * right2 * (rows - right2);
  const cross = both * neither - onlyFirst * onlySecond;
  const corrected = cross > 0 ? Math.max(cross - rows / 2, 0) : cross;
  const phi = product === 0 ? 0 : corrected / Math.sqrt(product);
  const share1 = right1 / rows;
  const share2 = right2 / rows;
  const [low1, high1] = wilsonInterval(right1, rows);
  const [low2, high2] = wilsonInterval(right2, rows);
  const joined = (a: number, b: number): number =>
    Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b));
  const difference = share1 - share2;
  return [
    difference - joined(share1 - low1, high2 - share2),
    difference + joined(high1 - share1, share2 - low2),
  ];
}
