/** all-MiniLM-L6-v2 in fp32, from the folder that HEADLIGHT_MINILM names, as the benchmarks' engines get it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finish } from '../src/base';
import type { FileBytes } from '../src/data';
import type { Engine } from '../src/engine';
import { MINILM } from './python';

/** In the folder of a sentence-transformers model, all that an encoder is opened from. */
export const MINILM_FILES = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'modules.json',
  'sentence_bert_config.json',
  '1_Pooling/config.json',
  'model.safetensors',
];

export async function fileOf(path: string, name: string): Promise<FileBytes> {
  return { name, bytes: new Uint8Array(await readFile(path)) };
}

export async function addMiniLM(engine: Engine) {
  if (MINILM === null) throw new Error('Set HEADLIGHT_MINILM to the folder of all-MiniLM-L6-v2.');
  const folder = MINILM;
  const files = await Promise.all(MINILM_FILES.map((name) => fileOf(join(folder, name), name)));
  return finish(engine.addFolderEncoder('all-MiniLM-L6-v2', files, 'fp32'));
}
