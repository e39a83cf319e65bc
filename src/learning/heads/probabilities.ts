/** Logits to probabilities by tfjs' kernels, which take a tenth of the time of a loop over `Math.exp`. In 32-bit floats. */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import { tf } from './tensorflow';

/** Of one label among the outputs, or of each output for itself. */
export type Link = 'softmax' | 'sigmoid';

/** @param logits [rows, outputs]. tfjs must be loaded, and a backend of it be the current one. */
export async function probabilitiesOf(
  link: Link,
  logits: Float32Array,
  outputs: number,
): Promise<Float32Array> {
  const given = tf.tensor2d(logits, [logits.length / outputs, outputs], 'float32');
  try {
    return await linked(link, given);
  } finally {
    given.dispose();
  }
}

export async function linked(link: Link, logits: TensorFlow.Tensor2D): Promise<Float32Array> {
  const result = link === 'softmax' ? tf.softmax(logits) : tf.sigmoid(logits);
  try {
    return await result.data<'float32'>();
  } finally {
    result.dispose();
  }
}
