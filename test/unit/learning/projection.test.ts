/**
 * A map keeps near what was near: beside scikit-learn's PCA and t-SNE on the same rows. The same seed draws the same
 * map; broken, equal and few rows are drawn too.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom } from '../../../src/base';
import type { Matrix } from '../../../src/learning/heads';
import {
  DEFAULT_PROJECTION,
  neighboursKept,
  principalPlane,
  projectRows,
  type Projection,
} from '../../../src/learning/projection';
import { useWasmTensors } from '../../helpers/tfjs';
import { float64, golden, unpackFeatures } from './goldens';

const reference = golden('projection.json') as {
  rows: number;
  columns: number;
  features: string;
  labels: number[];
  pca: string;
  kept: { pca: number; tsne: number; random: number };
  trustworthiness: { pca: number; tsne: number };
};
const features = unpackFeatures(reference);
const settings = { ...DEFAULT_PROJECTION, metric: 'euclidean' } as const;
let map: Projection;

beforeAll(async () => {
  await useWasmTensors();
  map = await finish(projectRows(features, settings));
});

/** Rows in order of their distance to one, itself first. */
function ranked(rows: number, distance: (i: number, j: number) => number, i: number): number[] {
  return Array.from({ length: rows }, (_, j) => j)
    .map((j) => ({ j, at: j === i ? -1 : distance(i, j) }))
    .sort((a, b) => a.at - b.at)
    .map(({ j }) => j);
}

function apart(data: ArrayLike<number>, columns: number) {
  return (i: number, j: number): number => {
    let sum = 0;
    for (let c = 0; c < columns; c++)
      sum += ((data[i * columns + c] ?? 0) - (data[j * columns + c] ?? 0)) ** 2;
    return sum;
  };
}

/** `sklearn.manifold.trustworthiness`, as its documentation defines it. */
function trustworthiness(
  { rows, columns, data }: Matrix,
  xy: ArrayLike<number>,
  k: number,
): number {
  let penalty = 0;
  for (let i = 0; i < rows; i++) {
    const rank = new Map(ranked(rows, apart(data, columns), i).map((j, at) => [j, at]));
    for (const j of ranked(rows, apart(xy, 2), i).slice(1, k + 1))
      penalty += Math.max(0, (rank.get(j) ?? 0) - k);
  }
  return 1 - (penalty * 2) / (rows * k * (2 * rows - 3 * k - 1));
}

describe('the plane it begins at', () => {
  it('is scikit-learn’s PCA, but for the signs', () => {
    const expected = float64(reference.pca);
    const ours = principalPlane(features, 0);
    for (const axis of [0, 1]) {
      const sign = Math.sign((ours[axis] ?? 0) * (expected[axis] ?? 0));
      for (let row = 0; row < features.rows; row++)
        expect(ours[row * 2 + axis]).toBeCloseTo(sign * (expected[row * 2 + axis] ?? 0), 2);
    }
  });
});

describe('the map', () => {
  it('keeps neighbours as well as t-SNE, and much better than a plane', () => {
    const trusted = trustworthiness(features, map.xy, 10);
    expect(trustworthiness(features, float64(reference.pca), 10)).toBeCloseTo(
      reference.trustworthiness.pca,
      5,
    );
    expect(trusted).toBeGreaterThan(reference.trustworthiness.tsne - 0.02);
    expect(trusted).toBeGreaterThan(reference.trustworthiness.pca + 0.1);
    expect(map.kept).toBeGreaterThan(2 * reference.kept.pca);
  });

  it('says how many neighbours it keeps as scikit-learn counts them', () => {
    const near = Array.from({ length: features.rows }, (_, i) =>
      ranked(features.rows, apart(features.data, features.columns), i)
        .slice(1, 11)
        .map((row) => ({ row, distance: 0 })),
    );
    const plane = Float32Array.from(float64(reference.pca));
    expect(neighboursKept(near, plane, 10)).toBeCloseTo(reference.kept.pca, 6);
    expect(neighboursKept(near, map.xy, 10)).toBe(map.kept);
  });

  it('is the same for the same seed, another for another', async () => {
    const again = await finish(projectRows(features, settings));
    expect(again.xy).toEqual(map.xy);
    const other = await finish(projectRows(features, { ...settings, seed: 1 }));
    expect(other.xy).not.toEqual(map.xy);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const job = projectRows(features, settings, controller.signal);
    await expect(
      finish(job, ({ phase }) => {
        if (phase === 'Drawing the map') controller.abort();
      }),
    ).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('rows that are not as they should be', () => {
  const some = (rows: number, columns = 8): Matrix => {
    const random = seededRandom(rows);
    return {
      rows,
      columns,
      data: Float32Array.from({ length: rows * columns }, () => random.normal()),
    };
  };
  const finite = ({ xy }: Projection): boolean => xy.every(Number.isFinite);

  it.each([0, 1, 2, 3, 5, 16])('draws %i rows', async (rows) => {
    const drawn = await finish(projectRows(some(rows), DEFAULT_PROJECTION));
    expect(drawn.xy).toHaveLength(rows * 2);
    expect(finite(drawn)).toBe(true);
  });

  it('draws rows that are all the same, and rows of zeros', async () => {
    for (const value of [0, 1]) {
      const same = { rows: 40, columns: 4, data: new Float32Array(160).fill(value) };
      expect(finite(await finish(projectRows(same, DEFAULT_PROJECTION)))).toBe(true);
    }
  });

  it('leaves rows that are no numbers out, puts them in the middle, and counts them', async () => {
    const rows = some(50);
    rows.data[7 * 8 + 2] = Number.NaN;
    rows.data[9 * 8] = Infinity;
    const drawn = await finish(projectRows(rows, DEFAULT_PROJECTION));
    expect(drawn.broken).toBe(2);
    expect(finite(drawn)).toBe(true);
    expect([drawn.xy[14], drawn.xy[15]]).toEqual([0, 0]);
  });
});
