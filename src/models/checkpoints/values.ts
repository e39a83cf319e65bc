/** Values of checkpoint tensors as typed arrays, and typed arrays as checkpoint tensors. */
import { HeadlightError } from '../../base';
import { halfFloats } from './half';
import type { CheckpointTensor } from './checkpoint';

/**
 * The values as 32-bit floats: a view of the file for F32 where it is aligned, else a new array. Treat it
 * as read-only. F16, BF16 are exact; F64 is rounded.
 * @param name for the error message.
 * @throws HeadlightError `bad-model` for integer types.
 */
export function float32Values(tensor: CheckpointTensor, name: string): Float32Array {
  switch (tensor.dtype) {
    case 'F32': {
      const bytes = alignedBytes(tensor.data, 4);
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    }
    case 'F64': {
      const bytes = alignedBytes(tensor.data, 8);
      return Float32Array.from(
        new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8),
      );
    }
    case 'F16': {
      const bytes = alignedBytes(tensor.data, 2);
      return halfFloats(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2));
    }
    case 'BF16':
      return expandBfloat16(tensor.data);
    default:
      throw new HeadlightError(
        'bad-model',
        `The weight "${name}" holds ${tensor.dtype} values where floats belong.`,
        {
          hint: 'Choose a checkpoint in float32, float16, bfloat16, or Headlight’s own int8 format.',
        },
      );
  }
}

/** The bits of an F16 tensor: a view of the file where it is aligned. @throws HeadlightError `bad-model`. */
export function halfValues(tensor: CheckpointTensor, name: string): Uint16Array {
  if (tensor.dtype !== 'F16')
    throw new HeadlightError(
      'bad-model',
      `The weight "${name}" holds ${tensor.dtype} values, not F16.`,
    );
  const bytes = alignedBytes(tensor.data, 2);
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}

/** The values of an I8 tensor, as a view. */
export function int8Values(tensor: CheckpointTensor, name: string): Int8Array {
  if (tensor.dtype !== 'I8')
    throw new HeadlightError(
      'bad-model',
      `The weight "${name}" holds ${tensor.dtype} values, not I8.`,
    );
  return new Int8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

/** The values of an I64 or I32 tensor, as numbers. */
export function integerValues(tensor: CheckpointTensor, name: string): number[] {
  if (tensor.dtype === 'I64') {
    const bytes = alignedBytes(tensor.data, 8);
    return Array.from(
      new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8),
      Number,
    );
  }
  if (tensor.dtype === 'I32') {
    const bytes = alignedBytes(tensor.data, 4);
    return Array.from(new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4));
  }
  throw new HeadlightError(
    'bad-model',
    `The weight "${name}" holds ${tensor.dtype} values, not integers.`,
  );
}

/** A tensor over the array's bytes, not copied. */
export function tensorOf(
  values: Float32Array | Int8Array,
  shape: readonly number[],
): CheckpointTensor {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { dtype: values instanceof Int8Array ? 'I8' : 'F32', shape, data };
}

function alignedBytes(bytes: Uint8Array, width: number): Uint8Array {
  return bytes.byteOffset % width === 0 ? bytes : Uint8Array.from(bytes);
}

function expandBfloat16(bytes: Uint8Array): Float32Array {
  const values = new Float32Array(bytes.byteLength / 2);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++)
    bits[i] = (((bytes[2 * i + 1] ?? 0) << 24) | ((bytes[2 * i] ?? 0) << 16)) >>> 0;
  return values;
}
