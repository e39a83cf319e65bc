/** What the bodies of the architectures share: embeddings, attention, the layer of BERT. */
import { attribute, type Value } from '../../../graph/onnx';
import type { TransformerFigures, Writer } from '../architecture';
import type { BertNames, LayerNames } from '../layout';

/** Names of an encoder under which BERT's layers are called as BERT calls them. */
export const BERT_NAMES: BertNames = {
  positions: 'embeddings.position_embeddings.weight',
  types: 'embeddings.token_type_embeddings.weight',
  embeddingsNorm: 'embeddings.LayerNorm',
  layers: 'encoder.layer.',
  layer: (index) => {
    const at = `encoder.layer.${index}`;
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
};
export const WORDS = 'embeddings.word_embeddings.weight';

/**
 * softmax(q k' / √size + biases) v over heads: rows to rows.
 * @param biases [batch | 1, heads | 1, tokens | 1, tokens], added to the scores.
 * @param queries what the sums are multiplied with, [batch, 1, tokens, 1]: 0 makes a query see everything alike.
 */
export function attend(
  w: Writer,
  [query, key, value]: readonly [Value, Value, Value],
  scale: number,
  biases: readonly Value[],
  size: number,
  queries: Value | null = null,
): Value {
  const { b } = w;
  const scaled = scale === 1 ? query : b.add('Mul', [query, w.scalar(scale)]);
  const scores = biases.reduce(
    (sum, bias) => b.add('Add', [sum, bias]),
    b.add('MatMul', [scaled, key]),
  );
  const kept = queries === null ? scores : b.add('Mul', [scores, queries]);
  const weights = w.dropout(b.add('Softmax', [kept], { axis: attribute.int(-1) }), 'attention');
  return w.joined(b.add('MatMul', [weights, value]), size);
}

/** Query, key (turned) and value of rows, by head. */
export function queryKeyValue(
  w: Writer,
  names: readonly [string, string, string],
  rows: Value,
  { hiddenSize, heads }: TransformerFigures,
): [Value, Value, Value] {
  const size = hiddenSize / heads;
  const [query, key, value] = w.linears(names, rows, hiddenSize, hiddenSize) as [
    Value,
    Value,
    Value,
  ];
  return [
    w.heads(query, heads, size),
    w.heads(key, heads, size, true),
    w.heads(value, heads, size),
  ];
}

/** Rows after attention, its output layer not yet applied. */
export function selfAttention(
  w: Writer,
  figures: TransformerFigures,
  names: LayerNames,
  rows: Value,
  biases: readonly Value[],
): Value {
  const parts = queryKeyValue(w, [names.query, names.key, names.value], rows, figures);
  const scale = 1 / Math.sqrt(figures.hiddenSize / figures.heads);
  return attend(w, parts, scale, biases, figures.hiddenSize);
}

export interface LayerForm {
  /** Dropout between the attention's output and the sum (DistilBERT has none). Default true. */
  readonly attentionDropout?: boolean;
  /** Dropout at the end of the feed-forward part (ALBERT has none). Default true. */
  readonly outputDropout?: boolean;
}

/** BERT's layer after its attention: sum and LayerNorm, feed-forward, sum and LayerNorm. */
export function afterAttention(
  w: Writer,
  { hiddenSize: hidden, intermediateSize: wide }: TransformerFigures,
  names: LayerNames,
  rows: Value,
  context: Value,
  { attentionDropout = true, outputDropout = true }: LayerForm = {},
): Value {
  const { b } = w;
  let attended = w.linear(names.attentionOutput, context, hidden, hidden);
  if (attentionDropout) attended = w.dropout(attended, 'hidden');
  const middle = w.norm(names.attentionNorm, b.add('Add', [attended, rows]), hidden);
  const inner = w.activate(w.linear(names.intermediate, middle, hidden, wide));
  let narrow = w.linear(names.output, inner, wide, hidden);
  if (outputDropout) narrow = w.dropout(narrow, 'hidden');
  return w.norm(names.outputNorm, b.add('Add', [narrow, middle]), hidden);
}

/** The embeddings, then layer after layer of the same make. */
export function stack(
  w: Writer,
  layers: number,
  embeddings: Value,
  layer: (index: number, rows: Value) => Value,
): Value[] {
  const states = [embeddings];
  let rows = embeddings;
  for (let index = 0; index < layers; index++) {
    w.begin(index);
    rows = layer(index, rows);
    states.push(rows);
  }
  return states;
}

/** Layers that are BERT's, under whatever names. */
export function bertLayers(
  w: Writer,
  layers: number,
  figures: TransformerFigures,
  names: BertNames,
  embeddings: Value,
  form: LayerForm = {},
): Value[] {
  return stack(w, layers, embeddings, (index, rows) => {
    const layer = names.layer(index);
    const context = selfAttention(w, figures, layer, rows, [w.keyBias()]);
    return afterAttention(w, figures, layer, rows, context, form);
  });
}

/** Word + position (+ token type), normalised: rows. */
export function normalisedEmbeddings(
  w: Writer,
  size: number,
  places: Value | null,
  types: Value | null,
  norm: string,
): Value {
  const { b } = w;
  const sum = [places, types].reduce<Value>(
    (all, one) => (one === null ? all : b.add('Add', [all, one])),
    w.words(),
  );
  return w.dropout(w.norm(norm, w.rows(sum, size), size), 'hidden');
}
