/** Probes fitted in the browser, on WebGPU and on WASM, are scikit-learn's: the same goldens as in Node. */
import { describe, expect, it } from 'vitest';
import { harnessOfThisFile } from '../helpers/harness-scene';
import {
  dataset,
  float64,
  golden,
  headCases,
  relativeError,
  settingsOf,
  unpackFeatures,
} from '../unit/learning/goldens';
import { fitsGolden, floats, matrixOf } from '../unit/learning/probing/fits-golden';
import type { GivenProbe } from './harness/functions/probe';
import { givenTraining, mlpCases } from '../unit/learning/mlp-golden';

const harness = harnessOfThisFile();

/** The software adapter takes minutes for all the folds; one cross-validated case shows that they work. */
const SLOW_ON_SOFTWARE = /^cross-validated, (four|balanced|standardised)/;

describe.each(['wasm', 'webgpu'] as const)('on tfjs %s', (backend) => {
  const cases = headCases.filter(({ name }) => backend === 'wasm' || !SLOW_ON_SOFTWARE.test(name));
  it.each(cases)('fits as scikit-learn: $name', async (reference) => {
    const { features, labels, classes } = dataset(reference.data);
    const fitted = await harness.call<{
      coef: number[];
      intercept: number[];
      C: number;
      predictions: number[];
    }>(
      'fitProbe',
      backend,
      features.columns,
      Array.from(features.data),
      Array.from(labels),
      classes,
      settingsOf(reference.settings),
    );
    expect(relativeError(Float64Array.from(fitted.coef), float64(reference.coef))).toBeLessThan(
      1e-3,
    );
    if (reference.C !== undefined) expect(fitted.C).toBe(reference.C);
    const same = fitted.predictions.filter((label, row) => label === reference.predictions[row]);
    expect(same.length / labels.length).toBeGreaterThanOrEqual(0.999);
  });

  it.each(mlpCases)('trains the hidden layer as scikit-learn: $name', async (reference) => {
    const { lossCurve, weights } = await harness.call<{ lossCurve: number[]; weights: number[] }>(
      'trainMlp',
      backend,
      givenTraining(reference),
    );
    expect(lossCurve).toHaveLength(reference.loss_curve.length);
    for (const [epoch, loss] of reference.loss_curve.entries())
      expect(Math.abs(lossCurve[epoch]! - loss)).toBeLessThan(backend === 'wasm' ? 1e-5 : 1e-4);
    expect(relativeError(Float64Array.from(weights), float64(reference.end))).toBeLessThan(1e-4);
  });

  it('fits several labels together as scikit-learn', async () => {
    const { columns, classes, cases, ...packed } = golden('multi-label.json') as {
      rows: number;
      columns: number;
      classes: number;
      features: string;
      cases: { name: string; targets: number[]; settings: object; coef: string[] }[];
    };
    const reference = cases.find(({ name }) => name === 'C=1')!;
    const { coef } = await harness.call<{ coef: number[] }>(
      'fitLabels',
      backend,
      columns,
      Array.from(unpackFeatures({ columns, ...packed }).data),
      reference.targets,
      Array.from({ length: classes }, (_, k) => `label ${k}`),
      settingsOf(reference.settings),
    );
    for (const [k, expected] of reference.coef.entries()) {
      const own = Float64Array.from(coef.slice(k * columns, (k + 1) * columns));
      expect(relativeError(own, float64(expected))).toBeLessThan(1e-3);
    }
  });

  it("fits the probes of a layer study's cell together as scikit-learn, one by one", async () => {
    const lines = fitsGolden.linear.find(({ name }) => name === 'two classes')!;
    const ofCell = (columns: number, features: Float32Array, probes: readonly GivenProbe[]) =>
      harness.call<{ C: number | null; predicted: number[]; testBits: number }[]>(
        'fitProbesOfCell',
        backend,
        columns,
        Array.from(features),
        probes,
      );
    // A software adapter pays for each product: a draw and two blocks of a code.
    const asked = backend === 'wasm' ? lines.requests : [0, 5, 7].map((i) => lines.requests[i]!);
    const fits = await ofCell(
      lines.columns,
      matrixOf(lines).data,
      asked.map(({ Cs, ...request }) => ({
        ...request,
        labels: lines.labels,
        classes: lines.classes,
        family: { kind: 'linear', Cs },
        seed: 0,
      })),
    );
    for (const [i, { expected }] of asked.entries()) {
      expect(fits[i]!.C).toBe(expected.C);
      expect(fits[i]!.predicted).toEqual(expected.predicted);
      expect(Math.abs(fits[i]!.testBits / expected.bits - 1)).toBeLessThan(1e-3);
    }
  });

  it("steps the MLP probes of a layer study's cell together, until one leaves: Adam as PyTorch's", async () => {
    const one = fitsGolden.steps[0]!;
    const ends = await harness.call<number[][]>('stepProbes', backend, one);
    expect(ends).toHaveLength(2);
    const expected = floats(one.end);
    for (const end of ends) {
      expect(end).toHaveLength(expected.length);
      for (const [i, value] of expected.entries())
        expect(Math.abs(end[i]! - value)).toBeLessThan(5e-5);
    }
  });

  it('finds the neighbours that scikit-learn finds', async () => {
    const { columns, train, labels, knn, ...packed } = golden('neighbours.json') as {
      rows: number;
      train: number;
      columns: number;
      features: string;
      labels: number[];
      knn: { n_neighbors: number; weights: string; metric: string; probabilities: string }[];
    };
    const reference = knn.find(
      (one) => one.n_neighbors === 5 && one.weights === 'uniform' && one.metric === 'cosine',
    )!;
    const data = Array.from(unpackFeatures({ columns, ...packed }).data);
    const probabilities = await harness.call<number[]>(
      'findNeighbors',
      backend,
      columns,
      data.slice(0, train * columns),
      labels.slice(0, train),
      ['a', 'b', 'c', 'd'],
      data.slice(train * columns),
    );
    const expected = float64(reference.probabilities);
    expect(probabilities).toHaveLength(expected.length);
    for (const [at, p] of probabilities.entries()) expect(p).toBeCloseTo(expected[at]!, 9);
  });
});
