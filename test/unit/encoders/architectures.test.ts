/**
 * Every architecture, small and seeded, against transformers and PEFT: each hidden state with padding on either
 * side and without, logits of texts and of tokens, and the losses of ten full and ten LoRA training steps.
 */
import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder, writeModel } from '../../../src/graph/onnx';
import {
  addTokenInputs,
  classifierModelGraph,
  defaultLoraTargets,
  openEncoderModel,
  openTrainableModel,
  parseEncoderConfig,
  TRANSFORMERS,
  type EncoderFiles,
  type TrainableModel,
  type TrainMethod,
  safetensorsWeights,
  checkpointOf,
  tensorWeights,
} from '../../../src/models/encoders';
import { logBucket } from '../../../src/models/encoders/architectures/deberta';
import { distanceBucket } from '../../../src/models/encoders/architectures/mpnet';
import { addBody } from '../../../src/models/encoders/frozen';
import { Weights } from '../../../src/models/encoders/weights';
import type { OnnxRuntime } from '../../../src/platform';
import { goldenMethod, goldenTraining, type GoldenSteps } from '../../helpers/golden-training';
import { nodeRuntime } from '../learning/finetune/runtime';
import { cosine, largestDifference, runEncoder } from './run';
import { runTrainable } from './run-trainable';

type Rows = number[][];
interface Padded {
  input_ids: Rows;
  mask: Rows;
  /** By layer, text, token. */
  states: Rows[][];
  logits: Rows;
}
interface Golden extends GoldenSteps {
  right: Padded;
  left: Padded;
  text: Rows;
  token: Rows[];
  alone: Rows;
  names: string[];
}

/** BERT and DistilBERT have tests of their own. */
const NAMES = TRANSFORMERS.filter((name) => name !== 'bert' && name !== 'distilbert');
const folder = new URL('../../reference/architectures/', import.meta.url);
const goldenOf = (name: string): Golden =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Golden;
const filesOf = (name: string): EncoderFiles => ({
  config: new Uint8Array(readFileSync(new URL(`${name}.config.json`, folder))),
  weights: safetensorsWeights(readFileSync(new URL(`${name}.safetensors`, folder))),
});

const int64 = (rows: Rows): Tensor =>
  new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0]);

/** Every hidden state of every token: by layer, text and token. */
async function hiddenStates(files: EncoderFiles, ids: Rows, mask: Rows): Promise<Rows[][]> {
  const config = parseEncoderConfig(files.config);
  if (config.modelType === 'headlight-static') throw new Error('no transformer');
  const { prefix, words } = config.layout;
  const weights = new Weights(checkpointOf(files.weights), 'fp32', ['', prefix], words);
  const builder = new GraphBuilder({ name: 'states' });
  const states = addBody(builder, addTokenInputs(builder), config, weights, config.layers);
  states.forEach((state, layer) => builder.output(state, `layer_${layer}`));
  const session = await InferenceSession.create(writeModel(builder.build()), {
    logSeverityLevel: 3,
  });
  const outputs = await session.run({ input_ids: int64(ids), attention_mask: int64(mask) });
  await session.release();
  return states.map((_, layer) => {
    const { data, dims } = outputs[`layer_${layer}`]!;
    const [, tokens = 0, size = 0] = dims;
    const at = (text: number, token: number): number => (text * tokens + token) * size;
    return ids.map((row, text) =>
      row.map((_id, token) =>
        Array.from((data as Float32Array).subarray(at(text, token), at(text, token) + size)),
      ),
    );
  });
}

/** The largest difference of any hidden state of a token that is no padding. */
function furthest(found: Rows[][], expected: Rows[][], mask: Rows): number {
  if (found.length !== expected.length) return Infinity;
  const real = (states: Rows[][]): Rows =>
    states.flatMap((texts) =>
      texts.flatMap((tokens, text) => tokens.filter((_, token) => mask[text]?.[token] === 1)),
    );
  return largestDifference(real(found), real(expected));
}

async function logitsOf(graph: Uint8Array, ids: Rows, mask: Rows, types: Rows): Promise<Rows> {
  const session = await InferenceSession.create(graph, { logSeverityLevel: 3 });
  const all: Record<string, Rows> = { input_ids: ids, attention_mask: mask, token_type_ids: types };
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, int64(all[name]!)]));
  const { data } = (await session.run(feeds))['logits']!;
  await session.release();
  const size = data.length / ids.length;
  return ids.map((_, row) =>
    Array.from((data as Float32Array).subarray(row * size, (row + 1) * size)),
  );
}

let runtime: OnnxRuntime;
beforeAll(async () => {
  runtime = await nodeRuntime();
});

describe.each(NAMES)('%s', (name) => {
  const golden = goldenOf(name);
  const files = filesOf(name);
  const { classes, token_types: types } = golden;
  const open = (method: TrainMethod, task: 'text' | 'token' = 'text'): TrainableModel =>
    openTrainableModel(files, { task, head: 'stock', classes, method, dropout: 0, seed: 1 });
  const method = (which: 'full' | 'lora'): TrainMethod => goldenMethod(golden, which);

  it.each(['right', 'left'] as const)(
    'every hidden state and the logits, padded on the %s',
    async (side) => {
      const { input_ids: ids, mask, states, logits } = golden[side];
      expect(furthest(await hiddenStates(files, ids, mask), states, mask)).toBeLessThan(1e-4);
      const graph = classifierModelGraph(files, { task: 'text', head: 'stock', classes });
      const none = ids.map((row) => row.map(() => 0));
      expect(largestDifference(await logitsOf(graph, ids, mask, none), logits)).toBeLessThan(1e-4);
    },
  );

  it('a text alone, in 32 bits and nearly so in 16 and 8', async () => {
    const graph = (variant: 'fp32' | 'fp16' | 'quantized'): Uint8Array =>
      classifierModelGraph(files, { task: 'text', head: 'stock', classes, variant });
    const apart = async (variant: 'fp32' | 'fp16' | 'quantized'): Promise<number> => {
      const found: Rows = [];
      for (const ids of golden.ids) {
        const [ones, zeros] = [1, 0].map((value) => [ids.map(() => value)]) as [Rows, Rows];
        found.push((await logitsOf(graph(variant), [ids], ones, zeros))[0]!);
      }
      return largestDifference(found, golden.alone);
    };
    expect(await apart('fp32')).toBeLessThan(1e-4);
    expect(await apart('fp16')).toBeLessThan(0.05);
    expect(await apart('quantized')).toBeLessThan(0.5);
  });

  it('keeps close in 8 bits, and gives every pooling', async () => {
    const { input_ids: ids, mask, states } = golden.left;
    const real = states.at(-1)!.map((tokens, text) => tokens.filter((_, i) => mask[text]![i]));
    const expected = {
      last: real.map((tokens) => tokens.at(-1)!),
      mean: real.map((tokens) =>
        tokens[0]!.map((_, i) => tokens.reduce((sum, row) => sum + row[i]!, 0) / tokens.length),
      ),
    };
    for (const pooling of ['last', 'mean'] as const) {
      const output = { layer: states.length - 1, pooling, normalize: false };
      const exact = await runEncoder(openEncoderModel(files, 'fp32').graph(output), ids, mask);
      expect(largestDifference(exact['embedding']!, expected[pooling])).toBeLessThan(1e-4);
      const bytes = await runEncoder(openEncoderModel(files, 'q8').graph(output), ids, mask);
      bytes['embedding']!.forEach((row, i) =>
        expect(cosine(row, expected[pooling][i]!)).toBeGreaterThan(0.99),
      );
    }
  });

  it('gives the logits of texts and tokens to train on, and to take away', async () => {
    const { input_ids: ids, mask } = golden.right;
    for (const task of ['text', 'token'] as const) {
      const real = (rows: Rows): Rows =>
        rows.map((row, i) =>
          task === 'text' ? row : row.slice(0, golden.ids[i]!.length * classes),
        );
      const expected = task === 'text' ? golden.text : golden.token.map((rows) => rows.flat());
      const graph = classifierModelGraph(files, { task, head: 'stock', classes });
      const frozen = await logitsOf(graph, ids, mask, types);
      expect(largestDifference(real(frozen), real(expected))).toBeLessThan(1e-4);
      for (const table of ['host', 'graph'] as const) {
        const found = await runTrainable(
          open({ name: 'full' }, task),
          { ids, mask, types },
          { table },
        );
        expect(largestDifference(real(found), real(expected))).toBeLessThan(1e-4);
      }
    }
  });

  it.each(['full', 'lora'] as const)('ten steps of training, %s', async (which) => {
    const model = open(method(which));
    const { losses, trained } = await goldenTraining(runtime, 'cpu', model, golden, which);
    expect(largestDifference([losses], [golden[which]])).toBeLessThan(1e-3);
    // Adapters merged, the checkpoint computes what was trained.
    const checkpoint = model.checkpoint(trained);
    expect([...checkpoint.keys()].sort()).toEqual(golden.names);
    const { input_ids: ids, mask } = golden.right;
    const found = await runTrainable(model, { ids, mask, types }, { trained });
    const weights = tensorWeights(checkpoint);
    const graph = classifierModelGraph(
      { ...files, weights },
      { task: 'text', head: 'stock', classes },
    );
    expect(largestDifference(await logitsOf(graph, ids, mask, types), found)).toBeLessThan(1e-4);
  });

  it('adapts what PEFT adapts, and knows its own names', () => {
    expect(defaultLoraTargets(name)).toEqual(golden.targets);
    expect([...open({ name: 'full' }).parameters.keys()].sort()).toEqual(golden.names);
  });
});

it('an architecture that is not there is refused, naming those that are', () => {
  const config = new TextEncoder().encode('{"model_type": "t5"}');
  expect(() => parseEncoderConfig(config)).toThrow(/"t5" are not supported/);
  try {
    parseEncoderConfig(config);
  } catch (error) {
    for (const name of TRANSFORMERS)
      expect(String((error as { hint: unknown }).hint)).toContain(name);
  }
});

it('distances fall into the buckets of transformers at real sizes too', () => {
  const golden = JSON.parse(readFileSync(new URL('buckets.json', folder), 'utf8')) as {
    readonly mpnet: number[];
    readonly deberta: number[];
  };
  const distances = Array.from({ length: 1023 }, (_, i) => i - 511);
  expect(distances.map((distance) => distanceBucket(distance, 32))).toEqual(golden.mpnet);
  expect(distances.map((distance) => logBucket(distance, 256, 512))).toEqual(golden.deberta);
});
