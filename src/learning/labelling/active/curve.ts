/**
 * Accuracy on held-out texts against labels made, and whether more labels help. Each point is a probe fitted on the
 * first so many labels, in the order in which they were given.
 */
import { mcnemar, wilsonInterval } from '../../evaluate';

/** A probe of the first `labels` labels on the held-out texts. */
export interface CurveMeasure {
  readonly labels: number;
  /** Whether each held-out text is predicted right (of several labels: all of them), [held-out]. */
  readonly right: readonly boolean[];
}

export interface ActivePoint {
  readonly labels: number;
  /** Share of the held-out texts that are predicted right, with its 95 % Wilson interval. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * - `no_hold_out`: nothing to measure by;
 * - `too_early`: fewer than 50 labels, or than five a class;
 * - `go_on`: the last third of the labels has helped, beyond chance;
 * - `stop`: against every point between a third and two thirds of the labels, all since then brought less than one
 *   point, and more than three can be ruled out. One such point alone is often chance: curves of active learning rise
 *   in steps (docs/labelling.md has the simulations);
 * - `unclear`: neither; often the held-out texts are too few to tell.
 */
export type ActiveVerdict = 'no_hold_out' | 'too_early' | 'go_on' | 'stop' | 'unclear';

export interface ActiveAdvice {
  readonly verdict: ActiveVerdict;
  /** What the last third of the labels changed, with a 95 % interval; null without two points to compare. */
  readonly gain: {
    readonly from: number;
    readonly to: number;
    readonly value: number;
    readonly low: number;
    readonly high: number;
  } | null;
}

/** Below, a gain is little. */
export const LITTLE_GAIN = 0.01;
/** It is only called little where more than this can be ruled out. */
export const WORTH_GAIN = 0.03;
const LEAST_LABELS = 50;
const LEAST_A_CLASS = 5;

/** Labels before which nothing is said of whether more help. */
export function leastLabels(classes: number): number {
  return Math.max(LEAST_LABELS, LEAST_A_CLASS * classes);
}

/** Numbers of labels at which the curve has a point, ascending, up to `most`, which is the last one. */
export function curveSizes(most: number): number[] {
  const sizes: number[] = [];
  for (let size = 5; size < most; size += stepAt(size)) sizes.push(size);
  if (most > 1) sizes.push(most);
  return sizes;
}

/** Whether a point of so many labels stays when more come. */
export function isCurveSize(labels: number): boolean {
  return curveSizes(labels + 1).includes(labels);
}

/** Steps of about a tenth to a fifth, in round numbers. */
function stepAt(size: number): number {
  if (size < 50) return 5;
  if (size < 100) return 10;
  if (size < 200) return 20;
  if (size < 500) return 50;
  return size < 1000 ? 100 : 200;
}

export function pointOf({ labels, right }: CurveMeasure): ActivePoint {
  const successes = right.filter(Boolean).length;
  const [low, high] = wilsonInterval(successes, right.length);
  return { labels, value: successes / right.length, low, high };
}

/**
 * The last point against earlier ones, on the same held-out texts, each by the paired interval of `mcnemar`; the gain
 * that is told is that of the last third of the labels.
 * @param measures ascending by labels, all on the same held-out texts.
 * @param heldOut how many texts those are.
 */
export function adviseActive(
  measures: readonly CurveMeasure[],
  classes: number,
  heldOut: number,
): ActiveAdvice {
  if (heldOut === 0) return { verdict: 'no_hold_out', gain: null };
  const last = measures.at(-1);
  const total = last?.labels ?? 0;
  const gains = measures
    .filter(({ labels }) => 3 * labels >= total && 3 * labels <= 2 * total)
    .map((before) => gainOf(before, last));
  const gain = gains.at(-1) ?? null;
  if (gain === null || total < leastLabels(classes)) return { verdict: 'too_early', gain };
  if (gain.low > 0) return { verdict: 'go_on', gain };
  const isLittle = gains.every(({ value, high }) => value < LITTLE_GAIN && high < WORTH_GAIN);
  return { verdict: isLittle ? 'stop' : 'unclear', gain };
}

function gainOf(
  before: CurveMeasure,
  last: CurveMeasure | undefined,
): NonNullable<ActiveAdvice['gain']> {
  const { difference, interval } = mcnemar(last?.right ?? [], before.right);
  return {
    from: before.labels,
    to: last?.labels ?? 0,
    value: difference,
    low: interval[0],
    high: interval[1],
  };
}
