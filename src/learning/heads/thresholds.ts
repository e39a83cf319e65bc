/**
 * Where each label's probability counts as a yes: the threshold of the best F1 on validation rows, never on
 * training or test rows. (Lipton, Elkan & Naryanaswamy 2014, "Optimal thresholding of classifiers to
 * maximize F1 measure".)
 */
import { countTargets } from './multi-label-input';

export const DEFAULT_THRESHOLD = 0.5;

export interface TunedThresholds {
  /** A row has the label when its probability is at least this; [classes]. */
  readonly thresholds: Float64Array;
  /** F1 on these rows at that threshold; null for a label that none of them has. [classes] */
  readonly f1_score: readonly (number | null)[];
  /** Labels whose threshold could not be tuned. */
  readonly notes: readonly string[];
}

/**
 * Candidates are 0.5 and the middle between neighbouring probabilities; among equally good ones the nearest
 * to 0.5 is taken. A label that no validation row has keeps 0.5.
 * @param probabilities [rows, classes] row-major.
 * @param targets 0/1, [rows, classes] row-major.
 * @throws HeadlightError `bad-labels` for targets that are not 0 or 1, or no rows.
 */
export function tuneThresholds(
  probabilities: Float64Array,
  targets: Uint8Array,
  classes: readonly string[],
): TunedThresholds {
  const k = classes.length;
  const rows = k === 0 ? 0 : probabilities.length / k;
  const counts = countTargets(targets, rows, classes);
  const thresholds = new Float64Array(k).fill(DEFAULT_THRESHOLD);
  const scores: (number | null)[] = [];
  const missing: string[] = [];
  for (const [label, positives] of counts.entries()) {
    if (positives === 0) {
      scores.push(null);
      missing.push(classes[label]!);
      continue;
    }
    const own = Float64Array.from({ length: rows }, (_, row) => probabilities[row * k + label]!);
    const best = bestThreshold(own, (row) => targets[row * k + label] === 1, positives);
    thresholds[label] = best.threshold;
    scores.push(best.f1);
  }
  const notes =
    missing.length === 0
      ? []
      : [
          `No validation row has ${missing.length === 1 ? 'the label' : 'the labels'} ` +
            `${missing.join(', ')}: the threshold stays 0.5.`,
        ];
  return { thresholds, f1_score: scores, notes };
}

function bestThreshold(
  probabilities: Float64Array,
  isPositive: (row: number) => boolean,
  positives: number,
): { threshold: number; f1: number } {
  const order = Array.from(probabilities.keys()).sort(
    (a, b) => probabilities[b]! - probabilities[a]!,
  );
  let best = { threshold: DEFAULT_THRESHOLD, f1: -1 };
  const consider = (threshold: number, truePositives: number, predicted: number): void => {
    const f1 = (2 * truePositives) / (predicted + positives);
    const nearer =
      Math.abs(threshold - DEFAULT_THRESHOLD) < Math.abs(best.threshold - DEFAULT_THRESHOLD);
    if (f1 > best.f1 || (f1 === best.f1 && nearer)) best = { threshold, f1 };
  };
  // 0.5 first, then one threshold under each distinct probability, from the highest down.
  const above = order.filter((row) => probabilities[row]! >= DEFAULT_THRESHOLD);
  consider(DEFAULT_THRESHOLD, above.filter(isPositive).length, above.length);
  let truePositives = 0;
  for (const [at, row] of order.entries()) {
    if (isPositive(row)) truePositives += 1;
    const here = probabilities[row]!;
    const next = order[at + 1];
    const below = next === undefined ? 0 : probabilities[next]!;
    if (next !== undefined && below === here) continue;
    const middle = (here + below) / 2;
    consider(middle > below ? middle : here, truePositives, at + 1);
  }
  return best;
}
