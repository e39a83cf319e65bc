/**
 * The one GPU device of this realm, shared by ONNX Runtime and tfjs. A lost device or an error that
 * nobody caught becomes the error of the job that runs.
 */
import { HeadlightError } from '../../base';

export interface Gpu {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  /** For people: `NVIDIA GeForce RTX 4070`, or the vendor and architecture where that is all there is. */
  readonly name: string;
}

/** Asked for where the adapter has them: ONNX Runtime's kernels choose by them. */
const FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];

const LIMITS = [
  'maxBindGroups',
  'maxBufferSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

let adapter: Promise<GPUAdapter | null> | null = null;
let gpu: Promise<Gpu> | null = null;
/** The first thing that went wrong since it was last asked for. */
let failure: HeadlightError | null = null;
let onFailure: (() => void) | null = null;

/**
 * The adapter, or null where there is none; asked for once. Firefox rejects where it has the interface but
 * not (yet) WebGPU: the same as none, and WASM is used, as the list of devices says.
 */
export function gpuAdapter(): Promise<GPUAdapter | null> {
  adapter ??=
    'gpu' in navigator
      ? navigator.gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null)
      : Promise.resolve(null);
  return adapter;
}

export function adapterName(info: GPUAdapterInfo): string {
  const name =
    info.description !== ''
      ? info.description
      : [info.vendor, info.architecture].filter((part) => part !== '').join(' ');
  return name === '' ? 'unnamed adapter' : name;
}

/** Whether the adapter is a software one: browsers offer it where there is no GPU, or when told to. */
export function isEmulated(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter || /swiftshader|llvmpipe|software|basic render/i.test(adapterName(info))
  );
}

/**
 * The device; made on the first call, and anew after it was lost.
 * @throws HeadlightError `device` when there is no adapter or it gives no device.
 */
export function gpuDevice(): Promise<Gpu> {
  gpu ??= makeDevice().catch((error: unknown) => {
    gpu = null; // the next caller may try again
    adapter = null;
    throw error;
  });
  return gpu;
}

async function makeDevice(): Promise<Gpu> {
  const found = await gpuAdapter();
  if (found === null) throw noDevice('This browser offers no WebGPU adapter here.');
  const requiredLimits: Record<string, number> = {};
  for (const limit of LIMITS) requiredLimits[limit] = found.limits[limit];
  const requiredFeatures = FEATURES.filter((feature) => found.features.has(feature));
  let device: GPUDevice;
  try {
    device = await found.requestDevice({ requiredFeatures, requiredLimits });
  } catch (error) {
    throw noDevice('The WebGPU adapter gave no device.', error);
  }
  device.addEventListener('uncapturederror', (event) => {
    fail(
      new HeadlightError('device', `The GPU reported an error: ${event.error.message}`, {
        hint: 'What was committed is kept. Train on WASM instead, or reload and try again.',
      }),
    );
  });
  void device.lost.then((lost) => {
    gpu = null;
    adapter = null; // an adapter gives one device in its life
    fail(
      new HeadlightError('device', `The GPU was lost (${lost.message || lost.reason}).`, {
        hint: 'What was committed is kept. Start again to go on, on WASM if it happens again.',
      }),
    );
  });
  return { device, info: found.info, name: adapterName(found.info) };
}

function noDevice(message: string, cause?: unknown): HeadlightError {
  return new HeadlightError('device', message, { hint: 'Use WASM instead.', cause });
}

function throwFailure(): void {
  if (failure !== null) throw failure;
}

function fail(error: HeadlightError): void {
  failure ??= error;
  onFailure?.();
}

/**
 * Runs work on the GPU; rejects as soon as the device is lost or reports an error, even when the work
 * itself never settles. Not re-entrant: the callers hold the mutex of `graph/runtime`.
 * @throws HeadlightError `device`, beside what the work throws.
 */
export async function onGpu<Result>(work: () => Promise<Result>): Promise<Result> {
  failure = null;
  const failed = new Promise<never>((_resolve, reject) => {
    onFailure = () => reject(failure ?? noDevice('The GPU failed.'));
  });
  try {
    const result = await Promise.race([work(), failed]);
    throwFailure();
    return result;
  } finally {
    onFailure = null;
  }
}
