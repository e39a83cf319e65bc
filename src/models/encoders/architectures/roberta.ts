/**
 * RoBERTa (Liu et al. 2019, https://arxiv.org/abs/1907.11692) and XLM-RoBERTa (Conneau et al. 2020,
 * https://arxiv.org/abs/1911.02116): BERT whose places are counted from the padding's id + 1, past padding.
 */
import * as v from 'valibot';
import type { TransformerConfig } from '../architecture';
import {
  BERT_FIELDS,
  bertFigures,
  checked,
  nonNegative,
  parse,
  refuseVariants,
  unsupported,
  VARIANT_FIELDS,
} from '../config-fields';
import { denseHead } from '../layout';
import { bertLayers, BERT_NAMES, normalisedEmbeddings, WORDS } from './shared';

const schema = v.object({
  ...BERT_FIELDS,
  ...VARIANT_FIELDS,
  pad_token_id: v.optional(v.nullable(v.pipe(nonNegative, v.integer())), 1),
});

export const roberta =
  (modelType: 'roberta' | 'xlm-roberta') =>
  (json: unknown): TransformerConfig => {
    const found = parse(schema, json);
    refuseVariants(found);
    const padId = found.pad_token_id ?? 1;
    const general = bertFigures(found);
    const rows = found.max_position_embeddings;
    const maxTokens = rows - padId - 1;
    if (maxTokens < 1)
      throw unsupported(`${rows} position embeddings leave no place beyond padding's, ${padId}.`);
    const figures = {
      ...general,
      modelType,
      maxTokens,
      dropout: { ...general.dropout, headDense: general.dropout.textClassifier },
    };
    const { hiddenSize } = figures;
    return checked({
      ...figures,
      layout: {
        prefix: 'roberta.',
        words: WORDS,
        tokenTypes: false,
        head: denseHead('classifier.dense', 'Tanh', 'classifier.out_proj'),
        bert: BERT_NAMES,
      },
      body: (w, layers) => {
        const places = w.placesOfTokens(BERT_NAMES.positions, rows, hiddenSize, padId);
        const types = w.types('embeddings.token_type_embeddings.weight', hiddenSize, false);
        const norm = BERT_NAMES.embeddingsNorm;
        const embeddings = normalisedEmbeddings(w, hiddenSize, places, types, norm);
        return bertLayers(w, layers, figures, BERT_NAMES, embeddings);
      },
    });
  };
