/**
 * DeBERTa (He et al. 2021, https://arxiv.org/abs/2006.03654) and DeBERTa-v2/v3 (https://arxiv.org/abs/2111.09543):
 * the scores of attention have two more terms, of query and of key with what the distance between them is made of.
 * v2 puts distances in buckets, and may add a convolution after the first layer.
 */
import * as v from 'valibot';
import { attribute, type Value } from '../../../graph/onnx';
import type { TransformerConfig, TransformerFigures, Writer } from '../architecture';
import {
  activationOf,
  BERT_FIELDS,
  bertFigures,
  checked,
  count,
  flag,
  nonNegative,
  parse,
  share,
  unsupported,
} from '../config-fields';
import { denseHead, type StockHead } from '../layout';
import { convolution } from './convolution';
import { afterAttention, attend, BERT_NAMES, stack, WORDS } from './shared';

const integer = v.pipe(v.number(), v.integer());
const schema = v.object({
  ...BERT_FIELDS,
  layer_norm_eps: v.optional(nonNegative, 1e-7),
  type_vocab_size: v.optional(v.pipe(integer, v.minValue(0)), 0),
  relative_attention: flag(false),
  max_relative_positions: v.optional(integer, -1),
  position_buckets: v.optional(integer, -1),
  position_biased_input: flag(true),
  pos_att_type: v.optional(v.nullable(v.union([v.string(), v.array(v.string())])), null),
  share_att_key: flag(false),
  norm_rel_ebd: v.optional(v.string(), 'none'),
  talking_head: flag(false),
  embedding_size: v.optional(v.nullable(count), null),
  conv_kernel_size: v.optional(v.pipe(integer, v.minValue(0)), 0),
  conv_groups: v.optional(integer, 1),
  conv_act: v.optional(v.string(), 'tanh'),
  pooler_dropout: v.optional(share, 0),
  pooler_hidden_act: v.optional(v.string(), 'gelu'),
  cls_dropout: v.optional(v.nullable(share), null),
});

type Found = v.InferOutput<typeof schema>;

export const deberta =
  (modelType: 'deberta' | 'deberta-v2') =>
  (json: unknown): TransformerConfig => {
    const found = parse(schema, json);
    if (found.talking_head === true)
      throw unsupported('The model mixes its attention heads ("talking_head": true).');
    const { conv_kernel_size: kernel } = found;
    if (kernel > 0 && (kernel % 2 === 0 || found.conv_groups !== 1))
      throw unsupported(
        `The model’s convolution of ${kernel} tokens in ${found.conv_groups} groups is not supported; an odd number in one group is.`,
      );
    const general = bertFigures(found);
    const figures = {
      ...general,
      modelType,
      wordSize: found.embedding_size ?? found.hidden_size,
      dropout: {
        ...general.dropout,
        headDense: found.pooler_dropout,
        textClassifier: found.cls_dropout ?? found.hidden_dropout_prob,
        tokenClassifier: found.hidden_dropout_prob,
      },
    };
    const attention = new Disentangled(found, figures, modelType === 'deberta-v2');
    return checked({
      ...figures,
      layout: {
        prefix: 'deberta.',
        words: WORDS,
        tokenTypes: found.type_vocab_size > 0,
        head: denseHead('pooler.dense', poolerActivation(found.pooler_hidden_act), 'classifier'),
        bert: null,
        cut: {
          layers: BERT_NAMES.layers,
          norm: (layer) => {
            const isMixed = layer === 1 && kernel > 0 && modelType === 'deberta-v2';
            if (isMixed) return 'encoder.conv.LayerNorm';
            return layer === 0 ? BERT_NAMES.embeddingsNorm : BERT_NAMES.layer(layer - 1).outputNorm;
          },
        },
      },
      body: (w, layers) => {
        const rows = embeddings(w, found, figures);
        const distances = attention.distances(w);
        return stack(w, layers, rows, (index, input) => {
          const layer = BERT_NAMES.layer(index);
          const context = attention.rows(w, index, input, distances);
          const output = afterAttention(w, figures, layer, input, context);
          return index === 0 && kernel > 0 && modelType === 'deberta-v2'
            ? convolution(w, input, output, figures.hiddenSize, kernel, found.conv_act)
            : output;
        });
      },
    });
  };

function poolerActivation(name: string): StockHead['activation'] {
  if (name === 'tanh') return 'Tanh';
  const activation = activationOf(name);
  if (activation === 'gelu') return 'Gelu';
  if (activation === 'relu') return 'Relu';
  throw unsupported(`The activation "${name}" of the model’s pooler is not supported.`);
}

/** Padding has zeros. */
function embeddings(w: Writer, found: Found, figures: TransformerFigures): Value {
  const { b } = w;
  const { wordSize, hiddenSize, maxTokens } = figures;
  let sum = w.words();
  if (found.position_biased_input !== false)
    sum = b.add('Add', [sum, w.places(BERT_NAMES.positions, maxTokens, wordSize)]);
  if (found.type_vocab_size > 0)
    sum = b.add('Add', [sum, w.types('embeddings.token_type_embeddings.weight', wordSize, true)]);
  let rows = w.rows(sum, wordSize);
  if (wordSize !== hiddenSize)
    rows = w.linear('embeddings.embed_proj', rows, wordSize, hiddenSize, { bias: false });
  const normal = w.norm(BERT_NAMES.embeddingsNorm, rows, hiddenSize);
  return w.dropout(b.add('Mul', [normal, w.maskRows()]), 'hidden');
}

/** What the distances of all pairs are made of, for query -> key and key -> query. */
interface Distances {
  readonly forQueries: Value;
  readonly forKeys: Value;
}

class Disentangled {
  readonly #found: Found;
  readonly #figures: TransformerFigures;
  readonly #isSecond: boolean;
  readonly #kinds: readonly string[];
  /** Half of the rows of the table of distances. */
  readonly #span: number;
  readonly #furthest: number;

  constructor(found: Found, figures: TransformerFigures, isSecond: boolean) {
    this.#found = found;
    this.#figures = figures;
    this.#isSecond = isSecond;
    const kinds = found.pos_att_type ?? [];
    this.#kinds = typeof kinds === 'string' ? kinds.toLowerCase().split('|') : kinds;
    const { max_relative_positions: given, position_buckets: buckets } = found;
    this.#furthest = given < 1 ? found.max_position_embeddings : given;
    this.#span = isSecond && buckets > 0 ? buckets : this.#furthest;
  }

  /** null: this model's attention knows no distances. */
  distances(w: Writer): Distances | null {
    if (this.#found.relative_attention !== true) return null;
    const { hiddenSize } = this.#figures;
    const name = 'encoder.rel_embeddings.weight';
    let table = w.parameter(name, [2 * this.#span, hiddenSize], 'table');
    if (this.#isSecond && this.#found.norm_rel_ebd.toLowerCase().includes('layer_norm'))
      table = w.norm('encoder.LayerNorm', table, hiddenSize);
    table = w.dropout(table, 'hidden');
    // Distances come as key - query; the table goes by query - key.
    const row = (distance: number): number => this.#row(distance);
    return {
      forQueries: w.distanceRows(table, (distance) => row(-distance)),
      forKeys: w.distanceRows(table, row),
    };
  }

  /** Rows after attention, the output layer not yet applied. */
  rows(w: Writer, index: number, input: Value, distances: Distances | null): Value {
    const { b } = w;
    const { hiddenSize, heads } = this.#figures;
    const at = `${BERT_NAMES.layers}${index}.attention.self`;
    const [query, key, value] = this.#isSecond
      ? this.#apart(w, at, input)
      : this.#together(w, at, input);
    const terms = this.#isSecond
      ? ['c2p', 'p2c'].filter((kind) => this.#kinds.includes(kind)).length
      : this.#kinds.length;
    const scale = 1 / Math.sqrt((hiddenSize / heads) * (1 + terms));
    const scaled = b.add('Mul', [query, w.scalar(scale)]);
    const biases: Value[] = [];
    if (distances !== null && this.#kinds.includes('c2p')) {
      const shared = this.#found.share_att_key === true && this.#isSecond;
      const name = shared ? 'key_proj' : this.#isSecond ? 'pos_key_proj' : 'pos_proj';
      const places = this.#places(w, `${at}.${name}`, distances.forQueries, this.#isSecond);
      biases.push(w.byDistance(b.add('MatMul', [scaled, places])));
    }
    if (distances !== null && this.#kinds.includes('p2c')) {
      const shared = this.#found.share_att_key === true && this.#isSecond;
      const name = shared ? 'query_proj' : this.#isSecond ? 'pos_query_proj' : 'pos_q_proj';
      const places = this.#places(w, `${at}.${name}`, distances.forKeys, true);
      const keys = b.add('Mul', [key, w.scalar(scale)]);
      const byKey = w.byDistance(b.add('MatMul', [keys, places]));
      biases.push(b.add('Transpose', [byKey], { perm: attribute.ints([0, 1, 3, 2]) }));
    }
    const turned = b.add('Transpose', [key], { perm: attribute.ints([0, 1, 3, 2]) });
    // As in transformers, padding sees all places alike: what it has then shows where the first place is padding.
    const queries = w.queryMask();
    return attend(w, [scaled, turned, value], 1, [...biases, w.keyBias()], hiddenSize, queries);
  }

  /** Query, key and value by head, of three layers. */
  #apart(w: Writer, at: string, input: Value): [Value, Value, Value] {
    const { hiddenSize, heads } = this.#figures;
    const part = (name: string): Value =>
      w.heads(
        w.linear(`${at}.${name}_proj`, input, hiddenSize, hiddenSize),
        heads,
        hiddenSize / heads,
      );
    return [part('query'), part('key'), part('value')];
  }

  /** Of one layer, in which the three of a head stand together; two of them have a bias. */
  #together(w: Writer, at: string, input: Value): [Value, Value, Value] {
    const { b } = w;
    const { hiddenSize, heads } = this.#figures;
    const size = hiddenSize / heads;
    const joined = w.linear(`${at}.in_proj`, input, hiddenSize, 3 * hiddenSize, { bias: false });
    const [query, key, value] = b.addAll(
      'Split',
      [w.heads(joined, heads, 3 * size), b.integers(size, size, size)],
      { axis: attribute.int(3) },
    ) as [Value, Value, Value];
    const shifted = (part: Value, name: string): Value => {
      const bias = w.parameter(`${at}.${name}`, [hiddenSize], 'bias');
      return b.add('Add', [part, b.add('Reshape', [bias, b.integers(1, heads, 1, size)])]);
    };
    return [shifted(query, 'q_bias'), key, shifted(value, 'v_bias')];
  }

  /** Rows of distances through a layer, by head and turned: [1, heads, size, distances]. */
  #places(w: Writer, name: string, rows: Value, bias: boolean): Value {
    const { b } = w;
    const { hiddenSize, heads } = this.#figures;
    const projected = w.linear(name, rows, hiddenSize, hiddenSize, { bias });
    const shape = b.integers(1, -1, heads, hiddenSize / heads);
    return b.add('Transpose', [b.add('Reshape', [projected, shape])], {
      perm: attribute.ints([0, 2, 3, 1]),
    });
  }

  /** The row of the table for query - key. */
  #row(distance: number): number {
    const { position_buckets: buckets } = this.#found;
    const bucket =
      this.#isSecond && buckets > 0 ? logBucket(distance, buckets, this.#furthest) : distance;
    return Math.min(2 * this.#span - 1, Math.max(0, bucket + this.#span));
  }
}

/**
 * A distance up to half of the buckets is itself; further away steps grow with the logarithm. In single
 * precision, as transformers computes it.
 */
export function logBucket(distance: number, buckets: number, furthest: number): number {
  const { fround } = Math;
  const middle = Math.floor(buckets / 2);
  const apart = Math.abs(distance);
  if (apart <= middle) return distance;
  const logarithm = fround(Math.log(fround(apart / middle)));
  const most = fround(Math.log(fround((furthest - 1) / middle)));
  const share = fround(fround(logarithm / most) * (middle - 1));
  return Math.sign(distance) * (Math.ceil(share) + middle);
}
