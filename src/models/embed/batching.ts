/** How texts are batched on each device. The figures were measured on onnxruntime-node with two cores. */
import type { Device } from '../../platform';
import type { EncoderModel } from '../encoders';
import type { BatchOptions } from '../text';

/**
 * CPU and WASM: small batches stay in the cache, and free lengths waste nothing. WebGPU: large batches
 * keep it busy, and lengths and batch sizes are rounded because each new shape compiles shaders.
 */
export function batchOptions(
  device: Device,
  { architecture }: Pick<EncoderModel, 'architecture'>,
): BatchOptions {
  // Static embeddings are a table look-up: what costs is the call, so fewer and larger ones.
  if (architecture === 'static') return { tokenBudget: 32_768, maxBatch: 1024, multipleOf: 1 };
  switch (device) {
    case 'webgpu':
    case 'cuda':
      return { tokenBudget: 4096, maxBatch: 128, multipleOf: 16, evenRows: true };
    case 'cpu':
    case 'wasm':
      return { tokenBudget: 1024, maxBatch: 32, multipleOf: 1 };
  }
}
