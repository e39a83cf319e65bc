/**
 * The classifier inside its HTML file, opened: two methods of the engine over the files that the page carries.
 * Runs in the page's worker; needs no storage, no network and no project.
 */
import * as v from 'valibot';
import { HeadlightError } from '../base';
import type { OnnxRuntime } from '../platform';
import { parseDocument, parseJson, readHeadDocument } from '../project';
import { openClassifier, type ClassifierColumns } from './classifier';
import type { Engine } from './engine';
import { fileOfBlocks } from './standalone-blocks';
import { createStaticRuntime } from './static-runtime';

export type StandaloneEngine = Pick<Engine, 'predictTexts' | 'predictFile'>;

/** The block that holds ONNX Runtime's WebAssembly; a page without it computes by itself. */
export const RUNTIME_BLOCK = 'runtime.wasm';

/** What the page hands to its worker. */
export interface StandaloneContent {
  readonly kind: 'headlight.open';
  /** Texts of the elements of each file, in order. */
  readonly blocks: readonly (readonly [name: string, texts: readonly string[]])[];
  readonly columns: ClassifierColumns;
}

const staticSchema = v.object({
  hidden_size: v.number(),
  vocab_size: v.number(),
  headlight: v.object({ embed: v.object({ normalize: v.boolean() }) }),
});

/**
 * @param onnx ONNX Runtime over its WebAssembly.
 * @throws HeadlightError `bad-file` when the page is damaged, `bad-model`, `device`.
 */
export async function openStandalone(
  { blocks, columns }: StandaloneContent,
  onnx: (wasm: Uint8Array) => Promise<OnnxRuntime>,
): Promise<StandaloneEngine> {
  const files = new Map<string, Uint8Array>();
  for (const [name, texts] of blocks) files.set(name, await fileOfBlocks(texts, name));
  const wasm = files.get(RUNTIME_BLOCK);
  files.delete(RUNTIME_BLOCK);
  const runtime = wasm === undefined ? staticRuntime(files) : await onnx(wasm);
  const classifier = await openClassifier({ runtime }, files, 'wasm', columns);
  return {
    predictTexts: (_project, _run, texts, pairs) => classifier.predict(texts, pairs ?? null),
    predictFile: (_project, _run, file, column, signal) =>
      classifier.predictFile(file, column, signal),
  };
}

function staticRuntime(files: ReadonlyMap<string, Uint8Array>): OnnxRuntime {
  const [config, head] = ['config.json', 'head.json'].map((name) => {
    const bytes = files.get(name);
    if (bytes === undefined) {
      throw new HeadlightError('bad-file', `This page is damaged: ${name} is missing.`, {
        hint: 'Get the file again from whoever made it.',
      });
    }
    return parseJson(bytes, name);
  });
  const { hidden_size, vocab_size, headlight } = parseDocument(staticSchema, config, 'config.json');
  const shape = {
    hiddenSize: hidden_size,
    vocabSize: vocab_size,
    normalize: headlight.embed.normalize,
  };
  return createStaticRuntime(shape, readHeadDocument(head));
}
