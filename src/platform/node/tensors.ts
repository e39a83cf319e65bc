/** tfjs in Node: its WASM backend, with the SIMD binary from node_modules. `cpu` only when asked for. */
import * as tf from '@tensorflow/tfjs-core';
// Registers the backend `wasm`; in Node it finds its binary beside itself.
import '@tensorflow/tfjs-backend-wasm';
import { HeadlightError } from '../../base';
import type { TensorBackendName, TensorBackends } from '../platform';

export function createNodeTensors(): TensorBackends {
  return {
    version: tf.version_core,
    available: () => Promise.resolve(['wasm', 'cpu']),
    use,
  };
}

async function use(backend: TensorBackendName): Promise<void> {
  if (backend === 'webgpu') {
    throw new HeadlightError('device', 'Probes cannot be fitted on WebGPU in Node.', {
      hint: 'Use wasm.',
    });
  }
  // Plain JavaScript is slow and rarely wanted: loaded only when asked for.
  if (backend === 'cpu') await import('@tensorflow/tfjs-backend-cpu');
  let ready = false;
  let cause: unknown;
  try {
    ready = await tf.setBackend(backend);
    await tf.ready();
  } catch (error) {
    cause = error;
  }
  if (!ready) {
    throw new HeadlightError('device', `The tfjs backend ${backend} could not be started.`, {
      hint: 'Install the packages again with npm ci.',
      cause,
    });
  }
}
