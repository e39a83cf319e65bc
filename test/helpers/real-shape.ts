/**
 * Models at the shape that people use, with weights that are a hash of their name and place: what
 * `test/reference/architectures/real/make.py` computed with transformers, computed again. No Node, no DOM: the
 * harness worker runs it as well.
 */
import { GraphBuilder, writeModel } from '../../src/graph/onnx';
import { tensorOf, type Checkpoint, type CheckpointTensor } from '../../src/models/checkpoints';
import {
  addTokenInputs,
  classifierModelGraph,
  parseEncoderConfig,
  type EncoderFiles,
} from '../../src/models/encoders';
import { addBody } from '../../src/models/encoders/frozen';
import { Weights } from '../../src/models/encoders/weights';
import type { Device, Feeds, OnnxRuntime, TensorData } from '../../src/platform';

export interface RealGolden {
  /** The model of which it has the shape. */
  readonly of: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Shapes by name. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  /** Of weights. */
  readonly count: number;
  readonly deviation: number;
  readonly classes: number;
  readonly stride: number;
  readonly input_ids: number[][];
  readonly mask: number[][];
  /** By layer, each `stride`-th value of [texts, tokens, hidden]. */
  readonly states: readonly (readonly number[])[];
  /** One text, its token types (null: the architecture has none) and its logits. */
  readonly alone: number[];
  readonly token_types: number[] | null;
  readonly logits: readonly number[];
}

export interface RealDifferences {
  /** Over every sampled state of a token that is no padding. */
  readonly states: number;
  /** Sampled states that were compared. */
  readonly compared: number;
  readonly logits: number;
}

/** The largest differences from transformers' numbers. */
export async function realDifferences(
  golden: RealGolden,
  runtime: OnnxRuntime,
  device: Device,
): Promise<RealDifferences> {
  const run = (model: Uint8Array, feeds: Feeds): ReturnType<typeof runOnce> =>
    runOnce(runtime, device, model, feeds);
  const checkpoint = realCheckpoint(golden);
  const files: EncoderFiles = {
    config: new TextEncoder().encode(JSON.stringify(golden.config)),
    weights: { kind: 'checkpoint', checkpoint },
  };
  const outputs = await run(statesGraph(files.config, checkpoint), {
    input_ids: int64(golden.input_ids),
    attention_mask: int64(golden.mask),
  });
  let states = 0;
  let compared = 0;
  golden.states.forEach((expected, layer) => {
    const { data, dims } = outputs[`layer_${layer}`] ?? { data: new Float32Array(), dims: [] };
    const [, tokens = 0, hidden = 1] = dims;
    expected.forEach((value, i) => {
      const at = i * golden.stride;
      const token = Math.floor(at / hidden);
      if (golden.mask[Math.floor(token / tokens)]?.[token % tokens] !== 1) return;
      compared += 1;
      states = Math.max(states, difference(Number(data[at] ?? NaN), value));
    });
  });
  const classifier = classifierModelGraph(files, {
    task: 'text',
    head: 'stock',
    classes: golden.classes,
  });
  const feeds: Record<string, TensorData> = {
    input_ids: int64([golden.alone]),
    attention_mask: int64([golden.alone.map(() => 1)]),
  };
  if (golden.token_types !== null) feeds['token_type_ids'] = int64([golden.token_types]);
  const { logits: found } = await run(classifier, feeds);
  const logits = Math.max(
    ...golden.logits.map((value, i) => difference(Number(found?.data[i] ?? NaN), value)),
  );
  return { states, compared, logits };
}

async function runOnce(
  runtime: OnnxRuntime,
  device: Device,
  model: Uint8Array,
  feeds: Feeds,
): Promise<Readonly<Record<string, TensorData>>> {
  const session = await runtime.createSession(model, { device });
  try {
    const asked = session.inputNames.flatMap((name) => {
      const feed = feeds[name];
      return feed === undefined ? [] : [[name, feed] as const];
    });
    return await session.run(Object.fromEntries(asked));
  } finally {
    await session.release();
  }
}

/** The weights, by their names in transformers. */
export function realCheckpoint({ parameters, deviation }: RealGolden): Checkpoint {
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, shape] of Object.entries(parameters))
    tensors.set(name, tensorOf(hashedWeights(name, shape, deviation), shape));
  return { tensors, metadata: new Map() };
}

function statesGraph(configFile: Uint8Array, checkpoint: Checkpoint): Uint8Array {
  const config = parseEncoderConfig(configFile);
  if (config.modelType === 'headlight-static') throw new Error('no transformer');
  const { prefix, words } = config.layout;
  const weights = new Weights(checkpoint, 'fp32', ['', prefix], words);
  const builder = new GraphBuilder({ name: 'states' });
  const states = addBody(builder, addTokenInputs(builder), config, weights, config.layers);
  states.forEach((state, layer) => builder.output(state, `layer_${layer}`));
  return writeModel(builder.build());
}

/** As `weights` of make.py: even over ±deviation √3, the scales of norms near 1. */
function hashedWeights(name: string, shape: readonly number[], deviation: number): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const seed = seedOf(name);
  const span = 2 * Math.sqrt(3) * deviation;
  const middle = shape.length === 1 && name.endsWith('weight') ? 1 : 0;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let hash = (Math.imul(i, 0x9e3779b1) + seed) | 0;
    hash ^= hash >>> 16;
    hash = Math.imul(hash, 0x85ebca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 16;
    values[i] = middle + ((hash >>> 8) / 2 ** 24 - 0.5) * span;
  }
  return values;
}

/** FNV-1a, 32 bits. */
function seedOf(name: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) value = Math.imul(value ^ byte, 0x01000193);
  return value;
}

function int64(rows: readonly (readonly number[])[]): TensorData {
  return {
    type: 'int64',
    dims: [rows.length, rows[0]?.length ?? 0],
    data: BigInt64Array.from(rows.flat(), BigInt),
  };
}

/** Infinity where either is no number. */
function difference(a: number, b: number): number {
  const apart = Math.abs(a - b);
  return Number.isNaN(apart) ? Infinity : apart;
}
