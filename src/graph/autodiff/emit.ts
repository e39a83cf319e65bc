/** Small pieces of graph that gradient rules are written in. All shapes are numbers. */
import { HeadlightError } from '../../base';
import {
  attribute,
  MICROSOFT,
  tensorValues,
  type ElementType,
  type GraphBuilder,
  type Value,
} from '../onnx';
import type { TrainingDevice } from './rule';

/** The sizes of a value. @throws HeadlightError `bad-model` when one is not a number. */
export function sizes(value: Value): readonly number[] {
  const { dims } = value;
  if (dims?.every((dim) => typeof dim === 'number')) return dims;
  throw new HeadlightError(
    'bad-model',
    `The shape of ${value.name} is not known (${dims?.join(', ') ?? 'not even its rank'}); a graph that is differentiated needs sizes that are numbers.`,
  );
}

export function count(dims: readonly number[]): number {
  return dims.reduce((all, dim) => all * dim, 1);
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** A scalar of the element type of another value. */
export function scalarLike(g: GraphBuilder, like: Value, value: number): Value {
  return scalarOf(g, like.elementType, value);
}

export function scalarOf(g: GraphBuilder, elementType: ElementType, value: number): Value {
  if (elementType === 'float32') return g.scalar(value);
  if (elementType === 'float64') return g.constant('float64', [], Float64Array.of(value));
  if (elementType === 'int32') return g.constant('int32', [], Int32Array.of(value));
  if (elementType === 'int64') return g.constant('int64', [], BigInt64Array.of(BigInt(value)));
  throw new HeadlightError(
    'bad-model',
    `A gradient of type ${elementType} is not computed; use float32.`,
  );
}

export const times = (g: GraphBuilder, a: Value, b: Value): Value => g.add('Mul', [a, b]);
export const plus = (g: GraphBuilder, a: Value, b: Value): Value => g.add('Add', [a, b]);
export const minus = (g: GraphBuilder, a: Value, b: Value): Value => g.add('Sub', [a, b]);
export const over = (g: GraphBuilder, a: Value, b: Value): Value => g.add('Div', [a, b]);

/** value * factor. */
export function scaled(g: GraphBuilder, value: Value, factor: number): Value {
  return factor === 1 ? value : times(g, value, scalarLike(g, value, factor));
}

export function reshaped(g: GraphBuilder, value: Value, dims: readonly number[]): Value {
  if (sameDims(sizes(value), dims)) return value;
  return g.add('Reshape', [value, g.integers(...dims)]);
}

export function expanded(g: GraphBuilder, value: Value, dims: readonly number[]): Value {
  if (sameDims(sizes(value), dims)) return value;
  return g.add('Expand', [value, g.integers(...dims)]);
}

export function zeros(g: GraphBuilder, elementType: ElementType, dims: readonly number[]): Value {
  return expanded(g, scalarOf(g, elementType, 0), dims);
}

export function summed(
  g: GraphBuilder,
  value: Value,
  axes: readonly number[],
  keepdims: boolean,
): Value {
  if (axes.length === 0) return value;
  return g.add('ReduceSum', [value, g.integers(...axes)], {
    keepdims: attribute.int(keepdims ? 1 : 0),
  });
}

export function mean(g: GraphBuilder, value: Value, axes: readonly number[]): Value {
  return g.add('ReduceMean', [value], {
    axes: attribute.ints(axes),
    keepdims: attribute.int(1),
  });
}

/** The sum over what broadcasting repeated: the gradient of an input of shape `dims`. */
export function summedTo(g: GraphBuilder, value: Value, dims: readonly number[]): Value {
  const from = sizes(value);
  if (sameDims(from, dims)) return value;
  const added = from.length - dims.length;
  const axes = from.flatMap((size, i) =>
    i < added || (dims[i - added] === 1 && size !== 1) ? [i] : [],
  );
  const inner = axes.every((axis) => axis < added) && axes.length > 0;
  return reshaped(g, summed(g, value, axes, !inner), dims);
}

export function transposed(g: GraphBuilder, value: Value, order: readonly number[]): Value {
  if (order.every((axis, i) => axis === i)) return value;
  return g.add('Transpose', [value], { perm: attribute.ints(order) });
}

/** `count` elements of an axis from `start` on. */
export function sliced(
  g: GraphBuilder,
  value: Value,
  axis: number,
  start: number,
  length: number,
): Value {
  if (start === 0 && length === sizes(value)[axis]) return value;
  return g.add('Slice', [
    value,
    g.integers(start),
    g.integers(start + length),
    g.integers(axis),
    g.integers(1),
  ]);
}

/** Zeros before and after, along one axis. */
export function padded(
  g: GraphBuilder,
  value: Value,
  axis: number,
  before: number,
  after: number,
): Value {
  if (before === 0 && after === 0) return value;
  const rank = sizes(value).length;
  const pads = Array.from({ length: 2 * rank }, (_, i) =>
    i === axis ? before : i === axis + rank ? after : 0,
  );
  return g.add('Pad', [value, g.integers(...pads)]);
}

/** Ones where the condition holds, zeros elsewhere. */
export function indicator(g: GraphBuilder, condition: Value, elementType: ElementType): Value {
  return g.add('Cast', [condition], { to: attribute.elementType(elementType) });
}

export interface Turned {
  readonly value: Value;
  /** Take the last two axes the other way round. */
  readonly turn: boolean;
}

/** A product of two matrices (rank 2), or of stacks of them, either turned, times `alpha`. */
export function product(
  g: GraphBuilder,
  device: TrainingDevice,
  a: Turned,
  b: Turned,
  alpha = 1,
): Value {
  if (sizes(a.value).length === 2 && sizes(b.value).length === 2)
    return g.add('Gemm', [a.value, b.value], {
      ...(a.turn ? { transA: attribute.int(1) } : {}),
      ...(b.turn ? { transB: attribute.int(1) } : {}),
      ...(alpha === 1 ? {} : { alpha: attribute.float(alpha) }),
    });
  const fused = device !== 'webgpu' && a.value.elementType === 'float32';
  if (fused && (a.turn || b.turn || alpha !== 1))
    return g.add(
      'FusedMatMul',
      [a.value, b.value],
      {
        transA: attribute.int(a.turn ? 1 : 0),
        transB: attribute.int(b.turn ? 1 : 0),
        alpha: attribute.float(alpha),
      },
      MICROSOFT,
    );
  const straight = ({ value, turn }: Turned): Value => {
    const rank = sizes(value).length;
    const axes = Array.from({ length: rank }, (_, i) => i);
    return turn ? transposed(g, value, [...axes.slice(0, -2), rank - 1, rank - 2]) : value;
  };
  return scaled(g, g.add('MatMul', [straight(a), straight(b)]), alpha);
}

/** The integers of a constant value, or null when it is not constant. */
export function constantInts(value: Value | null): number[] | null {
  if (!value?.constant) return null;
  const { constant } = value;
  if (constant.elementType === 'int32') return Array.from(tensorValues(constant, 'int32'));
  if (constant.elementType === 'int64') return Array.from(tensorValues(constant, 'int64'), Number);
  return null;
}

/** The number of a constant value of one element, or null when it is not that. */
export function constantNumber(value: Value | null): number | null {
  if (!value?.constant || count(value.constant.dims) !== 1) return null;
  const { constant } = value;
  if (constant.elementType === 'float32') return tensorValues(constant, 'float32')[0] ?? null;
  if (constant.elementType === 'float64') return tensorValues(constant, 'float64')[0] ?? null;
  return constantInts(value)?.[0] ?? null;
}

/** The axis, counted from the front. */
export function positive(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/**
 * min(|one element of the gradient|, 0): a zero of shape [] that no optimiser knows to be one, and that is
 * there only when the gradient is.
 */
export function zeroAfter(g: GraphBuilder, gradient: Value): Value {
  const axes = sizes(gradient).map((_, i) => i);
  const first =
    axes.length === 0
      ? gradient
      : g.add('Slice', [
          gradient,
          g.integers(...axes.map(() => 0)),
          g.integers(...axes.map(() => 1)),
          g.integers(...axes),
        ]);
  const one = reshaped(g, first, []);
  return g.add('Min', [g.add('Abs', [one]), scalarLike(g, gradient, 0)]);
}
