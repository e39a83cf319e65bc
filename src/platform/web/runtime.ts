/** `OnnxRuntime` over onnxruntime-web. */
import { HeadlightError } from '../../base';
import type { DeviceInfo, Network, OnnxRuntime, RuntimeSession, SessionOptions } from '../platform';
import { ortBuildFor } from './files';
import { adapterName, isEmulated, gpuAdapter, gpuDevice, onGpu } from './gpu';
import { externalDataOf, openOrtSession } from './ort-session';
import { weightOptions } from '../weight-options';
import { isKept, upload } from './ort-tensors';
import { loadOrt } from './ort-builds';

/** More threads than this gain nothing on encoders of this size, and each takes a worker. */
const MOST_THREADS = 8;

/** Why there is one thread only, or undefined when there may be more. */
function singleThreadReason(): string | undefined {
  if (!self.crossOriginIsolated) {
    return 'One thread only: this page is not isolated (its host sends no COOP and COEP headers).';
  }
  return undefined;
}

export function wasmThreads(wanted = MOST_THREADS): number {
  if (singleThreadReason() !== undefined) return 1;
  return Math.max(1, Math.min(wanted, MOST_THREADS, navigator.hardwareConcurrency));
}

export function createRuntime(network: Network): OnnxRuntime {
  return {
    version: __ORT_VERSION__,
    async devices() {
      const threads = wasmThreads();
      const reason = singleThreadReason();
      const wasm: DeviceInfo = {
        device: 'wasm',
        label: `WASM, ${threads === 1 ? '1 thread' : `${threads} threads`}`,
        threads,
        ...(reason === undefined ? {} : { notice: reason }),
      };
      const adapter = await gpuAdapter();
      if (adapter === null) return [wasm];
      const webgpu: DeviceInfo = {
        device: 'webgpu',
        label: `WebGPU (${adapterName(adapter.info)})`,
        ...(isEmulated(adapter.info) ? { emulated: true as const } : {}),
        threads: null,
        maxBufferBytes: Math.min(
          adapter.limits.maxBufferSize,
          adapter.limits.maxStorageBufferBindingSize,
        ),
      };
      return [webgpu, wasm];
    },
    createSession: (model, options) => createSession(network, model, options),
    async toDevice(tensor, device) {
      if (device !== 'webgpu' || !isKept(tensor.type)) return tensor;
      const gpu = await gpuDevice();
      const ort = await loadOrt(ortBuildFor(device), wasmThreads(), network);
      return onGpu(() => upload(ort, gpu.device, tensor));
    },
  };
}

async function createSession(
  network: Network,
  model: Uint8Array,
  options: SessionOptions,
): Promise<RuntimeSession> {
  const { device } = options;
  if (device !== 'wasm' && device !== 'webgpu') {
    throw new HeadlightError('device', `A page has no device \`${device}\`.`, {
      hint: 'Choose webgpu or wasm; cpu and cuda are for the command line.',
    });
  }
  const gpu = device === 'webgpu' ? await gpuDevice() : null;
  const ort = await loadOrt(ortBuildFor(device), wasmThreads(options.threads), network);
  const guarded = <Result>(work: () => Promise<Result>): Promise<Result> =>
    gpu === null ? work() : onGpu(work);
  return openOrtSession(ort, model, device, guarded, {
    executionProviders: gpu === null ? ['wasm'] : [{ name: 'webgpu', device: gpu.device }],
    extra: weightOptions(options),
    ...externalDataOf(options),
    ...(gpu === null
      ? {}
      : {
          preferredOutputLocation: Object.fromEntries(
            (options.keepOnDevice ?? []).map((name) => [name, 'gpu-buffer' as const]),
          ),
        }),
  });
}
