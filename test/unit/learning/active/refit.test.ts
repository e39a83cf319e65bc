/** A probe that is fitted again from where it was ends where scikit-learn's ends: the same goldens as the heads. */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { HeadlightError } from '../../../../src/base';
import {
  Refitter,
  ScoredRows,
  type Kernels,
  type Matrix,
  type WarmHead,
} from '../../../../src/learning/heads';
import * as Blocks from '../../../../src/learning/heads/class-block';
import * as Foreseeing from '../../../../src/learning/heads/foresee';
import { DensePreconditioner } from '../../../../src/learning/heads/preconditioner';
import { KERNELS } from '../../../helpers/kernels';
import { dataset, float64, golden, headCases, relativeError, unpackFeatures } from '../goldens';

/** test/reference/learning/many_classes.py */
interface ManyClasses {
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  readonly C: number;
  readonly features: string;
  readonly labels: number[];
  readonly coef: string;
  readonly intercept: string;
  readonly probabilities: string;
}

let kernels: Kernels;

function first({ columns, data }: Matrix, rows: number): Matrix {
  return { rows, columns, data: data.subarray(0, rows * columns) };
}

/** As scikit-learn keeps it: one row of coefficients for two classes, else one a class. */
function coefficients({ weights, bias }: WarmHead): {
  coef: Float64Array;
  intercept: Float64Array;
} {
  const k = bias.length;
  const columns = weights.length / k;
  if (k === 2) {
    const coef = Float64Array.from(
      { length: columns },
      (_, j) => weights[2 * j + 1]! - weights[2 * j]!,
    );
    return { coef, intercept: Float64Array.of(bias[1]! - bias[0]!) };
  }
  const coef = new Float64Array(k * columns);
  for (let j = 0; j < columns; j++)
    for (let c = 0; c < k; c++) coef[c * columns + j] = weights[j * k + c]!;
  return { coef, intercept: bias };
}

describe.each(KERNELS)(
  'on %s, against scikit-learn at tol=1e-8, after growing row by row',
  (_, make) => {
    beforeAll(async () => {
      kernels = await make();
    });

    const plain = headCases.filter(
      ({ settings }) =>
        typeof settings.C === 'number' && settings.class_weight === null && !settings.standardize,
    );
    it('the goldens are there', () => {
      expect(plain.length).toBeGreaterThan(5);
    });

    it.each([...plain])('$name', async (reference) => {
      const { features, labels, classes } = dataset(reference.data);
      const C = reference.settings.C as number;
      const refitter = new Refitter({ classes, several: false, C }, kernels);
      let head: WarmHead | null = null;
      // The last ones one by one, so that most of what it starts from is the fit before.
      const counts = [10, 20, 30, 50, features.rows - 3, features.rows - 2, features.rows - 1];
      for (const rows of [...counts, features.rows]) {
        head = await refitter.fit(first(features, rows), {
          kind: 'labels',
          labels: labels.subarray(0, rows),
        });
        await refitter.prepare();
      }
      refitter.forget();
      const { coef, intercept } = coefficients(head!);
      expect(head!.converged).toBe(true);
      expect(relativeError(coef, float64(reference.coef))).toBeLessThan(5e-4);
      // Without a penalty, and moved by the mean of the features: flatter than the rest, which the probabilities show.
      expect(relativeError(intercept, float64(reference.intercept))).toBeLessThan(2e-3);

      const scored = new ScoredRows(features, kernels);
      const probabilities = await scored.probabilities(head!, false);
      scored.dispose();
      const expected = float64(reference.probabilities);
      expect(relativeError(Float64Array.from(probabilities), expected)).toBeLessThan(5e-4);
    });

    it.each(['two classes', 'four classes'])(
      'one more row of %s takes few iterations, from where it was',
      async (name) => {
        const { features, labels, classes } = dataset(name);
        const refitter = new Refitter({ classes, several: false, C: 10 }, kernels);
        const iterations: number[] = [];
        for (const rows of [-5, -4, -3, -2, -1].map((less) => features.rows + less)) {
          const head = await refitter.fit(first(features, rows), {
            kind: 'labels',
            labels: labels.subarray(0, rows),
          });
          iterations.push(head.iterations);
        }
        refitter.forget();
        const [fromNothing = NaN, ...again] = iterations;
        const mean = again.reduce((sum, count) => sum + count, 0) / again.length;
        expect(mean).toBeLessThan(fromNothing / 2);
      },
    );

    it('what is made between two fits is not made in them', async () => {
      const { features, labels, classes } = dataset('four classes');
      const make = vi.spyOn(DensePreconditioner, 'create');
      const refitter = new Refitter({ classes, several: false, C: 1 }, kernels);
      const fit = (rows: number): Promise<WarmHead> =>
        refitter.fit(first(features, rows), { kind: 'labels', labels: labels.subarray(0, rows) });
      await fit(100);
      expect(make).toHaveBeenCalledTimes(1);
      // Of a fit that began from nothing it is worth making anew; and then serves for a while.
      await refitter.prepare();
      await refitter.prepare();
      expect(make).toHaveBeenCalledTimes(2);
      for (const rows of [101, 110, 119, 101]) {
        await fit(rows);
        await refitter.prepare();
      }
      expect(make).toHaveBeenCalledTimes(2);
      await fit(121);
      expect(make).toHaveBeenCalledTimes(2);
      await refitter.prepare();
      expect(make).toHaveBeenCalledTimes(3);
      // Nobody made it in time: the fit does it itself.
      await fit(features.rows);
      expect(make).toHaveBeenCalledTimes(4);
      refitter.forget();
      await refitter.prepare();
      expect(make).toHaveBeenCalledTimes(4);
      make.mockRestore();
    });

    it('a row that comes in is foreseen, which saves a step', async () => {
      const { features, labels, classes } = dataset('four classes');
      const spy = vi.spyOn(Foreseeing, 'foresee');
      const meanIterations = async (): Promise<number> => {
        const refitter = new Refitter({ classes, several: false, C: 10 }, kernels);
        let sum = 0;
        for (let rows = 400; rows <= 440; rows++) {
          const fit = { kind: 'labels', labels: labels.subarray(0, rows) } as const;
          const { iterations } = await refitter.fit(first(features, rows), fit);
          if (rows > 400) sum += iterations;
          await refitter.prepare();
        }
        refitter.forget();
        return sum / 40;
      };
      const foreseen = await meanIterations();
      // The row that is new, each time; none when it began.
      expect(spy).toHaveBeenCalledTimes(40);
      for (const [at, [, row]] of spy.mock.calls.entries()) {
        expect(row.features).toHaveLength(features.columns + 1);
        expect(row.targets[labels[400 + at]!]).toBe(1);
      }
      spy.mockImplementation((_point, row) =>
        Promise.resolve(new Float64Array(row.targets.length)),
      );
      expect(await meanIterations()).toBeGreaterThan(foreseen + 0.7);
      spy.mockRestore();
    });

    it('of many classes those that a row pulls at come first, which saves most of the steps', async () => {
      const { rows, columns, C, ...packed } = golden('many-classes.json') as ManyClasses;
      const features = unpackFeatures({ rows, columns, features: packed.features });
      const labels = Int32Array.from(packed.labels);
      const classes = Array.from({ length: packed.classes }, (_, k) => `class ${k}`);
      const spy = vi.spyOn(Blocks, 'descendClasses');
      const grown = async (): Promise<{ head: WarmHead; iterations: number }> => {
        const refitter = new Refitter({ classes, several: false, C }, kernels);
        let head: WarmHead | null = null;
        let sum = 0;
        for (let count = rows - 30; count <= rows; count++) {
          const fit = { kind: 'labels', labels: labels.subarray(0, count) } as const;
          head = await refitter.fit(first(features, count), fit);
          if (count > rows - 30) sum += head.iterations;
          await refitter.prepare();
        }
        refitter.forget();
        return { head: head!, iterations: sum / 30 };
      };
      const { head, iterations } = await grown();
      expect(spy).toHaveBeenCalledTimes(30);
      for (const [at, [, block]] of spy.mock.calls.entries()) {
        expect(block).toHaveLength(8);
        // The residual of its own class is the sum of all the others'.
        expect(block[0]).toBe(labels[rows - 29 + at - 1]);
      }
      expect(head.converged).toBe(true);
      const { coef, intercept } = coefficients(head);
      expect(relativeError(coef, float64(packed.coef))).toBeLessThan(5e-4);
      expect(relativeError(intercept, float64(packed.intercept))).toBeLessThan(2e-3);
      const scored = new ScoredRows(first(features, 50), kernels);
      const probabilities = Float64Array.from(await scored.probabilities(head, false));
      scored.dispose();
      expect(relativeError(probabilities, float64(packed.probabilities))).toBeLessThan(5e-4);

      spy.mockResolvedValue(undefined);
      expect((await grown()).iterations).toBeGreaterThan(1.5 * iterations);
      spy.mockRestore();
    });

    it('features whose squares no 32-bit float holds are refused, and are not what the next fit starts from', async () => {
      const { features, labels, classes } = dataset('two classes');
      const refitter = new Refitter({ classes, several: false, C: 1 }, kernels);
      const targets = { kind: 'labels', labels } as const;
      const huge = { ...features, data: features.data.map((value) => 1e25 * value) };
      await expect(refitter.fit(huge, targets)).rejects.toMatchObject({ code: 'device' });
      const { coef } = coefficients(await refitter.fit(features, targets));
      const reference = headCases.find(({ name }) => name === 'two classes, C=1')!;
      expect(relativeError(coef, float64(reference.coef))).toBeLessThan(5e-4);
      refitter.forget();
    });

    it('several labels a row', async () => {
      const { columns, rows, ...packed } = golden('multi-label.json') as {
        rows: number;
        columns: number;
        features: string;
        cases: { name: string; targets: number[]; coef: string[]; probabilities: string }[];
      };
      const features = unpackFeatures({ rows, columns, features: packed.features });
      const reference = packed.cases.find(({ name }) => name === 'C=1')!;
      const classes = reference.coef.map((_, k) => `label ${k}`);
      const refitter = new Refitter({ classes, several: true, C: 1 }, kernels);
      const targets = Uint8Array.from(reference.targets);
      let head: WarmHead | null = null;
      for (const count of [20, 100, rows - 1, rows]) {
        head = await refitter.fit(first(features, count), {
          kind: 'multi_label',
          targets: targets.subarray(0, count * classes.length),
        });
        await refitter.prepare();
      }
      refitter.forget();
      for (const [k, coef] of reference.coef.entries()) {
        const own = Float64Array.from(
          { length: columns },
          (_, j) => head!.weights[j * classes.length + k]!,
        );
        expect(relativeError(own, float64(coef))).toBeLessThan(5e-4);
      }
      const scored = new ScoredRows(features, kernels);
      const probabilities = Float64Array.from(await scored.probabilities(head!, true));
      scored.dispose();
      expect(relativeError(probabilities, float64(reference.probabilities))).toBeLessThan(5e-4);
    });
  },
);

describe.each(KERNELS)('on %s, classes that come later', (_, make) => {
  beforeAll(async () => {
    kernels = await make();
  });

  it('a class without rows has probability 0, and joins with its first row', async () => {
    const { features, labels } = dataset('four classes');
    const classes = ['a', 'b', 'c', 'd'];
    const rows = Int32Array.from(labels.keys());
    const order = [
      ...rows.filter((row) => labels[row]! < 2),
      ...rows.filter((row) => labels[row]! > 1),
    ];
    const sorted: Matrix = {
      ...features,
      data: Float32Array.from(
        order.flatMap((row) => [
          ...features.data.subarray(row * features.columns, (row + 1) * features.columns),
        ]),
      ),
    };
    const sortedLabels = Int32Array.from(order, (row) => labels[row]!);
    const two = sortedLabels.findIndex((label) => label > 1);
    const refitter = new Refitter({ classes, several: false, C: 1 }, kernels);
    const fit = (count: number) =>
      refitter.fit(first(sorted, count), {
        kind: 'labels',
        labels: sortedLabels.subarray(0, count),
      });
    const scored = new ScoredRows(sorted, kernels);
    const before = await scored.probabilities(await fit(two), false);
    for (let row = 0; row < sorted.rows; row++) {
      expect(before[4 * row]! + before[4 * row + 1]!).toBeCloseTo(1, 5);
      expect(before[4 * row + 2]! + before[4 * row + 3]!).toBe(0);
    }
    const joined = await scored.probabilities(await fit(two + 1), false);
    expect(joined[4 * two + sortedLabels[two]!]!).toBeGreaterThan(0);
    // From two classes to four, and still the optimum: the order of the rows does not matter to it.
    const { coef } = coefficients(await fit(sorted.rows));
    const reference = headCases.find(({ name }) => name === 'four classes, C=1')!;
    expect(relativeError(coef, float64(reference.coef))).toBeLessThan(1e-3);
    scored.dispose();
    refitter.forget();
  });

  it('texts of one class alone cannot be learned from', async () => {
    const { features } = dataset('two classes');
    const refitter = new Refitter({ classes: ['a', 'b'], several: false, C: 1 }, kernels);
    const fit = refitter.fit(first(features, 4), { kind: 'labels', labels: new Int32Array(4) });
    await expect(fit).rejects.toThrow(HeadlightError);
    await expect(fit).rejects.toMatchObject({ code: 'bad-labels' });
  });
});
