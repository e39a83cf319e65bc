/** Which precision to take, of what was measured, in a sentence. */
import type { Precision } from '../models';
import type { ComparedPrecision, PrecisionComparison } from './precision-types';

/** Embeddings this alike, in the mean and at worst, rank and classify alike: less than a probe's own luck. */
const SAME_MEAN = 0.999;
const SAME_LEAST = 0.99;
/** Of the figure: what may at most be lost, by the interval's worse end. */
const MOST_LOST = 0.02;

type Measured = Pick<PrecisionComparison, 'reference' | 'precisions' | 'figure' | 'testedRows'>;

/** @returns the smallest precision of which no loss is to be seen, and why. */
export function adviceOf(measured: Measured): {
  readonly advised: Precision;
  readonly advice: string;
} {
  const { precisions, reference } = measured;
  const whole = precisions.find(({ precision }) => precision === reference);
  const made = precisions.filter((one) => one.precision !== reference);
  const safe = made.filter(isSafe);
  const best = safe.reduce<ComparedPrecision | null>(
    (least, one) => (least === null || one.bytes < least.bytes ? one : least),
    null,
  );
  const smaller = made.filter(
    (one) => !isSafe(one) && one.bytes < (best?.bytes ?? whole?.bytes ?? 0),
  );
  const doubts = smaller.map((one) => doubtOf(one, measured)).join(' ');
  if (best === null || whole === undefined)
    return { advised: reference, advice: `Keep ${reference}. ${doubts}`.trim() };
  const share = Math.round((100 * best.bytes) / whole.bytes);
  const why = isNearlySame(best)
    ? 'its embeddings are nearly the same'
    : `the probe loses at most ${points(worstLoss(best))} points`;
  return {
    advised: best.precision,
    advice:
      `Take ${best.precision}: ${share} % of the memory of ${reference}, and ${why}. ${doubts}`.trim(),
  };
}

function isNearlySame({ meanCosine, leastCosine }: ComparedPrecision): boolean {
  return (meanCosine ?? 0) >= SAME_MEAN && (leastCosine ?? 0) >= SAME_LEAST;
}

function isSafe(one: ComparedPrecision): boolean {
  if (isNearlySame(one)) return true;
  return one.against !== null && worstLoss(one) <= MOST_LOST;
}

/** The interval's worse end, as a loss. */
function worstLoss({ against }: ComparedPrecision): number {
  return against === null ? Infinity : Math.max(0, -against.interval[0]);
}

function doubtOf(one: ComparedPrecision, { figure, testedRows }: Measured): string {
  const { precision, against, meanCosine } = one;
  if (against === null || figure === null)
    return `${precision} changes the embeddings (mean cosine ${(meanCosine ?? 0).toFixed(3)}), and there is no probe here to say what that costs.`;
  const [low, high] = against.interval;
  if (high < 0)
    return `${precision} costs ${points(-against.difference)} points (${points(-high)} to ${points(-low)}).`;
  return `${precision} may cost up to ${points(worstLoss(one))} points: ${testedRows} rows are too few to say less.`;
}

/** Of a share: `1.5`. */
function points(share: number): string {
  return (100 * share).toFixed(1);
}
