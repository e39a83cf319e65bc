/**
 * Operators computed while a graph is imported, when all their inputs are known: shape arithmetic, masks
 * and positions that depend on nothing but the shapes. Operators are those of opset 17 (what older and
 * newer ones say is brought there before); one entry an operator.
 */
import { withinLimit } from '../limits';
import {
  axisOf,
  broadcastStrides,
  elementTypeOfCode,
  isInteger,
  offsets,
  pick,
  stridesOf,
  toNumbers,
  type NumberArray,
} from './array';
import { broadcast, inputOf, intOf, intsOf, type Fold } from './fold-call';
import { STRUCTURE_FOLDS } from './fold-structure';

/** The computation of an operator of ONNX's own domain, or undefined when it is never folded. */
export function foldOf(opType: string): Fold | undefined {
  return MATH_FOLDS[opType] ?? STRUCTURE_FOLDS[opType];
}

type Round = (value: number) => number;

function rounding(elementType: NumberArray['elementType']): Round {
  return elementType === 'float32' ? Math.fround : (value) => value;
}

function spread(array: NumberArray, dims: readonly number[]): Float64Array {
  return pick(array.values, dims, broadcastStrides(array.dims, dims));
}

function binary(
  compute: (a: number, b: number, integer: boolean) => number,
  result?: 'bool',
): Fold {
  return (call) => {
    const a = inputOf(call, 0);
    let { elementType, dims, values } = a;
    for (let i = 1; i < call.inputs.length; i++) {
      const b = inputOf(call, i);
      const joined = broadcast(dims, b.dims);
      const left = spread({ elementType, dims, values }, joined);
      const right = spread(b, joined);
      const integer = isInteger(elementType);
      const round = rounding(elementType);
      values = left.map((value, at) => round(compute(value, right[at]!, integer)));
      dims = joined;
    }
    if (result) elementType = result;
    return { elementType, dims, values };
  };
}

function unary(compute: (value: number) => number, result?: 'bool'): Fold {
  return (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const round = rounding(elementType);
    return {
      elementType: result ?? elementType,
      dims,
      values: values.map((value) => round(compute(value))),
    };
  };
}

/** @param combine over the values of each group; `axes` is an attribute, for ReduceSum an input. */
function reduction(combine: (values: readonly number[]) => number): Fold {
  return (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const given = intsOf(call, 'axes') ?? (call.inputs[1] ? [...call.inputs[1].values] : null);
    if (intOf(call, 'noop_with_empty_axes', 0) && !given?.length) return inputOf(call, 0);
    const reduced = new Set(
      (given?.length ? given : dims.map((_, i) => i)).map((axis) => axisOf(axis, dims.length)),
    );
    const strides = stridesOf(dims);
    const [kept, inner] = [false, true].map((wanted) =>
      dims.map((_, axis) => axis).filter((axis) => reduced.has(axis) === wanted),
    ) as [number[], number[]];
    const at = (axes: number[]): [number[], number[]] => [
      axes.map((axis) => dims[axis]!),
      axes.map((axis) => strides[axis]!),
    ];
    const round = rounding(elementType);
    const results: number[] = [];
    for (const start of offsets(...at(kept)))
      results.push(
        round(combine([...offsets(...at(inner), start)].map((offset) => values[offset]!))),
      );
    return {
      elementType,
      dims: intOf(call, 'keepdims', 1)
        ? dims.map((dim, axis) => (reduced.has(axis) ? 1 : dim))
        : kept.map((axis) => dims[axis]!),
      values: Float64Array.from(results),
    };
  };
}

/** @throws AbsurdGraph for a constant that no encoder needs: a damaged or hostile file. */
function countable(count: number): number {
  return withinLimit(count, 'made', 'It would make a constant out of a shape');
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Rest of a division; its sign is the divisor's, or with `fmod` the dividend's. */
function modulo(value: number, other: number, fmod: boolean): number {
  const rest = value % other;
  return !fmod && rest !== 0 && rest < 0 !== other < 0 ? rest + other : rest;
}

/** Half to even, as ONNX's Round. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

const MATH_FOLDS: Readonly<Record<string, Fold>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b, integer) => (integer ? Math.trunc(a / b) : a / b)),
  Pow: binary((a, b) => a ** b),
  Max: binary((a, b) => Math.max(a, b)),
  Min: binary((a, b) => Math.min(a, b)),
  Mod: (call) => binary((a, b) => modulo(a, b, intOf(call, 'fmod', 0) === 1))(call),
  Equal: binary((a, b) => Number(a === b), 'bool'),
  Less: binary((a, b) => Number(a < b), 'bool'),
  Greater: binary((a, b) => Number(a > b), 'bool'),
  LessOrEqual: binary((a, b) => Number(a <= b), 'bool'),
  GreaterOrEqual: binary((a, b) => Number(a >= b), 'bool'),
  And: binary((a, b) => Number(a !== 0 && b !== 0), 'bool'),
  Or: binary((a, b) => Number(a !== 0 || b !== 0), 'bool'),
  Xor: binary((a, b) => Number((a !== 0) !== (b !== 0)), 'bool'),
  Not: unary((value) => Number(value === 0), 'bool'),
  IsNaN: unary((value) => Number(Number.isNaN(value)), 'bool'),
  IsInf: unary((value) => Number(Math.abs(value) === Infinity), 'bool'),
  Neg: unary((value) => -value),
  Abs: unary(Math.abs),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Tanh: unary(Math.tanh),
  Sigmoid: unary((value) => 1 / (1 + Math.exp(-value))),
  Reciprocal: unary((value) => 1 / value),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundHalfEven),
  Sign: unary(Math.sign),
  Relu: unary((value) => Math.max(0, value)),
  ReduceSum: reduction(total),
  ReduceMean: reduction((values) => total(values) / values.length),
  ReduceMax: reduction((values) => values.reduce((a, b) => Math.max(a, b), -Infinity)),
  ReduceMin: reduction((values) => values.reduce((a, b) => Math.min(a, b), Infinity)),
  ReduceProd: reduction((values) => values.reduce((product, value) => product * value, 1)),

  Clip: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const low = call.inputs[1]?.values[0] ?? -Infinity;
    const high = call.inputs[2]?.values[0] ?? Infinity;
    return {
      elementType,
      dims,
      values: values.map((value) => Math.min(high, Math.max(low, value))),
    };
  },

  Where: (call) => {
    const [condition, yes, no] = [inputOf(call, 0), inputOf(call, 1), inputOf(call, 2)];
    const dims = broadcast(condition.dims, broadcast(yes.dims, no.dims));
    const [chosen, other] = [spread(yes, dims), spread(no, dims)];
    return {
      elementType: yes.elementType,
      dims,
      values: spread(condition, dims).map((value, i) => (value !== 0 ? chosen[i]! : other[i]!)),
    };
  },

  Cast: (call) => {
    const { dims, values } = inputOf(call, 0);
    return castNumbers(dims, values, elementTypeOfCode(intOf(call, 'to', 0)));
  },

  CumSum: (call) => {
    const { elementType, dims, values } = inputOf(call, 0);
    const axis = axisOf(inputOf(call, 1).values[0] ?? 0, dims.length);
    const size = dims[axis]!;
    const step = stridesOf(dims)[axis]!;
    const [exclusive, reverse] = [
      intOf(call, 'exclusive', 0) === 1,
      intOf(call, 'reverse', 0) === 1,
    ];
    const result = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
      if (Math.floor(i / step) % size !== 0) continue;
      let sum = 0;
      for (let n = 0; n < size; n++) {
        const at = i + (reverse ? size - 1 - n : n) * step;
        if (!exclusive) sum += values[at]!;
        result[at] = sum;
        if (exclusive) sum += values[at]!;
      }
    }
    return { elementType, dims, values: result };
  },

  Range: (call) => {
    const [start, limit, delta] = [0, 1, 2].map((i) => inputOf(call, i).values[0] ?? 0) as [
      number,
      number,
      number,
    ];
    const count = countable(Math.max(0, Math.ceil((limit - start) / delta)));
    return {
      elementType: inputOf(call, 0).elementType,
      dims: [count],
      values: Float64Array.from({ length: count }, (_, i) => start + i * delta),
    };
  },

  ConstantOfShape: (call) => {
    const dims = [...inputOf(call, 0).values];
    const value = call.attributes.get('value');
    const filler = value?.type === 'tensor' ? toNumbers(value.value) : null;
    const count = countable(dims.reduce((product, dim) => product * dim, 1));
    return {
      elementType: filler?.elementType ?? 'float32',
      dims,
      values: new Float64Array(count).fill(filler?.values[0] ?? 0),
    };
  },
};

/** Numbers as another type; half precision becomes float32 everywhere in an imported graph. */
function castNumbers(
  dims: readonly number[],
  values: Float64Array,
  to: NumberArray['elementType'],
): NumberArray {
  if (to === 'bool')
    return { elementType: to, dims, values: values.map((value) => Number(value !== 0)) };
  if (isInteger(to)) return { elementType: to, dims, values: values.map(Math.trunc) };
  if (to === 'float64') return { elementType: to, dims, values };
  return { elementType: 'float32', dims, values: values.map(Math.fround) };
}
