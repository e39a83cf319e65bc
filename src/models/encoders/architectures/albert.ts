/**
 * ALBERT (Lan et al. 2020, https://arxiv.org/abs/1909.11942): narrow embeddings, projected, and layers that share
 * their weights in groups.
 */
import * as v from 'valibot';
import type { TransformerConfig } from '../architecture';
import {
  BERT_FIELDS,
  bertFigures,
  checked,
  count,
  parse,
  refuseVariants,
  share,
  VARIANT_FIELDS,
} from '../config-fields';
import { denseHead, type LayerNames } from '../layout';
import {
  afterAttention,
  BERT_NAMES,
  normalisedEmbeddings,
  selfAttention,
  stack,
  WORDS,
} from './shared';

const schema = v.object({
  ...BERT_FIELDS,
  ...VARIANT_FIELDS,
  hidden_act: v.optional(v.string(), 'gelu_new'),
  hidden_dropout_prob: v.optional(share, 0),
  attention_probs_dropout_prob: v.optional(share, 0),
  classifier_dropout_prob: v.optional(v.nullable(share), 0.1),
  embedding_size: v.optional(count, 128),
  num_hidden_groups: v.optional(count, 1),
  inner_group_num: v.optional(count, 1),
});

const layerNames = (group: number, inner: number): LayerNames => {
  const at = `encoder.albert_layer_groups.${group}.albert_layers.${inner}`;
  return {
    query: `${at}.attention.query`,
    key: `${at}.attention.key`,
    value: `${at}.attention.value`,
    attentionOutput: `${at}.attention.dense`,
    attentionNorm: `${at}.attention.LayerNorm`,
    intermediate: `${at}.ffn`,
    output: `${at}.ffn_output`,
    outputNorm: `${at}.full_layer_layer_norm`,
  };
};

export function albert(json: unknown): TransformerConfig {
  const found = parse(schema, json);
  refuseVariants(found);
  const general = bertFigures(found);
  const classifier = found.classifier_dropout_prob ?? found.hidden_dropout_prob;
  const figures = {
    ...general,
    modelType: 'albert',
    wordSize: found.embedding_size,
    dropout: { ...general.dropout, textClassifier: classifier, tokenClassifier: classifier },
  } as const;
  const { hiddenSize, wordSize, maxTokens } = figures;
  const { num_hidden_groups: groups, inner_group_num: inner } = found;
  return checked({
    ...figures,
    layout: {
      prefix: 'albert.',
      words: WORDS,
      tokenTypes: true,
      head: denseHead('albert.pooler', 'Tanh', 'classifier'),
      bert: null,
      cut: {
        layers: null,
        // Which group a layer is of depends on how many layers there are.
        norm: (layer) =>
          layer === 0 || (groups > 1 && layer < figures.layers)
            ? null
            : layerNames(groups - 1, inner - 1).outputNorm,
      },
    },
    body: (w, layers) => {
      const places = w.places(BERT_NAMES.positions, maxTokens, wordSize);
      const types = w.types('embeddings.token_type_embeddings.weight', wordSize, true);
      const narrow = normalisedEmbeddings(w, wordSize, places, types, BERT_NAMES.embeddingsNorm);
      const name = 'encoder.embedding_hidden_mapping_in';
      const embeddings = w.linear(name, narrow, wordSize, hiddenSize);
      return stack(w, layers, embeddings, (index, rows) => {
        const group = Math.floor(index / (figures.layers / groups));
        let state = rows;
        for (let part = 0; part < inner; part++) {
          const layer = layerNames(group, part);
          const context = selfAttention(w, figures, layer, state, [w.keyBias()]);
          state = afterAttention(w, figures, layer, state, context, { outputDropout: false });
        }
        return state;
      });
    },
  });
}
