/** Predicting with a head, keeping it as JSON, folding its scaler, checking its settings. */
import { describe, expect, it } from 'vitest';
import {
  anyHeadFromJson,
  anyHeadToJson,
  decisionFunction,
  DEFAULT_LOGISTIC,
  DEFAULT_MLP,
  foldScaler,
  headFromJson,
  headToJson,
  parseHeadSettings,
  parseLogisticSettings,
  predictHead,
  predictLabels,
  predictProbabilities,
  type LinearHead,
  type MlpHead,
  type MultiLabelHead,
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

describe('the other heads', () => {
  const scaler = { mean: Float64Array.of(0.1, -3), scale: Float64Array.of(2, 0.7) };
  const labels: MultiLabelHead = {
    type: 'multi_label',
    classes: ['x', 'y', 'z'],
    coef: Float64Array.of(0.1, 1 / 3, -2e-17, 4, 0, 0),
    intercept: Float64Array.of(-1, Math.PI, -40),
    features: 2,
    scaler,
    thresholds: Float64Array.of(0.5, 0.123456789, 1),
  };
  const hidden: MlpHead = {
    type: 'mlp',
    classes: ['a', 'b'],
    multiLabel: false,
    features: 2,
    hidden: 3,
    coefs: [Float64Array.of(1, -2, 0.5, 0.25, 3, -1), Float64Array.of(0.3, -0.7, 1.1)],
    intercepts: [Float64Array.of(0.1, 0.2, -0.3), Float64Array.of(0.05)],
    scaler: null,
    thresholds: null,
  };
  const several: MlpHead = {
    ...hidden,
    multiLabel: true,
    coefs: [hidden.coefs[0], Float64Array.of(1, 2, 3, 4, 5, 6)],
    intercepts: [hidden.intercepts[0], Float64Array.of(0, -1)],
    scaler,
    thresholds: Float64Array.of(0.4, 0.6),
  };
  const heads = { labels, hidden, several, linear: cases[0]!.head };

  it.each(Object.entries(heads))('%s comes back from JSON to the last bit', (_name, head) => {
    expect(anyHeadFromJson(JSON.parse(JSON.stringify(anyHeadToJson(head))))).toEqual(head);
  });

  it('the document holds all that predicting takes: written out by hand it says the same', () => {
    const x = { rows: 1, columns: 2, data: Float32Array.of(0.5, 2) };
    const json = JSON.parse(JSON.stringify(anyHeadToJson(labels))) as {
      coef_: number[][];
      intercept_: number[];
      scaler: { mean_: number[]; scale_: number[] };
    };
    const scaled = [0, 1].map((j) => (x.data[j]! - json.scaler.mean_[j]!) / json.scaler.scale_[j]!);
    const expected = json.coef_.map((row, k) => {
      const z = row[0]! * scaled[0]! + row[1]! * scaled[1]! + json.intercept_[k]!;
      return 1 / (1 + Math.exp(-z));
    });
    for (const [k, p] of predictHead(labels, x).entries()) expect(p).toBeCloseTo(expected[k]!, 12);
    // ReLU(0.5 * [1, -2, 0.5] + 2 * [0.25, 3, -1] + [0.1, 0.2, -0.3]) = [1.1, 5.2, 0].
    const z = 1.1 * 0.3 - 5.2 * 0.7 + 0.05;
    const [first, second] = predictHead(hidden, x);
    expect(second).toBeCloseTo(1 / (1 + Math.exp(-z)), 12);
    expect(first! + second!).toBeCloseTo(1, 12);
  });

  const wholeLabels = anyHeadToJson(labels);
  const wholeHidden = anyHeadToJson(hidden);
  it.each([
    ['no type', { ...wholeLabels, type: undefined }, 'it has no type'],
    ['a type of the future', { ...wholeLabels, type: 'forest' }, 'no head of the type forest'],
    ['a newer version', { ...wholeLabels, schemaVersion: 2 }, 'schemaVersion'],
    ['a missing label', { ...wholeLabels, coef_: [[1, 2]] }, 'coef_ is not 3 x 2'],
    ['too few intercepts', { ...wholeLabels, intercept_: [1] }, 'intercept_ is not 3 numbers'],
    ['too few thresholds', { ...wholeLabels, thresholds: [] }, 'thresholds is not 3 numbers'],
    ['a threshold above 1', { ...wholeLabels, thresholds: [2, 0, 0] }, 'thresholds.0'],
    ['a hole', { ...wholeLabels, intercept_: [1, null, 2] }, 'intercept_.1'],
    [
      'a scale of 0',
      { ...wholeLabels, scaler: { mean_: [0, 0], scale_: [0, 1] } },
      'a scale_ is 0',
    ],
    [
      'a scaler of another size',
      { ...wholeHidden, scaler: { mean_: [0], scale_: [1, 1] } },
      'scaler.mean_ is not 2 numbers',
    ],
    [
      'layers that do not meet',
      {
        ...wholeHidden,
        coefs_: [
          [[1], [2]],
          [[1], [1], [1]],
        ],
      },
      'coefs_.0 is not 2 x 3',
    ],
    ['no hidden layer', { ...wholeHidden, intercepts_: [[], [1]] }, 'intercepts_.0 is empty'],
    ['a single class', { ...wholeHidden, classes_: ['a'] }, 'fewer than two classes'],
    ['thresholds missing', { ...wholeHidden, multi_label: true }, 'coefs_.1 is not 3 x 2'],
    ['thresholds too many', { ...wholeHidden, thresholds: [0.5, 0.5] }, 'thresholds are for'],
  ])('%s is refused', (_name, document, what) => {
    expect(() => anyHeadFromJson(document)).toThrow(
      expect.objectContaining({
        code: 'bad-model',
        message: expect.stringContaining(what) as string,
      }),
    );
  });

  it('a head of another type is refused where only a linear one is understood', () => {
    expect(() => headFromJson(wholeLabels)).toThrow(expect.objectContaining({ code: 'bad-model' }));
  });

  it('features of another encoder are refused', () => {
    const other = { rows: 1, columns: 3, data: new Float32Array(3) };
    for (const head of Object.values(heads))
      expect(() => predictHead(head, other)).toThrow(/the encoder gives 3/);
  });

  it('settings are told apart by their type', () => {
    expect(parseHeadSettings(DEFAULT_MLP)).toEqual(DEFAULT_MLP);
    expect(parseHeadSettings(DEFAULT_LOGISTIC)).toEqual(DEFAULT_LOGISTIC);
    for (const wrong of [{ type: 'svm' }, null, {}]) {
      expect(() => parseHeadSettings(wrong)).toThrow(
        expect.objectContaining({ code: 'bad-setting' }),
      );
    }
  });
});
