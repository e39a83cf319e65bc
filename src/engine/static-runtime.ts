/**
 * A static encoder with its head, computed here instead of by ONNX Runtime: the mean of a few rows of a table
 * and a small matrix. A page that carries such a classifier needs no WebAssembly. It looks like a runtime, so
 * that whoever uses a classifier need not know.
 */
import { HeadlightError } from '../base';
import type { Head } from '../learning/heads';
import { COUNT_EPSILON, NORM_EPSILON, readStaticTable, type StaticTable } from '../models';
import type { Feeds, OnnxRuntime, RuntimeSession, TensorData } from '../platform';
import { graphHead, type GraphHead, type LinearLayer } from '../project';

export interface StaticShape {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Whether features are scaled to unit length. */
  readonly normalize: boolean;
}

/** Sessions are made of the encoder's own `model.onnx`; they answer with `logits` [batch, classes]. */
export function createStaticRuntime(shape: StaticShape, head: Head): OnnxRuntime {
  const layers = graphHead(head);
  return {
    version: 'none',
    devices: () => Promise.resolve([{ device: 'wasm', label: 'JavaScript', threads: 1 }]),
    async createSession(model) {
      const table = readStaticTable(model, {
        modelType: 'headlight-static',
        maxTokens: 0,
        hiddenSize: shape.hiddenSize,
        vocabSize: shape.vocabSize,
      });
      return staticSession(table, shape.normalize, layers);
    },
    toDevice: (tensor) => Promise.resolve(tensor),
  };
}

function staticSession(table: StaticTable, unit: boolean, head: GraphHead): RuntimeSession {
  const run = async (feeds: Feeds): Promise<Readonly<Record<string, TensorData>>> => {
    const { ids, mask, rows, length } = tokensOf(feeds);
    const outputs = (head.second ?? head.first).outputs;
    const logits = new Float32Array(rows * outputs);
    for (let row = 0; row < rows; row++) {
      const features = meanOf(table, ids, mask, row * length, (row + 1) * length);
      if (unit) toUnitLength(features);
      logits.set(through(head, features), row * outputs);
    }
    return { logits: { type: 'float32', dims: [rows, outputs], data: logits } };
  };
  return {
    inputNames: ['input_ids', 'attention_mask'],
    outputNames: ['logits'],
    run,
    runKeeping: run,
    release: () => Promise.resolve(),
  };
}

function tokensOf(feeds: Feeds): {
  readonly ids: BigInt64Array;
  readonly mask: BigInt64Array;
  readonly rows: number;
  readonly length: number;
} {
  const { input_ids: ids, attention_mask: mask } = feeds;
  const [rows, length] = ids?.dims ?? [];
  if (
    ids === undefined ||
    mask === undefined ||
    rows === undefined ||
    length === undefined ||
    !('data' in ids && ids.type === 'int64' && 'data' in mask && mask.type === 'int64')
  ) {
    throw new HeadlightError('internal', 'a static encoder was given no tokens');
  }
  return { ids: ids.data, mask: mask.data, rows, length };
}

/** Over the tokens that count: those with a scale. */
function meanOf(
  { values, scales, hiddenSize }: StaticTable,
  ids: BigInt64Array,
  mask: BigInt64Array,
  start: number,
  end: number,
): Float64Array {
  const sum = new Float64Array(hiddenSize);
  let counted = 0;
  for (let at = start; at < end; at++) {
    if (mask[at] === 0n) continue;
    const token = Number(ids[at] ?? 0n);
    const scale = scales[token] ?? 0;
    if (scale === 0) continue;
    counted++;
    const row = values.subarray(token * hiddenSize, (token + 1) * hiddenSize);
    row.forEach((value, i) => (sum[i] = (sum[i] ?? 0) + scale * value));
  }
  return sum.map((value) => value / Math.max(counted, COUNT_EPSILON));
}

function toUnitLength(features: Float64Array): void {
  const norm = Math.max(Math.hypot(...features), NORM_EPSILON);
  features.forEach((value, at) => (features[at] = value / norm));
}

function through({ first, second }: GraphHead, features: Float64Array): Float64Array {
  const hidden = linear(first, features);
  if (second === null) return hidden;
  return linear(
    second,
    hidden.map((value) => Math.max(0, value)),
  );
}

function linear({ outputs, weight, bias }: LinearLayer, inputs: Float64Array): Float64Array {
  return Float64Array.from({ length: outputs }, (_, output) => {
    let sum = bias[output] ?? 0;
    const start = output * inputs.length;
    inputs.forEach((value, at) => (sum += value * (weight[start + at] ?? 0)));
    return sum;
  });
}
