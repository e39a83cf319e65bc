/**
 * BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) and DistilBERT (Sanh et al. 2019,
 * https://arxiv.org/abs/1910.01108), which is BERT without token types, under other names, half as deep.
 */
import * as v from 'valibot';
import type { Value } from '../../../graph/onnx';
import type { TransformerConfig, TransformerFigures, Writer } from '../architecture';
import {
  activationOf,
  BERT_FIELDS,
  bertFigures,
  checked,
  count,
  depth,
  nonNegative,
  parse,
  refuseVariants,
  share,
  VARIANT_FIELDS,
} from '../config-fields';
import { denseHead, type BertNames } from '../layout';
import { bertLayers, BERT_NAMES, normalisedEmbeddings, WORDS } from './shared';

const bertSchema = v.object({ ...BERT_FIELDS, ...VARIANT_FIELDS });

export function bert(json: unknown): TransformerConfig {
  const found = parse(bertSchema, json);
  refuseVariants(found);
  const figures = { ...bertFigures(found), modelType: 'bert' } as const;
  return checked({
    ...figures,
    layout: {
      prefix: 'bert.',
      words: WORDS,
      tokenTypes: true,
      head: denseHead('bert.pooler.dense', 'Tanh', 'classifier'),
      bert: BERT_NAMES,
    },
    body: (w, layers) => body(w, layers, figures, BERT_NAMES),
  });
}

const distilbertSchema = v.object({
  dim: count,
  n_layers: depth,
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

const DISTILBERT: BertNames = {
  ...BERT_NAMES,
  types: null,
  layers: 'transformer.layer.',
  layer: (index) => {
    const at = `transformer.layer.${index}`;
    return {
      query: `${at}.attention.q_lin`,
      key: `${at}.attention.k_lin`,
      value: `${at}.attention.v_lin`,
      attentionOutput: `${at}.attention.out_lin`,
      attentionNorm: `${at}.sa_layer_norm`,
      intermediate: `${at}.ffn.lin1`,
      output: `${at}.ffn.lin2`,
      outputNorm: `${at}.output_layer_norm`,
    };
  },
};

export function distilbert(json: unknown): TransformerConfig {
  const found = parse(distilbertSchema, json);
  const figures = {
    modelType: 'distilbert',
    hiddenSize: found.dim,
    wordSize: found.dim,
    layers: found.n_layers,
    heads: found.n_heads,
    intermediateSize: found.hidden_dim,
    maxTokens: found.max_position_embeddings,
    vocabSize: found.vocab_size,
    layerNormEpsilon: 1e-12,
    activation: activationOf(found.activation),
    initializerRange: found.initializer_range,
    dropout: {
      hidden: found.dropout,
      attention: found.attention_dropout,
      headDense: 0,
      textClassifier: found.seq_classif_dropout,
      tokenClassifier: found.dropout,
    },
  } as const;
  return checked({
    ...figures,
    layout: {
      prefix: 'distilbert.',
      words: WORDS,
      tokenTypes: false,
      head: denseHead('pre_classifier', 'Relu', 'classifier'),
      bert: DISTILBERT,
    },
    body: (w, layers) => body(w, layers, figures, DISTILBERT),
  });
}

function body(
  w: Writer,
  layers: number,
  figures: TransformerFigures,
  names: BertNames,
): readonly Value[] {
  const { hiddenSize, maxTokens, modelType } = figures;
  const places = w.places(names.positions, maxTokens, hiddenSize);
  const types = names.types === null ? null : w.types(names.types, hiddenSize, true);
  const embeddings = normalisedEmbeddings(w, hiddenSize, places, types, names.embeddingsNorm);
  const attentionDropout = modelType !== 'distilbert';
  return bertLayers(w, layers, figures, names, embeddings, { attentionDropout });
}
