/** The probe is scikit-learn's: same objective, same folds, same C, same coefficients. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom, type Progress } from '../../../src/base';
import {
  DEFAULT_LOGISTIC,
  fitLogistic,
  predictLabels,
  predictProbabilities,
  type LogisticSettings,
  type Matrix,
} from '../../../src/learning/heads';
import { stratifiedFolds } from '../../../src/learning/heads/folds';
import { CONTEXTS } from '../../helpers/kernels';
import { useWasmTensors } from '../../helpers/tfjs';
import { dataset, float64, golden, headCases, relativeError, settingsOf } from './goldens';

const BACKEND = { backend: 'wasm' } as const;

beforeAll(useWasmTensors);

describe.each(CONTEXTS)(
  'on %s, against scikit-learn at tol=1e-8, with our default tol',
  (_, context) => {
    it.each([...headCases])('$name', async (reference) => {
      const { features, labels, classes } = dataset(reference.data);
      const settings = settingsOf(reference.settings);
      const { head, report } = await finish(
        fitLogistic(features, labels, classes, settings, context),
      );

      expect(report.backend).toBe(context.kernels?.name ?? 'wasm');
      expect(report.converged).toBe(true);
      expect(report.gradientNorm).toBeLessThanOrEqual(settings.tol);
      if (reference.scores !== undefined) {
        expect(report.C).toBe(reference.C);
        const scores = settings.Cs.map((_, c) => reference.scores?.map((fold) => fold[c]));
        expect(report.crossValidation?.map((entry) => entry.scores)).toEqual(scores);
      }
      expect(relativeError(head.coef, float64(reference.coef))).toBeLessThan(1e-3);
      expect(relativeError(head.intercept, float64(reference.intercept))).toBeLessThan(1e-3);
      if (reference.scaler !== undefined) {
        expect(relativeError(head.scaler!.mean, float64(reference.scaler.mean))).toBeLessThan(
          1e-12,
        );
        expect(relativeError(head.scaler!.scale, float64(reference.scaler.scale))).toBeLessThan(
          1e-12,
        );
      } else expect(head.scaler).toBeNull();

      const predicted = predictLabels(head, features);
      const different = predicted.filter((label, row) => label !== reference.predictions[row]);
      expect(different.length / features.rows).toBeLessThanOrEqual(0.001);
      const probabilities = predictProbabilities(head, features);
      expect(relativeError(probabilities, float64(reference.probabilities))).toBeLessThan(1e-3);
    });
  },
);

it('deals rows to folds as StratifiedKFold does', () => {
  interface Folds {
    labels: number[];
    classes: number;
    folds: number;
    held_out: number[];
  }
  for (const { labels, classes, folds, held_out } of golden('folds.json') as Folds[])
    expect([...stratifiedFolds(Int32Array.from(labels), classes, folds)]).toEqual(held_out);
});

it('the gradient of the written-out objective vanishes at a fit of many rows and blocks', async () => {
  const { features, labels } = mixture(9000, 40, 3, 5);
  const C = 2;
  const { head } = await finish(
    fitLogistic(features, labels, ['a', 'b', 'c'], { ...DEFAULT_LOGISTIC, C }, BACKEND),
  );
  const probabilities = predictProbabilities(head, features);
  const { columns, rows, data } = features;
  for (let k = 0; k < 3; k++) {
    const gradient = Float64Array.from(
      head.coef.subarray(k * columns, (k + 1) * columns),
      (weight) => weight / (C * rows),
    );
    for (let i = 0; i < rows; i++) {
      const residual = (probabilities[i * 3 + k]! - (labels[i] === k ? 1 : 0)) / rows;
      for (let j = 0; j < columns; j++) gradient[j]! += residual * data[i * columns + j]!;
    }
    for (const component of gradient) expect(Math.abs(component)).toBeLessThan(1e-5);
  }
});

it('keeps nothing on the device, also when stopped', async () => {
  const { features, labels } = mixture(400, 16, 3, 1);
  const before = tf.memory().numTensors;
  await finish(fitLogistic(features, labels, ['a', 'b', 'c'], DEFAULT_LOGISTIC, BACKEND));
  expect(tf.memory().numTensors).toBe(before);

  const stop = new AbortController();
  const job = fitLogistic(
    features,
    labels,
    ['a', 'b', 'c'],
    DEFAULT_LOGISTIC,
    BACKEND,
    stop.signal,
  );
  await expect(
    finish(job, ({ done }) => {
      if (done > 3) stop.abort();
    }),
  ).rejects.toMatchObject({ code: 'aborted' });
  expect(tf.memory().numTensors).toBe(before);
});

it.each(CONTEXTS)(
  'on %s lets a stop in while it works: the event loop turns at least every 100 ms or so',
  async (_, context) => {
    const { features, labels } = mixture(6000, 128, 6, 2);
    const classes = ['a', 'b', 'c', 'd', 'e', 'f'];
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort();
    }, 100);
    const started = performance.now();
    await expect(
      finish(
        fitLogistic(
          features,
          labels,
          classes,
          { ...DEFAULT_LOGISTIC, tol: 1e-12 },
          context,
          stop.signal,
        ),
      ),
    ).rejects.toMatchObject({ code: 'aborted' });
    expect(performance.now() - started).toBeLessThan(3000);
  },
);

it('counts its fits to the end', async () => {
  const { features, labels } = mixture(200, 8, 2, 3);
  const seen: Progress[] = [];
  await finish(fitLogistic(features, labels, ['a', 'b'], DEFAULT_LOGISTIC, BACKEND), (progress) =>
    seen.push(progress),
  );
  expect(seen[0]).toMatchObject({ phase: 'Fitting the probe', done: 0, total: 26, unit: 'fits' });
  expect(seen.at(-1)?.done).toBe(26);
  for (let i = 1; i < seen.length; i++)
    expect(seen[i]!.done).toBeGreaterThanOrEqual(seen[i - 1]!.done);
});

describe('small and wrong inputs', () => {
  const fit = async (
    features: Matrix,
    labels: number[],
    classes: string[],
    settings: Partial<LogisticSettings> = {},
  ) => {
    const notes: string[] = [];
    const job = fitLogistic(
      features,
      Int32Array.from(labels),
      classes,
      { ...DEFAULT_LOGISTIC, ...settings },
      BACKEND,
    );
    const fitted = await finish(job, ({ note }) => {
      if (note !== undefined) notes.push(note);
    });
    return { ...fitted, notes };
  };
  const six: Matrix = {
    rows: 6,
    columns: 2,
    data: Float32Array.of(0, 1, 0.2, 0.9, 1, 0, 0.9, 0.1, 0.5, 0.4, 0.8, 0.3),
  };

  it('uses fewer folds when a class has few rows, and says so', async () => {
    const { report, notes } = await fit(six, [0, 0, 1, 1, 1, 1], ['a', 'b']);
    expect(report.crossValidation?.[0]?.scores).toHaveLength(2);
    expect(notes[0]).toContain('The class a has 2 training rows: 2 folds instead of 5.');
  });

  it('uses C = 1 when a class has one row, and says so', async () => {
    const { report, notes } = await fit(six, [0, 1, 1, 1, 1, 1], ['a', 'b']);
    expect(report).toMatchObject({ C: 1, crossValidation: null });
    expect(notes[0]).toContain('The class a has a single training row');
  });

  it('says when it stopped before it converged', async () => {
    const { report, notes } = await fit(six, [0, 0, 1, 1, 1, 1], ['a', 'b'], {
      C: 100,
      max_iter: 1,
    });
    expect(report.converged).toBe(false);
    expect(report.iterations).toBe(1);
    expect(notes.at(-1)).toContain('raise max_iter');
  });

  it('refuses one class, a class without rows, features that are not finite', async () => {
    await expect(fit(six, [0, 0, 0, 0, 0, 0], ['only'])).rejects.toMatchObject({
      code: 'bad-labels',
      message: 'The training part has only one class, only.',
    });
    await expect(fit(six, [0, 0, 0, 1, 1, 1], ['a', 'b', 'rare'])).rejects.toMatchObject({
      code: 'bad-labels',
      message: 'The class rare has no rows in the training part.',
    });
    const broken = { ...six, data: six.data.slice() };
    broken.data[5] = NaN;
    await expect(fit(broken, [0, 0, 0, 1, 1, 1], ['a', 'b'])).rejects.toMatchObject({
      code: 'device',
      message: 'The features of row 3 are not finite numbers.',
    });
  });
});

/** Overlapping Gaussian classes with an offset. */
function mixture(rows: number, columns: number, classes: number, seed: number) {
  const random = seededRandom(seed);
  const centres = Float64Array.from({ length: classes * columns }, () => random.normal() * 0.3);
  const labels = Int32Array.from({ length: rows }, (_, row) =>
    row < classes ? row : random.integer(classes),
  );
  const data = Float32Array.from({ length: rows * columns }, (_, at) => {
    const row = Math.floor(at / columns);
    return 0.2 + centres[labels[row]! * columns + (at % columns)]! + random.normal();
  });
  return { features: { rows, columns, data } satisfies Matrix, labels };
}
