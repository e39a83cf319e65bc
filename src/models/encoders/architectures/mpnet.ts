/**
 * MPNet (Song et al. 2020, https://arxiv.org/abs/2004.09297): RoBERTa's places, no token types, and a bias of each
 * head by the bucket of the distance between query and key, shared by all layers.
 */
import * as v from 'valibot';
import { attribute, type Value } from '../../../graph/onnx';
import type { TransformerConfig, Writer } from '../architecture';
import { BERT_FIELDS, bertFigures, checked, count, parse } from '../config-fields';
import { denseHead, endsOf, type BertNames } from '../layout';
import { afterAttention, normalisedEmbeddings, selfAttention, stack, WORDS } from './shared';

const schema = v.object({
  ...BERT_FIELDS,
  relative_attention_num_buckets: v.optional(count, 32),
});

/** In transformers it is no setting. */
const PAD = 1;
const FURTHEST = 128;

const NAMES: BertNames = {
  positions: 'embeddings.position_embeddings.weight',
  types: null,
  embeddingsNorm: 'embeddings.LayerNorm',
  layers: 'encoder.layer.',
  layer: (index) => {
    const at = `encoder.layer.${index}`;
    return {
      query: `${at}.attention.attn.q`,
      key: `${at}.attention.attn.k`,
      value: `${at}.attention.attn.v`,
      attentionOutput: `${at}.attention.attn.o`,
      attentionNorm: `${at}.attention.LayerNorm`,
      intermediate: `${at}.intermediate.dense`,
      output: `${at}.output.dense`,
      outputNorm: `${at}.output.LayerNorm`,
    };
  },
};

export function mpnet(json: unknown): TransformerConfig {
  const found = parse(schema, json);
  const general = bertFigures(found);
  const figures = {
    ...general,
    modelType: 'mpnet',
    maxTokens: found.max_position_embeddings - PAD - 1,
    dropout: { ...general.dropout, headDense: general.dropout.textClassifier },
  } as const;
  const { hiddenSize, heads } = figures;
  const buckets = found.relative_attention_num_buckets;
  return checked({
    ...figures,
    layout: {
      prefix: 'mpnet.',
      words: WORDS,
      tokenTypes: false,
      head: denseHead('classifier.dense', 'Tanh', 'classifier.out_proj'),
      bert: null,
      cut: endsOf(NAMES),
    },
    body: (w, layers) => {
      const rows = found.max_position_embeddings;
      const places = w.placesOfTokens(NAMES.positions, rows, hiddenSize, PAD);
      const embeddings = normalisedEmbeddings(w, hiddenSize, places, null, NAMES.embeddingsNorm);
      const distance = distanceBias(w, buckets, heads);
      return stack(w, layers, embeddings, (index, input) => {
        const layer = NAMES.layer(index);
        const context = selfAttention(w, figures, layer, input, [distance, w.keyBias()]);
        return afterAttention(w, figures, layer, input, context);
      });
    },
  });
}

/** [1, heads, tokens, tokens]. */
function distanceBias(w: Writer, buckets: number, heads: number): Value {
  const { b } = w;
  const name = 'encoder.relative_attention_bias.weight';
  const table = w.parameter(name, [buckets, heads], 'table');
  const indices = w.pairIndices((distance) => distanceBucket(distance, buckets));
  // The table is turned, not what is looked up: a Transpose before an Add ONNX Runtime draws over to the other side,
  // where it is left to the processor while all else runs on WebGPU.
  const turned = b.add('Transpose', [table], { perm: attribute.ints([1, 0]) });
  const pairs = b.add('Gather', [turned, indices], { axis: attribute.int(1) });
  return b.add('Unsqueeze', [pairs, b.integers(0)]);
}

/**
 * Exact near by, in steps of a logarithm further away; half of the buckets for each direction. In single
 * precision, as transformers computes it, for the logarithms fall on whole numbers.
 */
export function distanceBucket(distance: number, buckets: number): number {
  const half = Math.floor(buckets / 2);
  const exact = Math.floor(half / 2);
  const apart = Math.abs(distance);
  const first = distance > 0 ? half : 0;
  if (apart < exact) return first + apart;
  const { fround } = Math;
  const logarithm = fround(Math.log(fround(apart / exact)));
  const share = fround(logarithm / fround(Math.log(FURTHEST / exact)));
  const further = exact + Math.trunc(fround(share * (half - exact)));
  return first + Math.min(further, half - 1);
}
