/**
 * A run's predictions as they are kept: for both parts the rows (indices into the labelled texts), the
 * actual labels, and the probabilities `[rows, classes]`. A safetensors file, so that numpy reads it too.
 */
import { HeadlightError } from '../base';
import { readSafetensors, writeSafetensors, type CheckpointTensor } from '../models';

export interface PartPredictions {
  readonly indices: Int32Array;
  readonly labels: Int32Array;
  /** `[rows, classes]`, row-major. */
  readonly probabilities: Float64Array;
}

export interface RunPredictions {
  readonly train: PartPredictions;
  readonly test: PartPredictions;
}

const PARTS = ['train', 'test'] as const;

export function writePredictions(predictions: RunPredictions): Uint8Array {
  const tensors = new Map<string, CheckpointTensor>();
  for (const part of PARTS) {
    const { indices, labels, probabilities } = predictions[part];
    const rows = indices.length;
    const classes = rows === 0 ? 0 : probabilities.length / rows;
    tensors.set(`${part}.indices`, { dtype: 'I32', shape: [rows], data: bytesOf(indices) });
    tensors.set(`${part}.labels`, { dtype: 'I32', shape: [rows], data: bytesOf(labels) });
    tensors.set(`${part}.probabilities`, {
      dtype: 'F64',
      shape: [rows, classes],
      data: bytesOf(probabilities),
    });
  }
  return writeSafetensors(tensors);
}

/** @throws HeadlightError `bad-project` when a tensor is missing, of another type or another length. */
export function readPredictions(bytes: Uint8Array): RunPredictions {
  const { tensors } = readSafetensors(bytes);
  const take = (name: string, dtype: CheckpointTensor['dtype']): ArrayBuffer => {
    const tensor = tensors.get(name);
    if (tensor?.dtype !== dtype) {
      throw new HeadlightError('bad-project', `The kept predictions are damaged (${name}).`, {
        hint: 'Train again; the embeddings are still there, so it is quick.',
      });
    }
    return tensor.data.slice().buffer; // a copy is aligned, a view into the file need not be
  };
  const part = (name: (typeof PARTS)[number]): PartPredictions => ({
    indices: new Int32Array(take(`${name}.indices`, 'I32')),
    labels: new Int32Array(take(`${name}.labels`, 'I32')),
    probabilities: new Float64Array(take(`${name}.probabilities`, 'F64')),
  });
  return { train: part('train'), test: part('test') };
}

function bytesOf(array: Int32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
