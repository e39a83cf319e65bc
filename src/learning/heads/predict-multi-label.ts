/** What the heads for several labels a row say of features: plain float64, no tensor library. */
import { HeadlightError } from '../../base';
import { linearLogits } from './predict';
import { predictMlp } from './predict-mlp';
import type { Matrix, MlpHead, MultiLabelHead } from './types';

/** Logits as scikit-learn's `decision_function`, [rows, classes] row-major. */
export function multiLabelLogits(head: MultiLabelHead, features: Matrix): Float64Array {
  return linearLogits(head, features);
}

/**
 * The probability of each label, [rows, classes] row-major; rows do not sum to 1.
 * @throws HeadlightError `bad-model` when the features are not those of the head.
 */
export function predictMultiLabel(head: MultiLabelHead | MlpHead, features: Matrix): Float64Array {
  if (head.type === 'mlp') {
    if (!head.multiLabel) {
      throw new HeadlightError('internal', 'This head gives one class a row, not several labels.');
    }
    return predictMlp(head, features);
  }
  return multiLabelLogits(head, features).map(sigmoid);
}

/** 1 where the probability reaches the label's threshold, [rows, classes] row-major. */
export function applyThresholds(
  probabilities: Float64Array,
  thresholds: ArrayLike<number>,
): Uint8Array {
  return Uint8Array.from(probabilities, (p, at) =>
    p >= thresholds[at % thresholds.length]! ? 1 : 0,
  );
}

export function sigmoid(z: number): number {
  const e = Math.exp(-Math.abs(z));
  return (z > 0 ? 1 : e) / (1 + e);
}
