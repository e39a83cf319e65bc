/** Tensors of a graph as typed arrays, and back. Bytes are little-endian, as in ONNX and on every machine we run on. */
import { ELEMENT_TYPES, type ElementType, type Tensor } from './model';
import { badModel } from './protobuf';

export type TensorArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
} as const;

/** Element types whose values are a typed array; 16-bit floats are their bits. */
export type ArrayElementType = keyof typeof ARRAYS;
interface ArrayTypes {
  float32: Float32Array;
  float64: Float64Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
}
export type ArrayOf<T extends ArrayElementType> = ArrayTypes[T];

/** The number of elements of a shape. @throws HeadlightError `bad-model` when it is not a countable shape. */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw badModel(`A tensor has the dimension ${dim}.`);
    count *= dim;
  }
  if (!Number.isSafeInteger(count))
    throw badModel('A tensor has more elements than can be counted.');
  return count;
}

/** The bytes that a tensor of this type and shape takes. */
export function byteLength(elementType: ElementType, dims: readonly number[]): number {
  return Math.ceil((elementCount(dims) * ELEMENT_TYPES[elementType].bits) / 8);
}

/**
 * The tensor's values. A view where the bytes are aligned, else a copy: treat it as read-only.
 * @throws HeadlightError `bad-model` when the tensor is of another element type.
 */
export function tensorValues<T extends ArrayElementType>(
  tensor: Tensor,
  elementType: T,
): ArrayOf<T> {
  if (tensor.elementType !== elementType)
    throw badModel(
      `The tensor "${tensor.name}" holds ${tensor.elementType} values, not ${elementType}.`,
    );
  const make = ARRAYS[elementType];
  const { buffer, byteOffset } = tensor.data;
  const count = tensor.data.byteLength / make.BYTES_PER_ELEMENT;
  const aligned = byteOffset % make.BYTES_PER_ELEMENT === 0;
  const values = aligned
    ? new make(buffer as ArrayBuffer, byteOffset, count)
    : new make(Uint8Array.from(tensor.data).buffer, 0, count);
  return values as ArrayOf<T>;
}

/**
 * A tensor over the array's bytes (not copied).
 * @throws HeadlightError `bad-model` when the number of values does not fit the shape.
 */
export function makeTensor<T extends ArrayElementType>(
  name: string,
  elementType: T,
  dims: readonly number[],
  values: ArrayOf<T>,
): Tensor {
  if (values.length !== elementCount(dims))
    throw badModel(
      `The tensor "${name}" has ${values.length} values for the shape [${dims.join(', ')}].`,
    );
  const data = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
  return { name, elementType, dims, data };
}
