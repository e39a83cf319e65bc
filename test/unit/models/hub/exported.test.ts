/**
 * Promise: a folder with an exported ONNX and no safetensors is an encoder like any other: the same features at
 * every layer, the same weights to fine-tune from; where it is not, it says why.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { finish } from '../../../../src/base';
import {
  addFolder,
  checkpointOf,
  classifierModelGraph,
  float32Values,
  loadEncoder,
  openEmbedder,
  openExport,
  onnxWeights,
  type Encoder,
  type ModelFile,
  type Pooling,
  type Precision,
} from '../../../../src/models';
import { openSession } from '../../../../src/graph/runtime';
import type { Feeds } from '../../../../src/platform';
import { createNodeRuntime } from '../../../../src/platform/node/runtime';
import {
  asUnknownArchitecture,
  exportedModelFiles,
  shallowOnnx,
} from '../../../helpers/exported-model';
import { queueLocks } from '../../../../src/platform';
import { memoryStorage } from '../../../helpers/memory-storage';
import { tinyModelFiles, tinyTexts } from '../../../helpers/tiny-model';

const runtime = createNodeRuntime();
const TEXTS = [...tinyTexts(7), 'the good film '.repeat(30)];

const open = (files: readonly ModelFile[]): Promise<Encoder> =>
  finish(addFolder(null, 'export', files, 'fp32'));

async function features(encoder: Encoder, layer: number, pooling: Pooling, normalize = false) {
  const embed = { layer, pooling, normalize, maxTokens: 24 };
  const embedder = await openEmbedder({ encoder, embed, device: 'cpu', runtime });
  const { data } = await embedder.embed(TEXTS);
  await embedder.close();
  return data;
}

function distance(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0);
}

async function expectSameFeatures(found: Encoder, wanted: Encoder): Promise<void> {
  expect(found.info.layers).toBe(wanted.info.layers);
  for (let layer = 0; layer <= wanted.info.layers; layer++)
    for (const pooling of ['mean', 'cls', 'max'] as const)
      expect(
        distance(await features(found, layer, pooling), await features(wanted, layer, pooling)),
        `layer ${layer}, ${pooling}`,
      ).toBeLessThan(1e-4);
  const unit = await features(found, 1, 'mean', true);
  expect(distance(unit, await features(wanted, 1, 'mean', true))).toBeLessThan(1e-5);
}

describe.each(['plain', 'fused'] as const)('an export of BERT, %s', (style) => {
  it('gives the features of its safetensors at every layer, however it is pooled', async () => {
    const found = await open(exportedModelFiles(style));
    expect(found.info).toMatchObject({ architecture: 'bert', layers: 2, hiddenSize: 32 });
    expect(found.info.description).toContain('read from an exported ONNX');
    await expectSameFeatures(found, await open(tinyModelFiles()));
  });

  it('has the weights of its safetensors, bit for bit, under the same names', async () => {
    const found = checkpointOf((await open(exportedModelFiles(style))).weights).tensors;
    const wanted = checkpointOf((await open(tinyModelFiles())).weights).tensors;
    expect([...found.keys()].sort()).toEqual(
      [...wanted.keys()].map((name) => `bert.${name}`).sort(),
    );
    for (const [name, tensor] of wanted) {
      const other = found.get(`bert.${name}`);
      expect(other?.shape).toEqual(tensor.shape);
      if (other) expect(float32Values(other, name)).toEqual(float32Values(tensor, name));
    }
  });

  it('of an architecture that Headlight does not build runs as its own graph, with the same features', async () => {
    const found = await open(asUnknownArchitecture(exportedModelFiles(style)));
    expect(found.info).toMatchObject({ architecture: 'exported', layers: 2, hiddenSize: 32 });
    expect(found.info.description).toMatch(/cannot be fine-tuned.*funnel/);
    await expectSameFeatures(found, await open(tinyModelFiles()));
  });
});

describe('which file is read', () => {
  it.each(['model.onnx', 'onnx/model.onnx', 'onnx/model_fp32.onnx'])(
    '%s alone is enough, and is found again in storage',
    async (name) => {
      const storage = memoryStorage();
      const files = exportedModelFiles('plain', name);
      const { info } = await finish(addFolder(storage, 'export', files, 'fp32'));
      const nothing = { read: () => Promise.reject(new Error('nothing ships')) };
      const network = { fetch: () => Promise.reject(new Error('no network')), requests: () => [] };
      const again = await finish(
        loadEncoder({ storage, network, locks: queueLocks(), assets: nothing }, info.reference),
      );
      expect(again.info).toEqual(info);
    },
  );

  it('safetensors win where both are there', async () => {
    const onnx = exportedModelFiles('plain', 'onnx/model.onnx', { seed: 2 });
    const both = [...tinyModelFiles(), ...onnx.filter(({ name }) => name.endsWith('.onnx'))];
    const found = await open(both);
    expect(found.info.description).not.toContain('ONNX');
    expect(found.weightsHash).toBe((await open(tinyModelFiles())).weightsHash);
  });
});

describe('what cannot be used is said', () => {
  const withOnnx = (bytes: Uint8Array): ModelFile[] =>
    exportedModelFiles('plain').map((file) =>
      file.name === 'model.onnx' ? { name: file.name, bytes } : file,
    );

  it('a graph without layers gives its last hidden state', async () => {
    const { info, ...encoder } = await open(asUnknownArchitecture(withOnnx(shallowOnnx())));
    expect(info).toMatchObject({ layers: 0, hiddenSize: 32, architecture: 'exported' });
    expect(info.description).toContain('Only its last hidden state can be used');
    const found = await features({ info, ...encoder }, 0, 'mean');
    expect(found).toHaveLength(TEXTS.length * 32);
    expect(() => encoder.model.graph({ layer: 1, pooling: 'mean', normalize: false })).toThrow(
      /no layer 1/,
    );
  });

  it('a file that is not ONNX, by its name', async () => {
    await expect(open(withOnnx(new Uint8Array([1, 2, 3])))).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/^model\.onnx: /) as string,
    });
  });

  it('a graph that is not what config.json says runs as it is, and says why', async () => {
    const files = exportedModelFiles('plain').map((file) => {
      if (file.name !== 'config.json') return file;
      const text = new TextDecoder()
        .decode(file.bytes)
        .replace('"num_attention_heads":4', '"num_attention_heads":8');
      return { name: file.name, bytes: new TextEncoder().encode(text) };
    });
    const { info } = await open(files);
    expect(info.architecture).toBe('exported');
    expect(info.description).toMatch(/MatMul.*config\.json says 8 heads/);
  });

  it('8 bits, of a graph that is run as it is', async () => {
    const files = asUnknownArchitecture(exportedModelFiles('plain'));
    await expect(finish(addFolder(null, 'export', files, 'q8'))).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining('model.onnx') as string,
    });
  });
});

interface Golden {
  readonly inputs: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly expected: Readonly<
    Record<string, { logits: { values: number[] }; hidden: { values: number[] }[] }>
  >;
  readonly files: Readonly<
    Record<string, { of: string | null; tolerance: number; onnxruntime: { values: number[] } }>
  >;
}

const reference = (name: string): string =>
  fileURLToPath(new URL(`../../../reference/graph/golden/${name}`, import.meta.url));
const golden = JSON.parse(readFileSync(reference('import.json'), 'utf8')) as Golden;

/** Of PyTorch's exporters, ONNX Runtime's optimiser and its quantisers; see test/reference/graph. */
describe.each(Object.entries(golden.files))('the real export %s', (name, expected) => {
  const file = readFileSync(reference(`import-${name}.onnx`));
  const config = (changes: Record<string, unknown> = {}): Uint8Array => {
    const sizes = name.startsWith('distilbert')
      ? { model_type: 'distilbert', dim: 32, n_layers: 2, n_heads: 4, hidden_dim: 64 }
      : {
          model_type: 'bert',
          hidden_size: 32,
          num_hidden_layers: 2,
          num_attention_heads: 4,
          intermediate_size: 64,
        };
    const all = { ...sizes, vocab_size: 40, max_position_embeddings: 16, ...changes };
    return new TextEncoder().encode(JSON.stringify(all));
  };
  const feeds = (...names: string[]): Feeds =>
    Object.fromEntries(
      names.map((one) => {
        const rows = golden.inputs[one] ?? [];
        const data = BigInt64Array.from(rows.flat(), BigInt);
        return [one, { type: 'int64', dims: [rows.length, rows[0]?.length ?? 0], data }];
      }),
    );
  // A file is taken in the precision that it has, not in one that it would have to grow into.
  const kept: Precision = /int8|nbits-8/.test(name)
    ? 'q8'
    : name.includes('nbits-4')
      ? 'q4'
      : name.includes('fp16')
        ? 'fp16'
        : 'fp32';
  const run = async (graph: Uint8Array, given: Feeds, output: string): Promise<Float32Array> => {
    const session = await openSession(runtime, graph, { device: 'cpu' });
    const found = (await session.run(given))[output]?.data;
    await session.release();
    return found as Float32Array;
  };

  it('is its checkpoint again, whose classifier gives the logits of the model that was exported', async () => {
    const { checkpoint } = openExport({ config: config(), weights: onnxWeights(file) }, kept);
    if (checkpoint === null) throw new Error('no checkpoint');
    const graph = classifierModelGraph(
      { config: config(), weights: { kind: 'checkpoint', checkpoint } },
      { task: 'text', head: 'stock', classes: 3 },
    );
    const types = name.startsWith('distilbert') ? [] : ['token_type_ids'];
    const found = await run(graph, feeds('input_ids', 'attention_mask', ...types), 'logits');
    const wanted = golden.expected[expected.of ?? '']?.logits ?? expected.onnxruntime;
    expect(distance(found, Float32Array.from(wanted.values))).toBeLessThan(expected.tolerance);
  });

  it('as an architecture of its own gives the hidden states of its layers', async () => {
    const { model } = openExport(
      { config: config({ model_type: 'other' }), weights: onnxWeights(file) },
      kept,
    );
    expect(model).toMatchObject({ architecture: 'exported', layers: 2, hiddenSize: 32 });
    const hidden = golden.expected[expected.of ?? '']?.hidden;
    for (let layer = 0; layer <= 2; layer++) {
      const graph = model.graph({ layer, pooling: 'cls', normalize: false });
      const found = await run(graph, feeds('input_ids', 'attention_mask'), 'embedding');
      expect(found.every(Number.isFinite)).toBe(true);
      // The second text, all of whose tokens are of type 0; 7 tokens of 32.
      const wanted = hidden?.[layer]?.values.slice(7 * 32, 8 * 32);
      // Where nothing is expected of the dequantised weights: activations are rounded in the file itself.
      const bound = /int8|fp16|nbits/.test(name) ? 0.3 : 1e-4;
      if (wanted !== undefined)
        expect(distance(found.subarray(32), Float32Array.from(wanted))).toBeLessThan(bound);
    }
  });
});

const shared = fileURLToPath(new URL('../../../../../shared/models/', import.meta.url));
const besideThisClone = (): void => {
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const folder = (config: unknown, onnx: string): ModelFile[] => [
    ...exportedModelFiles('plain').filter(({ name }) => /^tokenizer/.test(name)),
    { name: 'config.json', bytes: json(config) },
    { name: 'onnx/model.onnx', bytes: readFileSync(`${shared}${onnx}`) },
  ];

  it('DistilBERT, as Optimum exports it, is a DistilBERT', async () => {
    const sizes = { dim: 2, n_layers: 2, n_heads: 2, hidden_dim: 2 };
    const config = { model_type: 'distilbert', vocab_size: 30522, max_position_embeddings: 512 };
    const encoder = await open(
      folder({ ...config, ...sizes }, 'exported-distilbert-tiny-random/model.onnx'),
    );
    expect(encoder.info).toMatchObject({ architecture: 'distilbert', layers: 2, hiddenSize: 2 });
    const own = await open(
      folder({ model_type: 'other' }, 'exported-distilbert-tiny-random/model.onnx'),
    );
    await expectSameFeatures(own, encoder);
  });

  it('GPT-2 with fused operators and an empty past embeds all of its layers', async () => {
    const encoder = await open(
      folder({ model_type: 'gpt2', n_positions: 512 }, 'exported-gpt2-tiny-random-fused/past.onnx'),
    );
    expect(encoder.info).toMatchObject({ architecture: 'exported', layers: 5, hiddenSize: 32 });
    const layers = await Promise.all([0, 1, 5].map((layer) => features(encoder, layer, 'mean')));
    expect(
      distance(layers[0] ?? new Float32Array(), layers[2] ?? new Float32Array()),
    ).toBeGreaterThan(0.01);
  });
};
if (existsSync(shared)) describe('the exports beside this clone', besideThisClone);
