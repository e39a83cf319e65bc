/** Shape rules of operators that move elements: reshaped, sliced, gathered, scattered, joined. */
import type { Dim } from '../model';
import {
  axisOf,
  broadcastDims,
  constantInts,
  input,
  int,
  ints,
  mismatch,
  rulesFor,
  same,
  type Rules,
} from './rule';

export const STRUCTURE: Rules = new Map([
  ...rulesFor('Transpose', (call) => {
    const { elementType, dims } = input(call, 0);
    if (!dims) return [{ elementType, dims }];
    const order = ints(call, 'perm') ?? dims.map((_, i) => dims.length - 1 - i);
    return [{ elementType, dims: order.map((axis) => dims[axis] ?? null) }];
  }),
  ...rulesFor('Reshape', (call) => {
    const { elementType, dims } = input(call, 0);
    const shape = constantInts(call.inputs[1]);
    if (!shape) return [{ elementType, dims: null }];
    const result: Dim[] = shape.map((size, i) =>
      size === 0 ? (dims?.[i] ?? null) : size === -1 ? null : size,
    );
    const open = shape.indexOf(-1);
    if (open >= 0 && dims) result[open] = openDim(dims, result, open);
    return [{ elementType, dims: result }];
  }),
  ...rulesFor('Unsqueeze', (call) => {
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
  }),
  ...rulesFor('Squeeze', (call) => {
    const { elementType, dims } = input(call, 0);
    const axes = constantInts(call.inputs[1]);
    if (!dims || !axes) return [{ elementType, dims: null }];
    const dropped = new Set(axes.map((axis) => axisOf(axis, dims.length)));
    return [{ elementType, dims: dims.filter((_, i) => !dropped.has(i)) }];
  }),
  ...rulesFor('Shape', (call) => {
    const rank = input(call, 0).dims?.length;
    if (rank === undefined) return [{ elementType: 'int64', dims: [null] }];
    const bound = (at: number): number => Math.min(rank, Math.max(0, at < 0 ? at + rank : at));
    const length = bound(int(call, 'end', rank)) - bound(int(call, 'start', 0));
    return [{ elementType: 'int64', dims: [Math.max(0, length)] }];
  }),
  ...rulesFor('Range', (call) => [{ elementType: input(call, 0).elementType, dims: [null] }]),
  ...rulesFor('Slice', (call) => {
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
      if (typeof size !== 'number' || start === undefined || end === undefined || !step) return;
      const [least, most] = step > 0 ? [0, size] : [-1, size - 1];
      const clamp = (index: number): number =>
        Math.min(most, Math.max(least, index < 0 ? index + size : index));
      result[at] = Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step));
    });
    return [{ elementType, dims: result }];
  }),
  ...rulesFor('Gather', (call) => {
    const { elementType, dims } = input(call, 0);
    const indices = input(call, 1).dims;
    if (!dims || !indices) return [{ elementType, dims: null }];
    const axis = axisOf(int(call, 'axis', 0), dims.length);
    return [{ elementType, dims: [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)] }];
  }),
  ...rulesFor('Concat', (call) => {
    const { elementType, dims } = input(call, 0);
    if (!dims) return [{ elementType, dims }];
    const axis = axisOf(int(call, 'axis', 0), dims.length);
    let total: Dim = 0;
    for (let i = 0; i < call.inputs.length; i++) {
      const size: Dim = input(call, i).dims?.[axis] ?? null;
      total = typeof total === 'number' && typeof size === 'number' ? total + size : null;
    }
    return [{ elementType, dims: dims.map((dim, i) => (i === axis ? total : dim)) }];
  }),
  ...rulesFor('Split', (call) => {
    const { elementType, dims } = input(call, 0);
    if (!dims) throw mismatch('Split needs a known shape');
    const axis = axisOf(int(call, 'axis', 0), dims.length);
    const sizes = constantInts(call.inputs[1]) ?? equalParts(dims[axis] ?? null, call.outputs);
    return sizes.map((size) => ({
      elementType,
      dims: dims.map((dim, i) => (i === axis ? size : dim)),
    }));
  }),
  ...rulesFor('Flatten', (call) => {
    const { elementType, dims } = input(call, 0);
    if (!dims) return [{ elementType, dims: [null, null] }];
    const given = int(call, 'axis', 1);
    const axis = given < 0 ? given + dims.length : given;
    return [{ elementType, dims: [product(dims.slice(0, axis)), product(dims.slice(axis))] }];
  }),
  ...rulesFor('Expand', (call) => {
    const { elementType, dims } = input(call, 0);
    const shape = constantInts(call.inputs[1]);
    return [{ elementType, dims: dims && shape && broadcastDims(dims, shape) }];
  }),
  ...rulesFor('Tile', (call) => {
    const { elementType, dims } = input(call, 0);
    const repeats = constantInts(call.inputs[1]);
    if (!dims || !repeats) return [{ elementType, dims: dims && dims.map(() => null) }];
    return [{ elementType, dims: dims.map((dim, i) => times(dim, repeats[i] ?? 1)) }];
  }),
  ...rulesFor('Pad', (call) => {
    const { elementType, dims } = input(call, 0);
    const pads = constantInts(call.inputs[1]);
    if (!dims || !pads) return [{ elementType, dims: dims && dims.map(() => null) }];
    const axes = constantInts(call.inputs[3]) ?? dims.map((_, i) => i);
    const result = [...dims];
    axes.forEach((axis, i) => {
      const at = axisOf(axis, dims.length);
      const size = dims[at];
      const added = (pads[i] ?? 0) + (pads[i + axes.length] ?? 0);
      result[at] = typeof size === 'number' ? size + added : added === 0 ? (size ?? null) : null;
    });
    return [{ elementType, dims: result }];
  }),
  ...rulesFor('GatherElements', (call) => [
    { elementType: input(call, 0).elementType, dims: input(call, 1).dims },
  ]),
  ...rulesFor('GatherND', (call) => {
    const { elementType, dims } = input(call, 0);
    const indices = input(call, 1).dims;
    const depth = indices?.at(-1);
    if (!dims || !indices || typeof depth !== 'number') return [{ elementType, dims: null }];
    const rest = dims.slice(int(call, 'batch_dims', 0) + depth);
    return [{ elementType, dims: [...indices.slice(0, -1), ...rest] }];
  }),
  ...rulesFor('ScatterElements ScatterND Trilu', same),
  ...rulesFor('OneHot', (call) => {
    const { dims } = input(call, 0);
    const [depth] = constantInts(call.inputs[1]) ?? [];
    const elementType = input(call, 2).elementType;
    if (!dims) return [{ elementType, dims }];
    const axis = int(call, 'axis', -1);
    const at = axis < 0 ? axis + dims.length + 1 : axis;
    return [{ elementType, dims: [...dims.slice(0, at), depth ?? null, ...dims.slice(at)] }];
  }),
]);

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

function times(dim: Dim, factor: number): Dim {
  return typeof dim === 'number' ? dim * factor : factor === 1 ? dim : null;
}

/** The number of elements, or the only symbol there is, or null when it cannot be said. */
function product(dims: readonly Dim[]): Dim {
  const symbols = dims.filter((dim) => typeof dim !== 'number');
  const known = dims.reduce<number>((all, dim) => (typeof dim === 'number' ? all * dim : all), 1);
  if (symbols.length === 0) return known;
  return symbols.length === 1 && known === 1 ? (symbols[0] ?? null) : null;
}

function equalParts(size: Dim, parts: number | undefined): number[] {
  if (typeof size !== 'number' || parts === undefined || size % parts !== 0)
    throw mismatch('Split needs constant sizes, or a size that its outputs divide');
  return Array.from({ length: parts }, () => size / parts);
}
