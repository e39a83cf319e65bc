/** The MLP probe trains as scikit-learn's MLPClassifier: step by step from the same start, as well as it in the end. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom, type Progress } from '../../../src/base';
import {
  DEFAULT_MLP,
  fitMlp,
  predictMlp,
  type Matrix,
  type MlpHead,
  type MlpSettings,
  type Targets,
} from '../../../src/learning/heads';
import { glorot } from '../../../src/learning/heads/fit-mlp';
import { holdOut } from '../../../src/learning/heads/hold-out';
import { useWasmTensors } from '../../helpers/tfjs';
import { float64, golden, relativeError, unpackFeatures } from './goldens';
import { mlpCases, trainGolden } from './mlp-golden';

const BACKEND = { backend: 'wasm' } as const;
const whole = (
  golden('mlp.json') as {
    whole: {
      rows: number;
      train: number;
      columns: number;
      classes: number;
      features: string;
      labels: number[];
      settings: Partial<MlpSettings>;
      accuracy: number[];
      epochs: number[];
      sixty_epochs: { accuracy: number; loss: number }[];
    };
  }
).whole;

beforeAll(useWasmTensors);

describe('from the weights and in the order of scikit-learn', () => {
  it.each(mlpCases)('$name: loss of each epoch, weights and probabilities', async (one) => {
    const { lossCurve, weights } = await trainGolden(one);
    expect(lossCurve).toHaveLength(one.loss_curve.length);
    for (const [epoch, loss] of one.loss_curve.entries())
      expect(Math.abs(lossCurve[epoch]! - loss)).toBeLessThan(1e-5);
    expect(relativeError(Float64Array.from(weights), float64(one.end))).toBeLessThan(1e-4);

    const { hidden } = one.settings;
    const outputs = one.multi_label || one.classes > 2 ? one.classes : 1;
    const ends = [one.columns * hidden, hidden * outputs, hidden, outputs];
    let at = 0;
    const [w1, w2, b1, b2] = ends.map((n) => float64(one.end).subarray(at, (at += n)));
    const head: MlpHead = {
      type: 'mlp',
      classes: Array.from({ length: one.classes }, (_, k) => `class ${k}`),
      multiLabel: one.multi_label,
      features: one.columns,
      hidden,
      coefs: [w1!, w2!],
      intercepts: [b1!, b2!],
      scaler: null,
      thresholds: null,
    };
    const probabilities = predictMlp(head, unpackFeatures(one));
    expect(relativeError(probabilities, float64(one.probabilities))).toBeLessThan(1e-12);
  });
});

describe('with its own seeds, against scikit-learn with its own, five each', () => {
  const { train, columns, rows, labels } = whole;
  const { data } = unpackFeatures(whole);
  const classes = Array.from({ length: whole.classes }, (_, k) => `class ${k}`);
  const test: Matrix = { rows: rows - train, columns, data: data.subarray(train * columns) };
  const fitSeeds = async (settings: Partial<MlpSettings>) => {
    const results: { accuracy: number; loss: number; epochs: number }[] = [];
    for (let seed = 0; seed < 5; seed++) {
      const { head, report } = await finish(
        fitMlp(
          { rows: train, columns, data: data.subarray(0, train * columns) },
          { kind: 'labels', labels: Int32Array.from(labels.slice(0, train)) },
          classes,
          { ...DEFAULT_MLP, ...whole.settings, ...settings, seed },
          BACKEND,
        ),
      );
      const probabilities = predictMlp(head, test);
      let right = 0;
      for (let i = 0; i < test.rows; i++) {
        const own = [...probabilities.subarray(i * classes.length, (i + 1) * classes.length)];
        if (own.indexOf(Math.max(...own)) === labels[train + i]) right += 1;
      }
      results.push({
        accuracy: right / test.rows,
        loss: report.lossCurve.at(-1)!,
        epochs: report.epochs,
      });
    }
    return results;
  };

  it('after sixty epochs its loss and its accuracy on other rows are the same but for the seeds', async () => {
    const own = await fitSeeds({ early_stopping: false, max_iter: 60, tol: 0 });
    for (const figure of ['accuracy', 'loss'] as const)
      expectAlike(
        own.map((result) => result[figure]),
        whole.sixty_epochs.map((result) => result[figure]),
      );
  });

  it('stopping early it ends as late, and as well', async () => {
    const own = await fitSeeds({});
    expectAlike(
      own.map(({ accuracy }) => accuracy),
      whole.accuracy,
    );
    expectAlike(
      own.map(({ epochs }) => epochs),
      whole.epochs,
    );
  });
});

/** Means of five that differ by at most three standard errors of their difference. */
function expectAlike(a: readonly number[], b: readonly number[]): void {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);
  const noise = Math.sqrt(variance(a) / a.length + variance(b) / b.length);
  expect(Math.abs(mean(a) - mean(b))).toBeLessThan(3 * noise);
}

describe('what it promises', () => {
  const { features, labels } = mixture(120, 6, 3, 1);
  const classes = ['a', 'b', 'c'];
  const quick: MlpSettings = { ...DEFAULT_MLP, hidden: 8, max_iter: 6, learning_rate: 0.01 };
  const fit = (
    settings: Partial<MlpSettings> = {},
    targets: Targets = { kind: 'labels', labels },
    data: Matrix = features,
    names: readonly string[] = classes,
    signal?: AbortSignal,
    seen: (progress: Progress) => void = () => undefined,
  ) => finish(fitMlp(data, targets, names, { ...quick, ...settings }, BACKEND, signal), seen);

  it('the same seed gives the same head, another seed another', async () => {
    const [one, same, other] = [await fit(), await fit(), await fit({ seed: 1 })];
    expect(same.head).toEqual(one.head);
    expect(other.head.coefs[0]).not.toEqual(one.head.coefs[0]);
  });

  it('keeps the weights of the best epoch', async () => {
    const { report } = await fit({ max_iter: 40, learning_rate: 0.3 });
    const scores = report.validationScores!;
    const best = scores.indexOf(Math.max(...scores)) + 1;
    expect(best).toBeLessThan(report.epochs);
    const upTo = await fit({ max_iter: best, learning_rate: 0.3 });
    const all = await fit({ max_iter: 40, learning_rate: 0.3 });
    expect(all.head.coefs).toEqual(upTo.head.coefs);
  });

  it('without early stopping it trains on every row, and says when it was stopped by max_iter', async () => {
    const { report } = await fit({ early_stopping: false, max_iter: 3 });
    expect(report.validationScores).toBeNull();
    expect(report).toMatchObject({ epochs: 3, converged: false });
    expect(report.notes[0]).toContain('raise max_iter');
  });

  it('several labels a row: each label is learnt, thresholds come from validation rows', async () => {
    const many = new Uint8Array(labels.length * 2);
    for (let row = 0; row < labels.length; row++) {
      many[2 * row] = labels[row] === 0 ? 1 : 0;
      many[2 * row + 1] = labels[row] === 1 ? 1 : 0;
    }
    const { head } = await finish(
      fitMlp(
        features,
        { kind: 'multi_label', targets: many },
        ['x', 'y'],
        { ...quick, max_iter: 60 },
        { ...BACKEND, validation: { features, targets: many } },
      ),
    );
    const probabilities = predictMlp(head, features);
    const right = probabilities.filter(
      (p, at) => p >= head.thresholds![at % 2]! === (many[at] === 1),
    );
    expect(right.length / many.length).toBeGreaterThan(0.9);
  });

  it('reports epochs to the end, stops within an epoch, keeps nothing on the device', async () => {
    const before = tf.memory().numTensors;
    const done: number[] = [];
    await fit({}, undefined, undefined, undefined, undefined, (progress) => {
      expect(progress).toMatchObject({ unit: 'epochs', total: 6 });
      done.push(progress.done);
    });
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 6]);
    expect(tf.memory().numTensors).toBe(before);
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort();
    }, 60);
    const started = performance.now();
    await expect(
      fit(
        { max_iter: 100_000, early_stopping: false, tol: 0, n_iter_no_change: 100_000 },
        undefined,
        undefined,
        undefined,
        stop.signal,
      ),
    ).rejects.toMatchObject({ code: 'aborted' });
    expect(performance.now() - started).toBeLessThan(2000);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('a row a class, constant features: it trains on all rows and says so', async () => {
    const flat: Matrix = { rows: 3, columns: 2, data: new Float32Array(6).fill(7) };
    const { head, report } = await fit(
      {},
      { kind: 'labels', labels: Int32Array.of(0, 1, 2) },
      flat,
    );
    expect(report.notes[0]).toContain('3 training rows are too few to hold some back');
    for (const p of predictMlp(head, flat)) expect(p).toBeGreaterThan(0);
  });

  it('refuses one class, a NaN, a setting out of range, and a training that diverges', async () => {
    await expect(
      fit({}, { kind: 'labels', labels: new Int32Array(120) }, features, ['only']),
    ).rejects.toMatchObject({ code: 'bad-labels' });
    const broken = { ...features, data: features.data.slice() };
    broken.data[6 * 4] = NaN;
    await expect(fit({}, undefined, broken)).rejects.toMatchObject({
      message: 'The features of row 5 are not finite numbers.',
    });
    for (const [name, wrong] of [
      ['hidden', { hidden: 0 }],
      ['alpha', { alpha: -1 }],
      ['learning_rate', { learning_rate: NaN }],
      ['batch_size', { batch_size: 0 }],
      ['validation_fraction', { validation_fraction: 1 }],
    ] as const) {
      await expect(fit(wrong)).rejects.toMatchObject({
        code: 'bad-setting',
        message: expect.stringContaining(`Probe: ${name}`) as string,
      });
    }
    await expect(fit({ learning_rate: 1e30, early_stopping: false })).rejects.toMatchObject({
      code: 'device',
      hint: expect.stringContaining('learning_rate') as string,
    });
  });
});

it('holds back a stratified share, and leaves each class a row to train on', () => {
  const labels = Int32Array.from({ length: 100 }, (_, row) => (row < 80 ? 0 : row < 99 ? 1 : 2));
  const parts = holdOut({ kind: 'labels', labels }, 100, 3, 0.2, seededRandom(1))!;
  const counts = [0, 0, 0];
  for (const row of parts.validation) counts[labels[row]!]! += 1;
  expect(counts).toEqual([16, 4, 0]);
  const all = [...parts.train, ...parts.validation].sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: 100 }, (_, row) => row));
});

it('starts with Glorot’s uniform weights: within their bound, of their variance', () => {
  const shape = { features: 300, hidden: 100, outputs: 4, output: 'softmax' } as const;
  const first = glorot(shape, seededRandom(2)).subarray(0, 30_000);
  const bound = Math.sqrt(6 / 400);
  const square = first.reduce((sum, weight) => sum + weight ** 2, 0) / first.length;
  expect(Math.max(...first)).toBeLessThanOrEqual(bound);
  expect(square / (bound ** 2 / 3)).toBeCloseTo(1, 1);
});

function mixture(rows: number, columns: number, classes: number, seed: number) {
  const random = seededRandom(seed);
  const centres = Float64Array.from({ length: classes * columns }, () => random.normal());
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
  const data = Float32Array.from({ length: rows * columns }, (_, at) => {
    const row = Math.floor(at / columns);
    return centres[labels[row]! * columns + (at % columns)]! + 0.7 * random.normal();
  });
  return { features: { rows, columns, data } satisfies Matrix, labels };
}
