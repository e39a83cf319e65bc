/** The cases of `gradient-cases.ts`: at least one for every gradient rule. */
import { attribute, MICROSOFT, type Value } from '../../src/graph/onnx';
import type { CaseBuilder, GradientCase } from './gradient-cases';

const { int, ints, float, elementType } = attribute;

function unary(op: string, least?: number, most?: number): GradientCase {
  return { name: op, build: (c) => c.g.add(op, [c.x('x', [2, 3, 4], least, most)]) };
}

function binary(op: string, name: string, a: number[], b: number[], least?: number): GradientCase {
  return {
    name: `${op}, ${name}`,
    build: (c) => c.g.add(op, [c.x('a', a), c.x('b', b, least, 2)]),
  };
}

function one(name: string, build: (c: CaseBuilder) => Value): GradientCase {
  return { name, build };
}

const ARITHMETIC: GradientCase[] = [
  binary('Add', 'a row', [2, 3, 4], [4]),
  binary('Add', 'both broadcast', [2, 1, 4], [3, 1]),
  binary('Add', 'a scalar', [2, 3], []),
  binary('Sub', 'columns', [2, 3, 4], [2, 1, 1]),
  binary('Mul', 'both broadcast', [3, 1], [2, 1, 4]),
  binary('Div', 'a row', [2, 3, 4], [3, 1], 0.5),
  binary('Max', 'a column', [2, 3, 4], [3, 1]),
  binary('Min', 'a row', [2, 3, 4], [4]),
  one('a value used three times', (c) => {
    const x = c.x('x', [2, 3]);
    return c.g.add('Mul', [c.g.add('Add', [x, x]), x]);
  }),
  one('Pow 2', (c) => c.g.add('Pow', [c.x('x', [2, 3]), c.scalar(2)])),
  one('Pow 3', (c) => c.g.add('Pow', [c.x('x', [2, 3]), c.scalar(3)])),
  one('Pow -0.5', (c) => c.g.add('Pow', [c.x('x', [2, 3], 0.3, 2), c.scalar(-0.5)])),
  one('Where', (c) =>
    c.g.add('Where', [c.bools('condition', [3, 1], [1, 0, 1]), c.x('a', [2, 3, 4]), c.x('b', [4])]),
  ),
  one('Clip', (c) => c.g.add('Clip', [c.x('x', [3, 5]), c.scalar(-0.5), c.scalar(0.7)])),
  unary('Neg'),
  unary('Abs'),
  unary('Sqrt', 0.2, 2),
  unary('Reciprocal', 0.4, 2),
  unary('Exp'),
  unary('Log', 0.3, 2),
  unary('Sin'),
  unary('Cos'),
  unary('Identity'),
  one('Floor passes no gradient, the rest of a mod does', (c) => {
    const x = c.x('x', [7], 0.1, 8);
    const { g } = c;
    const whole = g.add('Floor', [g.add('Mul', [x, c.scalar(1 / 3)])]);
    return g.add('Mul', [x, g.add('Sub', [x, g.add('Mul', [whole, c.scalar(3)])])]);
  }),
  one('Cast there and back', (c) => {
    const there = c.g.add('Cast', [c.x('x', [2, 3])], { to: elementType('float32') });
    return c.g.add('Cast', [there], { to: elementType(c.type) });
  }),
];

const ACTIVATION: GradientCase[] = [
  unary('Tanh'),
  unary('Sigmoid'),
  unary('Relu'),
  unary('LeakyRelu'),
  unary('Softplus'),
  unary('Erf'),
  unary('Dropout'),
  one('Gelu', (c) => c.g.add('Gelu', [c.x('x', [2, 3, 4], -2.5, 2.5)], {}, MICROSOFT)),
  one('FastGelu', (c) => c.g.add('FastGelu', [c.x('x', [2, 3, 4])], {}, MICROSOFT)),
  one('FastGelu with a bias', (c) =>
    c.g.add('FastGelu', [c.x('x', [2, 3, 4]), c.x('bias', [4])], {}, MICROSOFT),
  ),
  one('QuickGelu', (c) =>
    c.g.add('QuickGelu', [c.x('x', [2, 3])], { alpha: float(1.5) }, MICROSOFT),
  ),
];

const gemm = (transA: number, transB: number, bias: number[]): GradientCase =>
  one(`Gemm ${transA}${transB}, bias [${bias.join()}]`, (c) =>
    c.g.add(
      'Gemm',
      [c.x('a', transA ? [3, 5] : [5, 3]), c.x('b', transB ? [4, 3] : [3, 4]), c.x('bias', bias)],
      { transA: int(transA), transB: int(transB), alpha: float(0.75), beta: float(1.25) },
    ),
  );

const MATRIX: GradientCase[] = [
  binary('MatMul', 'matrices', [3, 4], [4, 5]),
  binary('MatMul', 'a stack times a weight', [2, 3, 4], [4, 5]),
  binary('MatMul', 'stacks', [2, 3, 4, 5], [2, 3, 5, 2]),
  binary('MatMul', 'broadcast stacks', [2, 1, 4, 5], [3, 5, 2]),
  binary('MatMul', 'a matrix times a stack', [3, 4], [2, 4, 5]),
  binary('MatMul', 'a vector first', [4], [2, 4, 5]),
  binary('MatMul', 'a vector second', [2, 3, 4], [4]),
  binary('MatMul', 'two vectors', [4], [4]),
  gemm(0, 0, [4]),
  gemm(1, 0, [5, 1]),
  gemm(0, 1, [5, 4]),
  gemm(1, 1, [1, 4]),
  one('Gemm without a bias', (c) => c.g.add('Gemm', [c.x('a', [3, 4]), c.x('b', [4, 2])])),
  one('CumSum', (c) =>
    c.g.add('CumSum', [c.x('x', [2, 4]), c.g.constant('int32', [], Int32Array.of(1))]),
  ),
];

/** Not on WebGPU, and only in float32. */
export const FUSED: GradientCase[] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
].map(([transA = 0, transB = 0]) =>
  one(`FusedMatMul ${transA}${transB}`, (c) =>
    c.g.add(
      'FusedMatMul',
      [c.x('a', transA ? [2, 3, 5] : [2, 5, 3]), c.x('b', transB ? [2, 4, 3] : [2, 3, 4])],
      { transA: int(transA), transB: int(transB), alpha: float(0.5) },
      MICROSOFT,
    ),
  ),
);

const STRUCTURE: GradientCase[] = [
  one('Transpose', (c) => c.g.add('Transpose', [c.x('x', [2, 3, 4])], { perm: ints([2, 0, 1]) })),
  one('Transpose without an order', (c) => c.g.add('Transpose', [c.x('x', [2, 3, 4])])),
  one('Reshape', (c) => c.g.add('Reshape', [c.x('x', [2, 3, 4]), c.g.integers(4, -1)])),
  one('Flatten', (c) => c.g.add('Flatten', [c.x('x', [2, 3, 4])], { axis: int(2) })),
  one('Squeeze', (c) => c.g.add('Squeeze', [c.x('x', [2, 1, 4]), c.g.integers(1)])),
  one('Unsqueeze', (c) => c.g.add('Unsqueeze', [c.x('x', [2, 4]), c.g.integers(1)])),
  one('Concat', (c) =>
    c.g.add('Concat', [c.x('a', [2, 3]), c.fixed('no', [2, 1]), c.x('b', [2, 2])], {
      axis: int(-1),
    }),
  ),
  one('Split, one part unused', (c) => {
    const parts = c.g.addAll('Split', [c.x('x', [2, 6]), c.g.integers(1, 2, 3)], { axis: int(1) });
    return c.g.add('Mul', [parts[1]!, c.g.add('ReduceSum', [parts[2]!, c.g.integers(1)])]);
  }),
  one('Slice', (c) =>
    c.g.add('Slice', [
      c.x('x', [4, 5]),
      c.g.integers(1, -4),
      c.g.integers(3, 100),
      c.g.integers(0, 1),
    ]),
  ),
  one('Pad', (c) => c.g.add('Pad', [c.x('x', [2, 3]), c.g.integers(1, 0, 0, 2)])),
  one('Expand', (c) => c.g.add('Expand', [c.x('x', [3, 1]), c.g.integers(2, 3, 4)])),
  one('Tile', (c) => c.g.add('Tile', [c.x('x', [2, 3]), c.g.integers(2, 3)])),
];

const INDEXING: GradientCase[] = [
  one('Gather of a table, words that come again', (c) =>
    c.g.add('Gather', [c.x('table', [7, 3]), c.ints('ids', [2, 4], [1, 5, 1, 0, 6, 1, 5, 2])]),
  ),
  one('Gather of a large table, words that come again', (c) =>
    c.g.add('Gather', [c.x('table', [2050, 2]), c.ints('ids', [2, 3], [1, 2049, 1, 0, 2049, 1])]),
  ),
  one('Gather along the second axis', (c) =>
    c.g.add('Gather', [c.x('x', [2, 5, 3]), c.ints('ids', [3], [4, 0, 4])], { axis: int(1) }),
  ),
  one('Gather of the first token', (c) =>
    c.g.add('Gather', [c.x('x', [2, 5, 3]), c.g.constant('int64', [], BigInt64Array.of(0n))], {
      axis: int(1),
    }),
  ),
  one('Gather of a range', (c) => c.g.add('Gather', [c.x('x', [6, 3]), c.g.integers(2, 3, 4)])),
  one('Gather of constant places, not in a row', (c) =>
    c.g.add('Gather', [c.x('x', [2, 5]), c.g.integers(3, 0, 3)], { axis: int(-1) }),
  ),
  one('GatherElements', (c) =>
    c.g.add('GatherElements', [c.x('x', [3, 4]), c.ints('labels', [3, 2], [1, 1, 3, 0, 2, 1])], {
      axis: int(1),
    }),
  ),
];

const REDUCTIONS: GradientCase[] = [
  one('ReduceSum', (c) => c.g.add('ReduceSum', [c.x('x', [2, 3, 4]), c.g.integers(0, 2)])),
  one('ReduceSum, axes dropped', (c) =>
    c.g.add('ReduceSum', [c.x('x', [2, 3, 4]), c.g.integers(-2)], { keepdims: int(0) }),
  ),
  ...['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceSumSquare', 'ReduceL2'].map((op) =>
    one(op, (c) => c.g.add(op, [c.x('x', [2, 3, 4])], { axes: ints([1]), keepdims: int(0) })),
  ),
  one('ReduceMean of all', (c) => c.g.add('ReduceMean', [c.x('x', [2, 3])], { keepdims: int(0) })),
];

const NORMALISATION: GradientCase[] = [
  unary('Softmax'),
  one('Softmax along the second axis', (c) =>
    c.g.add('Softmax', [c.x('x', [2, 3, 4])], { axis: int(1) }),
  ),
  one('LayerNormalization', (c) =>
    c.g.add('LayerNormalization', [c.x('x', [2, 3, 6]), c.x('scale', [6]), c.x('bias', [6])], {
      epsilon: float(1e-3),
    }),
  ),
  one('LayerNormalization of rows, scale alone wanted', (c) =>
    c.g.add('LayerNormalization', [c.fixed('x', [5, 6]), c.x('scale', [6]), c.x('bias', [6])]),
  ),
];

/** Not on WebGPU. */
export const LOG_SOFTMAX: GradientCase = unary('LogSoftmax');

export const GRADIENT_CASES: readonly GradientCase[] = [
  ...ARITHMETIC,
  ...ACTIVATION,
  ...MATRIX,
  ...STRUCTURE,
  ...INDEXING,
  ...REDUCTIONS,
  ...NORMALISATION,
];
