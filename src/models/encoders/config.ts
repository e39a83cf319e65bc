/** `config.json` of an encoder, checked at the door. Says which architectures and options are supported. */
import * as v from 'valibot';
import { HeadlightError } from '../../base';

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000_000));

const nonNegative = v.pipe(v.number(), v.minValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(0.99));

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
  type_vocab_size: v.optional(count, 2),
  initializer_range: v.optional(nonNegative, 0.02),
  hidden_dropout_prob: v.optional(share, 0.1),
  attention_probs_dropout_prob: v.optional(share, 0.1),
  classifier_dropout: v.optional(v.nullable(share), null),
});

/** DistilBERT (Sanh et al. 2019, https://arxiv.org/abs/1910.01108): BERT without token types, half as deep. */
const distilbertSchema = v.object({
  dim: count,
  n_layers: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)),
  n_heads: count,
  hidden_dim: count,
  max_position_embeddings: count,
  vocab_size: count,
  activation: v.optional(v.string(), 'gelu'),
  initializer_range: v.optional(nonNegative, 0.02),
  dropout: v.optional(share, 0.1),
  attention_dropout: v.optional(share, 0.1),
  seq_classif_dropout: v.optional(share, 0.2),
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

/** Probabilities of dropout while training, as config.json has them. */
export interface DropoutRates {
  /** After the embeddings and at the end of each part of a layer. */
  readonly hidden: number;
  /** Of attention probabilities. */
  readonly attention: number;
  /** Before the classifier of texts. */
  readonly textClassifier: number;
  /** Before the classifier of tokens. */
  readonly tokenClassifier: number;
}

export interface TransformerConfig {
  readonly modelType: 'bert' | 'distilbert';
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly maxTokens: number;
  readonly vocabSize: number;
  /** Kinds of token types; 0: the architecture has none. */
  readonly typeVocabSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: Activation;
  /** Standard deviation of new weights. */
  readonly initializerRange: number;
  readonly dropout: DropoutRates;
}

export interface StaticConfig {
  readonly modelType: 'headlight-static';
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly maxTokens: number;
}

export type EncoderConfig = TransformerConfig | StaticConfig;

/** What `model_type` must be. */
export const SUPPORTED_MODEL_TYPES = ['bert', 'distilbert', 'headlight-static'] as const;

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
  if (modelType === 'bert') return bertConfig(json);
  if (modelType === 'distilbert') return distilbertConfig(json);
  throw unsupported(
    modelType === undefined
      ? 'The encoder’s config.json has no "model_type".'
      : `Encoders of the architecture "${modelType}" are not supported.`,
  );
}

function bertConfig(json: unknown): TransformerConfig {
  const found = parse(bertSchema, json);
  if ((found.position_embedding_type ?? 'absolute') !== 'absolute')
    throw unsupported(
      `The encoder’s position embeddings are "${found.position_embedding_type}"; only "absolute" ones are supported.`,
    );
  if (found.is_decoder === true) throw unsupported('The model is a decoder ("is_decoder": true).');
  const hidden = found.hidden_dropout_prob;
  const classifier = found.classifier_dropout ?? hidden;
  return checked({
    modelType: 'bert',
    hiddenSize: found.hidden_size,
    layers: found.num_hidden_layers,
    heads: found.num_attention_heads,
    intermediateSize: found.intermediate_size,
    maxTokens: found.max_position_embeddings,
    vocabSize: found.vocab_size,
    typeVocabSize: found.type_vocab_size,
    layerNormEpsilon: found.layer_norm_eps,
    activation: activationOf(found.hidden_act),
    initializerRange: found.initializer_range,
    dropout: {
      hidden,
      attention: found.attention_probs_dropout_prob,
      textClassifier: classifier,
      tokenClassifier: classifier,
    },
  });
}

function distilbertConfig(json: unknown): TransformerConfig {
  const found = parse(distilbertSchema, json);
  return checked({
    modelType: 'distilbert',
    hiddenSize: found.dim,
    layers: found.n_layers,
    heads: found.n_heads,
    intermediateSize: found.hidden_dim,
    maxTokens: found.max_position_embeddings,
    vocabSize: found.vocab_size,
    typeVocabSize: 0,
    layerNormEpsilon: 1e-12,
    activation: activationOf(found.activation),
    initializerRange: found.initializer_range,
    dropout: {
      hidden: found.dropout,
      attention: found.attention_dropout,
      textClassifier: found.seq_classif_dropout,
      tokenClassifier: found.dropout,
    },
  });
}

function activationOf(name: string): Activation {
  if (Object.hasOwn(ACTIVATIONS, name)) return ACTIVATIONS[name as keyof typeof ACTIVATIONS];
  throw unsupported(
    `The encoder’s activation "${name}" is not supported; these are: ${Object.keys(ACTIVATIONS).join(', ')}.`,
  );
}

function checked(config: TransformerConfig): TransformerConfig {
  if (config.hiddenSize % config.heads !== 0)
    throw unsupported(
      `The encoder’s hidden size ${config.hiddenSize} is not a multiple of its ${config.heads} attention heads.`,
    );
  return config;
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
