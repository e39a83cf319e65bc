/** `TensorBackends` over tfjs: each backend is loaded when it is first used. */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import { HeadlightError } from '../../base';
import type { TensorBackendName, TensorBackends } from '../platform';
import { runtimeFolder, TFJS_WASM_FILES, TFJS_WASM_PACKAGE, tfjsThreads } from './files';
import { gpuAdapter, gpuDevice } from './gpu';
import { pageBase } from './location';
import { wasmThreads } from './runtime';

const ready = new Map<TensorBackendName, Promise<void>>();

export function createTensorBackends(): TensorBackends {
  return {
    version: __TFJS_VERSION__,
    async available() {
      return (await gpuAdapter()) === null ? ['wasm', 'cpu'] : ['webgpu', 'wasm', 'cpu'];
    },
    async use(backend) {
      const tf = await import('@tensorflow/tfjs-core');
      let loading = ready.get(backend);
      if (loading === undefined) {
        loading = loaders[backend](tf).catch((error: unknown) => {
          ready.delete(backend); // the next caller may try again
          throw error;
        });
        ready.set(backend, loading);
      }
      await loading;
      if (!(await tf.setBackend(backend))) throw unavailable(backend);
    },
  };
}

const loaders: Record<TensorBackendName, (tf: typeof TensorFlow) => Promise<void>> = {
  async cpu() {
    await import('@tensorflow/tfjs-backend-cpu');
  },
  async wasm(tf) {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    const folder = new URL(runtimeFolder(TFJS_WASM_PACKAGE, __TFJS_VERSION__), pageBase());
    wasm.setWasmPaths(
      Object.fromEntries(TFJS_WASM_FILES.map((file) => [file, new URL(file, folder).href])),
    );
    const threads = tfjsThreads(wasmThreads(), navigator.userAgent);
    if (threads > 1) wasm.setThreadsCount(threads);
    else tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  },
  async webgpu(tf) {
    const { device, info } = await gpuDevice();
    const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
    // tfjs would open a device of its own; its kernels are registered under this name, so it stays.
    tf.removeBackend('webgpu');
    tf.registerBackend('webgpu', () => new WebGPUBackend(device, info));
    void device.lost.then(() => {
      ready.delete('webgpu');
    });
  },
};

function unavailable(backend: TensorBackendName): HeadlightError {
  return new HeadlightError('device', `tfjs cannot compute on ${backend} in this browser.`, {
    hint: 'Choose wasm or cpu.',
  });
}
