/**
 * 8-bit weights: each row (an output channel of a linear layer, a token of an embedding table) is kept as
 * integers in [-127, 127] times one float. The float is searched for the smallest squared error, which
 * clips rare outliers to serve all other values better. Everything still computes in 32-bit floats, so all
 * devices agree.
 */
import {
  float32Values,
  readSafetensors,
  tensorOf,
  writeSafetensors,
  type CheckpointTensor,
} from '../checkpoints';

export interface QuantizedRows {
  /** [rows, columns], row-major. */
  readonly values: Int8Array;
  /** [rows]; 0 for a row of zeros. */
  readonly scales: Float32Array;
}

/** The scale's name beside the tensor `name`. */
export const scaleName = (name: string): string => `${name}.scale`;

const LARGEST = 127;
/** Fractions of the scale that would just hold the largest value. */
const CANDIDATES = [1, 0.98, 0.96, 0.94, 0.92, 0.9, 0.87, 0.84, 0.8];

/**
 * Quantises each row by itself.
 * @param values [rows, columns], row-major.
 */
export function quantizeRows(values: Float32Array, rows: number, columns: number): QuantizedRows {
  const quantized = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const from = values.subarray(row * columns, (row + 1) * columns);
    let largest = 0;
    for (let i = 0; i < columns; i++) largest = Math.max(largest, Math.abs(from[i] ?? 0));
    if (largest === 0) continue;
    let best = Infinity;
    let scale = 0;
    for (const fraction of CANDIDATES) {
      // As it will be multiplied: the scale is stored as a 32-bit float.
      const candidate = Math.fround((largest * fraction) / LARGEST);
      if (candidate === 0) break;
      const error = squaredError(from, candidate);
      if (error < best) {
        best = error;
        scale = candidate;
      }
    }
    if (scale === 0) continue;
    scales[row] = scale;
    for (let i = 0; i < columns; i++)
      quantized[row * columns + i] = clamp(Math.round((from[i] ?? 0) / scale));
  }
  return { values: quantized, scales };
}

function squaredError(row: Float32Array, scale: number): number {
  const inverse = 1 / scale;
  let sum = 0;
  for (let i = 0; i < row.length; i++) {
    const value = row[i] ?? 0;
    const difference = clamp(Math.round(value * inverse)) * scale - value;
    sum += difference * difference;
  }
  return sum;
}

function clamp(value: number): number {
  return value > LARGEST ? LARGEST : value < -LARGEST ? -LARGEST : value;
}

/** Whether a checkpoint's tensor is one that is kept in 8 bits: a matrix of a linear layer or a table. */
export function isQuantizable(name: string, tensor: CheckpointTensor): boolean {
  return (
    tensor.shape.length === 2 &&
    name.endsWith('.weight') &&
    (tensor.dtype === 'F32' || tensor.dtype === 'F16' || tensor.dtype === 'BF16')
  );
}

/**
 * A checkpoint in floats as one in 8 bits: each matrix `name` becomes I8, with F32 `name.scale` beside it;
 * the rest stays as it is.
 * @throws HeadlightError `bad-model` when the file cannot be read.
 */
export function quantizeCheckpoint(safetensors: Uint8Array): Uint8Array {
  const checkpoint = readSafetensors(safetensors);
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, tensor] of checkpoint.tensors) {
    const [rows, columns] = tensor.shape;
    if (rows === undefined || columns === undefined || !isQuantizable(name, tensor)) {
      tensors.set(name, tensor);
      continue;
    }
    const { values, scales } = quantizeRows(float32Values(tensor, name), rows, columns);
    tensors.set(name, tensorOf(values, tensor.shape));
    tensors.set(scaleName(name), tensorOf(scales, [rows]));
  }
  return writeSafetensors(tensors);
}
