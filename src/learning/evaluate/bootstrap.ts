/** Seeded bootstrap intervals of any figure (Efron & Tibshirani 1993), each saying how it was made. */
import { HeadlightError, seededRandom } from '../../base';
import { normalCdf, normalQuantile, quantileOfSorted } from './distributions';

/** The figure on these rows (an index may occur many times); null where it is undefined. */
export type Statistic = (rows: Int32Array) => number | null;

export interface BootstrapSettings {
  /** `bca`: corrected for bias and acceleration; `percentile`: plain. */
  readonly method: 'percentile' | 'bca';
  readonly resamples: number;
  readonly confidence: number;
  readonly seed: number;
}

export const DEFAULT_BOOTSTRAP: BootstrapSettings = {
  method: 'bca',
  resamples: 1000,
  confidence: 0.95,
  seed: 0,
};

export interface BootstrapInterval {
  readonly value: number;
  readonly interval: readonly [number, number];
  /** The method used: `percentile` where BCa is not defined (all resamples alike, or all on one side). */
  readonly method: 'percentile' | 'bca';
  readonly confidence: number;
  /** Resamples that the interval is made of; those on which the figure is undefined are left out. */
  readonly resamples: number;
  readonly undefined_resamples: number;
  readonly standard_error: number;
}

/** Beyond this many rows the acceleration comes from blocks left out, not single rows: never O(n²). */
const SINGLE_ROWS = 1000;
const BLOCKS = 200;

/**
 * @param rows number of rows to draw from, with replacement.
 * @returns null when the figure is undefined, on all rows or on more than half of the resamples.
 * @throws HeadlightError `internal` for fewer than 2 resamples or a confidence outside (0, 1).
 */
export function bootstrapInterval(
  rows: number,
  statistic: Statistic,
  settings: BootstrapSettings = DEFAULT_BOOTSTRAP,
): BootstrapInterval | null {
  const { resamples, confidence, seed, method } = settings;
  if (!Number.isInteger(resamples) || resamples < 2 || !(confidence > 0 && confidence < 1)) {
    throw new HeadlightError(
      'internal',
      `A bootstrap of ${resamples} resamples at confidence ${confidence}.`,
    );
  }
  const everyRow = Int32Array.from({ length: rows }, (_, row) => row);
  const value = rows === 0 ? null : defined(statistic(everyRow));
  if (value === null) return null;
  const random = seededRandom(seed);
  const drawn = new Int32Array(rows);
  const values: number[] = [];
  for (let b = 0; b < resamples; b++) {
    for (let i = 0; i < rows; i++) drawn[i] = Math.floor(random.next() * rows);
    const one = defined(statistic(drawn));
    if (one !== null) values.push(one);
  }
  if (values.length * 2 < resamples) return null;
  const distribution = Float64Array.from(values);
  const jackknife = method === 'bca' ? leaveOut(everyRow, statistic, seed) : null;
  return {
    value,
    ...bootstrapEnds(distribution, value, confidence, jackknife),
    confidence,
    resamples: values.length,
    undefined_resamples: resamples - values.length,
    standard_error: standardDeviation(distribution),
  };
}

/**
 * The interval of given resampled values, as `scipy.stats.bootstrap` makes it of the same ones.
 * @param jackknife the figure with each row (or block) left out; null for the percentile interval.
 */
export function bootstrapEnds(
  distribution: Float64Array,
  value: number,
  confidence: number,
  jackknife: Float64Array | null,
): Pick<BootstrapInterval, 'interval' | 'method'> {
  const sorted = distribution.slice().sort();
  const tail = (1 - confidence) / 2;
  const ends = (low: number, high: number): readonly [number, number] => [
    quantileOfSorted(sorted, low),
    quantileOfSorted(sorted, high),
  ];
  if (jackknife !== null) {
    let below = 0;
    let equal = 0;
    for (const one of sorted) {
      if (one < value) below += 1;
      else if (one === value) equal += 1;
    }
    const bias = normalQuantile((below + equal / 2) / sorted.length);
    const acceleration = accelerationOf(jackknife);
    const corrected = (z: number): number =>
      normalCdf(bias + (bias + z) / (1 - acceleration * (bias + z)));
    const z = normalQuantile(tail);
    const low = corrected(z);
    const high = corrected(-z);
    if (Number.isFinite(bias) && Number.isFinite(low) && Number.isFinite(high))
      return { interval: ends(low, high), method: 'bca' };
  }
  return { interval: ends(tail, 1 - tail), method: 'percentile' };
}

/** Skewness of the influence of a row; NaN when no row has any. */
function accelerationOf(jackknife: Float64Array): number {
  const n = jackknife.length;
  const mean = jackknife.reduce((sum, one) => sum + one, 0) / n;
  let squares = 0;
  let cubes = 0;
  for (const one of jackknife) {
    squares += (mean - one) ** 2;
    cubes += (mean - one) ** 3;
  }
  return cubes / (6 * squares ** 1.5);
}

function leaveOut(everyRow: Int32Array, statistic: Statistic, seed: number): Float64Array {
  const rows = everyRow.length;
  const blocks = rows <= SINGLE_ROWS ? rows : BLOCKS;
  // Blocks of shuffled rows: a file sorted by class must not give blocks of one class.
  const order = rows <= SINGLE_ROWS ? everyRow : seededRandom(seed + 1).shuffle(everyRow.slice());
  const values: number[] = [];
  for (let b = 0; b < blocks; b++) {
    const from = Math.floor((b * rows) / blocks);
    const to = Math.floor(((b + 1) * rows) / blocks);
    const rest = new Int32Array(rows - (to - from));
    rest.set(order.subarray(0, from));
    rest.set(order.subarray(to), from);
    const one = rest.length === 0 ? null : defined(statistic(rest));
    if (one !== null) values.push(one);
  }
  return Float64Array.from(values);
}

function defined(value: number | null): number | null {
  return value === null || Number.isNaN(value) ? null : value;
}

function standardDeviation(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
