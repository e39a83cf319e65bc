/** Learning curves and repeated fits: honest draws, each fit the one that a person would make by hand. */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom, type Progress } from '../../../src/base';
import {
  DEFAULT_LOGISTIC,
  DEFAULT_MLP,
  fitLogistic,
  fitOneVsRest,
  predictMultiLabel,
  predictProbabilities,
  type LogisticSettings,
  type Matrix,
} from '../../../src/learning/heads';
import {
  DEFAULT_CURVE,
  curveRuns,
  learningCurve,
  repeatedFits,
  type RepeatSettings,
  type Scorer,
  type StudyRows,
} from '../../../src/learning/studies';
import { summariseLearningCurve } from '../../../src/learning/evaluate';
import {
  stratifiedGroupFolds,
  stratifiedOrder,
  takeShare,
} from '../../../src/learning/studies/draws';
import { spreadOf } from '../../../src/learning/studies/spread';
import { useWasmTensors } from '../../helpers/tfjs';

const BACKEND = { backend: 'wasm' } as const;
const CLASSES = ['a', 'b', 'c'];
const FIXED: LogisticSettings = { ...DEFAULT_LOGISTIC, C: 1 };

beforeAll(useWasmTensors);

const accuracy: Scorer = (probabilities, targets) => {
  if (targets.kind !== 'labels') throw new Error('one class a row here');
  const k = probabilities.length / targets.labels.length;
  const right = targets.labels.filter((label, row) => {
    const own = [...probabilities.subarray(row * k, (row + 1) * k)];
    return own.indexOf(Math.max(...own)) === label;
  });
  return { accuracy: right.length / targets.labels.length };
};

describe('draws', () => {
  const strata = Int32Array.from({ length: 200 }, (_, row) => (row < 140 ? 0 : row < 197 ? 1 : 2));

  it('every share has every class, in proportion, and contains the smaller shares', () => {
    const order = stratifiedOrder(strata, 3);
    expect([...order].sort((a, b) => a - b)).toEqual([...strata.keys()]);
    let before = new Set<number>();
    for (const share of [0.005, 0.1, 0.2, 0.4, 0.7, 1]) {
      const rows = takeShare(order, strata, share);
      expect(rows).toHaveLength(Math.max(3, Math.round(200 * share)));
      const counts = [0, 0, 0];
      for (const row of rows) counts[strata[row]!]! += 1;
      for (const [stratum, size] of [140, 57, 3].entries())
        expect(Math.abs(counts[stratum]! - Math.max(1, (size * rows.length) / 200))).toBeLessThan(
          2,
        );
      for (const row of before) expect(rows).toContain(row);
      before = new Set(rows);
    }
  });

  it('the same seed draws the same rows, another seed others', () => {
    expect(stratifiedOrder(strata, 3)).toEqual(stratifiedOrder(strata, 3));
    expect(stratifiedOrder(strata, 4)).not.toEqual(stratifiedOrder(strata, 3));
  });

  it('folds are even in size and in classes', () => {
    const foldOf = stratifiedGroupFolds(strata, null, 7, 1);
    for (const stratum of [0, 1, 2, null]) {
      const counts = new Array<number>(7).fill(0);
      for (const [row, fold] of foldOf.entries())
        if (stratum === null || strata[row] === stratum) counts[fold]! += 1;
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
    expect(stratifiedGroupFolds(strata, null, 7, 2)).not.toEqual(foldOf);
  });

  it('a group is never cut, and classes stay nearly even', () => {
    const random = seededRandom(9);
    const groups = strata.map(() => random.integer(40));
    const foldOf = stratifiedGroupFolds(strata, groups, 4, 1);
    const home = new Map<number, number>();
    for (const [row, fold] of foldOf.entries()) {
      expect(home.get(groups[row]!) ?? fold).toBe(fold);
      home.set(groups[row]!, fold);
    }
    for (let fold = 0; fold < 4; fold++) {
      const rows = [...strata.keys()].filter((row) => foldOf[row] === fold);
      const share = rows.filter((row) => strata[row] === 0).length / rows.length;
      expect(Math.abs(share - 0.7)).toBeLessThan(0.1);
    }
  });
});

describe('the learning curve', () => {
  const train = mixture(150, 1);
  const test = mixture(90, 2);

  it('has a point for each share and seed, rises, and ends at the fit on everything', async () => {
    const seen: Progress[] = [];
    const curve = await finish(
      learningCurve(train, test, CLASSES, FIXED, DEFAULT_CURVE, accuracy, BACKEND),
      (progress) => seen.push(progress),
    );
    expect(curve.points.map(({ share, seed, trainRows }) => [share, seed, trainRows])).toEqual([
      ...[0, 1, 2].map((seed) => [0.1, seed, 15]),
      ...[0, 1, 2].map((seed) => [0.2, seed, 30]),
      ...[0, 1, 2].map((seed) => [0.4, seed, 60]),
      ...[0, 1, 2].map((seed) => [0.7, seed, 105]),
      // No seed changes a logistic regression on all rows.
      [1, 0, 150],
    ]);
    const whole = await finish(
      fitLogistic(train.features, labelsOf(train), CLASSES, FIXED, BACKEND),
    );
    const direct = accuracy(predictProbabilities(whole.head, test.features), test.targets, null);
    expect(curve.points.at(-1)?.test).toEqual(direct);
    const means = curve.steps.map((step) => step.test.accuracy!.mean);
    expect(means.at(-1)).toBeGreaterThan(means[0]!);
    const gaps = curve.steps.map((step) => step.train.accuracy!.mean - step.test.accuracy!.mean);
    expect(gaps.at(-1)).toBeLessThan(gaps[0]!);

    const runs = curveRuns(curve, 'accuracy');
    expect(runs.map(({ rows, values }) => [rows, values.length])).toEqual(
      [15, 30, 60, 105, 150].map((rows) => [rows, 3]),
    );
    const { gain_interval } = summariseLearningCurve(runs);
    expect(gain_interval![0]).toBeLessThan(gain_interval![1]);
    expect(curveRuns(curve, 'unheard of')).toEqual([]);

    const total = 3 * (15 + 30 + 60 + 105) + 150;
    expect(seen.at(-1)).toMatchObject({ done: total, total, unit: 'rows', secondsLeft: 0 });
    const counted = seen.map(({ done }) => done);
    expect(counted).toEqual([...counted].sort((a, b) => a - b));
  });

  it('a head that a seed changes is fitted for every seed at the full share too', async () => {
    const settings = { ...DEFAULT_MLP, hidden: 4, max_iter: 2 };
    const curve = await finish(
      learningCurve(
        train,
        test,
        CLASSES,
        settings,
        { shares: [1], seeds: [0, 5] },
        accuracy,
        BACKEND,
      ),
    );
    expect(curve.points.map(({ seed }) => seed)).toEqual([0, 5]);
  });

  it('several labels a row: scored with each label’s threshold', async () => {
    const many = (rows: StudyRows): StudyRows => {
      const labels = labelsOf(rows);
      const targets = new Uint8Array(labels.length * 2);
      for (const [row, label] of labels.entries()) {
        targets[2 * row] = label === 0 ? 1 : 0;
        targets[2 * row + 1] = label < 2 ? 1 : 0;
      }
      return { ...rows, targets: { kind: 'multi_label', targets } };
    };
    const widths: number[] = [];
    const score: Scorer = (probabilities, targets, thresholds) => {
      widths.push(thresholds?.length ?? 0);
      if (targets.kind !== 'multi_label') throw new Error('several labels a row here');
      const right = probabilities.filter(
        (p, at) => p >= thresholds![at % 2]! === (targets.targets[at] === 1),
      );
      return { share: right.length / probabilities.length };
    };
    const curve = await finish(
      learningCurve(
        many(train),
        many(test),
        ['x', 'y'],
        FIXED,
        { shares: [0.3, 1], seeds: [0] },
        score,
        BACKEND,
      ),
    );
    expect(widths).toEqual([2, 2, 2, 2]);
    const [learnt, held] = [many(train), many(test)];
    if (learnt.targets.kind !== 'multi_label') throw new Error('several labels a row here');
    const { head } = await finish(
      fitOneVsRest(learnt.features, learnt.targets.targets, ['x', 'y'], FIXED, BACKEND),
    );
    const probabilities = predictMultiLabel(head, held.features);
    expect(curve.points.at(-1)?.test).toEqual(score(probabilities, held.targets, head.thresholds));
  });

  it('names a wrong setting, refuses a NaN before the first fit, stops when told to', async () => {
    const run = (shares: number[], seeds: number[], signal?: AbortSignal, rows = train) =>
      learningCurve(rows, test, CLASSES, FIXED, { shares, seeds }, accuracy, BACKEND, signal);
    for (const [name, shares, seeds] of [
      ['shares', [0], [0]],
      ['shares', [1.2], [0]],
      ['shares', [], [0]],
      ['seeds', [1], []],
      ['seeds', [1], [0.5]],
    ] as const) {
      await expect(finish(run([...shares], [...seeds]))).rejects.toMatchObject({
        code: 'bad-setting',
        message: expect.stringContaining(`Study: ${name}`) as string,
      });
    }
    const data = train.features.data.slice();
    data[5 * 7] = NaN;
    await expect(
      finish(run([1], [0], undefined, { ...train, features: { ...train.features, data } })),
    ).rejects.toMatchObject({ message: 'The features of row 8 are not finite numbers.' });
    const stop = new AbortController();
    await expect(
      finish(run([0.5, 1], [0], stop.signal), ({ done }) => {
        if (done >= 75) stop.abort();
      }),
    ).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('repeated fits', () => {
  const data = mixture(120, 3);
  const run = (settings: RepeatSettings, rows: StudyRows = data) =>
    finish(repeatedFits(rows, CLASSES, FIXED, settings, accuracy, BACKEND));

  it('by folds: each row is predicted by the fit that had not seen it', async () => {
    const result = await run({ method: 'folds', folds: 4, seed: 2 });
    expect(result.fits.map(({ trainRows, testRows }) => [trainRows, testRows])).toEqual(
      new Array(4).fill([90, 30]),
    );
    const foldOf = stratifiedGroupFolds(data.strata, null, 4, 2);
    const [seen, unseen] = [0, 1].map((side) =>
      [...foldOf.keys()].filter((row) => (foldOf[row] === 0 ? 1 : 0) === side),
    ) as [number[], number[]];
    const own = await finish(
      fitLogistic(
        take(data.features, seen),
        Int32Array.from(seen, (row) => labelsOf(data)[row]!),
        CLASSES,
        FIXED,
        BACKEND,
      ),
    );
    const expected = predictProbabilities(own.head, take(data.features, unseen));
    for (const [at, row] of unseen.entries())
      for (let k = 0; k < 3; k++)
        expect(result.outOfFold![row * 3 + k]).toBeCloseTo(expected[at * 3 + k]!, 10);
    const scores = result.fits.map(({ test }) => test.accuracy!);
    const mean = scores.reduce((sum, score) => sum + score, 0) / 4;
    expect(result.test.accuracy?.mean).toBeCloseTo(mean, 12);
  });

  it('by seeds: another split each time, all stratified', async () => {
    const result = await run({ method: 'seeds', seeds: [0, 1, 2], testShare: 0.25 });
    expect(result.fits.map(({ testRows }) => testRows)).toEqual([30, 30, 30]);
    expect(result.outOfFold).toBeNull();
    expect(new Set(result.fits.map(({ test }) => test.accuracy)).size).toBeGreaterThan(1);
  });

  it('a class whose rows are all held out at once is said, and predicted never', async () => {
    const labels = labelsOf(data).map((label, row) => (row === 17 ? 2 : label % 2));
    const rare: StudyRows = { ...data, targets: { kind: 'labels', labels }, strata: labels };
    const result = await run({ method: 'folds', folds: 3, seed: 0 }, rare);
    expect(result.notes).toEqual([
      'All rows of the class c were held out at once: it could not be predicted there.',
    ]);
    expect(result.outOfFold![17 * 3 + 2]).toBe(0);
    expect(result.outOfFold!.subarray(17 * 3, 18 * 3).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
  });

  it('one class to learn from, folds and shares out of range are refused by name', async () => {
    const two: StudyRows = {
      ...data,
      targets: { kind: 'labels', labels: labelsOf(data).map((_, row) => (row === 0 ? 1 : 0)) },
      strata: labelsOf(data).map((_, row) => (row === 0 ? 1 : 0)),
    };
    await expect(run({ method: 'folds', folds: 2, seed: 0 }, two)).rejects.toMatchObject({
      code: 'bad-labels',
      message: expect.stringContaining('only the class a') as string,
    });
    await expect(run({ method: 'folds', folds: 1, seed: 0 })).rejects.toMatchObject({
      message: 'Study: folds: must be from 2 to 100, there are 120 rows.',
    });
    const grouped = { ...data, groups: labelsOf(data) };
    await expect(run({ method: 'folds', folds: 4, seed: 0 }, grouped)).rejects.toMatchObject({
      message: 'Study: folds: must be from 2 to 3, there are 3 groups.',
    });
    await expect(run({ method: 'seeds', seeds: [0], testShare: 1 })).rejects.toMatchObject({
      code: 'bad-setting',
    });
    await expect(run({ method: 'seeds', seeds: [0], testShare: 0.001 })).rejects.toMatchObject({
      message: 'Study: testShare: leaves no test rows of 120.',
    });
  });
});

it('spread: mean and sample standard deviation of what was defined', () => {
  expect(
    spreadOf([
      { a: 1, b: null },
      { a: 2, b: 5 },
      { a: 6, b: null },
    ]),
  ).toEqual({
    a: { mean: 3, standard_deviation: Math.sqrt(7), lowest: 1, highest: 6, count: 3 },
    b: { mean: 5, standard_deviation: null, lowest: 5, highest: 5, count: 1 },
  });
});

function labelsOf({ targets }: StudyRows): Int32Array {
  if (targets.kind !== 'labels') throw new Error('one class a row here');
  return targets.labels;
}

function take({ columns, data }: Matrix, rows: readonly number[]): Matrix {
  const taken = Float32Array.from(
    rows.flatMap((row) => [...data.subarray(row * columns, (row + 1) * columns)]),
  );
  return { rows: rows.length, columns, data: taken };
}

/** Three overlapping classes in turn, the same centres for every seed. */
function mixture(rows: number, seed: number): StudyRows {
  const places = seededRandom(100);
  const random = seededRandom(seed);
  const columns = 5;
  const centres = Float64Array.from({ length: 3 * columns }, () => places.normal() * 0.8);
  const labels = Int32Array.from({ length: rows }, (_, row) => row % 3);
  const data = Float32Array.from({ length: rows * columns }, (_, at) => {
    const row = Math.floor(at / columns);
    return centres[labels[row]! * columns + (at % columns)]! + random.normal();
  });
  return {
    features: { rows, columns, data },
    targets: { kind: 'labels', labels },
    strata: labels,
    groups: null,
  };
}
