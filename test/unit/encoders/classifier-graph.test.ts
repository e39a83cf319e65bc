/**
 * A fine-tuned checkpoint as an ONNX file gives the logits of transformers, in half precision and in 8 bits
 * nearly so; and a frozen DistilBERT gives every hidden state.
 */
import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { HeadlightError } from '../../../src/base';
import { readModel } from '../../../src/graph/onnx';
import {
  classifierModelGraph,
  openEncoderModel,
  type ClassifierGraphOptions,
  safetensorsWeights,
  type EncoderFiles,
} from '../../../src/models/encoders';
import { largestDifference, runEncoder } from './run';

const folder = new URL('../../reference/finetune/', import.meta.url);
type Rows = number[][];
interface Golden {
  text: Rows;
  token: Rows[];
  mean: Rows;
}
const golden = JSON.parse(readFileSync(new URL('trainable.json', folder), 'utf8')) as {
  ids: Rows;
  mask: Rows;
  types: Rows;
  classes: number;
  bert: Golden;
  distilbert: Golden & { means: Rows[] };
};
const { ids, mask, types, classes } = golden;
const filesOf = (architecture: string): EncoderFiles => ({
  config: readFileSync(new URL(`${architecture}.config.json`, folder)),
  weights: safetensorsWeights(readFileSync(new URL(`${architecture}.safetensors`, folder))),
});

async function logits(graph: Uint8Array): Promise<Rows> {
  const session = await InferenceSession.create(graph, { logSeverityLevel: 3 });
  const all: Record<string, Rows> = { input_ids: ids, attention_mask: mask, token_type_ids: types };
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => {
      const rows = all[name] ?? [];
      const values = BigInt64Array.from(rows.flat(), BigInt);
      return [name, new Tensor('int64', values, [rows.length, rows[0]?.length ?? 0])];
    }),
  );
  const output = (await session.run(feeds))['logits'];
  await session.release();
  expect(output?.type).toBe('float32');
  const data = output?.data as Float32Array;
  const size = data.length / ids.length;
  return ids.map((_, row) => Array.from(data.subarray(row * size, (row + 1) * size)));
}

describe.each(['bert', 'distilbert'] as const)('%s', (architecture) => {
  const expected = golden[architecture];
  const build = (options: Partial<ClassifierGraphOptions>): Uint8Array =>
    classifierModelGraph(filesOf(architecture), {
      task: 'text',
      head: 'stock',
      classes,
      ...options,
    });
  const CASES = [
    ['stock', { task: 'text', head: 'stock' }, expected.text],
    ['mean', { task: 'text', head: 'mean' }, expected.mean],
    ['token', { task: 'token', head: 'stock' }, expected.token.map((row) => row.flat())],
  ] as const;

  // Weights of 0.3 make the largest logits about 3; half precision keeps 3 digits of them.
  it.each(CASES)('%s logits, in 32, 16 and 8 bits', async (_, options, wanted) => {
    const apart = async (variant: 'fp32' | 'fp16' | 'quantized'): Promise<number> =>
      largestDifference(await logits(build({ ...options, variant })), [...wanted]);
    expect(await apart('fp32')).toBeLessThan(1e-5);
    const half = await apart('fp16');
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(0.02);
    const integers = await apart('quantized');
    expect(integers).toBeGreaterThan(0);
    expect(integers).toBeLessThan(0.3);
  });

  it('takes what transformers.js feeds: token types where the architecture has them', () => {
    const { graph } = readModel(build({}));
    const inputs = graph.inputs.map(({ name }) => name);
    expect(inputs).toEqual([
      'input_ids',
      'attention_mask',
      ...(architecture === 'bert' ? ['token_type_ids'] : []),
    ]);
  });

  it('keeps every matrix of the encoder in 16 or 8 bits', () => {
    const large = (variant: 'fp16' | 'quantized'): string[] =>
      readModel(build({ variant }))
        .graph.initializers.filter(
          ({ name, dims }) => dims.length === 2 && /layer|word_emb/.test(name) && dims[1] !== 1,
        )
        .map(({ elementType }) => elementType);
    expect(new Set(large('fp16'))).toEqual(new Set(['float16']));
    expect([...new Set(large('quantized'))].sort()).toEqual(['int8', 'uint8']);
    expect(large('fp16')).toHaveLength(2 * 4 + 1);
  });

  it('refuses a head of another size', () => {
    expect(() => build({ classes: 7 })).toThrow(HeadlightError);
    expect(() => build({ classes: 7 })).toThrow(/classifier\.weight/);
  });
});

it.each([0, 1, 2])('a frozen DistilBERT gives layer %i as transformers does', async (layer) => {
  for (const precision of ['fp32', 'q8'] as const) {
    const model = openEncoderModel(filesOf('distilbert'), precision);
    expect(model.architecture).toBe('distilbert');
    const graph = model.graph({ layer, pooling: 'mean', normalize: false });
    const found = (await runEncoder(graph, ids, mask))['embedding'] ?? [];
    const apart = largestDifference(found, golden.distilbert.means[layer] ?? []);
    expect(apart).toBeLessThan(precision === 'fp32' ? 1e-5 : 0.1);
  }
});
