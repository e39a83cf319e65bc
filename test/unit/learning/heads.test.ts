/** Predicting with a head, keeping it as JSON, folding its scaler, checking its settings. */
import { describe, expect, it } from 'vitest';
import {
  decisionFunction,
  DEFAULT_LOGISTIC,
  foldScaler,
  headFromJson,
  headToJson,
  parseLogisticSettings,
  predictLabels,
  predictProbabilities,
  type LinearHead,
} from '../../../src/learning/heads';
import { dataset, float64, headCases, relativeError } from './goldens';

const cases = headCases.map((reference) => {
  const data = dataset(reference.data);
  const head: LinearHead = {
    classes: data.classes,
    coef: float64(reference.coef),
    intercept: float64(reference.intercept),
    features: data.features.columns,
    scaler:
      reference.scaler === undefined
        ? null
        : { mean: float64(reference.scaler.mean), scale: float64(reference.scaler.scale) },
  };
  return { name: reference.name, reference, head, ...data };
});

describe('with scikit-learn’s coefficients', () => {
  it.each(cases)('predicts as scikit-learn: $name', ({ reference, head, features }) => {
    const probabilities = predictProbabilities(head, features);
    expect(relativeError(probabilities, float64(reference.probabilities))).toBeLessThan(1e-12);
    expect([...predictLabels(head, features)]).toEqual(reference.predictions);
  });

  it.each(cases)('folds the scaler into one map: $name', ({ reference, head, features }) => {
    const { weight, bias, classes } = foldScaler(head);
    const k = classes.length;
    // As a graph computes it: a logit a class, then softmax.
    const expected = float64(reference.probabilities);
    for (let i = 0; i < features.rows; i++) {
      const row = features.data.subarray(i * features.columns, (i + 1) * features.columns);
      const logits = Array.from(bias, (b, c) =>
        row.reduce((sum, x, j) => sum + x * weight[c * features.columns + j]!, b),
      );
      const largest = Math.max(...logits);
      const sum = logits.reduce((total, z) => total + Math.exp(z - largest), 0);
      for (let c = 0; c < k; c++)
        expect(Math.exp(logits[c]! - largest) / sum).toBeCloseTo(expected[i * k + c]!, 5);
    }
    expect(weight.length).toBe(head.features * k);
  });

  it.each(cases)('comes back from JSON to the last bit: $name', ({ head }) => {
    expect(headFromJson(JSON.parse(JSON.stringify(headToJson(head))))).toEqual(head);
  });
});

it('extreme logits give probabilities, never NaN', () => {
  const head: LinearHead = {
    classes: ['a', 'b'],
    coef: Float64Array.of(1e4),
    intercept: Float64Array.of(0),
    features: 1,
    scaler: null,
  };
  const features = { rows: 3, columns: 1, data: Float32Array.of(-1, 0, 1) };
  expect([...predictProbabilities(head, features)]).toEqual([1, 0, 0.5, 0.5, 0, 1]);
  expect([...predictLabels(head, features)]).toEqual([0, 0, 1]);
});

it('refuses features of another encoder', () => {
  const { head } = cases[0]!;
  expect(() => decisionFunction(head, { rows: 1, columns: 3, data: new Float32Array(3) })).toThrow(
    /takes 24 features, the encoder gives 3/,
  );
});

describe('a head document that is not whole is refused', () => {
  const whole = headToJson(cases[0]!.head);
  it.each([
    ['not an object', 'text'],
    ['another kind', { ...whole, kind: 'something' }],
    ['a newer version', { ...whole, schemaVersion: 99 }],
    ['a missing row', { ...whole, coef_: [] }],
    ['a short row', { ...whole, coef_: [whole.coef_[0]!.slice(1)] }],
    ['no intercept', { ...whole, intercept_: [] }],
    ['a hole', { ...whole, intercept_: [null] }],
    ['a scaler of another size', { ...whole, scaler: { mean_: [0], scale_: [1] } }],
  ])('%s', (_name, document) => {
    expect(() => headFromJson(document)).toThrow(expect.objectContaining({ code: 'bad-model' }));
  });
});

describe('settings', () => {
  it('come through as they are', () => {
    expect(parseLogisticSettings(DEFAULT_LOGISTIC)).toEqual(DEFAULT_LOGISTIC);
    expect(parseLogisticSettings({ ...DEFAULT_LOGISTIC, C: 3 }).C).toBe(3);
  });

  it.each([
    ['C', { C: 0 }],
    ['C', { C: 'best' }],
    ['Cs', { Cs: [] }],
    ['Cs.1', { Cs: [1, -1] }],
    ['folds', { folds: 1 }],
    ['class_weight', { class_weight: 'uniform' }],
    ['tol', { tol: NaN }],
    ['max_iter', { max_iter: 1.5 }],
    ['seed', { seed: undefined }],
  ])('%s is named when it is wrong', (name, change) => {
    expect(() => parseLogisticSettings({ ...DEFAULT_LOGISTIC, ...change })).toThrow(
      expect.objectContaining({
        code: 'bad-setting',
        message: expect.stringContaining(`Probe: ${name}:`) as string,
      }),
    );
  });
});
