/** Likely label errors: the same rows, counts and matrices as cleanlab for the same probabilities. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { finish, seededRandom } from '../../../src/base';
import { outOfFold, type Matrix } from '../../../src/learning/heads';
import { DEFAULT_NEAR, findLabelIssues, nearPairs } from '../../../src/learning/label-errors';
import { roundPreservingSum } from '../../../src/learning/label-errors/counts';
import { useWasmTensors } from '../../helpers/tfjs';

interface OneCase {
  readonly name: string;
  readonly classes: number;
  readonly labels: readonly number[];
  readonly probabilities: string;
  readonly thresholds: string;
  readonly joint: readonly (readonly number[])[];
  readonly noise: string;
  readonly inverse: string;
  readonly normalized_margin: readonly number[];
  readonly self_confidence: readonly number[];
}
interface SeveralCase {
  readonly name: string;
  readonly classes: number;
  readonly targets: readonly number[];
  readonly probabilities: string;
  readonly joint: readonly (readonly (readonly number[])[])[];
  readonly ranked: readonly number[];
}
const golden = JSON.parse(
  readFileSync(new URL('../../reference/label-errors/golden.json', import.meta.url), 'utf8'),
) as { readonly one: readonly OneCase[]; readonly several: readonly SeveralCase[] };

function unpacked(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64');
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
function farthest(a: Float64Array | undefined, b: Float64Array): number {
  expect(a?.length).toBe(b.length);
  return Math.max(...b.map((value, at) => Math.abs(value - (a?.[at] ?? NaN))));
}

describe('likely label errors, one class a row', () => {
  it.each(golden.one.map((one) => [one.name, one] as const))('%s: as cleanlab', (_, one) => {
    const probabilities = unpacked(one.probabilities);
    const targets = { kind: 'labels', labels: Int32Array.from(one.labels) } as const;
    for (const order of ['normalized_margin', 'self_confidence'] as const) {
      const { issues, noise } = findLabelIssues(probabilities, targets, one.classes, order);
      expect(issues.map(({ row }) => row)).toEqual(one[order]);
      expect(Array.from(noise[0]?.joint ?? [])).toEqual(one.joint.flat());
      expect(farthest(noise[0]?.thresholds, unpacked(one.thresholds))).toBeLessThan(1e-9);
      expect(farthest(noise[0]?.noise, unpacked(one.noise))).toBeLessThan(1e-9);
      expect(farthest(noise[0]?.inverse, unpacked(one.inverse))).toBeLessThan(1e-9);
    }
  });

  it('suggests the most probable other class', () => {
    const one = golden.one[0];
    const probabilities = unpacked(one?.probabilities ?? '');
    const labels = Int32Array.from(one?.labels ?? []);
    const { issues } = findLabelIssues(probabilities, { kind: 'labels', labels }, 3);
    expect(issues.length).toBeGreaterThan(10);
    for (const { row, given, suggested } of issues) {
      const own = [...probabilities.subarray(row * 3, row * 3 + 3)];
      expect(given).toEqual([labels[row]]);
      expect(suggested).toEqual([own.indexOf(Math.max(...own))]);
    }
  });

  it('refuses probabilities that are no numbers, naming the row', () => {
    const labels = Int32Array.of(0, 1, 0);
    const probabilities = Float64Array.of(0.5, 0.5, 0.2, NaN, 0.1, 0.9);
    expect(() => findLabelIssues(probabilities, { kind: 'labels', labels }, 2)).toThrow('row 2');
  });

  it('rounds a row so that its sum stays', () => {
    const rounded = roundPreservingSum(Float64Array.of(96, 1.2, 1.2, 1.2, 1.4));
    expect([...rounded]).toEqual([96, 1, 1, 1, 2]);
    expect([...roundPreservingSum(Float64Array.of(0.5, 0.5, 1.5, 1.5))]).toEqual([0, 0, 2, 2]);
  });
});

describe('likely label errors, several labels a row', () => {
  it.each(golden.several.map((one) => [one.name, one] as const))('%s: as cleanlab', (_, one) => {
    const targets = Uint8Array.from(one.targets);
    const { issues, noise } = findLabelIssues(
      unpacked(one.probabilities),
      { kind: 'multi_label', targets },
      one.classes,
    );
    expect(issues.map(({ row }) => row)).toEqual(one.ranked);
    expect(noise.map(({ joint }) => Array.from(joint))).toEqual(one.joint.map((two) => two.flat()));
    for (const { given, suggested } of issues) expect(suggested).not.toEqual(given);
  });
});

/** Texts of each class around a centre of its own. */
function clouds(rows: number, columns: number, classes: number, seed: number, spread = 0.5) {
  const random = seededRandom(seed);
  const normal = (): number => random.next() + random.next() + random.next() - 1.5;
  const centres = Array.from({ length: classes }, () =>
    Float32Array.from({ length: columns }, () => normal()),
  );
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
  const data = Float32Array.from({ length: rows * columns }, (_, at) => {
    const label = labels[Math.floor(at / columns)] ?? 0;
    return (centres[label]?.[at % columns] ?? 0) + spread * normal();
  });
  const features: Matrix = { rows, columns, data };
  return { features, labels };
}

describe('out-of-fold probabilities', () => {
  it('finds labels that were flipped, one class and several', async () => {
    await useWasmTensors();
    const { features, labels } = clouds(240, 12, 3, 4, 0.2);
    const flipped = [5, 40, 77, 120, 199, 238];
    const given = labels.map((label, row) => (flipped.includes(row) ? (label + 1) % 3 : label));
    const folds = Int32Array.from({ length: 240 }, (_, row) => Math.floor(row / 3) % 5);
    const classes = ['a', 'b', 'c'];
    const settings = { Cs: [0.1, 1], tol: 1e-4, max_iter: 1000 };
    for (const targets of [
      { kind: 'labels', labels: given } as const,
      {
        kind: 'multi_label',
        targets: Uint8Array.from({ length: 720 }, (_, at) =>
          given[Math.floor(at / 3)] === at % 3 ? 1 : 0,
        ),
      } as const,
    ]) {
      const { probabilities } = await finish(
        outOfFold(features, targets, classes, folds, settings, { backend: 'wasm' }),
      );
      const found = findLabelIssues(probabilities, targets, 3).issues.map(({ row }) => row);
      // Confident learning counts a row when it is surer than the mean: some of few stay out.
      expect(flipped).toEqual(expect.arrayContaining(found));
      expect(found.length).toBeGreaterThanOrEqual(4);
    }
  });

  it('has never seen the row that it judges', async () => {
    await useWasmTensors();
    const { features } = clouds(60, 40, 2, 9);
    // Labels that mean nothing: only who has seen them knows them.
    const random = seededRandom(3);
    const labels = Int32Array.from({ length: 60 }, () => (random.next() < 0.5 ? 0 : 1));
    const folds = Int32Array.from({ length: 60 }, (_, row) => row % 5);
    const judge = async (own: Int32Array): Promise<Float64Array> => {
      const settings = { Cs: [1], tol: 1e-6, max_iter: 1000 };
      const targets = { kind: 'labels', labels: own } as const;
      const job = outOfFold(features, targets, ['a', 'b'], folds, settings, { backend: 'wasm' });
      return (await finish(job)).probabilities;
    };
    const before = await judge(labels);
    const after = await judge(labels.map((label, row) => (folds[row] === 2 ? 1 - label : label)));
    for (const [row, fold] of folds.entries()) {
      const moved = Math.abs((before[row * 2] ?? 0) - (after[row * 2] ?? 0));
      if (fold === 2) expect(moved).toBeLessThan(1e-4);
      else expect(moved).toBeGreaterThan(1e-3);
    }
  });

  it('says which class a fold had nothing of, and gives it no share there', async () => {
    await useWasmTensors();
    const { features, labels } = clouds(90, 6, 3, 2);
    const given = labels.map((label, row) => (row === 4 ? 2 : label === 2 ? 0 : label));
    const folds = Int32Array.from({ length: 90 }, (_, row) => Math.floor(row / 3) % 3);
    const { probabilities, missing } = await finish(
      outOfFold(
        features,
        { kind: 'labels', labels: given },
        ['a', 'b', 'c'],
        folds,
        { Cs: [1], tol: 1e-4, max_iter: 1000 },
        { backend: 'wasm' },
      ),
    );
    expect(missing).toEqual([2]);
    expect(probabilities[4 * 3 + 2]).toBe(0);
    expect((probabilities[12] ?? 0) + (probabilities[13] ?? 0)).toBeCloseTo(1, 12);
  });
});

describe('texts alike with different labels', () => {
  const settings = { ...DEFAULT_NEAR, threshold: 0.9 };

  it('are the pairs that comparing all rows finds', async () => {
    const { features, labels } = clouds(500, 20, 5, 8);
    const mixed = labels.map((label, row) => (row % 7 === 0 ? (label + 1) % 5 : label));
    const found = await finish(nearPairs(features, mixed, { ...settings, limit: 10_000 }));
    const expected: string[] = [];
    const { columns, data } = features;
    for (let a = 0; a < 500; a++)
      for (let b = a + 1; b < 500; b++) {
        if (mixed[a] === mixed[b]) continue;
        let [dot, aa, bb] = [0, 0, 0];
        for (let j = 0; j < columns; j++) {
          const [x, y] = [data[a * columns + j] ?? 0, data[b * columns + j] ?? 0];
          dot += x * y;
          aa += x * x;
          bb += y * y;
        }
        if (dot / Math.sqrt(aa * bb) >= 0.9) expected.push(`${a} ${b}`);
      }
    expect(expected.length).toBeGreaterThan(100);
    expect(found.pairs.map(({ a, b }) => `${a} ${b}`).sort()).toEqual(expected.sort());
    expect(found).toMatchObject({ count: expected.length, complete: true });
    const cosines = found.pairs.map(({ cosine }) => cosine);
    expect(cosines).toEqual([...cosines].sort((a, b) => b - a));
  });

  it('keeps the nearest, counts all, and ends when it is enough', async () => {
    const { features, labels } = clouds(400, 8, 4, 1);
    const mixed = labels.map((label, row) => (row % 2 === 0 ? (label + 1) % 4 : label));
    const all = await finish(nearPairs(features, mixed, { ...settings, limit: 100_000 }));
    const few = await finish(nearPairs(features, mixed, { ...settings, limit: 5 }));
    expect(few.count).toBe(all.count);
    expect(few.pairs).toEqual(all.pairs.slice(0, 5));
    const ended = await finish(nearPairs(features, mixed, { ...settings, budget: 100 }));
    expect(ended.complete).toBe(false);
  });

  it('takes rows of zeros for like nothing', async () => {
    const features: Matrix = { rows: 3, columns: 2, data: Float32Array.of(0, 0, 0, 0, 1, 1) };
    const { pairs } = await finish(nearPairs(features, Int32Array.of(0, 1, 2), settings));
    expect(pairs).toEqual([]);
  });
});
