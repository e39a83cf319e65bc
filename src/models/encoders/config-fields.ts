/** What the files of the architectures read `config.json` with: fields, activations, refusals. */
import * as v from 'valibot';
import { HeadlightError } from '../../base';
import { TRANSFORMERS, type TransformerConfig } from './architecture';

export const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000_000));
/** Of layers. */
export const depth = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000));
export const nonNegative = v.pipe(v.number(), v.minValue(0));
export const share = v.pipe(v.number(), v.minValue(0), v.maxValue(0.99));
export const flag = (absent: boolean) => v.optional(v.nullable(v.boolean()), absent);

/** The fields that most architectures have, as BERT names them. */
export const BERT_FIELDS = {
  hidden_size: count,
  num_hidden_layers: depth,
  num_attention_heads: count,
  intermediate_size: count,
  max_position_embeddings: count,
  vocab_size: count,
  layer_norm_eps: v.optional(nonNegative, 1e-12),
  hidden_act: v.optional(v.string(), 'gelu'),
  initializer_range: v.optional(nonNegative, 0.02),
  hidden_dropout_prob: v.optional(share, 0.1),
  attention_probs_dropout_prob: v.optional(share, 0.1),
  classifier_dropout: v.optional(v.nullable(share), null),
} as const;

type BertFields = v.InferOutput<v.ObjectSchema<typeof BERT_FIELDS, undefined>>;

/** The figures under those fields. */
export function bertFigures(found: BertFields): Omit<
  TransformerConfig,
  'modelType' | 'layout' | 'body' | 'dropout'
> & {
  readonly dropout: TransformerConfig['dropout'];
} {
  const hidden = found.hidden_dropout_prob;
  const classifier = found.classifier_dropout ?? hidden;
  return {
    hiddenSize: found.hidden_size,
    wordSize: found.hidden_size,
    layers: found.num_hidden_layers,
    heads: found.num_attention_heads,
    intermediateSize: found.intermediate_size,
    maxTokens: found.max_position_embeddings,
    vocabSize: found.vocab_size,
    layerNormEpsilon: found.layer_norm_eps,
    activation: activationOf(found.hidden_act),
    initializerRange: found.initializer_range,
    dropout: {
      hidden,
      attention: found.attention_probs_dropout_prob,
      headDense: 0,
      textClassifier: classifier,
      tokenClassifier: classifier,
    },
  };
}

const ACTIVATIONS = {
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  relu: 'relu',
} as const;

export type Activation = (typeof ACTIVATIONS)[keyof typeof ACTIVATIONS];

/** @throws HeadlightError `bad-model` for one that is not supported. */
export function activationOf(name: string): Activation {
  if (Object.hasOwn(ACTIVATIONS, name)) return ACTIVATIONS[name as keyof typeof ACTIVATIONS];
  throw unsupported(
    `The encoder’s activation "${name}" is not supported; these are: ${Object.keys(ACTIVATIONS).join(', ')}.`,
  );
}

/** @throws HeadlightError `bad-model` when the heads do not share the hidden size evenly. */
export function checked(config: TransformerConfig): TransformerConfig {
  if (config.hiddenSize % config.heads !== 0)
    throw unsupported(
      `The encoder’s hidden size ${config.hiddenSize} is not a multiple of its ${config.heads} attention heads.`,
    );
  return config;
}

/** Position embeddings other than absolute ones, and decoders of encoder families. */
export function refuseVariants(found: {
  readonly position_embedding_type: string | null;
  readonly is_decoder: boolean | null;
}): void {
  if ((found.position_embedding_type ?? 'absolute') !== 'absolute')
    throw unsupported(
      `The encoder’s position embeddings are "${found.position_embedding_type}"; only "absolute" ones are supported.`,
    );
  if (found.is_decoder === true) throw unsupported('The model is a decoder ("is_decoder": true).');
}

export const VARIANT_FIELDS = {
  position_embedding_type: v.optional(v.nullable(v.string()), 'absolute'),
  is_decoder: flag(false),
} as const;

/** What `model_type` must be. */
export const SUPPORTED_MODEL_TYPES = [...TRANSFORMERS, 'headlight-static'] as const;

export function unsupported(message: string): HeadlightError {
  return new HeadlightError('bad-model', message, {
    hint: `Choose an encoder whose config.json has one of these values of "model_type": ${SUPPORTED_MODEL_TYPES.join(', ')}.`,
  });
}

/** @throws HeadlightError `bad-model` naming the field. */
export function parse<Schema extends v.GenericSchema>(
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
