/** Self-training: who joins a round is who scikit-learn would take, but no class more than its share. */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom } from '../../../src/base';
import { DEFAULT_LOGISTIC, fitLogistic, predictProbabilities } from '../../../src/learning/heads';
import { sameRows, sureRows } from '../../../src/learning/labelling';
import { useWasmTensors } from '../../helpers/tfjs';
import { float64, golden, relativeError, unpackFeatures } from './goldens';

const reference = (
  golden('weighted.json') as {
    self_training: {
      rows: number;
      columns: number;
      classes: number;
      features: string;
      labels: number[];
      threshold: number;
      C: number;
      joined: [number, number][];
      coef: string;
      intercept: string;
    };
  }
).self_training;

beforeAll(useWasmTensors);

it('without a bound a round is one of SelfTrainingClassifier, to the head that comes of it', async () => {
  const { labels, classes, threshold, C, columns, rows } = reference;
  const { data } = unpackFeatures(reference);
  const names = Array.from({ length: classes }, (_, k) => `class ${k}`);
  const settings = { ...DEFAULT_LOGISTIC, C };
  const part = (from: number, to: number) => ({
    rows: to - from,
    columns,
    data: data.slice(from * columns, to * columns),
  });
  const known = Int32Array.from(labels);
  const first = await finish(
    fitLogistic(part(0, labels.length), known, names, settings, { backend: 'wasm' }),
  );
  const sure = sureRows({
    probabilities: predictProbabilities(first.head, part(labels.length, rows)),
    classes,
    several: false,
    threshold,
    shares: [1, 1, 1],
  });
  expect([...sure.rows].map((row, at) => [row + labels.length, sure.labels[at]])).toEqual(
    reference.joined,
  );
  expect(sure.rows.length).toBeGreaterThan(20);

  const kept = [...known.keys(), ...[...sure.rows].map((row) => row + labels.length)];
  const features = new Float32Array(kept.length * columns);
  kept.forEach((row, at) => {
    features.set(data.subarray(row * columns, (row + 1) * columns), at * columns);
  });
  const second = await finish(
    fitLogistic(
      { rows: kept.length, columns, data: features },
      Int32Array.from([...known, ...sure.labels]),
      names,
      settings,
      { backend: 'wasm' },
    ),
  );
  expect(relativeError(second.head.coef, float64(reference.coef))).toBeLessThan(1e-3);
  expect(relativeError(second.head.intercept, float64(reference.intercept))).toBeLessThan(1e-3);
});

describe('of one class a text', () => {
  const random = seededRandom(3);
  const classes = 3;
  const rows: number[] = [];
  for (let row = 0; row < 200; row++) {
    const raw = Array.from({ length: classes }, (_, k) =>
      Math.exp(3 * random.normal() + (k === 0 ? 2 : 0)),
    );
    const sum = raw.reduce((all, one) => all + one, 0);
    rows.push(...raw.map((one) => one / sum));
  }
  const shares = [0.5, 0.3, 0.2];
  const sure = sureRows({ probabilities: rows, classes, several: false, threshold: 0.7, shares });
  const own = (row: number): number[] => rows.slice(row * classes, (row + 1) * classes);

  it('everyone is as sure as asked, with the class that is likeliest', () => {
    sure.rows.forEach((row, at) => {
      const best = Math.max(...own(row));
      expect(best).toBeGreaterThanOrEqual(0.7);
      expect(sure.confidence[at]).toBe(best);
      expect(own(row).indexOf(best)).toBe(sure.labels[at]);
      expect([...sure.hard.subarray(at * classes, (at + 1) * classes)]).toEqual(
        [0, 1, 2].map((k) => Number(k === sure.labels[at])),
      );
    });
    expect([...sure.rows]).toEqual([...sure.rows].sort((a, b) => a - b));
  });

  it('no class gets more than its share, and what is left out of a class is less sure', () => {
    const all = Array.from({ length: 200 }, (_, row) => row).filter(
      (row) => Math.max(...own(row)) >= 0.7,
    );
    for (const [k, share] of shares.entries()) {
      const candidates = all.filter((row) => own(row).indexOf(Math.max(...own(row))) === k);
      const taken = [...sure.rows].filter((_, at) => sure.labels[at] === k);
      expect(taken.length).toBe(Math.min(candidates.length, Math.ceil(share * all.length)));
      const least = Math.min(...taken.map((row) => Math.max(...own(row))));
      for (const row of candidates)
        if (!taken.includes(row)) expect(Math.max(...own(row))).toBeLessThanOrEqual(least);
    }
    // The first class is found most easily: without the bound it would have taken over.
    const first = all.filter((row) => own(row).indexOf(Math.max(...own(row))) === 0);
    expect(first.length).toBeGreaterThan(Math.ceil(0.5 * all.length));
  });
});

it('of several labels every one must be sure, of its yes or its no', () => {
  const sure = sureRows({
    probabilities: [0.95, 0.02, 0.95, 0.4, 0.05, 0.03, 0.6, 0.99],
    classes: 2,
    several: true,
    threshold: 0.9,
    shares: [1, 1],
  });
  expect([...sure.rows]).toEqual([0, 2]);
  expect([...sure.hard]).toEqual([1, 0, 0, 0]);
  expect(sure.confidence[0]).toBeCloseTo(0.95, 12);
  expect(sure.confidence[1]).toBeCloseTo(0.95, 12);
});

it('a round that would repeat the one before is known as such', () => {
  const of = (probabilities: number[]) =>
    sureRows({ probabilities, classes: 2, several: false, threshold: 0.8, shares: [1, 1] });
  expect(sameRows(of([0.9, 0.1, 0.5, 0.5]), of([0.81, 0.19, 0.4, 0.6]))).toBe(true);
  expect(sameRows(of([0.9, 0.1, 0.5, 0.5]), of([0.1, 0.9, 0.5, 0.5]))).toBe(false);
  expect(sameRows(of([0.9, 0.1, 0.5, 0.5]), of([0.9, 0.1, 0.1, 0.9]))).toBe(false);
});
