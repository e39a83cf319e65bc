/**
 * A run's predictions as they are kept: for both parts the rows (indices into the labelled texts), the
 * actual labels, and the probabilities `[rows, classes]`. A safetensors file, so that numpy reads it too.
 */
import { HeadlightError } from '../base';
import { readSafetensors, writeSafetensors } from '../models';

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
  return writeSafetensors(
    PARTS.flatMap((part) => {
      const { indices, labels, probabilities } = predictions[part];
      const rows = indices.length;
      const classes = rows === 0 ? 0 : probabilities.length / rows;
      return [
        { name: `${part}.indices`, dtype: 'I32' as const, shape: [rows], data: indices },
        { name: `${part}.labels`, dtype: 'I32' as const, shape: [rows], data: labels },
        {
          name: `${part}.probabilities`,
          dtype: 'F64' as const,
          shape: [rows, classes],
          data: probabilities,
        },
      ];
    }),
  );
}

/** @throws HeadlightError `bad-project` when a tensor is missing or of another type. */
export function readPredictions(bytes: Uint8Array): RunPredictions {
  const checkpoint = readSafetensors(bytes);
  const integers = (name: string): Int32Array => {
    const tensor = checkpoint.get(name);
    if (!(tensor?.data instanceof Int32Array)) throw broken(name);
    return tensor.data;
  };
  const part = (name: (typeof PARTS)[number]): PartPredictions => {
    const indices = integers(`${name}.indices`);
    const labels = integers(`${name}.labels`);
    const tensor = checkpoint.get(`${name}.probabilities`);
    if (!(tensor?.data instanceof Float64Array) || labels.length !== indices.length)
      throw broken(name);
    return { indices, labels, probabilities: tensor.data };
  };
  return { train: part('train'), test: part('test') };
}

function broken(name: string): HeadlightError {
  return new HeadlightError('bad-project', `The kept predictions are damaged (${name}).`, {
    hint: 'Train again; the embeddings are still there, so it is quick.',
  });
}
