/** Logits to probabilities by tfjs' kernels, which take a tenth of the time of a loop over `Math.exp`. In 32-bit floats. */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import { tf } from './tensorflow';

/** `softmax`: of one label among the outputs; `sigmoid`: of each output for itself. */
export type Activation = 'softmax' | 'sigmoid';

/** @param logits [rows, outputs]. tfjs must be loaded, and a backend of it be the current one. */
export async function probabilitiesOf(
  activation: Activation,
  logits: Float32Array,
  outputs: number,
): Promise<Float32Array> {
  const given = tf.tensor2d(logits, [logits.length / outputs, outputs], 'float32');
  try {
    return await activated(activation, given);
  } finally {
    given.dispose();
  }
}

/** @param logits [rows, outputs], kept. */
export async function activated(
  activation: Activation,
  logits: TensorFlow.Tensor2D,
): Promise<Float32Array> {
  const result = activation === 'softmax' ? tf.softmax(logits) : tf.sigmoid(logits);
  try {
    return await result.data<'float32'>();
  } finally {
    result.dispose();
  }
}
