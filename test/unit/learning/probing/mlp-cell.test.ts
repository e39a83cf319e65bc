/** MLP probes train as PyTorch's with SentEval's rule: step by step from the same start, and as well in the end. */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom } from '../../../../src/base';
import { loadTensorFlow } from '../../../../src/learning/heads';
import { fitCell, type ProbeFamily, type ProbeRequest } from '../../../../src/learning/probing';
import { ProbeNetworks, startOf } from '../../../../src/learning/probing/mlp-network';
import { batchOf, shorter, together } from '../../../helpers/mlp-steps';
import { useWasmTensors } from '../../../helpers/tfjs';
import { doubles, fitsGolden, floats, matrixOf, type WholeCase } from './fits-golden';

beforeAll(async () => {
  await useWasmTensors();
  await loadTensorFlow();
});

describe.each(fitsGolden.steps)('$name', (one) => {
  const start = floats(one.start);

  it("loss and gradient are PyTorch's in 64-bit floats", async () => {
    const network = new ProbeNetworks(one, [start]);
    const { loss, gradient } = await network.gradient(batchOf(one, 0));
    network.dispose();
    expect(Math.abs(loss - one.loss)).toBeLessThan(1e-6);
    const expected = doubles(one.gradient);
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of expected.entries())
      expect(Math.abs(gradient[i]! - value)).toBeLessThan(2e-6 * largest + 1e-9);
  });

  it('the gradient is the slope of the loss', async () => {
    const batch = batchOf(one, 0);
    const network = new ProbeNetworks(one, [start]);
    const { gradient } = await network.gradient(batch);
    network.dispose();
    const random = seededRandom(1);
    const along = start.map(() => random.normal());
    const lossAt = async (distance: number): Promise<number> => {
      const moved = new ProbeNetworks(one, [start.map((value, i) => value + distance * along[i]!)]);
      const { loss } = await moved.gradient(batch);
      moved.dispose();
      return loss;
    };
    const h = 5e-3;
    const slope = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
    const expected = gradient.reduce((sum, value, i) => sum + value * along[i]!, 0);
    expect(Math.abs(slope - expected)).toBeLessThan(2e-3 * Math.max(1, Math.abs(expected)));
  });

  it("twelve steps of Adam end at PyTorch's weights", async () => {
    const network = new ProbeNetworks(one, [start]);
    for (const index of one.batches.keys()) network.step(batchOf(one, index));
    const weights = await network.weights(0);
    network.dispose();
    const expected = floats(one.end);
    let moved = 0;
    for (const [i, value] of expected.entries()) {
      expect(Math.abs(weights[i]! - value)).toBeLessThan(2e-5);
      moved = Math.max(moved, Math.abs(value - start[i]!));
    }
    expect(moved).toBeGreaterThan(5e-3);
  });
});

describe.each(fitsGolden.steps)('$name, three together', (one) => {
  const starts = [0, 1, 2].map((seed) => startOf(one, seededRandom(seed)));
  // The last has the fewest rows.
  const batches = (index: number) => [
    batchOf(one, index),
    batchOf(one, (index + 1) % one.batches.length),
    shorter(batchOf(one, (index + 2) % one.batches.length), 3),
  ];
  const near = (value: Float32Array, expected: Float32Array) => {
    expect(value).toHaveLength(expected.length);
    for (const [i, at] of expected.entries()) expect(Math.abs(value[i]! - at)).toBeLessThan(2e-5);
  };

  it('have the gradient, the logits and the steps that each has alone', async () => {
    const all = new ProbeNetworks(one, starts);
    const alone = starts.map((start) => new ProbeNetworks(one, [start]));
    const length = starts[0]!.length;
    const { gradient } = await all.gradient(together(one, batches(0)));
    const columns = one.sizes[0]!;
    const classes = one.sizes.at(-1)!;
    const x = floats(one.features).subarray(0, 4 * columns);
    const logits = await all.logits(new Float32Array([...x, ...x, ...x]), 4);
    for (const [at, network] of alone.entries()) {
      const own = await network.gradient(batches(0)[at]!);
      near(gradient.subarray(at * length, (at + 1) * length), own.gradient);
      const mine = logits.subarray(at * 4 * classes, (at + 1) * 4 * classes);
      near(mine, await network.logits(x, 4));
    }
    for (let index = 0; index < 6; index++) {
      all.step(together(one, batches(index)));
      for (const [at, network] of alone.entries()) network.step(batches(index)[at]!);
    }
    // The one in the middle leaves; the others go on as they were.
    all.keep([0, 2]);
    for (let index = 6; index < 12; index++) {
      const [first, , last] = batches(index);
      all.step(together(one, [first!, last!]));
      alone[0]!.step(first!);
      alone[2]!.step(last!);
    }
    near(await all.weights(0), await alone[0]!.weights(0));
    near(await all.weights(1), await alone[2]!.weights(0));
    all.dispose();
    for (const network of alone) network.dispose();
  });
});

describe('trained whole, twelve seeds of PyTorch, three of its own', () => {
  const range = (from: number, to: number) =>
    Int32Array.from({ length: to - from }, (_, i) => from + i);
  const requestOf = (one: WholeCase, family: ProbeFamily, seed: number): ProbeRequest => ({
    name: `seed ${seed}`,
    labels: Int32Array.from(one.labels),
    classes: one.classes,
    rows: {
      train: range(0, one.ends[0]),
      validation: range(one.ends[0], one.ends[1]),
      test: range(one.ends[1], one.rows),
    },
    family,
    seed,
  });
  const fit = (one: WholeCase, requests: readonly ProbeRequest[]) =>
    finish(fitCell(matrixOf(one), requests, { backend: 'wasm' }));

  it.each(fitsGolden.whole)('$name: as right, and as sure', async (one) => {
    const { hidden, activation, dropout, runs } = one;
    const family = { kind: 'mlp', hidden, activation, dropout } as const;
    const requests = [0, 1, 2].map((seed) => requestOf(one, family, seed));
    const fits = await fit(one, requests);
    // Where training stops is chance, and so are its bits: the median is held to the range of PyTorch's.
    const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[1]!;
    const right = median(fits.map(({ accuracy }) => accuracy.test!));
    expect(right).toBeGreaterThanOrEqual(Math.min(...runs.map(({ test }) => test)));
    expect(right).toBeLessThanOrEqual(Math.max(...runs.map(({ test }) => test)));
    const bits = median(fits.map(({ testBits, predicted }) => testBits / predicted.length));
    expect(bits).toBeGreaterThanOrEqual(Math.min(...runs.map((run) => run.bits)));
    expect(bits).toBeLessThanOrEqual(Math.max(...runs.map((run) => run.bits)));
    expect(new Set(fits.map(({ testBits }) => testBits)).size).toBe(3);
    expect(fits.every(({ C }) => C === null)).toBe(true);
  });

  it('a ReLU probe finds what no plane divides, and a linear one does not', async () => {
    const one = fitsGolden.whole[1]!;
    const [linear] = await fit(one, [requestOf(one, { kind: 'linear' }, 0)]);
    expect(linear!.accuracy.test).toBeCloseTo(one.linear, 2);
    expect(one.linear).toBeLessThan(Math.min(...one.runs.map(({ test }) => test)) - 0.2);
  });

  it('the same seed gives the same probe, whatever is fitted beside it', async () => {
    const one = fitsGolden.whole[1]!;
    const family = { kind: 'mlp', hidden: [10], activation: 'relu', dropout: 0.4 } as const;
    const request = requestOf(one, family, 5);
    const short = { ...request, rows: { ...request.rows, train: range(0, 200) } };
    const [alone] = await fit(one, [short]);
    const [, again] = await fit(one, [{ ...short, seed: 6 }, short]);
    expect(again).toEqual(alone);
  });

  it('probes that step together are those that go alone, however many rows each has', async () => {
    const one = fitsGolden.whole[1]!;
    const family = { kind: 'mlp', hidden: [10], activation: 'relu', dropout: 0.4 } as const;
    const wide = { ...family, hidden: [45] } as const;
    const of = (seed: number, train: Int32Array, own: ProbeFamily = family): ProbeRequest => {
      const request = requestOf(one, own, seed);
      return { ...request, rows: { ...request.rows, train } };
    };
    // A single class has nothing to learn; the wide one is of another shape.
    const alike = range(0, one.ends[0]).filter((row) => one.labels[row] === one.labels[0]);
    const requests = [
      of(1, range(0, 200)),
      of(2, alike),
      of(3, range(0, 130)),
      of(4, range(0, 150), wide),
      of(5, range(50, 250)),
      requestOf(one, { kind: 'linear' }, 0),
    ];
    const alone = await fit(one, requests);
    // What steps together is chosen by the name of the device; the arithmetic here is WASM's either way.
    const joined = await finish(fitCell(matrixOf(one), requests, { backend: 'webgpu' }));
    expect(joined.map(({ name }) => name)).toEqual(alone.map(({ name }) => name));
    for (const [at, fit] of joined.entries()) {
      // Sums in another order, and training is as sensitive as training is.
      expect(Math.abs(fit.accuracy.test! - alone[at]!.accuracy.test!)).toBeLessThan(0.02);
      expect(Math.abs(fit.testBits / alone[at]!.testBits - 1)).toBeLessThan(0.05);
    }
  });
});

describe('a start', () => {
  it("is spread as torch.nn.Linear's", () => {
    const start = startOf({ sizes: [400, 50, 3], activation: 'relu' }, seededRandom(0));
    expect(start).toHaveLength(400 * 50 + 50 + 50 * 3 + 3);
    const first = start.subarray(0, 400 * 50 + 50);
    const bound = 1 / Math.sqrt(400);
    expect(Math.max(...first)).toBeLessThanOrEqual(bound);
    expect(Math.max(...first)).toBeGreaterThan(0.99 * bound);
    const variance = first.reduce((sum, value) => sum + value * value, 0) / first.length;
    expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 1);
    expect(Math.max(...start.subarray(400 * 50 + 50))).toBeGreaterThan(0.9 / Math.sqrt(50));
  });
});
