/**
 * Loads ONNX Runtime: which of its builds serves which device in this browser, and from which files.
 * - JSPI, where WebAssembly can be suspended: one build for WASM and WebGPU, 16 MiB.
 * - elsewhere the plain build for WASM, 14 MiB, and Asyncify for WebGPU, 26 MiB.
 * Each is fetched when first needed, from the page's own address, and then kept for the realm.
 */
import type * as Ort from 'onnxruntime-web';
import { HeadlightError } from '../../base';
import type { Network } from '../platform';
import { readBody } from './assets';
import { ORT_FILES, ORT_PACKAGE, runtimeFolder, type OrtBuild } from './files';
import { pageBase } from './location';

export type OrtModule = typeof Ort;

const importers: Record<OrtBuild, () => Promise<OrtModule>> = {
  jspi: () => import('onnxruntime-web/jspi'),
  wasm: () => import('onnxruntime-web/wasm'),
  asyncify: () => import('onnxruntime-web/webgpu'),
};

const loaded = new Map<OrtBuild, Promise<OrtModule>>();

/**
 * @param threads for the first call of a build; later calls get the build as it is.
 * @throws HeadlightError `network` or `not-found` when its files cannot be read.
 */
export function loadOrt(build: OrtBuild, threads: number, network: Network): Promise<OrtModule> {
  const known = loaded.get(build);
  if (known !== undefined) return known;
  const loading = load(build, threads, network).catch((error: unknown) => {
    loaded.delete(build); // the next caller may try again
    throw error;
  });
  loaded.set(build, loading);
  return loading;
}

async function load(build: OrtBuild, threads: number, network: Network): Promise<OrtModule> {
  const folder = new URL(runtimeFolder(ORT_PACKAGE, __ORT_VERSION__), pageBase());
  const files = ORT_FILES[build];
  const ort = await importers[build]();
  const { wasm } = ort.env;
  wasm.numThreads = threads;
  wasm.proxy = false;
  const [first, ...more] = files.wasm.map((file) => new URL(file, folder).href);
  if (first === undefined) throw new HeadlightError('internal', `No file for ${build}`);
  // Both are named: with the .wasm alone, the thread workers would load the wrong script and hang.
  wasm.wasmPaths = { mjs: new URL(files.mjs, folder).href, wasm: first };
  if (more.length > 0) wasm.wasmBinary = await join([first, ...more], network);
  return ort;
}

async function join(urls: readonly string[], network: Network): Promise<Uint8Array> {
  const parts = await Promise.all(
    urls.map(async (url) => {
      const response = await network.fetch(url);
      if (!response.ok) {
        throw new HeadlightError('not-found', `${url} answered ${response.status}.`, {
          hint: 'A part of ONNX Runtime is missing beside the page; was the folder copied whole?',
        });
      }
      return readBody(response);
    }),
  );
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
