/**
 * What type and shape an operator's outputs have, given its inputs: one rule an operator, the
 * operators that Headlight builds graphs from (opset 17, `com.microsoft` 1). Rules for differentiation
 * stand beside this table, keyed in the same way.
 *
 * Source: https://github.com/onnx/onnx/blob/main/docs/Operators.md,
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { HeadlightError } from '../../base';
import {
  ELEMENT_TYPES,
  type Attribute,
  type Dim,
  type ElementType,
  type Tensor,
  type TensorType,
} from './model';
import { tensorValues } from './tensor';

export interface OperatorInput {
  readonly elementType: ElementType;
  readonly dims: readonly Dim[] | null;
  /** The values, where they are known while building. */
  readonly constant: Tensor | null;
}

export interface OperatorCall {
  readonly opType: string;
  /** null for an optional input that is left out. */
  readonly inputs: readonly (OperatorInput | null)[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

type Rule = (call: OperatorCall) => readonly TensorType[];

/** `domain:opType` names a rule: `:MatMul`, `com.microsoft:Gelu`. */
const RULES = new Map<string, Rule>();

function rule(names: string, apply: Rule, domain = ''): void {
  for (const name of names.split(' ')) RULES.set(`${domain}:${name}`, apply);
}

/**
 * The types of the outputs of one node.
 * @throws HeadlightError `internal` when there is no rule for the operator or its inputs do not fit:
 *   a graph that we build is wrong, not a file.
 */
export function inferOutputs(domain: string, call: OperatorCall): readonly TensorType[] {
  const apply = RULES.get(`${domain}:${call.opType}`);
  if (apply === undefined)
    throw new HeadlightError('internal', `There is no shape rule for the operator ${call.opType}.`);
  return apply(call);
}

/** The shape that two shapes broadcast to (numpy's rule), keeping symbolic sizes where they are sure. */
export function broadcastDims(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = i < rank - a.length ? 1 : (a[i - rank + a.length] ?? null);
    const y = i < rank - b.length ? 1 : (b[i - rank + b.length] ?? null);
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    if (typeof x === 'number' && typeof y === 'number')
      throw mismatch(`[${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return typeof x === 'number' ? x : typeof y === 'number' ? y : null;
  });
}

function mismatch(what: string): HeadlightError {
  return new HeadlightError('internal', `A graph was built wrongly: ${what}.`);
}

function input(call: OperatorCall, index: number): OperatorInput {
  const found = call.inputs[index];
  if (!found) throw mismatch(`${call.opType} lacks its input ${index}`);
  return found;
}

function int(call: OperatorCall, name: string, absent: number): number {
  const attribute = call.attributes.get(name);
  return attribute?.type === 'int' ? Number(attribute.value) : absent;
}

function ints(call: OperatorCall, name: string): number[] | null {
  const attribute = call.attributes.get(name);
  return attribute?.type === 'ints' ? attribute.value.map(Number) : null;
}

/** The values of a constant int64 input, or null. */
function constantInts(from: OperatorInput | null | undefined): number[] | null {
  return from?.constant ? Array.from(tensorValues(from.constant, 'int64'), Number) : null;
}

function axisOf(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) throw mismatch(`axis ${axis} of a value of rank ${rank}`);
  return positive;
}

function same(call: OperatorCall): TensorType[] {
  const { elementType, dims } = input(call, 0);
  return [{ elementType, dims }];
}

function elementwise(elementTypeOf: (call: OperatorCall) => ElementType, from = 0): Rule {
  return (call) => {
    const elementType = elementTypeOf(call);
    let dims: readonly Dim[] | null = input(call, from).dims;
    for (let i = 0; i < call.inputs.length; i++) {
      const other = input(call, i).dims;
      dims = dims && other && broadcastDims(dims, other);
    }
    return [{ elementType, dims }];
  };
}

rule(
  'Identity Sqrt Erf Tanh Relu Sign Neg Exp Log Sigmoid Softmax LayerNormalization Clip',
  (call) => same(call),
);
rule('Gelu FastGelu', (call) => same(call), 'com.microsoft');
rule(
  'Add Sub Mul Div Pow Max Min',
  elementwise((call) => input(call, 0).elementType),
);
rule(
  'Equal Greater Less',
  elementwise(() => 'bool'),
);
rule(
  'Where',
  elementwise((call) => input(call, 1).elementType, 1),
);

rule('Cast', (call) => {
  const code = int(call, 'to', 0);
  const found = Object.entries(ELEMENT_TYPES).find(([, type]) => type.code === code);
  if (!found) throw mismatch(`Cast to the element type ${code}`);
  return [{ elementType: found[0] as ElementType, dims: input(call, 0).dims }];
});

rule('MatMul', (call) => {
  const a = input(call, 0);
  const b = input(call, 1);
  if (!a.dims || !b.dims || a.dims.length < 2 || b.dims.length < 2)
    return [{ elementType: a.elementType, dims: null }];
  const inner = a.dims.at(-1) ?? null;
  const other = b.dims.at(-2) ?? null;
  if (typeof inner === 'number' && typeof other === 'number' && inner !== other)
    throw mismatch(`MatMul of [${a.dims.join(', ')}] and [${b.dims.join(', ')}]`);
  const outer = broadcastDims(a.dims.slice(0, -2), b.dims.slice(0, -2));
  return [
    { elementType: a.elementType, dims: [...outer, a.dims.at(-2) ?? null, b.dims.at(-1) ?? null] },
  ];
});

rule('Gemm', (call) => {
  const a = input(call, 0).dims;
  const b = input(call, 1).dims;
  const rows = a?.[int(call, 'transA', 0) ? 1 : 0] ?? null;
  const columns = b?.[int(call, 'transB', 0) ? 0 : 1] ?? null;
  return [{ elementType: input(call, 0).elementType, dims: [rows, columns] }];
});

rule('Transpose', (call) => {
  const { elementType, dims } = input(call, 0);
  if (!dims) return [{ elementType, dims }];
  const order = ints(call, 'perm') ?? dims.map((_, i) => dims.length - 1 - i);
  return [{ elementType, dims: order.map((axis) => dims[axis] ?? null) }];
});

rule('Reshape', (call) => {
  const { elementType, dims } = input(call, 0);
  const shape = constantInts(call.inputs[1]);
  if (!shape) return [{ elementType, dims: null }];
  const result: Dim[] = shape.map((size, i) =>
    size === 0 ? (dims?.[i] ?? null) : size === -1 ? null : size,
  );
  const open = shape.indexOf(-1);
  if (open >= 0 && dims) result[open] = openDim(dims, result, open);
  return [{ elementType, dims: result }];
});

/** The size that Reshape's -1 stands for, when the other sizes (symbols cancelled) tell. */
function openDim(from: readonly Dim[], to: readonly Dim[], open: number): Dim {
  const rest = to.filter((_, i) => i !== open);
  const left = [...from];
  for (const dim of rest.filter((size) => typeof size === 'string')) {
    const at = left.indexOf(dim);
    if (at < 0) return null;
    left.splice(at, 1);
  }
  if (rest.includes(null) || left.includes(null)) return null;
  const symbols = left.filter((size) => typeof size === 'string');
  const product = (sizes: readonly Dim[]): number =>
    sizes.reduce<number>((total, size) => (typeof size === 'number' ? total * size : total), 1);
  const ratio = product(left) / product(rest);
  if (symbols.length === 0) return ratio;
  return symbols.length === 1 && ratio === 1 ? (symbols[0] ?? null) : null;
}

rule('Unsqueeze', (call) => {
  const { elementType, dims } = input(call, 0);
  const axes = constantInts(call.inputs[1]);
  if (!dims || !axes) return [{ elementType, dims: null }];
  const rank = dims.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  let next = 0;
  return [
    {
      elementType,
      dims: Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : (dims[next++] ?? null))),
    },
  ];
});

rule('Squeeze', (call) => {
  const { elementType, dims } = input(call, 0);
  const axes = constantInts(call.inputs[1]);
  if (!dims || !axes) return [{ elementType, dims: null }];
  const dropped = new Set(axes.map((axis) => axisOf(axis, dims.length)));
  return [{ elementType, dims: dims.filter((_, i) => !dropped.has(i)) }];
});

rule('Shape', (call) => {
  const rank = input(call, 0).dims?.length;
  if (rank === undefined) return [{ elementType: 'int64', dims: [null] }];
  const bound = (at: number): number => Math.min(rank, Math.max(0, at < 0 ? at + rank : at));
  const length = bound(int(call, 'end', rank)) - bound(int(call, 'start', 0));
  return [{ elementType: 'int64', dims: [Math.max(0, length)] }];
});

rule('Range', (call) => [{ elementType: input(call, 0).elementType, dims: [null] }]);

rule('Slice', (call) => {
  const { elementType, dims } = input(call, 0);
  if (!dims) return [{ elementType, dims }];
  const starts = constantInts(call.inputs[1]);
  const ends = constantInts(call.inputs[2]);
  const axes = call.inputs[3] ? constantInts(call.inputs[3]) : dims.map((_, i) => i);
  const steps = call.inputs[4] ? constantInts(call.inputs[4]) : dims.map(() => 1);
  if (!axes) return [{ elementType, dims: dims.map(() => null) }];
  const result = [...dims];
  axes.forEach((axis, i) => {
    const at = axisOf(axis, dims.length);
    const size = dims[at];
    const [start, end, step] = [starts?.[i], ends?.[i], steps?.[i]];
    result[at] = null;
    if (typeof size !== 'number' || start === undefined || end === undefined || step !== 1) return;
    const clamp = (index: number): number =>
      Math.min(size, Math.max(0, index < 0 ? index + size : index));
    result[at] = Math.max(0, clamp(end) - clamp(start));
  });
  return [{ elementType, dims: result }];
});

rule('Gather', (call) => {
  const { elementType, dims } = input(call, 0);
  const indices = input(call, 1).dims;
  if (!dims || !indices) return [{ elementType, dims: null }];
  const axis = axisOf(int(call, 'axis', 0), dims.length);
  return [{ elementType, dims: [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)] }];
});

rule('Concat', (call) => {
  const { elementType, dims } = input(call, 0);
  if (!dims) return [{ elementType, dims }];
  const axis = axisOf(int(call, 'axis', 0), dims.length);
  let total: Dim = 0;
  for (let i = 0; i < call.inputs.length; i++) {
    const size: Dim = input(call, i).dims?.[axis] ?? null;
    total = typeof total === 'number' && typeof size === 'number' ? total + size : null;
  }
  return [{ elementType, dims: dims.map((dim, i) => (i === axis ? total : dim)) }];
});

rule('Split', (call) => {
  const { elementType, dims } = input(call, 0);
  const sizes = constantInts(call.inputs[1]);
  if (!dims || !sizes) throw mismatch('Split needs a known shape and constant sizes');
  const axis = axisOf(int(call, 'axis', 0), dims.length);
  return sizes.map((size) => ({
    elementType,
    dims: dims.map((dim, i) => (i === axis ? size : dim)),
  }));
});

rule('ReduceSum ReduceMax ReduceMean', (call) => {
  const { elementType, dims } = input(call, 0);
  // Opset 17: ReduceSum takes its axes as an input, the others as an attribute.
  const axes = ints(call, 'axes') ?? constantInts(call.inputs[1]);
  if (!dims || !axes) return [{ elementType, dims: null }];
  const reduced = new Set(axes.map((axis) => axisOf(axis, dims.length)));
  if (int(call, 'keepdims', 1))
    return [{ elementType, dims: dims.map((dim, i) => (reduced.has(i) ? 1 : dim)) }];
  return [{ elementType, dims: dims.filter((_, i) => !reduced.has(i)) }];
});

rule('DequantizeLinear', (call) => [{ elementType: 'float32', dims: input(call, 0).dims }]);

rule(
  'MultiHeadAttention',
  (call) => {
    const { elementType, dims } = input(call, 0);
    const value = call.inputs[2]?.dims?.at(-1) ?? dims?.[2] ?? null;
    return [{ elementType, dims: dims && [dims[0] ?? null, dims[1] ?? null, value] }];
  },
  'com.microsoft',
);
