/**
 * BERT and DistilBERT compute the same, under other names: what each part is called in a checkpoint of
 * `transformers`, without the prefix that stands before the encoder's names when there is a head.
 */
import type { TransformerConfig } from './config';

export interface LayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attentionOutput: string;
  readonly attentionNorm: string;
  readonly intermediate: string;
  readonly output: string;
  readonly outputNorm: string;
}

export interface Layout {
  /** Before the encoder's names in a checkpoint with a head. */
  readonly prefix: string;
  readonly words: string;
  readonly positions: string;
  /** null: none. */
  readonly types: string | null;
  readonly embeddingsNorm: string;
  /** Before a layer's number. */
  readonly layers: string;
  layer(index: number): LayerNames;
  /** Between [CLS] and the classifier of texts; with its prefix, as the classifier. */
  readonly headDense: string;
  readonly headActivation: 'Tanh' | 'Relu';
  readonly classifier: string;
  /** Whether there is dropout between the attention's output and the sum (BERT: yes, DistilBERT: no). */
  readonly attentionOutputDropout: boolean;
}

const EMBEDDINGS = {
  words: 'embeddings.word_embeddings.weight',
  positions: 'embeddings.position_embeddings.weight',
  embeddingsNorm: 'embeddings.LayerNorm',
  classifier: 'classifier',
} as const;

const BERT: Layout = {
  ...EMBEDDINGS,
  prefix: 'bert.',
  types: 'embeddings.token_type_embeddings.weight',
  layers: 'encoder.layer.',
  layer: (index) => {
    const at = `${BERT.layers}${index}`;
    return {
      query: `${at}.attention.self.query`,
      key: `${at}.attention.self.key`,
      value: `${at}.attention.self.value`,
      attentionOutput: `${at}.attention.output.dense`,
      attentionNorm: `${at}.attention.output.LayerNorm`,
      intermediate: `${at}.intermediate.dense`,
      output: `${at}.output.dense`,
      outputNorm: `${at}.output.LayerNorm`,
    };
  },
  headDense: 'bert.pooler.dense',
  headActivation: 'Tanh',
  attentionOutputDropout: true,
};

const DISTILBERT: Layout = {
  ...EMBEDDINGS,
  prefix: 'distilbert.',
  types: null,
  layers: 'transformer.layer.',
  layer: (index) => {
    const at = `${DISTILBERT.layers}${index}`;
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
  headDense: 'pre_classifier',
  headActivation: 'Relu',
  attentionOutputDropout: false,
};

export function layoutOf({ modelType }: Pick<TransformerConfig, 'modelType'>): Layout {
  return modelType === 'bert' ? BERT : DISTILBERT;
}

/** What PEFT adapts when it is not told: the last parts of the names of query and value. */
export function defaultLoraTargets(architecture: string): readonly string[] {
  return architecture === 'distilbert' ? ['q_lin', 'v_lin'] : ['query', 'value'];
}
