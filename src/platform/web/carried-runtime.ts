/**
 * `OnnxRuntime` over WebAssembly that the page carries in itself: one thread, no file fetched. For classifier
 * pages, which are built with ONNX Runtime's script inside (`onnxruntime-web/wasm` without the condition that
 * leaves it outside).
 */
import * as ort from 'onnxruntime-web/wasm';
import { HeadlightError } from '../../base';
import type { OnnxRuntime } from '../platform';
import { weightOptions } from '../weight-options';
import { externalDataOf, openOrtSession } from './ort-session';

/** @param wasm bytes of `ort-wasm-simd-threaded.wasm` of the same version. */
export async function createCarriedRuntime(wasm: Uint8Array): Promise<OnnxRuntime> {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmBinary = wasm;
  return {
    version: __ORT_VERSION__,
    devices: () => Promise.resolve([{ device: 'wasm', label: 'WASM, 1 thread', threads: 1 }]),
    createSession(model, options) {
      const { device } = options;
      if (device !== 'wasm') {
        throw new HeadlightError('device', `A classifier page has no device \`${device}\`.`);
      }
      return openOrtSession(ort, model, device, (work) => work(), {
        executionProviders: ['wasm'],
        extra: weightOptions(options),
        ...externalDataOf(options),
      });
    },
    toDevice: (tensor) => Promise.resolve(tensor),
  };
}
