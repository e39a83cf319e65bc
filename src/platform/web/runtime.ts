/** `OnnxRuntime` over onnxruntime-web. */
import type { InferenceSession, Tensor } from 'onnxruntime-web';
import { HeadlightError } from '../../base';
import type {
  Device,
  DeviceInfo,
  DeviceTensor,
  Feeds,
  Network,
  OnnxRuntime,
  RuntimeSession,
  SessionOptions,
  TensorData,
} from '../platform';
import { ortBuildFor } from './files';
import { adapterName, isEmulated, gpuAdapter, gpuDevice, onGpu } from './gpu';
import { fromOrt, isKept, keptTensor, toOrt, upload } from './ort-tensors';
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
  const settings: InferenceSession.SessionOptions = {
    executionProviders: gpu === null ? ['wasm'] : [{ name: 'webgpu', device: gpu.device }],
    graphOptimizationLevel: 'all',
    // Int8 weights are folded to float32 once, here, instead of in every run.
    extra: { session: { disable_quant_qdq: '1' } },
    logSeverityLevel: 3,
    ...(gpu === null
      ? {}
      : {
          preferredOutputLocation: Object.fromEntries(
            (options.keepOnDevice ?? []).map((name) => [name, 'gpu-buffer' as const]),
          ),
        }),
  };
  let session: InferenceSession;
  try {
    session = await guarded(() => ort.InferenceSession.create(model, settings));
  } catch (error) {
    throw refusal(error, device);
  }
  const compute = async (feeds: Feeds): Promise<Readonly<Record<string, Tensor>>> => {
    const inputs: Record<string, Tensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) inputs[name] = toOrt(ort, tensor);
    try {
      return await guarded(() => session.run(inputs));
    } catch (error) {
      if (error instanceof HeadlightError) throw error;
      throw new HeadlightError('device', `The model failed on ${device}: ${messageOf(error)}`, {
        hint: 'Try a smaller batch, a shorter text length or the other device.',
        cause: error,
      });
    }
  };
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds) {
      const results: Record<string, TensorData> = {};
      for (const [name, tensor] of Object.entries(await compute(feeds))) {
        results[name] = await guarded(() => fromOrt(name, tensor));
        tensor.dispose();
      }
      return results;
    },
    async runKeeping(feeds) {
      const results: Record<string, TensorData | DeviceTensor> = {};
      for (const [name, tensor] of Object.entries(await compute(feeds))) {
        if (tensor.location === 'gpu-buffer') {
          results[name] = keptTensor(name, tensor, guarded);
          continue;
        }
        results[name] = await fromOrt(name, tensor);
        tensor.dispose();
      }
      return results;
    },
    release: () => session.release(),
  };
}

function refusal(error: unknown, device: Device): HeadlightError {
  if (error instanceof HeadlightError) return error;
  const message = messageOf(error);
  if (/webassembly|backend|out of memory|bad_alloc|allocat|fetch/i.test(message)) {
    return new HeadlightError('device', `ONNX Runtime could not start on ${device}: ${message}`, {
      hint: 'Close other tabs and reload; a smaller model may fit.',
      cause: error,
    });
  }
  return new HeadlightError('bad-model', `ONNX Runtime refused the graph: ${message}`, {
    hint: 'The model file may be damaged or use operators that this version does not know.',
    cause: error,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
