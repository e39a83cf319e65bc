/**
 * A run's predictions as they are kept: for each part the rows (indices into the labelled texts), the
 * actual labels, and the probabilities `[rows, classes]`; of several labels a row also what is right. A safetensors file, so that numpy reads it too.
 */
import { HeadlightError } from '../base';
import { readSafetensors, writeSafetensors, type CheckpointTensor } from '../models';

export interface PartPredictions {
  readonly indices: Int32Array;
  readonly labels: Int32Array;
  /** `[rows, classes]`, row-major. */
  readonly probabilities: Float64Array;
  /** 0/1 `[rows, classes]` for several labels a row, whose `labels` are strata; else null. */
  readonly targets: Uint8Array | null;
}

export interface RunPredictions {
  readonly train: PartPredictions;
  /** null without a validation part. */
  readonly validation: PartPredictions | null;
  readonly test: PartPredictions;
  /** What the teachers together say of the test rows, `[rows, classes]`, NaN where none voted; of made labels with a truth. */
  readonly teacher?: Float64Array;
}

export const PARTS = ['train', 'validation', 'test'] as const;
const TEACHER = 'teacher.probabilities';

export function writePredictions(predictions: RunPredictions): Uint8Array {
  const tensors = new Map<string, CheckpointTensor>();
  for (const part of PARTS) {
    const kept = predictions[part];
    if (kept === null) continue;
    const { indices, labels, probabilities, targets } = kept;
    const rows = indices.length;
    const classes = rows === 0 ? 0 : probabilities.length / rows;
    tensors.set(`${part}.indices`, { dtype: 'I32', shape: [rows], data: bytesOf(indices) });
    tensors.set(`${part}.labels`, {
      dtype: 'I32',
      shape: [labels.length],
      data: bytesOf(labels),
    });
    tensors.set(`${part}.probabilities`, {
      dtype: 'F64',
      shape: [rows, classes],
      data: bytesOf(probabilities),
    });
    if (targets !== null) {
      const shape = [rows, classes];
      tensors.set(`${part}.targets`, { dtype: 'U8', shape, data: targets });
    }
  }
  const { teacher, test } = predictions;
  if (teacher !== undefined) {
    const rows = test.indices.length;
    const shape = [rows, rows === 0 ? 0 : teacher.length / rows];
    tensors.set(TEACHER, { dtype: 'F64', shape, data: bytesOf(teacher) });
  }
  return writeSafetensors(tensors);
}

/** @throws HeadlightError `bad-project` when a tensor is missing, of another type or another length. */
export function readPredictions(bytes: Uint8Array): RunPredictions {
  const { tensors } = readSafetensors(bytes);
  const take = (name: string, dtype: CheckpointTensor['dtype'], rank: number): CheckpointTensor => {
    const tensor = tensors.get(name);
    if (tensor?.dtype !== dtype || tensor.shape.length !== rank) throw damaged(name);
    return tensor;
  };
  // A copy is aligned, a view into the file need not be.
  const copy = (tensor: CheckpointTensor): ArrayBuffer => tensor.data.slice().buffer;
  const part = (name: (typeof PARTS)[number]): PartPredictions => {
    const indices = take(`${name}.indices`, 'I32', 1);
    const labels = take(`${name}.labels`, 'I32', 1);
    const probabilities = take(`${name}.probabilities`, 'F64', 2);
    const rows = indices.shape[0];
    if (labels.shape[0] !== rows) throw damaged(`${name}.labels`);
    if (probabilities.shape[0] !== rows) throw damaged(`${name}.probabilities`);
    const targets = tensors.has(`${name}.targets`) ? take(`${name}.targets`, 'U8', 2) : null;
    if (targets !== null && targets.data.length !== probabilities.data.length / 8)
      throw damaged(`${name}.targets`);
    return {
      indices: new Int32Array(copy(indices)),
      labels: new Int32Array(copy(labels)),
      probabilities: new Float64Array(copy(probabilities)),
      targets: targets === null ? null : targets.data.slice(),
    };
  };
  const test = part('test');
  const teacherOf = ({ probabilities }: PartPredictions): Pick<RunPredictions, 'teacher'> => {
    if (!tensors.has(TEACHER)) return {};
    const kept = take(TEACHER, 'F64', 2);
    if (kept.data.length !== probabilities.byteLength) throw damaged(TEACHER);
    return { teacher: new Float64Array(copy(kept)) };
  };
  return {
    train: part('train'),
    validation: tensors.has('validation.indices') ? part('validation') : null,
    test,
    ...teacherOf(test),
  };
}

function damaged(tensor: string): HeadlightError {
  return new HeadlightError('bad-project', `The kept predictions are damaged (${tensor}).`, {
    hint: 'Train again; the embeddings are still there, so it is quick.',
  });
}

function bytesOf(array: Int32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
