/**
 * Promise: a weighted mean over layers, pooled, is what output_hidden_states of transformers comes to
 * (test/reference/architectures/layer_mix.py); what cannot be mixed is refused in words.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HeadlightError } from '../../../src/base';
import {
  deepestLayer,
  layersSaid,
  openEncoderModel,
  presetOf,
  presetWeights,
  safetensorsWeights,
  type EncoderModel,
} from '../../../src/models/encoders';
import type { Pooling, Precision } from '../../../src/models/types';
import { cosine, largestDifference, runEncoder } from './run';

type Rows = number[][];
interface Case {
  readonly weights: number[];
  readonly pooling: Pooling;
  readonly embedding: Rows;
  readonly unit: Rows;
}
const folder = new URL('../../reference/architectures/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const json = (name: string): unknown => JSON.parse(new TextDecoder().decode(read(name)));
const golden = json('layer-mix.json') as Record<string, Case[]>;

function open(name: string, precision: Precision): EncoderModel {
  const weights = safetensorsWeights(read(`${name}.safetensors`));
  return openEncoderModel({ config: read(`${name}.config.json`), weights }, precision);
}

describe.each(Object.entries(golden))('%s', (name, cases) => {
  const { input_ids: ids, mask } = (
    json(`${name}.json`) as { right: { input_ids: Rows; mask: Rows } }
  ).right;
  const outputs = cases.flatMap(({ weights, pooling }, at) =>
    [false, true].map((normalize) => ({
      name: `${normalize ? 'unit' : 'plain'}_${at}`,
      layer: deepestLayer(weights),
      layerWeights: weights,
      pooling,
      normalize,
    })),
  );

  it('every pooling of a mix, at length 1 too, in one graph', async () => {
    const found = await runEncoder(open(name, 'fp32').graphWithOutputs(outputs), ids, mask);
    cases.forEach(({ embedding, unit }, at) => {
      expect(largestDifference(found[`plain_${at}`] ?? [], embedding)).toBeLessThan(1e-4);
      expect(largestDifference(found[`unit_${at}`] ?? [], unit)).toBeLessThan(1e-4);
    });
  });

  it('is mixed from weights in 8 bits as well', async () => {
    const found = await runEncoder(open(name, 'q8').graphWithOutputs(outputs), ids, mask);
    cases.forEach(({ embedding }, at) => {
      embedding.forEach((row, text) => {
        expect(cosine(found[`plain_${at}`]?.[text] ?? [], row)).toBeGreaterThan(0.99);
      });
    });
  });
});

describe('what may be mixed', () => {
  const model = open('roberta', 'fp32');
  const output = { pooling: 'mean', normalize: false } as const;

  it.each([
    [[1, 1], 1, /2 weights of layers, and this encoder has 3/],
    [[1, -1, 1], 2, /a number of 0 or more/],
    [[1, Infinity, 1], 2, /a number of 0 or more/],
    [[0, 0, 0], 0, /Every layer’s weight is 0/],
    [[1, 1, 0], 2, /the deepest one with a weight is 1/],
  ])('%j with layer %i is refused', (layerWeights, layer, words) => {
    const made = (): unknown => model.graph({ ...output, layer, layerWeights });
    expect(made).toThrow(HeadlightError);
    expect(made).toThrow(words);
  });

  it('a weight on one layer alone is that layer', async () => {
    const ids = [[2, 3, 4]];
    const mask = [[1, 1, 1]];
    const mixed = model.graph({ ...output, layer: 1, layerWeights: [0, 7, 0] });
    const plain = model.graph({ ...output, layer: 1 });
    expect(await runEncoder(mixed, ids, mask)).toEqual(await runEncoder(plain, ids, mask));
  });

  it('is called by its preset', () => {
    expect(presetWeights('last4', 6)).toEqual([0, 0, 0, 1, 1, 1, 1]);
    expect(presetWeights('all', 3)).toEqual([1, 1, 1, 1]);
    expect(presetOf([0, 0, 0, 2, 2, 2, 2])).toBe('last4');
    expect(presetOf([1, 2, 1, 1, 1, 1, 1])).toBeNull();
    expect(layersSaid({ layer: 6, layerWeights: [0, 0, 0, 1, 1, 1, 1] })).toBe(
      'the last four layers',
    );
    expect(layersSaid({ layer: 2, layerWeights: [0, 1, 3] })).toBe('a mix of 2 layers');
    expect(layersSaid({ layer: 2 })).toBe('layer 2');
  });
});
