/** ELECTRA (Clark et al. 2020, https://arxiv.org/abs/2003.10555): BERT whose embeddings may be narrower, and are projected. */
import * as v from 'valibot';
import type { TransformerConfig } from '../architecture';
import {
  BERT_FIELDS,
  bertFigures,
  checked,
  count,
  parse,
  refuseVariants,
  VARIANT_FIELDS,
} from '../config-fields';
import { denseHead, endsOf } from '../layout';
import { bertLayers, BERT_NAMES, normalisedEmbeddings, WORDS } from './shared';

const schema = v.object({
  ...BERT_FIELDS,
  ...VARIANT_FIELDS,
  embedding_size: v.optional(count, 128),
});

export function electra(json: unknown): TransformerConfig {
  const found = parse(schema, json);
  refuseVariants(found);
  const general = bertFigures(found);
  const figures = {
    ...general,
    modelType: 'electra',
    wordSize: found.embedding_size,
    dropout: { ...general.dropout, headDense: general.dropout.textClassifier },
  } as const;
  const { hiddenSize, wordSize, maxTokens } = figures;
  return checked({
    ...figures,
    layout: {
      prefix: 'electra.',
      words: WORDS,
      tokenTypes: true,
      head: denseHead('classifier.dense', 'Gelu', 'classifier.out_proj'),
      bert: null,
      // Narrower embeddings are projected after their LayerNorm.
      cut: endsOf(BERT_NAMES, wordSize === hiddenSize ? BERT_NAMES.embeddingsNorm : null),
    },
    body: (w, layers) => {
      const places = w.places(BERT_NAMES.positions, maxTokens, wordSize);
      const types = w.types('embeddings.token_type_embeddings.weight', wordSize, true);
      const narrow = normalisedEmbeddings(w, wordSize, places, types, BERT_NAMES.embeddingsNorm);
      const embeddings =
        wordSize === hiddenSize
          ? narrow
          : w.linear('embeddings_project', narrow, wordSize, hiddenSize);
      return bertLayers(w, layers, figures, BERT_NAMES, embeddings);
    },
  });
}
