/**
 * What a session is made of at once: the same embeddings as the graph that holds its weights, from bytes of a few
 * kilobytes, with weights that are the checkpoint's own bytes and not a copy of them.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeModel, writeModelWithExternal, type Model } from '../../../src/graph/onnx';
import { openSession } from '../../../src/graph/runtime';
import {
  classifierModel,
  openEncoderModel,
  safetensorsWeights,
  TRANSFORMERS,
} from '../../../src/models/encoders';
import type { OnnxRuntime } from '../../../src/platform';
import { nodeRuntime } from '../learning/finetune/runtime';
import { largestDifference } from './run';

const NAMES = TRANSFORMERS.filter((name) => name !== 'bert' && name !== 'distilbert');
const folder = new URL('../../reference/architectures/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));

interface Golden {
  readonly classes: number;
  readonly right: { readonly input_ids: number[][]; readonly mask: number[][] };
  readonly token_types: number[][];
  readonly text: number[][];
}

let runtime: OnnxRuntime;
beforeAll(async () => {
  runtime = await nodeRuntime();
});

async function run(model: Model | Uint8Array, golden: Golden, output: string): Promise<number[]> {
  const session = await openSession(runtime, model, { device: 'cpu', threads: 1 });
  const feed = (rows: number[][]) =>
    ({
      type: 'int64',
      dims: [rows.length, rows[0]!.length],
      data: BigInt64Array.from(rows.flat(), BigInt),
    }) as const;
  const feeds = {
    input_ids: feed(golden.right.input_ids),
    attention_mask: feed(golden.right.mask),
    token_type_ids: feed(golden.token_types),
  };
  const used = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name));
  const outputs = await session.run(Object.fromEntries(used));
  await session.release();
  return Array.from(outputs[output]!.data, Number);
}

describe.each(NAMES)('%s', (name) => {
  const golden = JSON.parse(new TextDecoder().decode(read(`${name}.json`))) as Golden;
  const file = read(`${name}.safetensors`);
  const files = { config: read(`${name}.config.json`), weights: safetensorsWeights(file) };

  it.each(['fp32', 'q8', 'fp16'] as const)('the same embeddings in %s', async (precision) => {
    const encoder = openEncoderModel(files, precision);
    const output = { layer: encoder.layers, pooling: 'mean', normalize: false } as const;
    const kept = await run(encoder.graph(output), golden, 'embedding');
    for (const device of ['cpu', 'webgpu'] as const) {
      const found = await run(encoder.graphToRun(output, device), golden, 'embedding');
      expect(largestDifference([found], [kept])).toBeLessThan(1e-6);
    }
  });

  it('weights are views of the file, on a processor all that are large', () => {
    const encoder = openEncoderModel(files, 'fp32');
    const output = { layer: encoder.layers, pooling: 'mean', normalize: false } as const;
    const { initializers } = encoder.graphToRun(output, 'cpu').graph;
    const large = initializers.filter(({ name: tensor, data }) => {
      return data.length >= 1024 && !tensor.startsWith('constant');
    });
    expect(large.length).toBeGreaterThan(5);
    expect(large.filter(({ data }) => data.buffer !== file.buffer).map((one) => one.name)).toEqual(
      [],
    );
  });

  it('the classifier has the logits of transformers', async () => {
    const options = { task: 'text', head: 'stock', classes: golden.classes } as const;
    const found = await run(classifierModel(files, options, 'cpu'), golden, 'logits');
    expect(largestDifference([found], [golden.text.flat()])).toBeLessThan(1e-4);
  });
});

it('the bytes of a graph whose weights stand outside are few, and those inside are all there', async () => {
  const files = {
    config: read('gpt_neo.config.json'),
    weights: safetensorsWeights(read('gpt_neo.safetensors')),
  };
  const encoder = openEncoderModel(files, 'fp32');
  const output = { layer: encoder.layers, pooling: 'last', normalize: true } as const;
  const model = encoder.graphToRun(output, 'wasm');
  const { bytes, external } = writeModelWithExternal(model);
  const outside = [...external.values()].reduce((sum, { length }) => sum + length, 0);
  expect(bytes.length + outside).toBeLessThan(writeModel(model).length + 200 * external.size);
  expect(outside).toBeGreaterThan(10_000);
  // Without them the runtime has nothing to take.
  await expect(openSession(runtime, bytes, { device: 'cpu' })).rejects.toMatchObject({
    code: 'bad-model',
  });
});
