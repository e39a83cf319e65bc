/** Rows with weights and soft labels: the same heads that scikit-learn fits with `sample_weight`, or to expanded rows. */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import {
  DEFAULT_LOGISTIC,
  fitLogistic,
  fitMlp,
  fitOneVsRest,
  DEFAULT_MLP,
  predictProbabilities,
  type LogisticSettings,
  type Weighting,
} from '../../../src/learning/heads';
import { finishTraining } from '../../helpers/mlp-training';
import { useWasmTensors } from '../../helpers/tfjs';
import { float64, golden, relativeError, settingsOf, unpackFeatures } from './goldens';

interface Rows {
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  readonly features: string;
  readonly weights: string;
}
interface Case {
  readonly name: string;
  readonly weighted: boolean;
  readonly soft: boolean;
  readonly settings: Partial<LogisticSettings>;
  readonly coef: string;
  readonly intercept: string;
}
const reference = golden('weighted.json') as {
  readonly logistic: {
    readonly datasets: Readonly<Record<string, Rows & { labels: number[]; soft: string }>>;
    readonly cases: readonly (Case & {
      readonly data: string;
      readonly probabilities: string;
      readonly scaler?: { readonly mean: string; readonly scale: string };
      readonly C?: number;
      readonly scores?: readonly (readonly number[])[];
    })[];
  };
  readonly several: Rows & { targets: number[]; soft: string; cases: readonly Case[] };
  readonly mlp: readonly (Rows & {
    readonly name: string;
    readonly soft: string | null;
    readonly settings: { hidden: number; alpha: number; learning_rate: number; batch_size: number };
    readonly targets: readonly number[];
    readonly start: string;
    readonly orders: readonly (readonly number[])[];
    readonly loss_curve: readonly number[];
    readonly end: string;
  })[];
};
const BACKEND = { backend: 'wasm' } as const;

beforeAll(useWasmTensors);

function float32(packed: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(packed, 'base64')).buffer);
}

function weightingOf(
  data: { readonly weights: string; readonly soft: string },
  { weighted, soft }: { readonly weighted: boolean; readonly soft: boolean },
): Weighting {
  return {
    ...(weighted ? { sample_weight: float32(data.weights) } : {}),
    ...(soft ? { soft: float32(data.soft) } : {}),
  };
}

describe('against scikit-learn at tol=1e-8, a class a row', () => {
  it.each(reference.logistic.cases)('$name', async (one) => {
    const data = reference.logistic.datasets[one.data]!;
    const features = unpackFeatures(data);
    const classes = Array.from({ length: data.classes }, (_, k) => `class ${k}`);
    const settings = settingsOf(one.settings);
    const { head, report } = await finish(
      fitLogistic(features, Int32Array.from(data.labels), classes, settings, {
        ...BACKEND,
        weighting: weightingOf(data, one),
      }),
    );
    expect(report.converged).toBe(true);
    if (one.scores !== undefined) {
      expect(report.C).toBe(one.C);
      for (const [c, { scores }] of report.crossValidation!.entries())
        for (const [fold, score] of scores.entries())
          expect(Math.abs(score - one.scores[fold]![c]!)).toBeLessThan(1e-4);
    }
    expect(relativeError(head.coef, float64(one.coef))).toBeLessThan(1e-3);
    expect(relativeError(head.intercept, float64(one.intercept))).toBeLessThan(1e-3);
    if (one.scaler !== undefined) {
      expect(relativeError(head.scaler!.mean, float64(one.scaler.mean))).toBeLessThan(1e-12);
      expect(relativeError(head.scaler!.scale, float64(one.scaler.scale))).toBeLessThan(1e-12);
    }
    const probabilities = predictProbabilities(head, features);
    const expected = float64(one.probabilities);
    const furthest = probabilities.reduce(
      (most, p, at) => Math.max(most, Math.abs(p - expected[at]!)),
      0,
    );
    expect(furthest).toBeLessThan(1e-4);
  });
});

describe('against scikit-learn, several labels a row', () => {
  const { several } = reference;
  it.each(several.cases)('$name', async (one) => {
    const { head } = await finish(
      fitOneVsRest(
        unpackFeatures(several),
        Uint8Array.from(several.targets),
        ['a', 'b', 'c'],
        { ...DEFAULT_LOGISTIC, ...one.settings },
        { ...BACKEND, weighting: weightingOf(several, one) },
      ),
    );
    expect(relativeError(head.coef, float64(one.coef))).toBeLessThan(1e-3);
    expect(relativeError(head.intercept, float64(one.intercept))).toBeLessThan(1e-3);
  });
});

describe('the MLP from scikit-learn’s weights, in its order', () => {
  it.each(reference.mlp)('$name', async (one) => {
    const outputs = one.classes > 2 ? one.classes : 1;
    const y = new Array<number>(one.rows * outputs).fill(0);
    const soft = one.soft === null ? null : float32(one.soft);
    for (const [row, target] of one.targets.entries()) {
      for (let k = 0; k < outputs; k++) {
        const place = outputs === 1 ? 1 : k;
        y[row * outputs + k] =
          soft === null ? Number(target === place) : soft[row * one.classes + place]!;
      }
    }
    const { lossCurve, weights } = await finishTraining({
      columns: one.columns,
      outputs,
      isSoftmax: outputs > 1,
      settings: one.settings,
      x: Array.from(unpackFeatures(one).data),
      y,
      weights: Array.from(float32(one.weights)),
      start: Array.from(float64(one.start)),
      orders: one.orders,
    });
    for (const [epoch, loss] of one.loss_curve.entries())
      expect(Math.abs(lossCurve[epoch]! - loss)).toBeLessThan(1e-5);
    expect(relativeError(Float64Array.from(weights), float64(one.end))).toBeLessThan(1e-4);
  });
});

describe('what it promises', () => {
  const data = reference.logistic.datasets['four']!;
  const features = unpackFeatures(data);
  const labels = Int32Array.from(data.labels);
  const classes = ['a', 'b', 'c', 'd'];
  const fit = async (weighting: Weighting, truth = labels) =>
    (
      await finish(
        fitLogistic(
          features,
          truth,
          classes,
          { ...DEFAULT_LOGISTIC, C: 1 },
          {
            ...BACKEND,
            weighting,
          },
        ),
      )
    ).head;

  it('weights of 1 and labels as their own probabilities change nothing', async () => {
    const plain = await fit({});
    const soft = new Float32Array(labels.length * 4);
    labels.forEach((label, row) => (soft[row * 4 + label] = 1));
    const same = await fit({ sample_weight: new Float32Array(labels.length).fill(1), soft });
    expect(relativeError(same.coef, plain.coef)).toBeLessThan(1e-6);
  });

  it('a class that soft labels alone have is learned', async () => {
    const none = labels.map((label) => (label === 3 ? 0 : label));
    const head = await fit({ soft: float32(data.soft) }, none);
    const shares = predictProbabilities(head, features);
    const mean = shares.reduce((sum, p, at) => sum + (at % 4 === 3 ? p / features.rows : 0), 0);
    expect(mean).toBeGreaterThan(0.1);
  });

  it.each([
    ['a weight below 0', { sample_weight: [-1] }, 'Row 1 of the training part has the weight -1'],
    ['a weight that is no number', { sample_weight: [1, NaN] }, 'Row 2 of the training part'],
    ['shares that are all 0', { soft: [0, 0, 0, 0] }, 'probabilities that are all 0'],
    ['a share that is no number', { soft: [0.5, NaN, 0, 0] }, 'Row 1 of the training part'],
  ])('%s is refused, naming the row', async (_name, given, message) => {
    const filled = (values: readonly number[] | undefined, size: number): Float32Array | null =>
      values === undefined ? null : Float32Array.from({ length: size }, (_, at) => values[at] ?? 1);
    const weights = filled(
      'sample_weight' in given ? given.sample_weight : undefined,
      labels.length,
    );
    const soft = filled('soft' in given ? given.soft : undefined, 4 * labels.length);
    await expect(
      fit({
        ...(weights === null ? {} : { sample_weight: weights }),
        ...(soft === null ? {} : { soft }),
      }),
    ).rejects.toThrow(message);
  });

  it('rows without weight do not decide when an MLP stops', async () => {
    const { report } = await finish(
      fitMlp(
        features,
        { kind: 'labels', labels },
        classes,
        { ...DEFAULT_MLP, hidden: 8, max_iter: 5 },
        { ...BACKEND, weighting: { sample_weight: float32(data.weights) } },
      ),
    );
    const score = report.validationScores!.at(-1)!;
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
  });
});
