/** The kernels of heads in Node, for tests that hold them to the same. */
import {
  loadTensorFlow,
  OnnxKernels,
  TensorKernels,
  type HeadContext,
  type Kernels,
} from '../../src/learning/heads';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import { useWasmTensors } from './tfjs';

export async function wasmKernels(): Promise<Kernels> {
  await useWasmTensors();
  await loadTensorFlow();
  return new TensorKernels('wasm');
}

const native = new OnnxKernels(createNodeRuntime());

export const KERNELS = [
  ['tfjs on WASM', wasmKernels],
  ['ONNX Runtime', (): Promise<Kernels> => Promise.resolve(native)],
] as const;

/** Where heads are fitted in a page, and in Node. */
export const CONTEXTS: readonly (readonly [string, HeadContext])[] = [
  ['tfjs on WASM', { backend: 'wasm' }],
  ['ONNX Runtime', { backend: 'wasm', kernels: native }],
];
