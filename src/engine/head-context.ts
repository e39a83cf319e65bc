/** Where heads are fitted, and what works on rows of features beside them. */
import { OnnxKernels, type HeadContext } from '../learning/heads';
import type { Device, Platform, TensorBackendName } from '../platform';

/**
 * Where the encoder ran, if tfjs can, and on WASM otherwise; in Node linear heads by ONNX Runtime's native code. The backend is
 * tfjs' current one from here on.
 */
export async function headContext(platform: Platform, device: Device): Promise<HeadContext> {
  const backend = await useTensors(platform, device);
  return platform.kind === 'node'
    ? { backend, kernels: OnnxKernels.of(platform.runtime) }
    : { backend };
}

/** @returns the backend of tfjs for work on this device, which is the current one from here on. */
export async function useTensors(platform: Platform, device: Device): Promise<TensorBackendName> {
  const available = await platform.tensors.available();
  const wanted: TensorBackendName = device === 'webgpu' ? 'webgpu' : 'wasm';
  const backend = available.includes(wanted) ? wanted : (available[0] ?? 'cpu');
  await platform.tensors.use(backend);
  return backend;
}
