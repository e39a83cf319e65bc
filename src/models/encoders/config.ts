/** `config.json` of an encoder, checked at the door. Says which architectures and options are supported. */
import * as v from 'valibot';
import { HeadlightError } from '../../base';

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000_000));

const bertSchema = v.object({
  hidden_size: count,
  num_hidden_layers: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)),
  num_attention_heads: count,
  intermediate_size: count,
  max_position_embeddings: count,
  vocab_size: count,
  layer_norm_eps: v.optional(v.pipe(v.number(), v.minValue(0)), 1e-12),
  hidden_act: v.optional(v.string(), 'gelu'),
  position_embedding_type: v.optional(v.nullable(v.string()), 'absolute'),
  is_decoder: v.optional(v.nullable(v.boolean()), false),
});

const staticSchema = v.object({
  hidden_size: count,
  vocab_size: count,
  max_tokens: count,
});

const ACTIVATIONS = {
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  relu: 'relu',
} as const;

export type Activation = (typeof ACTIVATIONS)[keyof typeof ACTIVATIONS];

export interface BertConfig {
  readonly modelType: 'bert';
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly maxTokens: number;
  readonly vocabSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: Activation;
}

export interface StaticConfig {
  readonly modelType: 'headlight-static';
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly maxTokens: number;
}

export type EncoderConfig = BertConfig | StaticConfig;

/** What `model_type` must be. */
export const SUPPORTED_MODEL_TYPES = ['bert', 'headlight-static'] as const;

/**
 * @param bytes of `config.json`.
 * @throws HeadlightError `bad-model` when it is no such file, or asks for what Headlight does not have.
 */
export function parseEncoderConfig(bytes: Uint8Array): EncoderConfig {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new HeadlightError('bad-model', 'The encoder’s config.json is not JSON.', {
      hint: 'Download or copy the model’s folder again.',
      cause: error,
    });
  }
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
  if (modelType !== 'bert')
    throw unsupported(
      modelType === undefined
        ? 'The encoder’s config.json has no "model_type".'
        : `Encoders of the architecture "${modelType}" are not supported.`,
    );
  const found = parse(bertSchema, json);
  if ((found.position_embedding_type ?? 'absolute') !== 'absolute')
    throw unsupported(
      `The encoder’s position embeddings are "${found.position_embedding_type}"; only "absolute" ones are supported.`,
    );
  if (found.is_decoder === true) throw unsupported('The model is a decoder ("is_decoder": true).');
  if (!Object.hasOwn(ACTIVATIONS, found.hidden_act))
    throw unsupported(
      `The encoder’s activation "${found.hidden_act}" is not supported; these are: ${Object.keys(ACTIVATIONS).join(', ')}.`,
    );
  if (found.hidden_size % found.num_attention_heads !== 0)
    throw unsupported(
      `The encoder’s hidden size ${found.hidden_size} is not a multiple of its ${found.num_attention_heads} attention heads.`,
    );
  return {
    modelType,
    hiddenSize: found.hidden_size,
    layers: found.num_hidden_layers,
    heads: found.num_attention_heads,
    intermediateSize: found.intermediate_size,
    maxTokens: found.max_position_embeddings,
    vocabSize: found.vocab_size,
    layerNormEpsilon: found.layer_norm_eps,
    activation: ACTIVATIONS[found.hidden_act as keyof typeof ACTIVATIONS],
  };
}

function unsupported(message: string): HeadlightError {
  return new HeadlightError('bad-model', message, {
    hint: `Choose an encoder whose config.json has one of these values of "model_type": ${SUPPORTED_MODEL_TYPES.join(', ')}.`,
  });
}

function parse<Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = v.getDotPath(issue);
  throw new HeadlightError(
    'bad-model',
    `The encoder’s config.json cannot be used${key === null ? '' : `: "${key}"`}. ${issue.message}`,
    { hint: 'Choose a model with a complete config.json, as transformers writes it.' },
  );
}
