/** A pool that is labelled one by one: the curve is what fitting by hand gives, and what comes next follows from the labels alone. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom } from '../../../../src/base';
import {
  DEFAULT_LOGISTIC,
  fitLogistic,
  predictLabels,
  type Kernels,
  type Matrix,
} from '../../../../src/learning/heads';
import {
  ActiveLearner,
  curveSizes,
  type LearnerOptions,
  type PoolLabel,
} from '../../../../src/learning/labelling';
import { KERNELS, wasmKernels } from '../../../helpers/kernels';

const CLASSES = ['a', 'b', 'c'];
const COLUMNS = 6;
let open: ActiveLearner[] = [];
let kernels: () => Promise<Kernels> = wasmKernels;

afterEach(() => {
  for (const learner of open) learner.dispose();
  open = [];
});

function mixture(rows: number, seed: number): { features: Matrix; labels: Int32Array } {
  const random = seededRandom(seed);
  const labels = Int32Array.from({ length: rows }, (_, row) => row % 3);
  const data = new Float32Array(rows * COLUMNS);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < COLUMNS; j++)
      data[i * COLUMNS + j] = (j === labels[i] ? 1 : 0) + 0.7 * random.normal();
  return { features: { rows, columns: COLUMNS, data }, labels };
}

const pool = mixture(200, 1);
const held = mixture(90, 2);

async function learner(change: Partial<LearnerOptions> = {}): Promise<ActiveLearner> {
  const made = await ActiveLearner.open({
    pool: pool.features,
    copies: Int32Array.from({ length: 200 }, (_, row) => row),
    truth: { features: held.features, targets: { kind: 'labels', labels: held.labels } },
    classes: CLASSES,
    several: false,
    proposed: null,
    seed: 0,
    kernels: await kernels(),
    onKernels: (work) => work(),
    ...change,
  });
  open.push(made);
  return made;
}

function asked(rows: readonly number[], held_out = false): PoolLabel[] {
  return rows.map((row) => ({ row, labels: [pool.labels[row]!], held_out }));
}

/** Of all columns together, as the penalty is meant. */
function variance({ rows, columns, data }: Matrix): number {
  let total = 0;
  for (let j = 0; j < columns; j++) {
    const column = Array.from({ length: rows }, (_, i) => data[i * columns + j]!);
    const mean = column.reduce((sum, x) => sum + x, 0) / rows;
    total += column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / rows;
  }
  return total;
}

async function rightByHand(given: readonly PoolLabel[], C: number): Promise<boolean[]> {
  const data = Float32Array.from(
    given.flatMap(({ row }) => [
      ...pool.features.data.subarray(row * COLUMNS, (row + 1) * COLUMNS),
    ]),
  );
  const { head } = await finish(
    fitLogistic(
      { rows: given.length, columns: COLUMNS, data },
      Int32Array.from(given, ({ labels }) => labels![0]!),
      CLASSES,
      { ...DEFAULT_LOGISTIC, C: C / variance(pool.features) },
      { backend: 'wasm' },
    ),
  );
  return [...predictLabels(head, held.features)].map((label, row) => label === held.labels[row]);
}

describe.each(KERNELS)('the curve on %s', (_, make) => {
  beforeAll(() => {
    kernels = make;
  });
  afterAll(() => {
    kernels = wasmKernels;
  });

  it('is what a probe on the first so many labels gets right, each fitted by itself', async () => {
    const given = asked(Array.from({ length: 43 }, (_, at) => (at * 7) % 200));
    const one = await learner({ C: 3 });
    await finish(one.learn(given));
    expect(one.measures.map(({ labels }) => labels)).toEqual(curveSizes(43));
    for (const { labels, right } of one.measures)
      expect(right).toEqual(await rightByHand(given.slice(0, labels), 3));
  });

  it('is the same after each label, and after a reload', async () => {
    const given = asked(Array.from({ length: 32 }, (_, at) => (at * 11) % 200));
    const grown = await learner();
    for (let count = 1; count <= given.length; count++)
      await finish(grown.learn(given.slice(0, count)));
    const reloaded = await learner();
    await finish(reloaded.learn(given));
    expect(grown.measures).toEqual(reloaded.measures);
    for (const strategy of ['margin', 'diversity', 'margin_diversity', 'random'] as const)
      expect(grown.next(strategy, 1)[0]!.row).toBe(reloaded.next(strategy, 1)[0]!.row);
  });

  it('forgets what was taken back or changed, and nothing else', async () => {
    const given = asked(Array.from({ length: 30 }, (_, at) => at));
    const one = await learner();
    await finish(one.learn(given));
    const before = one.measures.slice();
    const next = one.next('diversity', 8);
    const more = next.slice(0, 4).map(({ row }) => ({ row, labels: [0], held_out: false }));
    await finish(one.learn([...given, ...more]));
    expect(one.next('diversity', 4)).toEqual(next.slice(4));
    await finish(one.learn(given));
    expect(one.measures).toEqual(before);
    expect(one.next('diversity', 8)).toEqual(next);
    const changed = given.map((label, at) => (at === 17 ? { ...label, labels: [0] } : label));
    await finish(one.learn(changed));
    const fresh = await learner();
    await finish(fresh.learn(changed));
    expect(one.measures).toEqual(fresh.measures);
    expect(one.measures.slice(0, 3)).toEqual(before.slice(0, 3));
  });

  it('is measured on texts that were labelled to measure by, and those are not learned from', async () => {
    const one = await learner({ truth: null });
    const train = asked([0, 1, 2, 3, 4, 5]);
    await finish(one.learn(train));
    expect(one.heldOut).toBe(0);
    expect(one.measures).toEqual([]);
    await finish(one.learn([...train, ...asked([10, 11, 12, 13], true)]));
    expect(one.heldOut).toBe(4);
    expect(one.labelled).toBe(6);
    expect(one.measures.at(-1)!.right).toHaveLength(4);
  });
});

describe('what is open', () => {
  it('nothing that is labelled, skipped or held out comes again, nor a copy of it', async () => {
    const copies = Int32Array.from({ length: 200 }, (_, row) => row % 100);
    const one = await learner({ copies });
    await finish(
      one.learn([
        ...asked([0, 1, 2]),
        { row: 3, labels: null, held_out: false },
        ...asked([4], true),
      ]),
    );
    expect(one.open).toBe(190);
    expect(one.labelled).toBe(3);
    const rows = one.next('random', 200).map(({ row }) => row);
    expect(rows).toHaveLength(190);
    expect(rows.filter((row) => row % 100 < 5)).toEqual([]);
  });

  it('a copy of a text to measure by is not learned from', async () => {
    const copies = Int32Array.from({ length: 200 }, (_, row) => row % 100);
    const one = await learner({ copies });
    await finish(one.learn([...asked([0, 1, 2, 105]), ...asked([5], true)]));
    expect(one.labelled).toBe(3);
  });
});

describe('several labels a text', () => {
  it('learns each label, and a text is right when all of them are', async () => {
    const targets = new Uint8Array(90 * 3);
    held.labels.forEach((label, row) => (targets[row * 3 + label] = 1));
    const one = await learner({
      several: true,
      truth: { features: held.features, targets: { kind: 'multi_label', targets } },
    });
    await finish(one.learn([{ row: 0, labels: [], held_out: false }]));
    expect(one.probabilities).toBeNull();
    await finish(
      one.learn([
        { row: 1, labels: [], held_out: false },
        ...asked([...Array(60).keys()].map((at) => at + 2)),
      ]),
    );
    const share = one.measures.at(-1)!.right.filter(Boolean).length / 90;
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(1);
    expect(one.next('margin', 1)[0]!.why.kind).toBe('unsure');
  });
});

it('leaves nothing behind on the device', async () => {
  const before = tf.memory().numTensors;
  const one = await learner();
  // With so few the preconditioner is made of the rows.
  await finish(one.learn(asked([0, 1, 2])));
  await one.prepare();
  await finish(one.learn(asked([0, 1, 2, 3, 4, 5, 6])));
  await one.prepare();
  await finish(one.learn(asked([0, 1, 2, 3, 4, 5, 6, 7])));
  await one.prepare();
  one.dispose();
  open = [];
  expect(tf.memory().numTensors).toBe(before);
});
