/**
 * What an architecture is, and what its file is written in. An architecture reads `config.json` and gives a body:
 * the forward pass, once, as calls on a `Writer`. One writer puts the weights inside (to embed and to take away),
 * one makes every parameter an input (to train); running the body on the second also tells which parameters there
 * are. So a body says each name and shape once.
 */
import type { GraphBuilder, Value } from '../../graph/onnx';
import type { Activation } from './config-fields';
import type { Layout } from './layout';

/** Every `model_type` that has a graph of its own. */
export const TRANSFORMERS = [
  'bert',
  'distilbert',
  'electra',
  'roberta',
  'xlm-roberta',
  'mpnet',
  'albert',
  'gpt2',
  'gpt_neo',
  'deberta',
  'deberta-v2',
  'modernbert',
] as const;

export type TransformerType = (typeof TRANSFORMERS)[number];

/** Probabilities of dropout while training, as config.json has them. */
export interface DropoutRates {
  /** After the embeddings and at the end of each part of a layer. */
  readonly hidden: number;
  /** Of attention probabilities. */
  readonly attention: number;
  /** Before the linear layer that some heads have before the classifier of texts. */
  readonly headDense: number;
  /** Before the classifier of texts. */
  readonly textClassifier: number;
  /** Before the classifier of tokens. */
  readonly tokenClassifier: number;
}

/** The figures that all architectures have. */
export interface TransformerFigures {
  readonly modelType: TransformerType;
  readonly hiddenSize: number;
  /** Columns of the word table; most architectures': hiddenSize. */
  readonly wordSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly maxTokens: number;
  readonly vocabSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: Activation;
  /** Standard deviation of new weights. */
  readonly initializerRange: number;
  readonly dropout: DropoutRates;
}

export interface TransformerConfig extends TransformerFigures {
  readonly layout: Layout;
  /**
   * Adds the embeddings and the first `layers` layers.
   * @returns hidden states by layer, rows of tokens: 0 after the embeddings, k after the k-th layer.
   */
  body(writer: Writer, layers: number): readonly Value[];
}

/** What a parameter is, for weight decay, BitFit and what is kept in fewer bits. */
export type ParameterKind = 'table' | 'matrix' | 'kernel' | 'bias' | 'norm';

export interface LinearForm {
  /** Default true. */
  readonly bias?: boolean;
  /** Kept [in, out], as GPT-2 has it; default [out, in]. */
  readonly turned?: boolean;
}

/**
 * Names are without the prefix of a model with a head. "Rows" are hidden states of every token of every text,
 * in a shape that only the writer knows; `stacked` makes them [batch, tokens, size] and `rows` takes them back.
 * Elementwise operators, LayerNorm and linear layers take either.
 */
export interface Writer {
  readonly b: GraphBuilder;
  /** What is read from now on belongs to this layer. */
  begin(layer: number): void;
  /** In the type of activations. */
  scalar(value: number): Value;
  /** Rows of the word table: [batch, tokens, wordSize]. */
  words(): Value;
  /** Rows of the table of token types, [batch, tokens, columns]; or of type 0 alone, [columns]. */
  types(name: string, columns: number, isFed: boolean): Value;
  /** Rows `first`, `first` + 1, … of a table, one for each place: [tokens, columns]. */
  places(name: string, rows: number, columns: number, first?: number): Value;
  /**
   * As `places`, counted from `padId` + 1 over the tokens that are no padding; padding gets row `padId`:
   * [batch, tokens, columns], or [tokens, columns] where texts are padded on the right only.
   */
  placesOfTokens(name: string, rows: number, columns: number, padId: number): Value;
  /** [tokens, columns] of a table of constants that is made by a rule: rotary embeddings. */
  constantPlaces(columns: number, at: (place: number, column: number) => number): Value;
  /** A parameter as it is; `dims[0]` null: as many rows as the checkpoint has. */
  parameter(name: string, dims: readonly (number | null)[], kind: ParameterKind): Value;
  /** `at`.weight and `at`.bias. */
  linear(at: string, value: Value, from: number, to: number, form?: LinearForm): Value;
  /** Several on the same rows. */
  linears(
    at: readonly string[],
    value: Value,
    from: number,
    to: number,
    form?: LinearForm,
  ): Value[];
  norm(at: string, value: Value, size: number, form?: { readonly bias?: boolean }): Value;
  activate(value: Value, activation?: Activation): Value;
  rows(stacked: Value, size: number): Value;
  stacked(rows: Value, size: number): Value;
  /** Rows to [batch, count, tokens, size] and, for keys, [batch, count, size, tokens]. */
  heads(rows: Value, count: number, size: number, turned?: boolean): Value;
  /** [batch, count, tokens, size] to rows. */
  joined(heads: Value, size: number): Value;
  /** 1 for a token, 0 for padding, as rows of one number. */
  maskRows(): Value;
  /** 1 for a query that is a token, 0 for padding: [batch, 1, tokens, 1]. */
  queryMask(): Value;
  /** 0 where a key may be attended to, far below where not: [batch, 1, 1, tokens]. */
  keyBias(): Value;
  /** As `keyBias`, and far below where the rule on key - query says no: [batch, 1, tokens, tokens]. */
  pairBias(sees: (distance: number) => boolean): Value;
  /** Integers by key - query: [tokens, tokens]. */
  pairIndices(at: (distance: number) => number): Value;
  /** Rows of a table by the distances -(tokens - 1) … tokens: [2 tokens, columns]. */
  distanceRows(table: Value, at: (distance: number) => number): Value;
  /**
   * Of [batch, heads, tokens, 2 tokens], whose last axis are those distances, what belongs to each pair:
   * [batch, heads, tokens, tokens], (i, j) taken at the distance j - i.
   */
  byDistance(scores: Value): Value;
  dropout(value: Value, of: 'hidden' | 'attention'): Value;
}
