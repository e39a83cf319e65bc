/**
 * What a study says of one layer of all-MiniLM-L6-v2 on a real probing task (past_present), beside scikit-learn and numpy: 900
 * texts, the 48 strongest directions of layer 3. Made by test/reference/probing/description_length.py.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { finish } from '../../../../src/base';
import {
  controlRequest,
  fitCell,
  onlineBlocks,
  onlineCode,
  onlineCs,
  onlineRequests,
  rankLayer,
  selectivity,
  type OnlineCode,
  type ProbeFit,
} from '../../../../src/learning/probing';
import { useWasmTensors } from '../../../helpers/tfjs';
import { unpack } from './measures-golden';

interface Accuracy {
  readonly C: number;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

const url = new URL('../../../reference/probing/minilm.json', import.meta.url);
const golden = JSON.parse(readFileSync(url, 'utf8')) as {
  readonly features: Parameters<typeof unpack>[0];
  readonly labels: readonly number[];
  readonly control: readonly number[];
  readonly order: readonly number[];
  readonly train: number;
  readonly validation: number;
  readonly classes: number;
  readonly figures: {
    readonly real: Accuracy;
    readonly control: Accuracy;
    readonly selectivity: number;
    readonly online: OnlineCode;
    readonly controlOnline: OnlineCode;
    readonly logme: number;
    readonly hScore: { readonly plain: number; readonly shrunk: number };
  };
};

const features = unpack(golden.features);
const labels = Int32Array.from(golden.labels);
const control = Int32Array.from(golden.control);
const { classes, figures } = golden;
const order = Int32Array.from(golden.order);
const family = { kind: 'linear' } as const;
let fits: readonly ProbeFit[];
let codes: readonly OnlineCode[];

beforeAll(async () => {
  await useWasmTensors();
  const all = Int32Array.from(labels.keys());
  const end = golden.train + golden.validation;
  const rows = {
    train: all.slice(0, golden.train),
    validation: all.slice(golden.train, end),
    test: all.slice(end),
  };
  const real = { name: 'labels', labels, classes, rows, family, seed: 0 };
  const Cs = onlineCs(features, order);
  const coded = [labels, control].flatMap((own) =>
    onlineRequests(own, classes, order, rows.validation, family, 0, 'code', Cs),
  );
  const requests = [real, controlRequest(real, control), ...coded];
  fits = await finish(fitCell(features, requests, { backend: 'wasm' }));
  const blocks = onlineBlocks(order.length);
  const half = 2 + coded.length / 2;
  codes = [fits.slice(2, half), fits.slice(half)].map((own) => onlineCode(own, blocks, classes));
});

test('accuracies of labels and of random labels, and the selectivity', () => {
  for (const [i, wanted] of [figures.real, figures.control].entries()) {
    const { C, accuracy } = fits[i]!;
    expect({ C, ...accuracy }).toEqual(wanted);
  }
  const [real, random] = fits;
  const found = selectivity([real!.accuracy.test!], [random!.accuracy.test!]);
  expect(found[0]).toBeCloseTo(figures.selectivity, 12);
  expect(found[0]).toBeGreaterThan(0.05);
});

test('description length of labels and of random labels', () => {
  for (const [i, wanted] of [figures.online, figures.controlOnline].entries()) {
    expect(codes[i]!.bits / wanted.bits).toBeCloseTo(1, 4);
    expect(codes[i]!.referenceBits / wanted.referenceBits).toBeCloseTo(1, 4);
    expect(codes[i]!.compression).toBeCloseTo(wanted.compression, 4);
  }
});

test('random labels compress by how unequal the classes are, and no further', () => {
  const share = order.reduce((sum, row) => sum + control[row]!, 0) / order.length;
  const entropy = -share * Math.log2(share) - (1 - share) * Math.log2(1 - share);
  expect(codes[1]!.compression).toBeLessThan(1 / entropy);
  expect(codes[1]!.compression).toBeGreaterThan(0.9 / entropy);
  expect(codes[0]!.compression).toBeGreaterThan(1.1 * codes[1]!.compression);
});

test('the rankings without training', async () => {
  const rows = golden.train + golden.validation;
  const data = features.data.slice(0, rows * features.columns);
  const seen = { rows, columns: features.columns, data };
  const { logme, hScore } = await rankLayer(seen, labels.slice(0, rows), classes);
  expect(logme).toBeCloseTo(figures.logme, 8);
  expect(hScore.plain).toBeCloseTo(figures.hScore.plain, 6);
  expect(hScore.shrunk).toBeCloseTo(figures.hScore.shrunk, 6);
});
