/** Linear probes of a cell are scikit-learn's at its optimum, however many of them are fitted together. */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, type Progress } from '../../../../src/base';
import {
  FAMILIES,
  fitCell,
  parametersOf,
  SENTEVAL_CS,
  type ProbeFit,
  type ProbeRequest,
} from '../../../../src/learning/probing';
import { groupRequests, pathsOf } from '../../../../src/learning/probing/linear-plan';
import { checkRequest } from '../../../../src/learning/probing/check-request';
import type { Matrix } from '../../../../src/learning/heads';
import { CONTEXTS } from '../../../helpers/kernels';
import { useWasmTensors } from '../../../helpers/tfjs';
import { fitsGolden, matrixOf, type LinearCase } from './fits-golden';

const BACKEND = { backend: 'wasm' } as const;

beforeAll(useWasmTensors);

function requestsOf(one: LinearCase): ProbeRequest[] {
  return one.requests.map(({ name, Cs, train, validation, test }) => ({
    name,
    labels: Int32Array.from(one.labels),
    classes: one.classes,
    rows: {
      train: Int32Array.from(train),
      validation: Int32Array.from(validation),
      test: Int32Array.from(test),
    },
    family: { kind: 'linear', Cs },
    seed: 0,
  }));
}

function fit(features: Matrix, requests: readonly ProbeRequest[]): Promise<readonly ProbeFit[]> {
  return finish(fitCell(features, requests, BACKEND));
}

describe.each(CONTEXTS)('on %s, against scikit-learn at its optimum', (_, context) => {
  it.each(fitsGolden.linear)('$name: C, accuracies, predictions and bits', async (one) => {
    const fits = await finish(fitCell(matrixOf(one), requestsOf(one), context));
    expect(fits).toHaveLength(one.requests.length);
    for (const [i, { name, expected }] of one.requests.entries()) {
      const fitted = fits[i]!;
      expect(fitted.name).toBe(name);
      expect(fitted.C, name).toBe(expected.C);
      expect(fitted.converged, name).toBe(true);
      expect(fitted.accuracy, name).toEqual({
        train: expected.train,
        validation: expected.validation,
        test: expected.test,
      });
      expect([...fitted.predicted], name).toEqual(expected.predicted);
      expect(Math.abs(fitted.testBits / expected.bits - 1), name).toBeLessThan(1e-3);
    }
  });
});

describe('a path along C', () => {
  const one = fitsGolden.linear[1]!;

  it('ends each C where a fit from nothing ends', async () => {
    const [request] = requestsOf(one);
    const features = matrixOf(one);
    for (const C of [1, 8]) {
      // Chosen by training rows, the larger C wins, so what is seen is the end of a path that began far away.
      const family = { kind: 'linear', Cs: [C] } as const;
      const [alone] = await fit(features, [{ ...request!, family }]);
      const rows = { ...request!.rows, validation: request!.rows.train };
      const [path] = await fit(features, [
        { ...request!, rows, family: { kind: 'linear', Cs: [C / 1e6, C] } },
      ]);
      expect(path!.C).toBe(C);
      expect(Math.abs(path!.testBits / alone!.testBits - 1)).toBeLessThan(2e-4);
    }
  });
});

describe('what stands beside a probe', () => {
  it('changes nothing of it: other labels, other sizes, other families of classes', async () => {
    const one = fitsGolden.linear[1]!;
    const features = matrixOf(one);
    const requests = requestsOf(one);
    const other: ProbeRequest = {
      ...requests[0]!,
      name: 'control',
      labels: Int32Array.from({ length: one.rows }, (_, row) => (row * 7) % 13),
      classes: 13,
    };
    const together = await fit(features, [other, ...requests]);
    for (const [i, request] of requests.entries()) {
      const [alone] = await fit(features, [request]);
      expect(together[i + 1]!.C).toBe(alone!.C);
      expect(together[i + 1]!.accuracy).toEqual(alone!.accuracy);
      expect(Math.abs(together[i + 1]!.testBits / alone!.testBits - 1)).toBeLessThan(2e-4);
    }
  });

  it('shares its product where that saves work, and no other', () => {
    const columns = 384;
    const rows = 10_000;
    const labels = Int32Array.from({ length: rows }, (_, row) => row % 8);
    const request = (train: Int32Array): ProbeRequest => ({
      name: 'draw',
      labels,
      classes: 8,
      rows: { train, validation: Int32Array.of(0), test: Int32Array.of(1) },
      family: { kind: 'linear' },
      seed: 0,
    });
    const draw = (seed: number) =>
      Int32Array.from({ length: 8000 }, (_, i) => (i + 400 * seed) % rows);
    const draws = [0, 1, 2, 3, 4].map((seed) => request(draw(seed)));
    const blocks = [10, 320, 2500].map((n) => request(Int32Array.from({ length: n }, (_, i) => i)));
    const groups = groupRequests(
      pathsOf([...draws, ...blocks].map((one) => checkRequest(one, rows))).paths,
      rows,
      columns,
    );
    const withDraws = groups.find(({ members }) => members.includes(0))!;
    expect([...withDraws.members].sort()).toEqual([0, 1, 2, 3, 4]);
    // 2,500 rows of eight classes cost less alone than as eight more columns for 9,600 rows.
    expect(groups.find(({ members }) => members.includes(7))!.rows).toHaveLength(2500);
    expect(groups.flatMap(({ members }) => members).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('classes that a block has not seen', () => {
  const features: Matrix = {
    rows: 8,
    columns: 2,
    data: Float32Array.from([0, 1, 1, 0, 0, 2, 2, 0, 1, 1, 3, 1, 0, 0, 2, 2]),
  };
  const rows = {
    train: Int32Array.of(0, 1, 2, 3),
    validation: Int32Array.of(),
    test: Int32Array.of(4, 5, 6, 7),
  };
  const base = { name: 'block', classes: 4, rows, seed: 0 };

  it('are never predicted, cost log2(n + K) bits each, and all probabilities still add up to one', async () => {
    const family = { kind: 'linear', Cs: [1] } as const;
    const bits = async (label: number): Promise<ProbeFit> => {
      const labels = Int32Array.of(0, 1, 0, 1, label, label, label, label);
      return (await fit(features, [{ ...base, labels, family }]))[0]!;
    };
    const unseen = await bits(3);
    expect(unseen.testBits).toBeCloseTo(4 * Math.log2(4 + 4), 12);
    expect(unseen.accuracy.test).toBe(0);
    expect(Math.max(...unseen.predicted)).toBe(1);
    // One test row at a time: the probabilities of its four possible labels.
    for (const row of rows.test) {
      let sum = 0;
      for (let label = 0; label < 4; label++) {
        const labels = Int32Array.of(0, 1, 0, 1, label, label, label, label);
        const test = Int32Array.of(row);
        const [one] = await fit(features, [{ ...base, labels, family, rows: { ...rows, test } }]);
        sum += 2 ** -one!.testBits;
      }
      expect(sum).toBeCloseTo(1, 9);
    }
  });

  it('a single class seen is always predicted, by any family', async () => {
    const labels = Int32Array.of(2, 2, 2, 2, 2, 2, 0, 0);
    const validation = Int32Array.of(4);
    for (const family of [{ kind: 'linear' }, FAMILIES[1]!.family] as const) {
      const [one] = await fit(features, [
        { ...base, labels, family, rows: { ...rows, validation } },
      ]);
      expect([...one!.predicted]).toEqual([2, 2, 2, 2]);
      expect(one!.testBits).toBeCloseTo(2 * Math.log2(8 / 5) + 2 * Math.log2(8), 12);
    }
  });
});

describe('hostile features', () => {
  it('every row costs finitely many bits, however sure the probe is and wrong', async () => {
    const rows = 60;
    const labels = Int32Array.from({ length: rows }, (_, row) => (row < 40 ? row % 2 : 1));
    const data = Float32Array.from({ length: rows }, (_, row) =>
      row < 40 ? (row % 2 === 0 ? -1 : 1) : -3e6,
    );
    const range = (from: number, to: number) =>
      Int32Array.from({ length: to - from }, (_, i) => from + i);
    const [one] = await fit({ rows, columns: 1, data }, [
      {
        name: 'far',
        labels,
        classes: 2,
        rows: { train: range(0, 40), validation: range(0, 0), test: range(40, 60) },
        family: { kind: 'linear', Cs: [8] },
        seed: 0,
      },
    ]);
    expect(Number.isFinite(one!.testBits)).toBe(true);
    expect(one!.testBits).toBeGreaterThan(1e6);
    expect(one!.accuracy.test).toBe(0);
  });

  it('that are not finite are refused by row', async () => {
    const one = fitsGolden.linear[0]!;
    const features = matrixOf(one);
    features.data[5 * one.columns + 1] = NaN;
    await expect(fit(features, requestsOf(one))).rejects.toMatchObject({
      code: 'device',
      message: expect.stringContaining('row 6') as string,
    });
  });
});

describe('what cannot be asked', () => {
  const one = fitsGolden.linear[0]!;
  const features = matrixOf(one);
  const request = requestsOf(one)[0]!;
  const none = new Int32Array(0);
  it.each<[string, Partial<ProbeRequest>, string]>([
    ['no training rows', { rows: { ...request.rows, train: none } }, 'bad-labels'],
    ['a choice without validation', { rows: { ...request.rows, validation: none } }, 'internal'],
    [
      'a row beyond the features',
      { rows: { ...request.rows, test: Int32Array.of(300) } },
      'internal',
    ],
    ['a C of 0', { family: { kind: 'linear', Cs: [0] } }, 'bad-setting'],
    [
      'dropout of all units',
      { family: { kind: 'mlp', hidden: [5], dropout: 1, activation: 'relu' } },
      'bad-setting',
    ],
    [
      'half a unit',
      { family: { kind: 'mlp', hidden: [0.5], dropout: 0, activation: 'relu' } },
      'bad-setting',
    ],
  ])('%s', async (_, change, code) => {
    await expect(fit(features, [{ ...request, ...change }])).rejects.toMatchObject({ code });
  });
});

describe('as a job', () => {
  const one = fitsGolden.linear[1]!;

  it('tells of every probe, and stops when asked', async () => {
    const events: Progress[] = [];
    await finish(fitCell(matrixOf(one), requestsOf(one), BACKEND), (event) => events.push(event));
    expect(events[0]).toMatchObject({ done: 0, total: one.requests.length, unit: 'probes' });
    expect(events.at(-1)).toMatchObject({ done: one.requests.length, secondsLeft: 0 });
    for (const [i, event] of events.entries())
      if (i > 0) expect(event.done).toBeGreaterThanOrEqual(events[i - 1]!.done);

    const stop = new AbortController();
    const job = fitCell(matrixOf(one), requestsOf(one), BACKEND, stop.signal);
    await job.next();
    stop.abort();
    await expect(job.next()).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('families', () => {
  it("SentEval's grid, the papers' sizes and dropouts, each with its source and the numbers that it learns", () => {
    expect(SENTEVAL_CS).toEqual([-2, -1, 0, 1, 2, 3].map((power) => 2 ** power));
    expect(FAMILIES[0]).toMatchObject({ name: 'linear', source: 'SentEval' });
    expect(FAMILIES.map(({ name }) => name)).toContain('MLP, 50 units, sigmoid, dropout 0.1');
    expect(FAMILIES.map(({ name }) => name)).toContain('MLP, 1000 + 1000 units, ReLU, dropout 0.4');
    expect(new Set(FAMILIES.map(({ name }) => name)).size).toBe(FAMILIES.length);
    expect(FAMILIES.filter(({ source }) => source === 'Conneau et al. 2018')).toHaveLength(9);
    expect(FAMILIES.filter(({ source }) => source === 'Hewitt & Liang 2019')).toHaveLength(16);
    const parameters = (name: string, classes: number) =>
      parametersOf(FAMILIES.find((one) => one.name === name)!.family, 384, classes);
    expect(parameters('linear', 2)).toBe(385);
    expect(parameters('linear', 6)).toBe(385 * 6);
    expect(parameters('MLP, 50 units, sigmoid', 6)).toBe(385 * 50 + 51 * 6);
    expect(parameters('MLP, 10 + 10 units, ReLU', 3)).toBe(385 * 10 + 11 * 10 + 11 * 3);
  });
});
