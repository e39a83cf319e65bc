/**
 * Values that are known while a graph is imported, as numbers: what shape arithmetic and small constants
 * are computed with. Numbers are doubles: exact for float32 and for integers up to 2^53; the "as far as
 * possible" of Slice (2^63 - 1) survives the way there and back.
 */
import { ELEMENT_TYPES, type ElementType, type Tensor } from '../model';
import { badModel } from '../protobuf';
import { elementCount, makeTensor, tensorValues } from '../tensor';

export interface NumberArray {
  readonly elementType: ElementType;
  readonly dims: readonly number[];
  /** Row-major; booleans are 0 and 1. */
  readonly values: Float64Array;
}

const MAX_INT64 = 0x7fffffffffffffffn;

/** @throws HeadlightError `bad-model` for strings and 4- and 8-bit floats, with which nothing is computed. */
export function toNumbers(tensor: Tensor): NumberArray {
  const { elementType, dims } = tensor;
  return { elementType, dims, values: numbersOf(tensor) };
}

function numbersOf(tensor: Tensor): Float64Array {
  const { elementType } = tensor;
  switch (elementType) {
    case 'float16':
    case 'bfloat16':
      return Float64Array.from(widen(tensor));
    case 'int64':
    case 'uint64':
      return Float64Array.from(tensorValues(tensor, elementType), Number);
    case 'int4':
    case 'uint4':
      return Float64Array.from(unpackNibbles(tensor));
    case 'float32':
    case 'float64':
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'bool':
      return Float64Array.from(tensorValues(tensor, elementType));
    default:
      throw badModel(
        `The tensor "${tensor.name}" holds ${elementType} values, with which Headlight does not compute.`,
      );
  }
}

/** As `toNumbers`, without a copy as doubles where the values are an array of numbers already. */
export function numbersIn(tensor: Tensor): ArrayLike<number> {
  switch (tensor.elementType) {
    case 'float32':
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
      return tensorValues(tensor, tensor.elementType);
    case 'int4':
    case 'uint4':
      return unpackNibbles(tensor);
    default:
      return numbersOf(tensor);
  }
}

/** Half-precision floats as float32 (exact). */
export function widen(tensor: Tensor): Float32Array {
  if (tensor.elementType === 'bfloat16') {
    const bits = tensorValues(tensor, 'bfloat16');
    return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
  }
  return Float32Array.from(tensorValues(tensor, 'float16'), halfToNumber);
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The values of a 4-bit tensor, the low half of a byte first. */
export function unpackNibbles(tensor: Tensor): Int8Array {
  const values = new Int8Array(elementCount(tensor.dims));
  const signed = tensor.elementType === 'int4';
  for (let i = 0; i < values.length; i++) {
    const nibble = (tensor.data[i >> 1]! >> (4 * (i & 1))) & 15;
    values[i] = signed && nibble > 7 ? nibble - 16 : nibble;
  }
  return values;
}

/** The numbers as a tensor; integers are cut towards zero and held within their type, as Cast does. */
export function toTensor(name: string, { elementType, dims, values }: NumberArray): Tensor {
  switch (elementType) {
    case 'float32':
      return makeTensor(name, elementType, dims, Float32Array.from(values));
    case 'float64':
      return makeTensor(name, elementType, dims, values);
    case 'int64':
      return makeTensor(name, elementType, dims, BigInt64Array.from(values, toInt64));
    case 'int32':
      return makeTensor(name, elementType, dims, Int32Array.from(values, saturate));
    case 'bool':
      return makeTensor(
        name,
        elementType,
        dims,
        Uint8Array.from(values, (value) => Number(value !== 0)),
      );
    case 'int8':
      return makeTensor(name, elementType, dims, Int8Array.from(values));
    case 'uint8':
      return makeTensor(name, elementType, dims, Uint8Array.from(values));
    default:
      throw badModel(`Headlight does not compute constants of the type ${elementType}.`);
  }
}

function toInt64(value: number): bigint {
  if (value >= 2 ** 63) return MAX_INT64;
  if (value <= -(2 ** 63)) return -MAX_INT64 - 1n;
  return Number.isNaN(value) ? 0n : BigInt(Math.trunc(value));
}

/** Limits of int64 that become int32 (Slice's ends) are its limits. */
function saturate(value: number): number {
  return Math.max(-0x80000000, Math.min(0x7fffffff, Math.trunc(value)));
}

export function isInteger(elementType: ElementType): boolean {
  return /^u?int/.test(elementType);
}

export function isFloat(elementType: ElementType): boolean {
  return elementType.startsWith('float') || elementType === 'bfloat16';
}

/** @throws HeadlightError `bad-model`. */
export function elementTypeOfCode(code: number): ElementType {
  const found = Object.entries(ELEMENT_TYPES).find(([, type]) => type.code === code);
  if (!found) throw badModel(`There is no element type ${code}.`);
  return found[0] as ElementType;
}

/** How many elements apart neighbours along each axis are. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--)
    strides[axis] = strides[axis + 1]! * dims[axis + 1]!;
  return strides;
}

/** The strides with which a value of shape `from` is read as one of shape `to`: 0 where it is repeated. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const own = stridesOf(from);
  return to.map((_, axis) => {
    const at = axis - (to.length - from.length);
    return at < 0 || from[at] === 1 ? 0 : own[at]!;
  });
}

/**
 * The offsets of all elements of shape `dims`, row-major, when neighbours along an axis lie `strides[axis]`
 * apart and the first lies at `start`.
 */
export function* offsets(
  dims: readonly number[],
  strides: readonly number[],
  start = 0,
): Generator<number> {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const index = new Array<number>(dims.length).fill(0);
  let offset = start;
  for (let n = 0; n < count; n++) {
    yield offset;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      offset += strides[axis]!;
      if (index[axis]! < dims[axis]!) break;
      offset -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
}

/** The elements of `values` that lie at those offsets. */
export function pick(
  values: Float64Array,
  dims: readonly number[],
  strides: readonly number[],
  start = 0,
): Float64Array {
  const picked = new Float64Array(dims.reduce((product, dim) => product * dim, 1));
  let i = 0;
  for (const offset of offsets(dims, strides, start)) picked[i++] = values[offset]!;
  return picked;
}

/** An axis counted from the start. @throws HeadlightError `bad-model` when there is no such axis. */
export function axisOf(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= Math.max(rank, 1))
    throw badModel(`A value of rank ${rank} has no axis ${axis}.`);
  return positive;
}

/** Start, step and number of elements that Slice takes of an axis of this size. */
export function sliceRange(
  size: number,
  start: number,
  end: number,
  step: number,
): { start: number; count: number } {
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  if (step > 0) {
    const first = Math.min(Math.max(from, 0), size);
    const last = Math.min(Math.max(to, 0), size);
    return { start: first, count: Math.max(0, Math.ceil((last - first) / step)) };
  }
  const first = Math.min(Math.max(from, -1), size - 1);
  const last = Math.min(Math.max(to, -1), size - 1);
  return { start: first, count: Math.max(0, Math.ceil((last - first) / step)) };
}
