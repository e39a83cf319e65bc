/** `config.json` of an encoder, checked at the door. */
import * as v from 'valibot';
import { readJson } from '../../base';
import type { TransformerConfig } from './architecture';
import { ARCHITECTURES } from './architectures';
import { count, parse, unsupported } from './config-fields';

export { SUPPORTED_MODEL_TYPES } from './config-fields';
export type { TransformerConfig } from './architecture';

const staticSchema = v.object({
  hidden_size: count,
  vocab_size: count,
  max_tokens: count,
});

export interface StaticConfig {
  readonly modelType: 'headlight-static';
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly maxTokens: number;
}

export type EncoderConfig = TransformerConfig | StaticConfig;

/**
 * @param bytes of `config.json`.
 * @throws HeadlightError `bad-model` when it is no such file, or asks for what Headlight does not have.
 */
export function parseEncoderConfig(bytes: Uint8Array): EncoderConfig {
  const json = readJson(bytes, 'The encoder’s config.json', {
    hint: 'Download or copy the model’s folder again.',
  });
  const { model_type: modelType } = parse(v.object({ model_type: v.optional(v.string()) }), json);
  if (modelType === 'headlight-static') {
    const found = parse(staticSchema, json);
    return {
      modelType,
      hiddenSize: found.hidden_size,
      vocabSize: found.vocab_size,
      maxTokens: found.max_tokens,
    };
  }
  const open = modelType === undefined ? undefined : ARCHITECTURES.get(modelType);
  if (open !== undefined) return open(json);
  throw unsupported(
    modelType === undefined
      ? 'The encoder’s config.json has no "model_type".'
      : `Encoders of the architecture "${modelType}" are not supported.`,
  );
}
