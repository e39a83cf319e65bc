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
} from '../../src/models/encoders';
import { addBody } from '../../src/models/encoders/frozen';
import { Weights } from '../../src/models/encoders/weights';
import type { Device, Feeds, OnnxRuntime, RuntimeSession, TensorData } from '../../src/platform';

/** Texts, and each `stride`-th value of their states [texts, tokens, hidden], by layer. */
interface Sampled {
  readonly stride: number;
  readonly input_ids: number[][];
  readonly mask: number[][];
  readonly states: readonly (readonly number[])[];
  /** Absent: all are of type 0; null: the architecture has none. */
  readonly token_types?: number[][] | null;
}

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
  /** A long text, and a short one padded on the right and on the left; without token types. */
  readonly padded: Sampled;
  /** The short one, with token types (null: the architecture has none) and its logits. */
  readonly alone: Sampled & { readonly logits: readonly number[] };
}

export interface RealDifferences {
  /** Over every sampled state of a token that is no padding. */
  readonly states: number;
  /** Sampled states that were compared. */
  readonly compared: number;
  readonly logits: number;
}

/**
 * The largest differences from transformers' numbers.
 * @param texts `alone`: the padded batch is left out, which takes twenty times as long.
 */
export async function realDifferences(
  golden: RealGolden,
  runtime: OnnxRuntime,
  device: Device,
  texts: 'all' | 'alone' = 'all',
): Promise<RealDifferences> {
  const checkpoint = realCheckpoint(golden);
  const config = new TextEncoder().encode(JSON.stringify(golden.config));
  const { alone, padded } = golden;
  const session = await runtime.createSession(statesGraph(config, checkpoint), { device });
  let states = 0;
  let compared = 0;
  try {
    for (const sampled of texts === 'all' ? [padded, alone] : [alone]) {
      const outputs = await session.run(feedsOf(session, sampled));
      const pairs = sampled.states.flatMap((expected, layer) =>
        sampledPairs(outputs[`layer_${layer}`], expected, sampled),
      );
      compared += pairs.length;
      states = Math.max(states, ...pairs.map(([a, b]) => difference(a, b)));
    }
  } finally {
    await session.release();
  }
  const classifier = await runtime.createSession(
    classifierModelGraph(
      { config, weights: { kind: 'checkpoint', checkpoint } },
      { task: 'text', head: 'stock', classes: golden.classes },
    ),
    { device },
  );
  try {
    const { logits } = await classifier.run(feedsOf(classifier, alone));
    const apart = alone.logits.map((value, i) => difference(Number(logits?.data[i] ?? NaN), value));
    return { states, compared, logits: Math.max(...apart) };
  } finally {
    await classifier.release();
  }
}

/** What is found and what is expected, at the sampled places of tokens that are no padding. */
function sampledPairs(
  found: TensorData | undefined,
  expected: readonly number[],
  { stride, mask }: Sampled,
): (readonly [number, number])[] {
  const [, tokens = 0, hidden = 1] = found?.dims ?? [];
  return expected.flatMap((value, i) => {
    const at = i * stride;
    const token = Math.floor(at / hidden);
    const isReal = mask[Math.floor(token / tokens)]?.[token % tokens] === 1;
    return isReal || found === undefined ? [[Number(found?.data[at] ?? NaN), value] as const] : [];
  });
}

function feedsOf(
  session: RuntimeSession,
  { input_ids: ids, mask, token_types: types = null }: Sampled,
): Feeds {
  const all: Feeds = {
    input_ids: int64(ids),
    attention_mask: int64(mask),
    token_type_ids: int64(types ?? ids.map((row) => row.map(() => 0))),
  };
  return Object.fromEntries(session.inputNames.map((name) => [name, all[name] ?? int64([])]));
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
  const inputs = addTokenInputs(builder);
  const types = config.layout.tokenTypes
    ? builder.input('token_type_ids', 'int64', ['batch', 'tokens'])
    : null;
  const states = addBody(builder, { ...inputs, types }, config, weights, config.layers);
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
