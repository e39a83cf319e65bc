/** A checkpoint whose weights are the floats that a precision stands for: what a model in that precision computes with. */
import { float32Values, tensorOf, type Checkpoint, type CheckpointTensor } from '../checkpoints';
import type { Precision } from '../types';
import { matrixFloats, roundedMatrix } from './matrix';
import { isQuantizable } from './quantize';

/**
 * Of architectures whose linear layers are kept [out, in]. Weights that came in 8 bits stay as they are.
 * @throws HeadlightError `bad-setting` when a weight is beyond what half precision can hold.
 */
export function roundedCheckpoint(checkpoint: Checkpoint, precision: Precision): Checkpoint {
  if (precision === 'fp32') return checkpoint;
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, tensor] of checkpoint.tensors) {
    const [rows, columns] = tensor.shape;
    if (rows === undefined || columns === undefined || !isQuantizable(name, tensor)) {
      tensors.set(name, tensor);
      continue;
    }
    const matrix = roundedMatrix(float32Values(tensor, name), rows, columns, precision, name);
    tensors.set(name, tensorOf(matrixFloats(matrix), tensor.shape));
  }
  return { tensors, metadata: checkpoint.metadata };
}
