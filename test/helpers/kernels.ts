/** The kernels of heads in Node, for tests that hold them to the same. */
import { loadTensorFlow, OnnxKernels, TensorKernels, type Kernels } from '../../src/learning/heads';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import { useWasmTensors } from './tfjs';

export async function wasmKernels(): Promise<Kernels> {
  await useWasmTensors();
  await loadTensorFlow();
  return new TensorKernels('wasm');
}

export const KERNELS = [
  ['tfjs on WASM', wasmKernels],
  ['ONNX Runtime', (): Promise<Kernels> => Promise.resolve(new OnnxKernels(createNodeRuntime()))],
] as const;
