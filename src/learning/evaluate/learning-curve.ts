/** How a figure grows with the training rows, and in plain words whether more rows would help. */
import { studentQuantile } from './distributions';
import { summariseRepeats, type RepeatSummary } from './repeats';

/** The figure at one share of the training part, once for each repeat. */
export interface LearningCurveRun {
  readonly rows: number;
  readonly values: readonly number[];
}

export interface LearningCurveSummary {
  /** Ascending by rows. */
  readonly points: readonly (RepeatSummary & { readonly rows: number })[];
  /** What the last doubling of the rows gained; null with fewer than two sizes. */
  readonly gain_per_doubling: number | null;
  /** 95 %, Welch's t; null with a single repeat at either end. */
  readonly gain_interval: readonly [number, number] | null;
  readonly verdict: 'more_rows_help' | 'more_rows_help_little' | 'unclear';
  readonly sentence: string;
}

/** A gain of a doubling below this (of 1) is called little. */
export const LITTLE_GAIN = 0.01;

/**
 * The last doubling: the largest size against the largest one of at most half of it (else the smallest size).
 * - `more_rows_help`: the whole interval of the gain is above 0, and the gain is at least `LITTLE_GAIN`;
 * - `more_rows_help_little`: the whole interval is below `LITTLE_GAIN`, or above 0 with a smaller gain;
 * - `unclear` otherwise, and always with a single repeat.
 * @param runs in any order, at most one a size; the figure is between 0 and 1, higher is better.
 * @throws HeadlightError `internal` for a size without values.
 */
export function summariseLearningCurve(runs: readonly LearningCurveRun[]): LearningCurveSummary {
  const points = [...runs]
    .sort((a, b) => a.rows - b.rows)
    .map(({ rows, values }) => ({ rows, ...summariseRepeats(values) }));
  const last = points.at(-1);
  const before = points.filter(({ rows }) => rows * 2 <= (last?.rows ?? 0)).at(-1) ?? points[0];
  if (last === undefined || before === undefined || before.rows >= last.rows) {
    return {
      points,
      gain_per_doubling: null,
      gain_interval: null,
      verdict: 'unclear',
      sentence: 'One size alone does not show whether more rows would help.',
    };
  }
  const doublings = Math.log2(last.rows / before.rows);
  const gain = (last.mean - before.mean) / doublings;
  const interval = welch(before, last, doublings);
  const verdict =
    interval === null
      ? 'unclear'
      : interval[0] > 0 && gain >= LITTLE_GAIN
        ? 'more_rows_help'
        : interval[1] < LITTLE_GAIN || interval[0] > 0
          ? 'more_rows_help_little'
          : 'unclear';
  return {
    points,
    gain_per_doubling: gain,
    gain_interval: interval,
    verdict,
    sentence: sentenceOf(verdict, gain, interval),
  };
}

function welch(
  before: RepeatSummary,
  last: RepeatSummary,
  doublings: number,
): readonly [number, number] | null {
  if (before.standard_deviation === null || last.standard_deviation === null) return null;
  const a = before.standard_deviation ** 2 / before.values.length;
  const b = last.standard_deviation ** 2 / last.values.length;
  const gain = (last.mean - before.mean) / doublings;
  if (a + b === 0) return [gain, gain];
  const df =
    (a + b) ** 2 / (a ** 2 / (before.values.length - 1) + b ** 2 / (last.values.length - 1));
  const half = (studentQuantile(0.975, df) * Math.sqrt(a + b)) / doublings;
  return [gain - half, gain + half];
}

function sentenceOf(
  verdict: LearningCurveSummary['verdict'],
  gain: number,
  interval: readonly [number, number] | null,
): string {
  const points = (share: number): string => (share * 100).toFixed(1);
  const measured =
    `The last doubling of the training rows changed it by ${points(gain)} points` +
    (interval === null ? '' : ` (95 % interval ${points(interval[0])} to ${points(interval[1])})`);
  if (verdict === 'more_rows_help') return `${measured}: more rows would probably help.`;
  if (verdict === 'more_rows_help_little')
    return `${measured}: more rows of the same kind would probably help little.`;
  return interval === null
    ? `${measured}, measured once: repeat it with other seeds to see whether that is chance.`
    : `${measured}: that is too uncertain to say whether more rows would help.`;
}
