/** What a linear classifier says of features: plain float64, no tensor library. */
import { HeadlightError } from '../../base';
import type { LinearHead, Matrix } from './types';

/**
 * Logits as scikit-learn's `decision_function`.
 * @returns [rows] for two classes (of classes[1]), else [rows, classes].
 */
export function decisionFunction(head: LinearHead, features: Matrix): Float64Array {
  return linearLogits(head, features);
}

type LinearMap = Pick<LinearHead, 'coef' | 'intercept' | 'features' | 'scaler'>;

/** @returns [rows, outputs], an output for each intercept. */
export function linearLogits(head: LinearMap, features: Matrix): Float64Array {
  const { columns, data, rows } = features;
  checkWidth(head.features, columns);
  const outputs = head.intercept.length;
  const { weight, bias } = onRawFeatures(head);
  const logits = new Float64Array(rows * outputs);
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * columns, (i + 1) * columns);
    for (let k = 0; k < outputs; k++) {
      let sum = bias[k]!;
      for (let j = 0, at = k * columns; j < columns; j++, at++) sum += row[j]! * weight[at]!;
      logits[i * outputs + k] = sum;
    }
  }
  return logits;
}

/** @throws HeadlightError `bad-model` for features of another width than the head was trained with. */
export function checkWidth(expected: number, columns: number): void {
  if (columns === expected) return;
  throw new HeadlightError(
    'bad-model',
    `The probe takes ${expected} features, the encoder gives ${columns}.`,
    { hint: 'Use the encoder, layer and pooling that the probe was trained with.' },
  );
}

/** Class probabilities, [rows, classes] row-major; each row sums to 1. */
export function predictProbabilities(head: LinearHead, features: Matrix): Float64Array {
  return probabilitiesOf(decisionFunction(head, features), features.rows, head.classes.length);
}

/**
 * @param logits [rows] of the second of two classes, else [rows, classes].
 * @returns [rows, classes].
 */
export function probabilitiesOf(logits: Float64Array, rows: number, classes: number): Float64Array {
  const probabilities = new Float64Array(rows * classes);
  for (let i = 0; i < rows; i++) {
    if (classes === 2) {
      const z = logits[i]!;
      const e = Math.exp(-Math.abs(z));
      const larger = 1 / (1 + e);
      const smaller = e / (1 + e);
      probabilities[2 * i] = z > 0 ? smaller : larger;
      probabilities[2 * i + 1] = z > 0 ? larger : smaller;
      continue;
    }
    const own = logits.subarray(i * classes, (i + 1) * classes);
    let largest = -Infinity;
    for (const z of own) largest = Math.max(largest, z);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp(own[k]! - largest);
    for (let k = 0; k < classes; k++)
      probabilities[i * classes + k] = Math.exp(own[k]! - largest) / sum;
  }
  return probabilities;
}

/** Index of the predicted class of each row, [rows]; the first among equals, as scikit-learn. */
export function predictLabels(head: LinearHead, features: Matrix): Int32Array {
  const logits = decisionFunction(head, features);
  const outputs = head.intercept.length;
  return Int32Array.from({ length: features.rows }, (_, i) => {
    if (outputs === 1) return logits[i]! > 0 ? 1 : 0;
    let best = 0;
    for (let k = 1; k < outputs; k++)
      if (logits[i * outputs + k]! > logits[i * outputs + best]!) best = k;
    return best;
  });
}

/**
 * The head as one linear map of raw features to a logit a class, for a graph: softmax of the logits gives
 * `predictProbabilities`. Two classes: logits [-z/2, z/2].
 * @returns weight [classes, features], bias [classes].
 */
export function foldScaler(head: LinearHead): {
  readonly classes: readonly string[];
  readonly weight: Float32Array;
  readonly bias: Float32Array;
} {
  const { weight, bias } = onRawFeatures(head);
  if (head.intercept.length > 1) {
    return {
      classes: head.classes,
      weight: Float32Array.from(weight),
      bias: Float32Array.from(bias),
    };
  }
  const half = [-0.5, 0.5];
  return {
    classes: head.classes,
    weight: Float32Array.from(half.flatMap((factor) => [...weight].map((w) => factor * w))),
    bias: Float32Array.from(half, (factor) => factor * bias[0]!),
  };
}

/** w·((x - mean) / scale) + b as one map of x. */
function onRawFeatures({ coef, intercept, features, scaler }: LinearMap): {
  weight: Float64Array;
  bias: Float64Array;
} {
  if (scaler === null) return { weight: coef, bias: intercept };
  const weight = coef.map((value, at) => value / scaler.scale[at % features]!);
  const bias = intercept.slice();
  for (let at = 0; at < weight.length; at++)
    bias[Math.floor(at / features)]! -= weight[at]! * scaler.mean[at % features]!;
  return { weight, bias };
}
