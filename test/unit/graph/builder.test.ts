/** A graph built node by node computes what it says, and knows its shapes before it runs. */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import {
  attribute,
  broadcastDims,
  GraphBuilder,
  MICROSOFT,
  readModel,
  writeModel,
  type Value,
} from '../../../src/graph/onnx';

const ints = (...values: number[]): BigInt64Array => BigInt64Array.from(values, BigInt);

describe('GraphBuilder', () => {
  it('names an output by renaming its producer, wherever the value is used', async () => {
    const builder = new GraphBuilder({ name: 'g' });
    const x = builder.input('x', 'float32', ['n']);
    const doubled = builder.add('Add', [x, x]);
    builder.output(builder.add('Mul', [doubled, builder.scalar(3)]), 'six');
    builder.output(doubled, 'two');
    const model = builder.build();
    expect(model.graph.nodes.map((node) => node.opType)).toEqual(['Add', 'Mul']);
    const session = await InferenceSession.create(writeModel(model));
    const result = await session.run({ x: new OrtTensor('float32', Float32Array.of(1, 2), [2]) });
    expect(Array.from(result['two']?.data as Float32Array)).toEqual([2, 4]);
    expect(Array.from(result['six']?.data as Float32Array)).toEqual([6, 12]);
  });

  it('gives an input, a weight, or a value with two names an output all the same', async () => {
    const builder = new GraphBuilder({ name: 'g' });
    const x = builder.input('x', 'float32', [2]);
    const y = builder.add('Neg', [x]);
    builder.output(x, 'same');
    builder.output(builder.constant('float32', [1], Float32Array.of(5)), 'five');
    builder.output(y, 'first');
    builder.output(y, 'second');
    const session = await InferenceSession.create(writeModel(builder.build()));
    const result = await session.run({ x: new OrtTensor('float32', Float32Array.of(1, 2), [2]) });
    expect(Object.keys(result).sort()).toEqual(['first', 'five', 'same', 'second']);
    expect(Array.from(result['second']?.data as Float32Array)).toEqual([-1, -2]);
  });

  it('starts generated names with the prefix and refuses a name twice', () => {
    const builder = new GraphBuilder({ name: 'g', prefix: 'head/' });
    const x = builder.input('x', 'float32', [1]);
    builder.output(builder.add('Neg', [builder.add('Neg', [x])]), 'y');
    expect(builder.build().graph.nodes.map((node) => node.name)).toEqual([
      'head/Neg_0',
      'head/Neg_1',
    ]);
    expect(() => builder.input('x', 'float32', [1])).toThrow(/"x" is taken/);
  });

  it('refuses shapes that do not fit, when the node is added', () => {
    const builder = new GraphBuilder({ name: 'g' });
    const a = builder.input('a', 'float32', ['n', 3]);
    const b = builder.input('b', 'float32', [4, 2]);
    expect(() => builder.add('MatMul', [a, b])).toThrow(/MatMul/);
    expect(() => builder.add('Add', [a, b])).toThrow(/broadcast/);
    expect(() => builder.add('NoSuchOperator', [a])).toThrow(/NoSuchOperator/);
  });

  it('imports the operator set of ONNX Runtime only when it is used', () => {
    const build = (domain: string): readonly { domain: string; version: number }[] => {
      const builder = new GraphBuilder({ name: 'g' });
      const x = builder.input('x', 'float32', [1]);
      builder.output(builder.add(domain ? 'Gelu' : 'Neg', [x], {}, domain), 'y');
      return readModel(writeModel(builder.build())).opsets;
    };
    expect(build('')).toEqual([{ domain: '', version: 17 }]);
    expect(build(MICROSOFT)).toEqual([
      { domain: '', version: 17 },
      { domain: 'com.microsoft', version: 1 },
    ]);
  });
});

describe('shape rules', () => {
  it('broadcasts as numpy does, and keeps a symbol where it is sure', () => {
    expect(broadcastDims(['batch', 1, 3], ['tokens', 1])).toEqual(['batch', 'tokens', 3]);
    expect(broadcastDims(['n'], ['m'])).toEqual([null]);
    expect(broadcastDims(['n'], [7])).toEqual([7]);
    expect(broadcastDims([], [2, 3])).toEqual([2, 3]);
  });

  // For every operator that has a rule: what the rule says against what ONNX Runtime returns.
  const size = { batch: 2, tokens: 5 };
  type Make = (b: GraphBuilder, x: Value, ids: Value) => Value | Value[];
  const cases: [string, Make][] = [
    ['Cast', (b, x) => b.add('Cast', [x], { to: attribute.elementType('int64') })],
    ['Equal', (b, x) => b.add('Equal', [x, b.scalar(1)])],
    ['Where', (b, x) => b.add('Where', [b.add('Greater', [x, b.scalar(0)]), x, b.scalar(0)])],
    ['Max', (b, x) => b.add('Max', [b.scalar(0), x])],
    ['MatMul', (b, x) => b.add('MatMul', [x, b.constant('float32', [4, 3], new Float32Array(12))])],
    [
      'MatMul, batched',
      (b, x) => b.add('MatMul', [x, b.add('Transpose', [x], { perm: attribute.ints([0, 2, 1]) })]),
    ],
    [
      'Gemm',
      (b, x) =>
        b.add(
          'Gemm',
          [
            b.add('Reshape', [x, b.integers(-1, 4)]),
            b.constant('float32', [7, 4], new Float32Array(28)),
          ],
          { transB: attribute.int(1) },
        ),
    ],
    ['Reshape with 0 and -1', (b, x) => b.add('Reshape', [x, b.integers(0, -1)])],
    ['Reshape, symbols cancelled', (b, x) => b.add('Reshape', [x, b.integers(0, 0, 2, -1)])],
    ['Unsqueeze', (b, x) => b.add('Unsqueeze', [x, b.integers(1, -1)])],
    [
      'Squeeze',
      (b, x) => b.add('Squeeze', [b.add('Unsqueeze', [x, b.integers(0)]), b.integers(0)]),
    ],
    ['Shape', (b, x) => b.add('Shape', [x], { start: attribute.int(1), end: attribute.int(-1) })],
    ['Slice', (b, x) => b.add('Slice', [x, b.integers(-3), b.integers(100), b.integers(2)])],
    [
      'Slice with steps',
      (b, x) => b.add('Slice', [x, b.integers(0), b.integers(4), b.integers(2), b.integers(2)]),
    ],
    [
      'Gather',
      (b, _, ids) => b.add('Gather', [b.constant('float32', [9, 6], new Float32Array(54)), ids]),
    ],
    [
      'Gather of one',
      (b, x) => b.add('Gather', [x, b.constant('int64', [], ints(0))], { axis: attribute.int(1) }),
    ],
    ['Concat', (b, x) => b.add('Concat', [x, x], { axis: attribute.int(-1) })],
    ['Split', (b, x) => b.addAll('Split', [x, b.integers(1, 3)], { axis: attribute.int(2) })],
    ['ReduceSum', (b, x) => b.add('ReduceSum', [x, b.integers(1)], { keepdims: attribute.int(0) })],
    [
      'ReduceMax',
      (b, x) => b.add('ReduceMax', [x], { axes: attribute.ints([-2]), keepdims: attribute.int(1) }),
    ],
    ['Softmax', (b, x) => b.add('Softmax', [x], { axis: attribute.int(-1) })],
    [
      'LayerNormalization',
      (b, x) => b.add('LayerNormalization', [x, b.constant('float32', [4], new Float32Array(4))]),
    ],
    [
      'DequantizeLinear',
      (b) =>
        b.add(
          'DequantizeLinear',
          [
            b.constant('int8', [2, 3], new Int8Array(6)),
            b.constant('float32', [3], new Float32Array(3)),
          ],
          { axis: attribute.int(1) },
        ),
    ],
    ['Gelu', (b, x) => b.add('Gelu', [x], {}, MICROSOFT)],
    [
      'MultiHeadAttention',
      (b, x) => b.add('MultiHeadAttention', [x, x, x], { num_heads: attribute.int(2) }, MICROSOFT),
    ],
  ];

  it.each(cases)('%s: the rule says what ONNX Runtime does', async (_, make) => {
    const builder = new GraphBuilder({ name: 'g' });
    const x = builder.input('x', 'float32', ['batch', 'tokens', 4]);
    const ids = builder.input('ids', 'int64', ['batch', 'tokens']);
    const values = [make(builder, x, ids)].flat();
    values.forEach((value, i) => builder.output(value, `y${i}`));
    const session = await InferenceSession.create(writeModel(builder.build()), {
      logSeverityLevel: 3,
    });
    const result = await session.run({
      x: new OrtTensor('float32', new Float32Array(40), [2, 5, 4]),
      ids: new OrtTensor('int64', new BigInt64Array(10), [2, 5]),
    });
    values.forEach((value, i) => {
      const found = result[`y${i}`];
      expect(value.elementType).toBe(found?.type);
      expect(value.dims).toHaveLength(found?.dims.length ?? -1);
      value.dims?.forEach((dim, axis) => {
        const said = typeof dim === 'string' ? size[dim as keyof typeof size] : dim;
        if (said !== null) expect(said).toBe(found?.dims[axis]);
      });
    });
    // At least one size is told, else the rule would say nothing.
    expect(values.some((value) => value.dims?.some((dim) => dim !== null))).toBe(true);
  });
});
