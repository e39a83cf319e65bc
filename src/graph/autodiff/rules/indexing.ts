/**
 * Gradients of lookups. Rows that are looked up several times (a word that comes twice) get the sum of
 * what came back; the sum is made by products and comparisons alone, never by a scatter that adds, whose
 * order (and so whose last bits) differs from run to run on a GPU.
 */
import { attribute, type Value } from '../../onnx';
import {
  constantInts,
  count,
  indicator,
  padded,
  positive,
  product,
  reshaped,
  sizes,
  summed,
  times,
  transposed,
  zeros,
} from '../emit';
import {
  gradientFor,
  intOf,
  refuse,
  type Backward,
  type GradientRule,
  type GradientRules,
} from '../rule';

/** Up to this many rows, a table's gradient is a product with the one-hot matrix of the indices. */
const SMALL_TABLE = 2048;
/** Comparisons of lookups with lookups are made this many rows at a time: 1,024 x 8,192 are 32 MiB. */
const BLOCK = 1024;

const gather: GradientRule = (b) => {
  const { g } = b;
  const dims = b.inputDims(0);
  const axis = positive(intOf(b, 'axis', 0), dims.length);
  const size = dims[axis]!;
  const lookups = count(b.inputDims(1));
  const [before, after] = [dims.slice(0, axis), dims.slice(axis + 1)];
  const flat = reshaped(g, b.gradient, [...before, lookups, ...after]);

  const constant = constantInts(b.input(1))?.map((index) => positive(index, size));
  if (constant?.every((index, i) => index === constant[0]! + i))
    return [padded(g, flat, axis, constant[0]!, size - constant[0]! - lookups)];

  // The axis first, the others in one: rows.
  const order = [axis, ...dims.keys()].filter((at, i) => i === 0 || at !== axis);
  const width = count(before) * count(after);
  const rows = reshaped(g, transposed(g, flat, order), [lookups, width]);
  const table = tableGradient(b, reshaped(g, b.input(1), [lookups]), rows, size);
  const turned = reshaped(g, table, [size, ...before, ...after]);
  const back = [...dims.keys()].map((at) => order.indexOf(at));
  return [transposed(g, turned, back)];
};

/**
 * The sum of the rows by their index.
 * @param indices [n].
 * @param rows [n, width].
 * @returns [size, width].
 */
function tableGradient(b: Backward, indices: Value, rows: Value, size: number): Value {
  const { g, device } = b;
  const [n, width] = sizes(rows) as [number, number];
  const type = rows.elementType;
  const column = reshaped(g, indices, [n, 1]);
  if (size <= SMALL_TABLE) {
    const hot = g.add('Equal', [column, counting(b, indices, size)]);
    return product(
      g,
      device,
      { value: indicator(g, hot, type), turn: true },
      { value: rows, turn: false },
    );
  }
  // Every lookup gets the sum of all lookups of the same row; that those then write one row several
  // times does no harm, for they write the same.
  const across = reshaped(g, indices, [1, n]);
  const sums: Value[] = [];
  for (let start = 0; start < n; start += BLOCK) {
    const length = Math.min(BLOCK, n - start);
    const some =
      length === n
        ? column
        : g.add('Slice', [column, g.integers(start), g.integers(start + length), g.integers(0)]);
    const same = indicator(g, g.add('Equal', [some, across]), type);
    sums.push(product(g, device, { value: same, turn: false }, { value: rows, turn: false }));
  }
  const totals = sums.length === 1 ? sums[0]! : g.add('Concat', sums, { axis: attribute.int(0) });
  const long = g.add('Cast', [column], { to: attribute.elementType('int64') });
  return g.add('ScatterND', [zeros(g, type, [size, width]), long, totals]);
}

/** 0, 1, 2, … as [size], in the type of the indices. */
function counting(b: Backward, indices: Value, size: number): Value {
  const { g } = b;
  return indices.elementType === 'int64'
    ? g.constant(
        'int64',
        [size],
        BigInt64Array.from({ length: size }, (_, i) => BigInt(i)),
      )
    : g.constant(
        'int32',
        [size],
        Int32Array.from({ length: size }, (_, i) => i),
      );
}

/** One-hot along the axis, times the gradient, summed over the lookups. */
const gatherElements: GradientRule = (b) => {
  const { g, gradient } = b;
  const dims = b.inputDims(0);
  const axis = positive(intOf(b, 'axis', 0), dims.length);
  const indices = b.inputDims(1);
  if (indices.some((size, i) => i !== axis && size !== dims[i]))
    refuse(b.node, 'its indices leave rows out');
  const size = dims[axis]!;
  const apart = [...indices.slice(0, axis + 1), 1, ...indices.slice(axis + 1)];
  const along = Array.from({ length: dims.length + 1 }, (_, i) => (i === axis + 1 ? size : 1));
  const places = reshaped(g, counting(b, b.input(1), size), along);
  const hot = g.add('Equal', [reshaped(g, b.input(1), apart), places]);
  const spread = times(g, indicator(g, hot, gradient.elementType), reshaped(g, gradient, apart));
  return [reshaped(g, summed(g, spread, [axis], false), dims)];
};

export const INDEXING: GradientRules = new Map([
  ...gradientFor('Gather', gather),
  ...gradientFor('GatherElements', gatherElements),
]);
