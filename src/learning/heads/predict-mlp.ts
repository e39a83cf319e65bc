/** What a one-hidden-layer head says of features: plain float64, no tensor library. */
import { checkWidth, probabilitiesOf } from './predict';
import type { Matrix, MlpHead } from './types';

/** Before softmax or sigmoid, [rows, outputs] row-major; one output for two classes. */
export function mlpLogits(head: MlpHead, features: Matrix): Float64Array {
  const { rows, columns, data } = features;
  checkWidth(head.features, columns);
  const { hidden, scaler } = head;
  const [first, second] = head.coefs;
  const [firstBias, secondBias] = head.intercepts;
  const outputs = secondBias.length;
  const logits = new Float64Array(rows * outputs);
  const units = new Float64Array(hidden);
  for (let i = 0; i < rows; i++) {
    units.set(firstBias);
    for (let j = 0; j < columns; j++) {
      const raw = data[i * columns + j]!;
      const x = scaler === null ? raw : (raw - scaler.mean[j]!) / scaler.scale[j]!;
      for (let h = 0, at = j * hidden; h < hidden; h++, at++) units[h]! += x * first[at]!;
    }
    for (let k = 0; k < outputs; k++) logits[i * outputs + k] = secondBias[k]!;
    for (let h = 0; h < hidden; h++) {
      const unit = units[h]!;
      if (unit <= 0) continue;
      for (let k = 0; k < outputs; k++) logits[i * outputs + k]! += unit * second[h * outputs + k]!;
    }
  }
  return logits;
}

/**
 * Probabilities, [rows, classes] row-major: each row sums to 1, or, for several labels a row, each label has
 * its own.
 * @throws HeadlightError `bad-model` when the features are not those of the head.
 */
export function predictMlp(head: MlpHead, features: Matrix): Float64Array {
  const logits = mlpLogits(head, features);
  if (!head.multiLabel) return probabilitiesOf(logits, features.rows, head.classes.length);
  return logits.map((z) => {
    const e = Math.exp(-Math.abs(z));
    return (z > 0 ? 1 : e) / (1 + e);
  });
}
