/** Checkpoints: reading and writing safetensors. */
export { halfBits, halfFloats } from './half';
export {
  readSafetensors,
  writeSafetensors,
  type Checkpoint,
  type CheckpointTensor,
  type Dtype,
} from './safetensors';
export { float32Values, halfValues, int8Values, integerValues, tensorOf } from './values';
