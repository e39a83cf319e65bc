/** Zero-shot labels in the browser, by Headlight's teacher and by transformers.js on the same weights. */
import { finish } from '../../../../src/base';
import { Encoders } from '../../../../src/engine/encoders';
import { openNli } from '../../../../src/engine/labelling/nli-teacher';
import { LABELLING_DEFAULTS } from '../../../../src/learning/labelling';
import type { Device } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';
import { memoryStorage } from '../../../helpers/memory-storage';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

export interface ZeroShotAsked {
  readonly texts: readonly string[];
  readonly labels: readonly string[];
  readonly templates: readonly string[];
  readonly several: boolean;
  readonly max_length: number;
}

export interface ZeroShotAnswer {
  /** Of the second asking; the first warms up. */
  readonly seconds: number;
  /** [texts][labels] */
  readonly scores: number[][];
}

/** @param folder of the model, relative to the page's origin. */
export async function zeroShotWithHeadlight(
  folder: string,
  { texts, labels, templates, several, max_length }: ZeroShotAsked,
  device: Device,
): Promise<ZeroShotAnswer> {
  const platform = { ...(await createWebPlatform()), storage: memoryStorage() };
  const encoders = new Encoders(platform);
  const files = await Promise.all(
    FILES.map(async (name) => {
      const response = await fetch(new URL(`${folder}/${name}`, location.origin));
      if (!response.ok) throw new Error(`${folder}/${name} answered ${response.status}`);
      return { name, bytes: new Uint8Array(await response.arrayBuffer()) };
    }),
  );
  const { info } = await finish(encoders.addFolder(folder, files, 'fp32'));
  const classes = labels.map((name) => ({ name, description: '', examples: [] }));
  const settings = { ...LABELLING_DEFAULTS, classes, several, teachers: [] };
  const open = await finish(
    openNli(
      { platform, project: 'harness', encoders, settings, device },
      { kind: 'nli', encoder: info.reference, templates, max_length },
    ),
  );
  try {
    await finish(open.vote(texts.slice(0, 1).map((text) => `${text} `)));
    const started = performance.now();
    const votes = await finish(open.vote(texts));
    const seconds = (performance.now() - started) / 1000;
    const scores = texts.map((_, row) => [
      ...votes.subarray(row * labels.length, (row + 1) * labels.length),
    ]);
    return { seconds, scores };
  } finally {
    await open.close();
  }
}

/** transformers.js' own pipeline, fp32 on WASM. @param wasmFolder of ONNX Runtime's files. */
export async function zeroShotWithTransformersJs(
  folder: string,
  wasmFolder: string,
  { texts, labels, templates, several }: ZeroShotAsked,
): Promise<ZeroShotAnswer> {
  const { env, pipeline } = await import('@huggingface/transformers');
  env.allowLocalModels = false;
  env.remoteHost = new URL('/', location.origin).href;
  env.remotePathTemplate = '{model}/';
  env.useBrowserCache = false;
  env.useWasmCache = false;
  const wasm = env.backends.onnx.wasm;
  if (wasm === undefined) throw new Error('transformers.js has no WASM backend here');
  const file = (name: string): string => new URL(`${wasmFolder}/${name}`, location.origin).href;
  wasm.wasmPaths = {
    mjs: file('ort-wasm-simd-threaded.asyncify.mjs'),
    wasm: file('ort-wasm-simd-threaded.asyncify.wasm'),
  };
  wasm.numThreads = navigator.hardwareConcurrency;
  const classify = await pipeline('zero-shot-classification', folder, {
    dtype: 'fp32',
    device: 'wasm',
  });
  const options = { hypothesis_template: templates[0] ?? '', multi_label: several };
  await classify(texts.slice(0, 1), [...labels], options);
  const started = performance.now();
  const found = await classify([...texts], [...labels], options);
  const seconds = (performance.now() - started) / 1000;
  const scores = found.map((one) =>
    labels.map((label) => one.scores[one.labels.indexOf(label)] ?? NaN),
  );
  return { seconds, scores };
}
