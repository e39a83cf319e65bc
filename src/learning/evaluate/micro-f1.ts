/** Micro-F1 of several labels a row by resampling rows: its interval, and two classifiers on the same rows. */
import { HeadlightError, seededRandom } from '../../base';
import { bootstrapEnds, bootstrapInterval, type BootstrapInterval } from './bootstrap';

/** What micro-F1 is made of, row by row: labels that are right, that were given, that the row has; [rows] each. */
export interface RowCounts {
  readonly right: Int32Array;
  readonly given: Int32Array;
  readonly actual: Int32Array;
}

/** Two classifiers on the same rows; every draw of rows is the same for both. */
export interface PairedMicroF1 {
  readonly first: number;
  readonly second: number;
  /** Micro-F1 of the first minus the second. */
  readonly difference: number;
  /** Percentile bootstrap over rows, 95 %. */
  readonly interval: readonly [number, number];
  /** Two-sided: twice the smaller share of draws in which the difference is not of that sign, (b + 1) / (B + 1). */
  readonly p_value: number;
  readonly resamples: number;
}

/** Draws times rows at most: keeps a million rows to a second or two. */
const MOST_DRAWN = 2e7;
const LEAST_RESAMPLES = 100;
const INTERVAL_RESAMPLES = 1000;
const PAIRED_RESAMPLES = 5000;
/** Beyond this many rows the correction would cost more than the draws, and changes nothing. */
const MOST_CORRECTED = 100_000;

function resamplesFor(rows: number, most: number): number {
  return Math.max(LEAST_RESAMPLES, Math.min(most, Math.floor(MOST_DRAWN / Math.max(1, rows))));
}

/**
 * @param probabilities [rows, classes] row-major; a label is given from its threshold on.
 * @param targets 0/1, [rows, classes] row-major.
 * @param thresholds [classes].
 */
export function rowCounts(
  probabilities: Float64Array,
  targets: Uint8Array,
  thresholds: ArrayLike<number>,
): RowCounts {
  const k = thresholds.length;
  const rows = k === 0 ? 0 : targets.length / k;
  const right = new Int32Array(rows);
  const given = new Int32Array(rows);
  const actual = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < k; c++) {
      const yes = probabilities[i * k + c]! >= thresholds[c]! ? 1 : 0;
      const is = targets[i * k + c]!;
      given[i]! += yes;
      actual[i]! += is;
      right[i]! += yes * is;
    }
  }
  return { right, given, actual };
}

/**
 * 0 where it is undefined, as in `evaluateMultiLabel`.
 * @param rows the rows it is of, any of them any number of times; default: each once.
 */
export function microF1(
  { right, given, actual }: RowCounts,
  rows = everyRow(right.length),
): number {
  let tp = 0;
  let all = 0;
  for (const row of rows) {
    tp += right[row]!;
    all += given[row]! + actual[row]!;
  }
  return all === 0 ? 0 : (2 * tp) / all;
}

function everyRow(rows: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => row);
}

/** Bootstrap over rows, 95 %, BCa (of very many rows percentile); null without rows. */
export function microF1Interval(counts: RowCounts, seed = 0): BootstrapInterval | null {
  const rows = counts.right.length;
  return bootstrapInterval(rows, (drawn) => microF1(counts, drawn), {
    method: rows <= MOST_CORRECTED ? 'bca' : 'percentile',
    resamples: resamplesFor(rows, INTERVAL_RESAMPLES),
    confidence: 0.95,
    seed,
  });
}

/**
 * Whether one of two classifiers is better beyond chance (paired bootstrap, Efron & Tibshirani 1993, ch. 16).
 * @throws HeadlightError `internal` when they are not of the same rows, `bad-table` without rows.
 */
export function pairedMicroF1(first: RowCounts, second: RowCounts, seed = 0): PairedMicroF1 {
  const rows = first.right.length;
  if (rows !== second.right.length)
    throw new HeadlightError('internal', 'A paired test needs the same rows twice.');
  if (rows === 0) {
    throw new HeadlightError('bad-table', 'There are no rows to compare the two on.', {
      hint: 'Use a larger test share, or a test file.',
    });
  }
  const own = microF1(first);
  const other = microF1(second);
  const resamples = resamplesFor(rows, PAIRED_RESAMPLES);
  const random = seededRandom(seed);
  const drawn = new Int32Array(rows);
  const differences = new Float64Array(resamples);
  let below = 0;
  let above = 0;
  for (let b = 0; b < resamples; b++) {
    for (let i = 0; i < rows; i++) drawn[i] = Math.floor(random.next() * rows);
    const difference = microF1(first, drawn) - microF1(second, drawn);
    differences[b] = difference;
    if (difference <= 0) below += 1;
    if (difference >= 0) above += 1;
  }
  return {
    first: own,
    second: other,
    difference: own - other,
    interval: bootstrapEnds(differences, own - other, 0.95, null).interval,
    p_value: Math.min(1, (2 * (Math.min(below, above) + 1)) / (resamples + 1)),
    resamples,
  };
}
