/**
 * all-MiniLM-L6-v2 as it ships: the original's configuration, its tokenizer without the padding and
 * truncation it was saved with, and its weights in 8 bits by Headlight's own converter.
 */
import type { Job } from '../../src/base';
import {
  addFolder,
  quantizeCheckpoint,
  readSafetensors,
  writeSafetensors,
  type Encoder,
} from '../../src/models';
import { readPart, type BuiltModel } from './files';

export const MINILM_ID = 'all-MiniLM-L6-v2';

const ORIGINAL_FILES = [
  'config.json',
  'model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
  'modules.json',
  '1_Pooling/config.json',
  'sentence_bert_config.json',
];

/** The original, in 32-bit floats. */
export function openOriginal(source: string): Job<Encoder> {
  const files = ORIGINAL_FILES.map((name) => ({ name, bytes: readPart(source, name) }));
  return addFolder(null, MINILM_ID, files, 'fp32');
}

/** @param source the folder of the original: `model.safetensors`, `config.json`, `tokenizer.json`, … */
export function buildMiniLm(source: string): BuiltModel {
  const weights = quantizeCheckpoint(readSafetensors(readPart(source, 'model.safetensors')));
  return {
    id: MINILM_ID,
    weights: 'model_q8.safetensors',
    files: [
      { name: 'config.json', bytes: readPart(source, 'config.json') },
      { name: 'tokenizer.json', bytes: plainTokenizer(source) },
      { name: 'tokenizer_config.json', bytes: readPart(source, 'tokenizer_config.json') },
      { name: 'model_q8.safetensors', bytes: writeSafetensors(weights.tensors) },
    ],
  };
}

/** The original's tokenizer.json pads to 128 tokens and cuts there; who uses it here decides that. */
export function plainTokenizer(
  source: string,
  changes: Readonly<Record<string, unknown>> = {},
): Uint8Array {
  const json = JSON.parse(new TextDecoder().decode(readPart(source, 'tokenizer.json'))) as object;
  return new TextEncoder().encode(
    JSON.stringify({ ...json, truncation: null, padding: null, ...changes }),
  );
}
