/** Temperature scaling: one number that makes the probabilities honest and leaves every answer as it is. */
import { HeadlightError } from '../../base';

export interface FittedTemperature {
  /** Logits are divided by it: above 1 the classifier was too sure, below 1 not sure enough. */
  readonly temperature: number;
  /** Mean negative log-likelihood on these rows, before and after. */
  readonly nll_before: number;
  readonly nll_after: number;
  /** The best temperature lies beyond [0.01, 100]: e.g. every row is right, or the logits say nothing. */
  readonly at_bound: boolean;
}

const LEAST = 0.01;
const MOST = 100;

/**
 * Guo et al. 2017, On Calibration of Modern Neural Networks. The loss is convex in 1/T, so its only minimum is
 * where its slope crosses 0. Fit on validation rows, never on test rows.
 * @param logits [rows, classes] row-major; [rows] for two classes (of the second one), with `classes` 1.
 * @param labels index of the actual class of each row (0 or 1 with `classes` 1), [rows].
 * @throws HeadlightError `bad-table` without rows, `internal` for other shapes or logits that are not finite.
 */
export function fitTemperature(
  logits: Float64Array,
  labels: Int32Array,
  classes: number,
): FittedTemperature {
  if (labels.length === 0) {
    throw new HeadlightError('bad-table', 'There are no validation rows to fit a temperature on.', {
      hint: 'Set a validation share in the split.',
    });
  }
  if (logits.length !== labels.length * classes) {
    throw new HeadlightError(
      'internal',
      `${logits.length} logits for ${labels.length} rows of ${classes} classes.`,
    );
  }
  if (!logits.every(Number.isFinite))
    throw new HeadlightError('internal', 'A logit is not a finite number.');
  const nll = (beta: number): number => lossAndSlope(logits, labels, classes, beta)[0];
  const slope = (beta: number): number => lossAndSlope(logits, labels, classes, beta)[1];
  const found = flattest(slope);
  const beta = Math.exp(found);
  return {
    temperature: 1 / beta,
    nll_before: nll(1),
    nll_after: nll(beta),
    at_bound: beta <= 1.0000001 / MOST || beta >= 0.9999999 / LEAST,
  };
}

/** Logarithm of 1/T where the slope is 0: false position (Illinois), about ten passes over the rows. */
function flattest(slope: (beta: number) => number): number {
  let low = Math.log(1 / MOST);
  let high = Math.log(1 / LEAST);
  let atLow = slope(1 / MOST);
  let atHigh = slope(1 / LEAST);
  if (atLow >= 0) return low;
  if (atHigh <= 0) return high;
  let found = low;
  let side = 0;
  for (let i = 0; i < 100; i++) {
    const next = (low * atHigh - high * atLow) / (atHigh - atLow);
    const settled = Math.abs(next - found) < 1e-10;
    found = next;
    const here = slope(Math.exp(next));
    if (here === 0 || settled) break;
    if (here < 0) {
      low = next;
      atLow = here;
      if (side === -1) atHigh /= 2;
      side = -1;
    } else {
      high = next;
      atHigh = here;
      if (side === 1) atLow /= 2;
      side = 1;
    }
  }
  return found;
}

/** Logits divided by the temperature: probabilities change, the order of the classes does not. */
export function scaleLogits(logits: Float64Array, temperature: number): Float64Array {
  return logits.map((logit) => logit / temperature);
}

/** Mean loss at inverse temperature `beta`, and its derivative by `beta`. */
function lossAndSlope(
  logits: Float64Array,
  labels: Int32Array,
  classes: number,
  beta: number,
): readonly [number, number] {
  const rows = labels.length;
  let loss = 0;
  let slope = 0;
  for (let i = 0; i < rows; i++) {
    const start = i * classes;
    const own =
      classes === 1 ? (labels[i] === 1 ? logits[start]! : 0) : logits[start + labels[i]!]!;
    // With one column the first class has logit 0.
    let most = classes === 1 ? Math.max(0, logits[start]!) : -Infinity;
    for (let c = 0; c < classes; c++) most = Math.max(most, logits[start + c]!);
    let total = classes === 1 ? Math.exp(-beta * most) : 0;
    let weighted = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(beta * (logits[start + c]! - most));
      total += e;
      weighted += e * logits[start + c]!;
    }
    loss += Math.log(total) + beta * (most - own);
    slope += weighted / total - own;
  }
  return [loss / rows, slope / rows];
}
