/** What the parts of an architecture are called in a checkpoint of `transformers`, and what its stock heads are. */
import type { TransformerConfig } from './architecture';

/** The linear layers and LayerNorms of a layer as BERT has them, under whatever names. */
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

/** Names of an encoder that computes as BERT does, without prefix. */
export interface BertNames {
  readonly positions: string;
  /** null: none. */
  readonly types: string | null;
  readonly embeddingsNorm: string;
  /** Before a layer's number. */
  readonly layers: string;
  layer(index: number): LayerNames;
}

/** The classifiers of `transformers`; names with their prefix. */
export interface StockHead {
  readonly pooling: 'cls' | 'mean' | 'last';
  /** The linear layer between pooling and the classifier of texts; null: none. */
  readonly dense: string | null;
  readonly denseBias: boolean;
  /** After it. */
  readonly activation: 'Tanh' | 'Relu' | 'Gelu';
  /** LayerNorm after the activation; null: none. */
  readonly norm: { readonly name: string; readonly bias: boolean } | null;
  /** Of texts. */
  readonly classifier: string;
  readonly classifierBias: boolean;
  readonly tokenClassifier: string;
  /** Whether dense, activation and norm stand before the classifier of tokens too. */
  readonly denseForTokens: boolean;
}

export interface Layout {
  /** Before the encoder's names in a checkpoint with a head. */
  readonly prefix: string;
  /** The table of words. */
  readonly words: string;
  /** Whether the encoder is fed token types. */
  readonly tokenTypes: boolean;
  readonly head: StockHead;
  /** null: it does not compute as BERT does. */
  readonly bert: BertNames | null;
  /** How the encoder is cut after a layer; absent: as `bert` says, and not at all without it. */
  readonly cut?: LayerEnds;
}

/** An encoder whose layers end in a LayerNorm, so that those after one can be left out and what it gives is bounded. */
export interface LayerEnds {
  /** Before a layer's number in a weight's name; null: every layer has the same weights. */
  readonly layers: string | null;
  /** The LayerNorm that ends the embeddings (0) or a layer; null: none does. */
  norm(layer: number): string | null;
}

/** null: an encoder that cannot be cut. */
export function layerEnds({ bert, cut }: Layout): LayerEnds | null {
  return cut ?? (bert === null ? null : endsOf(bert));
}

export function endsOf(
  names: BertNames,
  embeddingsNorm: string | null = names.embeddingsNorm,
): LayerEnds {
  return {
    layers: names.layers,
    norm: (layer) => (layer === 0 ? embeddingsNorm : names.layer(layer - 1).outputNorm),
  };
}

/** [CLS], linear, an activation, linear: what most architectures have, under these names. */
export function denseHead(
  dense: string,
  activation: StockHead['activation'],
  classifier: string,
): StockHead {
  return {
    pooling: 'cls',
    dense,
    denseBias: true,
    activation,
    norm: null,
    classifier,
    classifierBias: true,
    tokenClassifier: 'classifier',
    denseForTokens: false,
  };
}

export function layoutOf({ layout }: Pick<TransformerConfig, 'layout'>): Layout {
  return layout;
}
