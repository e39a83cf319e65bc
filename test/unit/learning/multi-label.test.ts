/** Several labels a row: each label's probe and threshold is scikit-learn's, and what cannot be learnt is said. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom } from '../../../src/base';
import {
  applyThresholds,
  DEFAULT_LOGISTIC,
  fitOneVsRest,
  predictMultiLabel,
  tuneThresholds,
  type LogisticSettings,
  type Matrix,
} from '../../../src/learning/heads';
import { CONTEXTS } from '../../helpers/kernels';
import { useWasmTensors } from '../../helpers/tfjs';
import { float64, golden, relativeError, unpackFeatures } from './goldens';

interface Case {
  readonly name: string;
  readonly settings: Partial<LogisticSettings>;
  readonly targets: readonly number[];
  readonly probabilities: string;
  readonly coef: readonly (string | null)[];
  readonly intercept: readonly (number | null)[];
  readonly C?: readonly number[];
}

const reference = golden('multi-label.json') as {
  rows: number;
  columns: number;
  classes: number;
  features: string;
  cases: Case[];
  thresholds: { name: string; probabilities: number[]; targets: number[]; best_f1: number }[];
};
const features = unpackFeatures(reference);
const classes = Array.from({ length: reference.classes }, (_, k) => `label ${k}`);
const BACKEND = { backend: 'wasm' } as const;

beforeAll(useWasmTensors);

describe.each(CONTEXTS)(
  'on %s, against OneVsRestClassifier at tol=1e-8, with our default tol',
  (_, context) => {
    it.each(reference.cases)('$name', async (one) => {
      const { head, report } = await finish(
        fitOneVsRest(
          features,
          Uint8Array.from(one.targets),
          classes,
          { ...DEFAULT_LOGISTIC, ...one.settings },
          context,
        ),
      );
      expect(report.converged).toBe(true);
      if (one.C !== undefined) expect(report.labels.map(({ C }) => C)).toEqual(one.C);
      for (const [k, coef] of one.coef.entries()) {
        const own = head.coef.subarray(k * features.columns, (k + 1) * features.columns);
        if (coef === null) {
          expect(own.every((weight) => weight === 0)).toBe(true);
          continue;
        }
        expect(relativeError(own, float64(coef))).toBeLessThan(1e-3);
        const intercept = one.intercept[k]!;
        expect(Math.abs(head.intercept[k]! - intercept)).toBeLessThan(
          1e-3 * (1 + Math.abs(intercept)),
        );
      }
      const probabilities = predictMultiLabel(head, features);
      const expected = float64(one.probabilities);
      for (const [at, p] of probabilities.entries())
        expect(Math.abs(p - expected[at]!)).toBeLessThan(2e-4);
      expect([...head.thresholds]).toEqual(classes.map(() => 0.5));
    });

    it('says which labels had nothing to learn from, and which side they are always on', async () => {
      const one = reference.cases.at(-1)!;
      const notes: string[] = [];
      const { report } = await finish(
        fitOneVsRest(
          features,
          Uint8Array.from(one.targets),
          classes,
          { ...DEFAULT_LOGISTIC, C: 1 },
          context,
        ),
        ({ note }) => notes.push(note ?? ''),
      );
      expect(report.labels.map(({ constant }) => constant)).toEqual([null, null, 0, 1]);
      expect(notes[0]).toBe(
        'No training row has the label label 2: it is never predicted. ' +
          'Every training row has the label label 3: it is always predicted.',
      );
    });
  },
);

describe('thresholds', () => {
  it.each(reference.thresholds)(
    'reach the best F1 there is: $name',
    ({ probabilities, targets, best_f1 }) => {
      const tuned = tuneThresholds(Float64Array.from(probabilities), Uint8Array.from(targets), [
        'a',
      ]);
      expect(tuned.f1_score[0]).toBeCloseTo(best_f1, 12);
      const predicted = applyThresholds(Float64Array.from(probabilities), tuned.thresholds);
      const both = predicted.filter((p, row) => p === 1 && targets[row] === 1).length;
      const sum = (values: Iterable<number>) =>
        [...values].reduce((total, value) => total + value, 0);
      expect((2 * both) / (sum(predicted) + sum(targets))).toBeCloseTo(best_f1, 12);
    },
  );

  it('stay at 0.5 when 0.5 is as good as any, or when no validation row has the label', () => {
    const tuned = tuneThresholds(Float64Array.of(0.2, 0.1, 0.8, 0.9), Uint8Array.of(0, 0, 1, 0), [
      'there',
      'missing',
    ]);
    expect([...tuned.thresholds]).toEqual([0.5, 0.5]);
    expect(tuned.f1_score).toEqual([1, null]);
    expect(tuned.notes).toEqual([
      'No validation row has the label missing: the threshold stays 0.5.',
    ]);
  });

  it('of equally good ones the nearest to 0.5: probabilities 0.1 and 0.3, the higher one is right', () => {
    const tuned = tuneThresholds(Float64Array.of(0.1, 0.3), Uint8Array.of(0, 1), ['a']);
    expect(tuned.thresholds[0]).toBeCloseTo(0.2, 12);
  });

  it('are tuned on the validation rows that are given, and only there', async () => {
    const { targets } = reference.cases[0]!;
    const rare = Uint8Array.from(targets);
    const { head } = await finish(
      fitOneVsRest(
        features,
        rare,
        classes,
        { ...DEFAULT_LOGISTIC, C: 0.05 },
        {
          ...BACKEND,
          validation: { features, targets: rare },
        },
      ),
    );
    const tuned = tuneThresholds(predictMultiLabel(head, features), rare, classes);
    expect([...head.thresholds]).toEqual([...tuned.thresholds]);
    // With so strong a penalty a rare label never reaches 0.5.
    expect(head.thresholds[3]!).toBeLessThan(0.4);
  });
});

describe('small and wrong inputs', () => {
  const four: Matrix = { rows: 4, columns: 2, data: Float32Array.of(0, 1, 1, 0, 0.1, 0.8, 0.9, 0) };
  const fit = (
    targets: number[],
    names = ['a', 'b'],
    given: Partial<LogisticSettings> = {},
    data = four,
  ) =>
    finish(
      fitOneVsRest(
        data,
        Uint8Array.from(targets),
        names,
        { ...DEFAULT_LOGISTIC, ...given },
        BACKEND,
      ),
    );

  it('uses fewer folds, or C = 1, for a label with few rows, and says so', async () => {
    const { report } = await fit([0, 1, 1, 0, 0, 0, 1, 0]);
    expect(report.notes.slice(0, 2)).toEqual([
      'The label a has 2 training rows with it: 2 folds instead of 5.',
      'The label b has a single training row with it, so C cannot be cross-validated: C = 1 is used.',
    ]);
    expect(report.labels[1]).toMatchObject({ C: 1, crossValidation: null });
  });

  it('says for which labels accuracy does not choose a C', async () => {
    // One column that says nothing, and two rows of a hundred with the label.
    const flat: Matrix = {
      rows: 100,
      columns: 1,
      data: new Float32Array(100).map((_, i) => i % 2),
    };
    const targets = Array.from({ length: 100 }, (_, row) => (row < 2 ? 1 : 0));
    const { report } = await fit(targets, ['rare'], {}, flat);
    expect(report.labels[0]?.C).toBe(0.01);
    expect(report.notes.at(-1)).toBe(
      'Cross-validation by accuracy could not tell the values of C apart for rare, so the smallest ' +
        'is used; give C to choose it.',
    );
  });

  it('takes a single label, a constant column, and labels that are all constant', async () => {
    const one = await fit([0, 1, 0, 1], ['only']);
    expect(one.head.coef).toHaveLength(2);
    const flat = { rows: 4, columns: 1, data: Float32Array.of(3, 3, 3, 3) };
    const { head } = await fit([0, 1, 0, 1], ['only'], { C: 1 }, flat);
    for (const p of predictMultiLabel(head, flat)) expect(p).toBeCloseTo(0.5, 6);
    const none = await fit([0, 1, 0, 1, 0, 1, 0, 1], ['never', 'always']);
    const [never, always] = predictMultiLabel(none.head, four);
    expect(never).toBeLessThan(1e-15);
    expect(always).toBe(1);
  });

  it('refuses targets that are not 0 or 1, no labels, features that are not finite, wrong settings', async () => {
    await expect(fit([0, 1, 2, 0, 0, 0, 1, 0])).rejects.toMatchObject({
      code: 'bad-labels',
      message: 'Row 2 has 2 for the label a, not 0 or 1.',
    });
    await expect(fit([], [])).rejects.toMatchObject({ code: 'bad-labels' });
    await expect(fit([0, 1, 1, 0, 0, 0, 1, 0], ['a', 'b'], { C: -1 })).rejects.toMatchObject({
      code: 'bad-setting',
    });
    const broken = { ...four, data: four.data.slice() };
    broken.data[3] = Infinity;
    await expect(fit([0, 1, 1, 0, 0, 0, 1, 0], ['a', 'b'], {}, broken)).rejects.toMatchObject({
      message: 'The features of row 2 are not finite numbers.',
    });
  });
});

it('fits more labels than one group holds, counts its fits to the end, keeps nothing on the device', async () => {
  const random = seededRandom(4);
  const [rows, columns, labels] = [120, 300, 60];
  const data = Float32Array.from({ length: rows * columns }, () => random.normal());
  const targets = Uint8Array.from({ length: rows * labels }, (_, at) =>
    data[Math.floor(at / labels) * columns + (at % labels)]! > 0.5 ? 1 : 0,
  );
  const names = Array.from({ length: labels }, (_, k) => `label ${k}`);
  const before = tf.memory().numTensors;
  const counted: number[] = [];
  const wide: Matrix = { rows, columns, data };
  const settings = { ...DEFAULT_LOGISTIC, Cs: [0.01], folds: 12 };
  const { head } = await finish(
    fitOneVsRest(wide, targets, names, settings, BACKEND),
    ({ done, total }) => {
      expect(total).toBe(labels * 13);
      counted.push(done);
    },
  );
  expect(counted).toEqual([...counted].sort((a, b) => a - b));
  expect(counted.at(-1)).toBe(labels * 13);
  const right = predictMultiLabel(head, wide).filter((p, at) => p > 0.5 === (targets[at] === 1));
  expect(right.length / targets.length).toBeGreaterThan(0.95);
  expect(tf.memory().numTensors).toBe(before);

  const stop = new AbortController();
  const job = fitOneVsRest(wide, targets, names, settings, BACKEND, stop.signal);
  await expect(
    finish(job, ({ done }) => {
      if (done > 0) stop.abort();
    }),
  ).rejects.toMatchObject({ code: 'aborted' });
  expect(tf.memory().numTensors).toBe(before);
});
