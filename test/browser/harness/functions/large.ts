/** Models of real shapes in the page: loaded, run and trained, for time and memory (bench/large, bench/load). */
import { finish } from '../../../../src/base';
import { addFolder, loadEncoder, type Encoder, type ModelFile } from '../../../../src/models';
import type { Embedder } from '../../../../src/models/embed';
import type { Platform } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';
import {
  openLargeEmbedder,
  trainLargeLora,
  type LargeTraining,
} from '../../../../bench/large/work';

let made: Promise<Platform> | null = null;
const platform = (): Promise<Platform> => (made ??= createWebPlatform());
let encoder: Encoder | null = null;
let embedder: Embedder | null = null;

const seconds = (since: number): number => (performance.now() - since) / 1000;

function loaded(): Encoder {
  if (encoder === null) throw new Error('no model is loaded');
  return encoder;
}

/** From an address that stands for a folder that was dropped; kept in storage as the page does. */
export async function loadLargeFolder(folder: string, names: readonly string[]): Promise<number> {
  const { storage } = await platform();
  const files: ModelFile[] = [];
  for (const name of names) {
    const response = await fetch(new URL(`${folder}/${name}`, location.origin));
    files.push({ name, bytes: await response.bytes() });
  }
  const started = performance.now();
  encoder = await finish(addFolder(storage, folder, files, 'fp32'));
  return seconds(started);
}

/** From a server that answers as the Hub does, or from storage once it is kept. */
export async function loadLargeFromHub(
  host: string,
  id: string,
  revision: string | null,
): Promise<number> {
  const sources = await platform();
  const started = performance.now();
  const reference = { source: 'hub', id, revision, precision: 'fp32' } as const;
  encoder = await finish(loadEncoder(sources, reference, { host }));
  return seconds(started);
}

/** @returns seconds until the first text is embedded, the session made for it included. */
export async function openLarge(text: string, threads: number): Promise<number> {
  const { runtime } = await platform();
  const model = loaded();
  const started = performance.now();
  embedder = await openLargeEmbedder({ runtime, device: 'wasm', threads }, model);
  await embedder.embed([text]);
  return seconds(started);
}

export async function embedLarge(texts: readonly string[]): Promise<number> {
  if (embedder === null) throw new Error('no session is open');
  const started = performance.now();
  await embedder.embed(texts);
  return seconds(started);
}

/** Before training, as the page does. */
export async function closeLarge(): Promise<void> {
  await embedder?.close();
  embedder = null;
}

/** LoRA as its defaults are, on texts of one length. */
export async function trainLarge(
  texts: readonly string[],
  plan: readonly [batch: number, tokens: number, steps: number],
  threads: number,
): Promise<LargeTraining> {
  const { runtime } = await platform();
  return trainLargeLora({ runtime, device: 'wasm', threads }, loaded(), texts, plan);
}

/**
 * transformers.js' own pipeline on an ONNX export, fp32 on WASM, with its own cache (the Cache API).
 * @returns seconds until the pipeline is there, and until it has embedded the text.
 */
export async function loadWithTransformersJs(
  folder: string,
  wasmFolder: string,
  text: string,
  threads: number,
): Promise<{ load: number; first: number }> {
  const { env, pipeline } = await import('@huggingface/transformers');
  env.allowLocalModels = false;
  env.remoteHost = new URL('/', location.origin).href;
  env.remotePathTemplate = '{model}/';
  env.useBrowserCache = true;
  env.useWasmCache = false;
  const wasm = env.backends.onnx.wasm;
  if (wasm === undefined) throw new Error('transformers.js has no WASM backend here');
  wasm.numThreads = threads;
  const file = (name: string): string => new URL(`${wasmFolder}/${name}`, location.origin).href;
  wasm.wasmPaths = {
    mjs: file('ort-wasm-simd-threaded.asyncify.mjs'),
    wasm: file('ort-wasm-simd-threaded.asyncify.wasm'),
  };
  const started = performance.now();
  const extract = (await pipeline('feature-extraction', folder, {
    dtype: 'fp32',
    device: 'wasm',
  })) as (text: string, options: object) => Promise<unknown>;
  const load = seconds(started);
  await extract(text, { pooling: 'mean', normalize: true });
  return { load, first: seconds(started) - load };
}
