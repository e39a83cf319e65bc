/**
 * What a sentence-transformers model recommends for itself, from the small files beside its weights:
 * `modules.json` (what follows the transformer), `<n>_Pooling/config.json`, `sentence_bert_config.json`.
 */
import { readJson } from '../../base';
import type { EmbedSettings, Pooling } from '../types';
import type { ModelFile } from './encoder';

/** Longest texts by default where a model does not say: attention's cost grows with the square. */
const USUAL_MAX_TOKENS = 256;

/** Names of the files worth asking for besides config, weights and tokenizer. */
export const SENTENCE_FILES = ['modules.json', 'sentence_bert_config.json'] as const;

/** The pooling configuration that `modules.json` points to, null without one. */
export function poolingFile(files: readonly ModelFile[]): string | null {
  const module = modulesOf(files).find(({ type }) => type.endsWith('.Pooling'));
  return module === undefined || module.path === '' ? null : `${module.path}/config.json`;
}

/**
 * Defaults from the model's own files; without them the last layer, mean-pooled, as
 * sentence-transformers itself does for a bare encoder.
 *
 * @throws HeadlightError `bad-model` when a file is there and is not JSON.
 */
export function sentenceDefaults(
  files: readonly ModelFile[],
  model: { readonly layers: number; readonly maxTokens: number },
): EmbedSettings {
  const pooling = poolingFile(files);
  const { max_seq_length: longest } = jsonFile(files, 'sentence_bert_config.json') ?? {};
  const maxTokens =
    typeof longest === 'number' && Number.isInteger(longest) && longest > 2
      ? longest
      : USUAL_MAX_TOKENS;
  return {
    layer: model.layers,
    pooling: pooling === null ? 'mean' : poolingOf(jsonFile(files, pooling)),
    normalize: modulesOf(files).some(({ type }) => type.endsWith('.Normalize')),
    maxTokens: Math.min(maxTokens, model.maxTokens),
  };
}

function poolingOf(config: Record<string, unknown> | null): Pooling {
  // Version 5 of sentence-transformers writes one word, older ones a flag for each mode.
  const mode = config?.['pooling_mode'];
  if (mode === 'cls' || config?.['pooling_mode_cls_token'] === true) return 'cls';
  if (mode === 'max' || config?.['pooling_mode_max_tokens'] === true) return 'max';
  if (mode === 'lasttoken' || config?.['pooling_mode_lasttoken'] === true) return 'last';
  return 'mean';
}

function modulesOf(
  files: readonly ModelFile[],
): { readonly type: string; readonly path: string }[] {
  const value = jsonValue(files, 'modules.json');
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) => {
    if (typeof item !== 'object' || item === null) return [];
    const { type, path } = item as Record<string, unknown>;
    return typeof type === 'string' && typeof path === 'string' ? [{ type, path }] : [];
  });
}

function jsonFile(files: readonly ModelFile[], name: string): Record<string, unknown> | null {
  const value = jsonValue(files, name);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function jsonValue(files: readonly ModelFile[], name: string): unknown {
  const file = files.find((one) => one.name === name);
  if (file === undefined) return null;
  return readJson(file.bytes, name);
}
