/**
 * tfjs, fetched when the first head is fitted or the first neighbour looked for: with it the page's worker would
 * be half as large again before anything is asked of it.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core';

/** There once `loadTensorFlow` has ended; whoever computes with it awaits that first. */
export let tf: typeof TensorFlow;

export async function loadTensorFlow(): Promise<void> {
  tf = await import('@tensorflow/tfjs-core');
}
