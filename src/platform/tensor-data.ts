/** What comes out of either build of ONNX Runtime, told apart by type and array. */
import type { TensorData } from './platform';

/** @returns null for a type that is not read, or an array that does not go with it. */
export function tensorData(
  type: string,
  dims: readonly number[],
  data: unknown,
): TensorData | null {
  if (type === 'float32' && data instanceof Float32Array) return { type, dims, data };
  if (type === 'float64' && data instanceof Float64Array) return { type, dims, data };
  if (type === 'float16' && data instanceof Uint16Array) return { type, dims, data };
  if (type === 'int64' && data instanceof BigInt64Array) return { type, dims, data };
  if (type === 'int32' && data instanceof Int32Array) return { type, dims, data };
  if (type === 'int8' && data instanceof Int8Array) return { type, dims, data };
  if (type === 'uint8' && data instanceof Uint8Array) return { type, dims, data };
  if (type === 'bool' && data instanceof Uint8Array) return { type, dims, data };
  return null;
}
