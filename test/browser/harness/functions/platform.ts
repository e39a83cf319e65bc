/** What `platform.test.ts` runs in the worker: the web platform, from within. */
import { HeadlightError } from '../../../../src/base';
import { GraphBuilder, writeModel } from '../../../../src/graph/onnx';
import type {
  DeviceTensor,
  Platform,
  TensorBackendName,
  TensorData,
} from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';

let made: Promise<Platform> | null = null;
const platform = (): Promise<Platform> => (made ??= createWebPlatform());

export async function about(): Promise<unknown> {
  const { kind, versions, runtime, tensors, storage } = await platform();
  return {
    kind,
    versions,
    devices: await runtime.devices(),
    tensorBackends: await tensors.available(),
    estimate: await storage.estimate(),
    isolated: self.crossOriginIsolated,
    cores: navigator.hardwareConcurrency,
    jspi: 'Suspending' in WebAssembly,
  };
}

/** Runs a graph (base64 of its bytes) once; float32 in and out. */
export async function runGraph(
  model: string,
  device: 'wasm' | 'webgpu',
  feeds: Record<string, { dims: number[]; data: number[] }>,
  threads?: number,
): Promise<unknown> {
  const { runtime } = await platform();
  const bytes = Uint8Array.from(atob(model), (character) => character.charCodeAt(0));
  const session = await runtime.createSession(bytes, {
    device,
    ...(threads === undefined ? {} : { threads }),
  });
  const inputs: Record<string, TensorData> = {};
  for (const [name, { dims, data }] of Object.entries(feeds)) {
    inputs[name] = { type: 'float32', dims, data: Float32Array.from(data) };
  }
  const outputs = await session.run(inputs);
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { type, dims, data }]) => [
      name,
      { type, dims: [...dims], data: Array.from(data, Number) },
    ]),
  );
}

/**
 * A graph that adds its input to itself, run `times` times over with its output fed back, the tensor never
 * leaving the device: `x * 2^times`.
 */
export async function doubleOnDevice(
  device: 'wasm' | 'webgpu',
  values: number[],
  times: number,
): Promise<unknown> {
  const { runtime } = await platform();
  const builder = new GraphBuilder({ name: 'double' });
  const x = builder.input('x', 'float32', [values.length]);
  builder.output(builder.add('Add', [x, x]), 'y');
  const session = await runtime.createSession(writeModel(builder.build()), {
    device,
    keepOnDevice: ['y'],
  });
  const first: TensorData = {
    type: 'float32',
    dims: [values.length],
    data: Float32Array.from(values),
  };
  let current: TensorData | DeviceTensor = await runtime.toDevice(first, device);
  const uploaded = 'location' in current ? Array.from((await current.read()).data, Number) : null;
  let stayed = 0;
  for (let i = 0; i < times; i++) {
    const { y } = await session.runKeeping({ x: current });
    if ('location' in current) current.dispose();
    if (y === undefined) throw new Error('no output y');
    if ('location' in y) stayed += 1;
    current = y;
  }
  const last = 'location' in current ? await current.read() : current;
  let afterwards = 'still usable';
  if ('location' in current) {
    current.dispose();
    afterwards = await session.run({ x: current }).then(
      () => 'still usable',
      (error: unknown) => (error instanceof HeadlightError ? error.code : String(error)),
    );
  }
  await session.release();
  return { stayed, uploaded, values: Array.from(last.data, Number), afterwards };
}

/** `a [n, k] @ b [k, m]` on a tfjs backend. */
export async function tensorMatMul(
  backend: TensorBackendName,
  a: number[][],
  b: number[][],
): Promise<unknown> {
  const { tensors } = await platform();
  await tensors.use(backend);
  const tf = await import('@tensorflow/tfjs-core');
  const product = tf.matMul(tf.tensor2d(a), tf.tensor2d(b));
  const data = await product.data();
  let threads: number | null = null;
  if (backend === 'wasm') {
    threads = (await import('@tensorflow/tfjs-backend-wasm')).getThreadsCount();
  }
  return { backend: tf.getBackend(), data: Array.from(data), threads };
}

/** As `tensorMatMul` on WASM, in a worker that is told it has so many cores. */
export function matMulOnCores(cores: number, a: number[][], b: number[][]): Promise<unknown> {
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: cores });
  return tensorMatMul('wasm', a, b);
}

/** Fetches through the platform; `ok`, or the error's code and message. */
export async function platformFetch(url: string): Promise<string> {
  const { network } = await platform();
  const response = await network.fetch(url);
  await response.arrayBuffer();
  return `${response.status}`;
}

/** Fetches past the platform, as a library would. */
export async function rawFetch(url: string): Promise<string> {
  try {
    return `reached: ${(await fetch(url, { mode: 'no-cors' })).type}`;
  } catch (error) {
    return `refused: ${String(error)}`;
  }
}

/** Fetches in a worker made from a `blob:`, as tfjs' threads are. */
export function blobWorkerFetch(url: string): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}, { mode: 'no-cors' })
    .then(() => postMessage('reached'), (error) => postMessage('refused: ' + error))`;
  const worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })));
  return new Promise((resolve) => {
    worker.addEventListener('message', ({ data }: MessageEvent<string>) => resolve(data));
  });
}

export async function requests(): Promise<unknown> {
  return (await platform()).network.requests();
}

export async function asset(path: string): Promise<unknown> {
  const { assets } = await platform();
  const progress: number[] = [];
  const bytes = await assets.read(path, (done) => progress.push(done));
  return { bytes: bytes.byteLength, progress: progress.at(-1) };
}

export async function persist(): Promise<boolean> {
  return (await platform()).storage.persist();
}

/** Loads a script lazily, as the engine does when a feature is first used; says of which release it is. */
export async function lazyRelease(): Promise<string> {
  return (await import('./lazy')).release;
}

/** Makes this worker a browser without JSPI. */
export function withoutJspi(): boolean {
  return Reflect.deleteProperty(WebAssembly, 'Suspending');
}

/** Destroys the GPU device under a session; what the next run says. */
export async function loseGpu(
  model: string,
  feeds: Record<string, { dims: number[]; data: number[] }>,
): Promise<string> {
  const { gpuDevice } = await import('../../../../src/platform/web/gpu');
  const { runtime } = await platform();
  const bytes = Uint8Array.from(atob(model), (character) => character.charCodeAt(0));
  const session = await runtime.createSession(bytes, { device: 'webgpu' });
  const inputs: Record<string, TensorData> = {};
  for (const [name, { dims, data }] of Object.entries(feeds)) {
    inputs[name] = { type: 'float32', dims, data: Float32Array.from(data) };
  }
  await session.run(inputs);
  const { device } = await gpuDevice();
  const running = session.run(inputs);
  device.destroy();
  try {
    await running;
    await session.run(inputs);
    return 'nothing was thrown';
  } catch (error) {
    return error instanceof HeadlightError ? `${error.code}: ${error.message}` : String(error);
  }
}
