/** ONNX Runtime's fused operators, imported: the same numbers as its own kernels, form by form. */
import { describe, expect, it } from 'vitest';
import {
  importModel,
  inferTypes,
  makeTensor,
  MICROSOFT,
  writeModel,
  type Attribute,
  type Model,
  type Tensor,
} from '../../../src/graph/onnx';
import { openSession } from '../../../src/graph/runtime';
import type { TensorData } from '../../../src/platform';
import { createNodeRuntime } from '../../../src/platform/node/runtime';

const runtime = createNodeRuntime();
const x: TensorData = {
  type: 'float32',
  dims: [2, 3, 8],
  data: Float32Array.from({ length: 48 }, (_, i) => Math.sin(3 * i)),
};

function floats(name: string, ...dims: number[]): Tensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const seed = name.length + dims.length;
  return makeTensor(
    name,
    'float32',
    dims,
    Float32Array.from({ length: count }, (_, i) => Math.cos(seed + 5 * i)),
  );
}
const int32 = (name: string, dims: number[], ...values: number[]): Tensor =>
  makeTensor(name, 'int32', dims, Int32Array.from(values));
const int = (value: number): Attribute => ({ type: 'int', value: BigInt(value) });

interface Case {
  readonly opType: string;
  /** Inputs by name: `x`, '' for left out, tensors. */
  readonly inputs: readonly (Tensor | 'x' | '')[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly outputs?: readonly string[];
}

const heads = { num_heads: int(2) };
const weights = floats('weights', 8, 24);
const bias = floats('bias', 24);
const attention = (mask: Tensor | '', attributes = {}, ...more: (Tensor | '')[]): Case => ({
  opType: 'Attention',
  inputs: ['x', weights, bias, mask, ...more],
  attributes: { ...heads, ...attributes },
});
const key = floats('key', 2, 5, 8);

const CASES: Readonly<Record<string, Case>> = {
  'Attention without a mask': attention(''),
  'Attention with lengths': attention(int32('mask', [2], 3, 2)),
  'Attention with ends and starts': attention(int32('mask', [4], 3, 2, 1, 0)),
  'Attention with a mask a token': attention(int32('mask', [2, 3], 1, 1, 0, 1, 1, 1)),
  'Attention with a mask a pair of tokens': attention(
    int32('mask', [2, 3, 3], 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1),
  ),
  'causal Attention': attention('', { unidirectional: int(1) }),
  'causal Attention with a mask': attention(int32('mask', [2, 3], 1, 1, 0, 1, 1, 1), {
    unidirectional: int(1),
  }),
  'Attention with a past': {
    ...attention('', {}, floats('past', 2, 2, 2, 4, 4)),
    outputs: ['y', 'present'],
  },
  'Attention with a bias on its scores': attention('', {}, '', floats('scores', 1, 2, 3, 3)),
  'Attention with a scale': attention('', { scale: { type: 'float', value: 0.3 } }),
  MultiHeadAttention: {
    opType: 'MultiHeadAttention',
    inputs: ['x', key, floats('value', 2, 5, 8), bias],
    attributes: heads,
  },
  'MultiHeadAttention with a mask': {
    opType: 'MultiHeadAttention',
    inputs: [
      'x',
      key,
      floats('value', 2, 5, 8),
      '',
      int32('mask', [2, 5], 1, 1, 1, 0, 0, 1, 1, 1, 1, 0),
    ],
    attributes: heads,
  },
  'SkipLayerNormalization, its sum used': {
    opType: 'SkipLayerNormalization',
    inputs: [
      'x',
      floats('skip', 2, 3, 8),
      floats('gamma', 8),
      floats('beta', 8),
      floats('more', 8),
    ],
    attributes: { epsilon: { type: 'float', value: 1e-5 } },
    outputs: ['y', '', '', 'sum'],
  },
  SkipSimplifiedLayerNormalization: {
    opType: 'SkipSimplifiedLayerNormalization',
    inputs: ['x', floats('skip', 2, 3, 8), floats('gamma', 8)],
    attributes: { epsilon: { type: 'float', value: 1e-5 } },
  },
  BiasGelu: { opType: 'BiasGelu', inputs: ['x', floats('bias', 8)] },
  'FastGelu with a bias': { opType: 'FastGelu', inputs: ['x', floats('bias', 8)] },
  QuickGelu: { opType: 'QuickGelu', inputs: ['x'] },
  FusedMatMul: {
    opType: 'FusedMatMul',
    inputs: ['x', floats('b', 5, 8)],
    attributes: { transB: int(1), alpha: { type: 'float', value: 0.5 } },
  },
};

function modelOf({ opType, inputs, attributes = {}, outputs = ['y'] }: Case): Model {
  const tensors = inputs.filter((input) => typeof input === 'object');
  return {
    irVersion: 8,
    opsets: [
      { domain: '', version: 14 },
      { domain: MICROSOFT, version: 1 },
    ],
    producerName: '',
    producerVersion: '',
    metadata: new Map(),
    graph: {
      name: 'fused',
      nodes: [
        {
          name: 'fused',
          opType,
          domain: MICROSOFT,
          inputs: inputs.map((input) => (typeof input === 'object' ? input.name : input)),
          outputs,
          attributes: new Map(Object.entries(attributes)),
        },
      ],
      initializers: tensors,
      inputs: [{ name: 'x', type: { elementType: 'float32', dims: ['batch', 'tokens', 8] } }],
      outputs: outputs
        .filter((name) => name !== '')
        .map((name) => ({ name, type: { elementType: 'float32', dims: null } })),
      valueInfo: [],
    },
  };
}

async function run(model: Model): Promise<Readonly<Record<string, TensorData>>> {
  const session = await openSession(runtime, writeModel(model), { device: 'cpu' });
  try {
    return await session.run({ x });
  } finally {
    await session.release();
  }
}

describe('a fused operator as plain ones', () => {
  it.each(Object.entries(CASES))('%s', async (_, given) => {
    const fused = modelOf(given);
    const { model } = importModel(fused, { batch: 2, tokens: 3 });
    inferTypes(model);
    const kept = new Set(['Gelu', 'FastGelu']);
    for (const node of model.graph.nodes)
      expect(node.domain === '' || kept.has(node.opType)).toBe(true);
    const [before, after] = [await run(fused), await run(model)];
    for (const [name, tensor] of Object.entries(before)) {
      expect(after[name]?.dims).toEqual(tensor.dims);
      tensor.data.forEach((value: number | bigint, i: number) => {
        expect(Math.abs(Number(after[name]?.data[i]) - Number(value))).toBeLessThan(1e-5);
      });
    }
  });
});
