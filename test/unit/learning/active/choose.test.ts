/** Which text comes next: each strategy keeps the law that it is named after. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/base';
import type { Matrix } from '../../../../src/learning/heads';
import {
  chooseRows,
  Coverage,
  unsureScores,
  type PoolState,
} from '../../../../src/learning/labelling';
import { wasmKernels } from '../../../helpers/kernels';

/** Points of the plane in clouds around centres. */
function clouds(centres: readonly (readonly [number, number])[], each: number, seed = 1): Matrix {
  const random = seededRandom(seed);
  const data = centres.flatMap(([x, y]) =>
    Array.from({ length: each }, () => [
      x + 0.1 * random.normal(),
      y + 0.1 * random.normal(),
    ]).flat(),
  );
  return { rows: centres.length * each, columns: 2, data: Float32Array.from(data) };
}

async function poolOf(pool: Matrix, change: Partial<PoolState> = {}): Promise<PoolState> {
  return {
    classes: 2,
    several: false,
    open: new Uint8Array(pool.rows).fill(1),
    probabilities: null,
    labelled: [0, 0],
    proposed: null,
    order: seededRandom(3).shuffle(Int32Array.from({ length: pool.rows }, (_, row) => row)),
    coverage: await Coverage.of(pool, 0, await wasmKernels()),
    ...change,
  };
}

describe('how unsure probabilities are', () => {
  const of = (by: 'uncertainty' | 'margin' | 'entropy', several: boolean, ...p: number[]) =>
    unsureScores(Float32Array.from(p), p.length, several, by)[0]!;

  it('one class a text: by hand', () => {
    expect(of('uncertainty', false, 0.5, 0.3, 0.2)).toBeCloseTo(0.5, 6);
    expect(of('margin', false, 0.5, 0.3, 0.2)).toBeCloseTo(0.8, 6);
    const bits = -(0.5 * Math.log2(0.5) + 0.3 * Math.log2(0.3) + 0.2 * Math.log2(0.2));
    expect(of('entropy', false, 0.5, 0.3, 0.2)).toBeCloseTo(bits / Math.log2(3), 6);
  });
  it('each is least where one class is certain, and largest where all are as likely', () => {
    for (const by of ['uncertainty', 'margin', 'entropy'] as const) {
      expect(of(by, false, 0, 1, 0, 0)).toBeCloseTo(0, 9);
      const even = of(by, false, 0.25, 0.25, 0.25, 0.25);
      for (const p of [
        [0.4, 0.3, 0.2, 0.1],
        [0.7, 0.1, 0.1, 0.1],
        [0.26, 0.25, 0.25, 0.24],
      ])
        expect(of(by, false, ...p)).toBeLessThan(even);
    }
  });
  it('they differ where they should: two close classes, or all of them', () => {
    const twoClose = [0.49, 0.48, 0.01, 0.02];
    const allLow = [0.46, 0.18, 0.18, 0.18];
    expect(of('margin', false, ...twoClose)).toBeGreaterThan(of('margin', false, ...allLow));
    expect(of('entropy', false, ...allLow)).toBeGreaterThan(of('entropy', false, ...twoClose));
    expect(of('uncertainty', false, ...allLow)).toBeGreaterThan(
      of('uncertainty', false, ...twoClose),
    );
  });
  it('several labels a text: each label by itself', () => {
    expect(of('uncertainty', true, 0.9, 0.5, 0.2)).toBeCloseTo((0.1 + 0.5 + 0.2) / 3, 6);
    expect(of('margin', true, 0.9, 0.45, 0.2)).toBeCloseTo(0.9, 6);
    expect(of('entropy', true, 0.5, 1)).toBeCloseTo(0.5, 6);
  });
});

describe('by how unsure the probe is', () => {
  it('takes the points at the boundary', async () => {
    // The probe tells left from right; the points lie on a line across.
    const pool: Matrix = {
      rows: 101,
      columns: 2,
      data: Float32Array.from(Array.from({ length: 101 }, (_, i) => [(i - 50) / 50, 0.3]).flat()),
    };
    const probabilities = Float32Array.from(
      Array.from({ length: 101 }, (_, i) => {
        const p = 1 / (1 + Math.exp(-(i - 40) / 5));
        return [1 - p, p];
      }).flat(),
    );
    const state = await poolOf(pool, { probabilities, labelled: [5, 5] });
    for (const strategy of ['uncertainty', 'margin', 'entropy'] as const) {
      const chosen = chooseRows(state, strategy, 3);
      expect(chosen.map(({ row }) => row).sort()).toEqual([39, 40, 41]);
      expect(chosen[0]!.row).toBe(40);
      expect(chosen[0]!.why).toMatchObject({ kind: 'unsure', strategy });
    }
    const open = state.open.slice();
    open[40] = 0;
    expect(chooseRows({ ...state, open }, 'margin', 1)[0]!.row).not.toBe(40);
  });

  it('with diversity takes close calls of different kinds', async () => {
    const centres = [
      [0, 4],
      [4, 0],
      [0, -4],
      [-4, 0],
    ] as const;
    const pool = clouds(centres, 40);
    // Two of the clouds are close calls, the others are certain.
    const probabilities = Float32Array.from(
      Array.from({ length: pool.rows }, (_, row) => (row < 80 ? [0.5, 0.5] : [0.99, 0.01])).flat(),
    );
    const state = await poolOf(pool, { probabilities, labelled: [1, 1] });
    const pair = chooseRows(state, 'margin_diversity', 2).map(({ row }) => Math.floor(row / 40));
    // A tenth of all are of one cloud or both, but of the certain ones none.
    expect(pair.every((cloud) => cloud < 2)).toBe(true);
  });
});

describe('by diversity', () => {
  const centres = [
    [0, 3],
    [3, 0],
    [0, -3],
    [-3, 0],
    [2.2, 2.2],
  ] as const;

  it('takes a point of each cloud before a second one of any', async () => {
    const pool = clouds(centres, 30);
    const state = await poolOf(pool, { probabilities: new Float32Array(pool.rows * 2).fill(0.5) });
    const chosen = chooseRows(state, 'diversity', 5);
    expect(chosen.map(({ row }) => Math.floor(row / 30)).sort()).toEqual([0, 1, 2, 3, 4]);
    expect(chosen[0]!.why).toEqual({ kind: 'diverse', isStart: false });
  });

  it('begins where most points are, not at the one farthest away', async () => {
    const many = clouds([[0, 3]], 90);
    const data = new Float32Array(2 * 91);
    data.set(many.data);
    data.set([-30, -30], 180);
    const state = await poolOf({ rows: 91, columns: 2, data });
    expect(chooseRows(state, 'diversity', 1)[0]!.row).toBeLessThan(90);
  });

  it('what is labelled already is stood for', async () => {
    const pool = clouds(centres, 30);
    const state = await poolOf(pool);
    for (const cloud of [0, 1, 2, 3]) state.coverage.cover(cloud * 30);
    expect(Math.floor(chooseRows(state, 'diversity', 1)[0]!.row / 30)).toBe(4);
  });

  it('asking does not change what is asked next', async () => {
    const state = await poolOf(clouds(centres, 30));
    const once = chooseRows(state, 'diversity', 4);
    expect(chooseRows(state, 'diversity', 4)).toEqual(once);
    expect(chooseRows(state, 'diversity', 1)).toEqual(once.slice(0, 1));
  });
});

describe('how it begins', () => {
  it('without a probe every strategy but random takes diverse texts', async () => {
    const pool = clouds(
      [
        [0, 3],
        [3, 0],
        [-3, -3],
      ],
      20,
    );
    const state = await poolOf(pool);
    const diverse = chooseRows(state, 'diversity', 3).map(({ row }) => row);
    for (const strategy of ['uncertainty', 'margin', 'entropy', 'margin_diversity'] as const) {
      const chosen = chooseRows(state, strategy, 3);
      expect(chosen.map(({ row }) => row)).toEqual(diverse);
      expect(chosen[0]!.why).toEqual({ kind: 'diverse', isStart: true });
    }
  });

  it('with teachers takes the surest text of each class that has no label yet', async () => {
    const pool = clouds(
      [
        [0, 3],
        [3, 0],
      ],
      3,
    );
    const proposed = Float32Array.from(
      [
        [0.6, 0.4],
        [0.9, 0.1],
        [NaN, NaN],
        [0.2, 0.8],
        [0.3, 0.7],
        [0.45, 0.55],
      ].flat(),
    );
    const state = await poolOf(pool, { proposed });
    const chosen = chooseRows(state, 'margin', 2);
    expect(chosen.map(({ row }) => row)).toEqual([1, 3]);
    expect(chosen[0]!.why).toMatchObject({ kind: 'teacher', class: 0 });
    expect(chooseRows({ ...state, labelled: [1, 0] }, 'margin', 1)[0]!.row).toBe(3);
    // Random stays random: it is what the others are measured by.
    expect(chooseRows(state, 'random', 1)[0]!.why).toEqual({ kind: 'random' });
  });
});

describe('at random', () => {
  it('does not look at anything: the same order whatever the probe says, without those that are done', async () => {
    const pool = clouds(
      [
        [0, 3],
        [3, 0],
      ],
      50,
    );
    const state = await poolOf(pool);
    const order = chooseRows(state, 'random', 100).map(({ row }) => row);
    expect(new Set(order).size).toBe(100);
    const probabilities = new Float32Array(200).fill(0.5);
    const open = state.open.slice();
    open[order[0]!] = 0;
    const next = chooseRows({ ...state, probabilities, open }, 'random', 99).map(({ row }) => row);
    expect(next).toEqual(order.slice(1));
    // No trend along the file: the mean rank of the first half is near the middle.
    const firstHalf = order.flatMap((row, rank) => (row < 50 ? [rank] : []));
    expect(Math.abs(firstHalf.reduce((sum, rank) => sum + rank, 0) / 50 - 49.5)).toBeLessThan(12);
  });

  it('gives what is left, and nothing when nothing is', async () => {
    const pool = clouds([[0, 3]], 4);
    const open = Uint8Array.of(0, 1, 0, 1);
    for (const strategy of ['random', 'diversity', 'margin'] as const) {
      const state = await poolOf(pool, { open, probabilities: new Float32Array(8).fill(0.5) });
      expect(
        chooseRows(state, strategy, 10)
          .map(({ row }) => row)
          .sort(),
      ).toEqual([1, 3]);
      expect(chooseRows({ ...state, open: new Uint8Array(4) }, strategy, 1)).toEqual([]);
    }
  });
});
