/** The scalar mix beside PyTorch; the variational code beside scipy, and what it bounds sampled by PyTorch. */
import { beforeAll, describe, expect, test } from 'vitest';
import { finish } from '../../../../src/base';
import {
  controlLabels,
  fitScalarMix,
  variationalCode,
  type MixRequest,
} from '../../../../src/learning/probing';
import { CONTEXTS } from '../../../helpers/kernels';
import { useWasmTensors } from '../../../helpers/tfjs';
import { blob, measures, unpack } from './measures-golden';

beforeAll(useWasmTensors, 30_000);

function upTo(end: number, start = 0): Int32Array {
  return Int32Array.from({ length: end - start }, (_, i) => start + i);
}

describe.each(CONTEXTS)('scalar mix on %s', (_, context) => {
  const { mix } = measures;
  const layers = mix.layers.map(unpack);
  const loaders = layers.map((layer) => () => Promise.resolve(layer));
  const labels = Int32Array.from(mix.labels);
  const draw: MixRequest = {
    labels,
    classes: mix.classes,
    rows: {
      train: upTo(mix.train),
      validation: upTo(mix.train + mix.validation, mix.train),
      test: upTo(labels.length, mix.train + mix.validation),
    },
  };

  test('weights and accuracies of PyTorch at the C that was chosen on validation rows', async () => {
    const { mixes, share } = await finish(fitScalarMix(loaders, [draw], context));
    const found = mixes[0]!;
    expect(share).toBe(1);
    const wanted = mix.fits[String(found.C)]!;
    for (const [layer, weight] of found.weights.entries())
      expect(Math.abs(weight - wanted.weights[layer]!)).toBeLessThan(0.01);
    const { train, validation, test } = found.accuracy;
    // One row of 50 may fall on the other side.
    for (const [i, value] of [train, validation!, test!].entries())
      expect(Math.abs(value - wanted.accuracy[i]!)).toBeLessThanOrEqual(0.021);
    const best = Math.max(...Object.values(mix.fits).map(({ accuracy }) => accuracy[1]!));
    expect(validation).toBeGreaterThan(best - 0.021);
  });

  test('draws that are fitted together are what each is alone', async () => {
    const other = { ...draw, rows: { ...draw.rows, train: upTo(140, 20) } };
    const together = await finish(fitScalarMix(loaders, [draw, other], context));
    const alone = await finish(fitScalarMix(loaders, [other], context));
    for (const [layer, weight] of alone.mixes[0]!.weights.entries())
      expect(together.mixes[1]!.weights[layer]).toBeCloseTo(weight, 3);
  });

  test('where memory is short fewer rows are taken, and how many is said', async () => {
    const memory = 130 * 3 * 8 * 4;
    const { mixes, share } = await finish(fitScalarMix(loaders, [draw], { ...context, memory }));
    expect(share).toBeCloseTo(0.5, 2);
    expect(mixes[0]!.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
  });

  test('of a file whose classes come in turn both are taken, where memory holds every second row', async () => {
    const noise = [blob(260, 8, 3), blob(260, 8, 4)].map((layer) => () => Promise.resolve(layer));
    const inTurn = { ...draw, labels: upTo(260).map((row) => row % 2), classes: 2 };
    const memory = 130 * 2 * 8 * 4;
    const { mixes } = await finish(fitScalarMix(noise, [inTurn], { ...context, memory }));
    // Of one class alone every row would be right.
    expect(mixes[0]!.accuracy.test).toBeLessThan(0.9);
  });

  test('layers that are the same in all rows get by', async () => {
    const constant = { rows: 260, columns: 8, data: new Float32Array(260 * 8).fill(1) };
    const flat = [() => Promise.resolve(constant), loaders[1]!];
    const { mixes } = await finish(fitScalarMix(flat, [draw], context));
    expect(mixes[0]!.weights[1]).toBeGreaterThan(0.9);
  });

  test('no rows to learn from: said; a stop is heard', async () => {
    const empty = { ...draw, rows: { ...draw.rows, train: new Int32Array(0) } };
    await expect(finish(fitScalarMix(loaders, [empty], context))).rejects.toThrow(
      'no rows to train',
    );
    await expect(
      finish(fitScalarMix(loaders, [draw], context, AbortSignal.abort())),
    ).rejects.toThrow();
  });
});

describe.each(CONTEXTS)('variational code on %s', (_, context) => {
  test.each(measures.cases)('beside scipy, and above what it bounds: $name', async (one) => {
    const train = upTo(one.labels.length);
    const code = await variationalCode(one.features, { ...one, train }, context);
    expect(code.bits / one.variational.bits).toBeCloseTo(1, 3);
    expect(code.prior).toBe(one.variational.prior);
    expect(Math.abs(code.dataBits - one.variational.dataBits)).toBeLessThan(0.01 * code.bits);
    // A code length that holds: the sampled one is below it, and not far.
    const { sampled, sampledError } = one.variational;
    expect(code.bits).toBeGreaterThan(sampled - 4 * sampledError);
    expect(code.bits).toBeLessThan(1.25 * sampled);
  });

  test('random labels do not compress', async () => {
    const features = blob(600, 40, 1);
    const labels = controlLabels([...upTo(600)].map(String), [1, 1], 0);
    const { compression } = await variationalCode(
      features,
      { labels, classes: 2, train: upTo(600) },
      context,
    );
    expect(compression).toBeGreaterThan(0.96);
    expect(compression).toBeLessThan(1.005);
  });

  test('the names of the classes and the size of the features change nothing', async () => {
    const { features, labels, classes } = measures.cases[0]!;
    const train = upTo(labels.length);
    const one = await variationalCode(features, { labels, classes, train }, context);
    const renamed = labels.map((label) => [1, 2, 0][label]!);
    const larger = { ...features, data: features.data.map((value) => 50 * value + 3) };
    const other = await variationalCode(larger, { labels: renamed, classes, train }, context);
    expect(other.bits / one.bits).toBeCloseTo(1, 4);
  });

  test('one class alone, features that say nothing: finite', async () => {
    const features = { rows: 100, columns: 4, data: new Float32Array(400).fill(9) };
    const train = upTo(100);
    const alone = { labels: new Int32Array(100), classes: 2, train };
    expect((await variationalCode(features, alone, context)).bits).toBe(2);
    const labels = train.map((row) => row % 2);
    const { compression } = await variationalCode(features, { labels, classes: 2, train }, context);
    expect(compression).toBeGreaterThan(0.85);
    expect(compression).toBeLessThan(1);
    const none = { labels, classes: 2, train: new Int32Array(0) };
    await expect(variationalCode(features, none, context)).rejects.toThrow('no labels');
  });
});
