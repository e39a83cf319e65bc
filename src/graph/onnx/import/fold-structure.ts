/** The operators of `fold.ts` that move values about without computing with them. */
import { badModel } from '../protobuf';
import { axisOf, broadcastStrides, pick, sliceRange, stridesOf, type NumberArray } from './array';
import { broadcast, inputOf, intOf, intsOf, type Fold } from './fold-call';
import { reshapeDims, transposeOrder } from './shape-rules';

function withDims(array: NumberArray, dims: readonly number[]): NumberArray {
  return { elementType: array.elementType, dims, values: array.values };
}

const product = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);

export const STRUCTURE_FOLDS: Readonly<Record<string, Fold>> = {
  Identity: (call) => inputOf(call, 0),

  Reshape: (call) => {
    const data = inputOf(call, 0);
    return withDims(
      data,
      reshapeDims(data.dims, [...inputOf(call, 1).values], intOf(call, 'allowzero', 0) === 1),
    );
  },

  Unsqueeze: (call) => {
    const data = inputOf(call, 0);
    const axes = [...inputOf(call, 1).values];
    const rank = data.dims.length + axes.length;
    const added = new Set(axes.map((axis) => axisOf(axis, rank)));
    let next = 0;
    return withDims(
      data,
      Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : data.dims[next++]!)),
    );
  },

  Squeeze: (call) => {
    const data = inputOf(call, 0);
    const axes = call.inputs[1]
      ? new Set([...call.inputs[1].values].map((axis) => axisOf(axis, data.dims.length)))
      : null;
    return withDims(
      data,
      data.dims.filter((dim, i) => (axes ? !axes.has(i) : dim !== 1)),
    );
  },

  Transpose: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const order = transposeOrder(intsOf(call, 'perm'), dims.length);
    const strides = stridesOf(dims);
    const to = order.map((axis) => dims[axis]!);
    return {
      elementType,
      dims: to,
      values: pick(
        values,
        to,
        order.map((axis) => strides[axis]!),
      ),
    };
  },

  Expand: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const to = broadcast(dims, [...inputOf(call, 1).values]);
    return { elementType, dims: to, values: pick(values, to, broadcastStrides(dims, to)) };
  },

  Tile: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const repeats = [...inputOf(call, 1).values];
    const strides = stridesOf(dims);
    const to = dims.map((dim, i) => dim * repeats[i]!);
    // Each axis as two: the repetition, at stride 0, and the axis itself.
    return {
      elementType,
      dims: to,
      values: pick(
        values,
        dims.flatMap((dim, i) => [repeats[i]!, dim]),
        strides.flatMap((stride) => [0, stride]),
      ),
    };
  },

  Slice: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const [starts, ends] = [inputOf(call, 1).values, inputOf(call, 2).values];
    const axes = call.inputs[3]?.values ?? Float64Array.from(starts, (_, i) => i);
    const steps = call.inputs[4]?.values ?? Float64Array.from(starts, () => 1);
    const to = [...dims];
    const strides = stridesOf(dims);
    let first = 0;
    axes.forEach((given, i) => {
      const axis = axisOf(given, dims.length);
      const range = sliceRange(dims[axis]!, starts[i]!, ends[i]!, steps[i]!);
      first += range.start * strides[axis]!;
      to[axis] = range.count;
      strides[axis]! *= steps[i]!;
    });
    return { elementType, dims: to, values: pick(values, to, strides, first) };
  },

  Split: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const axis = axisOf(intOf(call, 'axis', 0), dims.length);
    const strides = stridesOf(dims);
    let first = 0;
    return [...inputOf(call, 1).values].map((size) => {
      const to = dims.map((dim, i) => (i === axis ? size : dim));
      const part = pick(values, to, strides, first * strides[axis]!);
      first += size;
      return { elementType, dims: to, values: part };
    });
  },

  Concat: (call) => {
    const parts = call.inputs.map((_, i) => inputOf(call, i));
    const { elementType, dims } = parts[0]!;
    const axis = axisOf(intOf(call, 'axis', 0), dims.length);
    const size = parts.reduce((sum, part) => sum + part.dims[axis]!, 0);
    const to = dims.map((dim, i) => (i === axis ? size : dim));
    const inner = product(dims.slice(axis + 1));
    const values = new Float64Array(product(to));
    let at = 0;
    for (let outer = 0; outer < product(dims.slice(0, axis)); outer++)
      for (const part of parts) {
        const length = part.dims[axis]! * inner;
        values.set(part.values.subarray(outer * length, (outer + 1) * length), at);
        at += length;
      }
    return { elementType, dims: to, values };
  },

  Gather: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const indices = inputOf(call, 1);
    const axis = axisOf(intOf(call, 'axis', 0), dims.length);
    const inner = product(dims.slice(axis + 1));
    const size = dims[axis]!;
    const to = [...dims.slice(0, axis), ...indices.dims, ...dims.slice(axis + 1)];
    const result = new Float64Array(product(to));
    let at = 0;
    for (let outer = 0; outer < product(dims.slice(0, axis)); outer++)
      for (const index of indices.values) {
        const row = outer * size + axisOf(index, size);
        result.set(values.subarray(row * inner, (row + 1) * inner), at);
        at += inner;
      }
    return { elementType, dims: to, values: result };
  },

  GatherElements: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const indices = inputOf(call, 1);
    const axis = axisOf(intOf(call, 'axis', 0), dims.length);
    const [own, strides] = [stridesOf(indices.dims), stridesOf(dims)];
    return {
      elementType,
      dims: indices.dims,
      values: indices.values.map((index, i) => {
        let at = 0;
        indices.dims.forEach((dim, n) => {
          const position = n === axis ? axisOf(index, dims[n]!) : Math.floor(i / own[n]!) % dim;
          at += position * strides[n]!;
        });
        return values[at]!;
      }),
    };
  },

  GatherND: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const indices = inputOf(call, 1);
    const batchDims = intOf(call, 'batch_dims', 0);
    const depth = indices.dims.at(-1) ?? 0;
    const inner = product(dims.slice(batchDims + depth));
    const to = [...indices.dims.slice(0, -1), ...dims.slice(batchDims + depth)];
    const tuples = depth === 0 ? 0 : indices.values.length / depth;
    const perBatch = tuples / product(dims.slice(0, batchDims));
    const strides = stridesOf(dims);
    const result = new Float64Array(product(to));
    for (let tuple = 0; tuple < tuples; tuple++) {
      let from = Math.floor(tuple / perBatch) * product(dims.slice(batchDims));
      for (let n = 0; n < depth; n++)
        from +=
          axisOf(indices.values[tuple * depth + n]!, dims[batchDims + n]!) *
          strides[batchDims + n]!;
      result.set(values.subarray(from, from + inner), tuple * inner);
    }
    return { elementType, dims: to, values: result };
  },

  ScatterND: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const indices = inputOf(call, 1);
    const updates = inputOf(call, 2).values;
    if ((call.attributes.get('reduction')?.type ?? 'string') !== 'string')
      throw badModel('Its reduction is not text.');
    const depth = indices.dims.at(-1) ?? 0;
    const inner = product(dims.slice(depth));
    const strides = stridesOf(dims);
    const result = Float64Array.from(values);
    for (let tuple = 0; tuple < updates.length / inner; tuple++) {
      let to = 0;
      for (let n = 0; n < depth; n++)
        to += axisOf(indices.values[tuple * depth + n]!, dims[n]!) * strides[n]!;
      result.set(updates.subarray(tuple * inner, (tuple + 1) * inner), to);
    }
    return { elementType, dims, values: result };
  },

  Trilu: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const shift = call.inputs[1]?.values[0] ?? 0;
    const upper = intOf(call, 'upper', 1) === 1;
    const columns = dims.at(-1) ?? 1;
    const rows = dims.at(-2) ?? 1;
    return {
      elementType,
      dims,
      values: values.map((value, i) => {
        const beyond = (i % columns) - (Math.floor(i / columns) % rows) - shift;
        return (upper ? beyond >= 0 : beyond <= 0) ? value : 0;
      }),
    };
  },

  NonZero: (call) => {
    const { dims, values } = inputOf(call, 0);
    const strides = stridesOf(dims);
    const found = [...values.keys()].filter((i) => values[i] !== 0);
    return {
      elementType: 'int64',
      dims: [dims.length, found.length],
      values: Float64Array.from(
        dims.flatMap((dim, axis) => found.map((i) => Math.floor(i / strides[axis]!) % dim)),
      ),
    };
  },

  Pad: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const pads = inputOf(call, 1).values;
    const mode = call.attributes.get('mode');
    if (mode?.type === 'string' && mode.value !== 'constant')
      throw badModel(`Its mode "${mode.value}" is not supported.`);
    const to = dims.map((dim, axis) => dim + pads[axis]! + pads[axis + dims.length]!);
    const [own, from] = [stridesOf(to), stridesOf(dims)];
    const filler = call.inputs[2]?.values[0] ?? 0;
    const result = new Float64Array(product(to)).map((_, i) => {
      let at = 0;
      for (let axis = 0; axis < dims.length; axis++) {
        const position = (Math.floor(i / own[axis]!) % to[axis]!) - pads[axis]!;
        if (position < 0 || position >= dims[axis]!) return filler;
        at += position * from[axis]!;
      }
      return values[at]!;
    });
    return { elementType, dims: to, values: result };
  },
};
