/**
 * ModernBERT (Warner et al. 2024, https://arxiv.org/abs/2412.13663): rotary places, every third layer sees the
 * whole text and the others a window, a gated feed-forward part, LayerNorm before each part and no biases.
 */
import * as v from 'valibot';
import { attribute, type Value } from '../../../graph/onnx';
import type { TransformerConfig, TransformerFigures, Writer } from '../architecture';
import {
  activationOf,
  checked,
  count,
  depth,
  flag,
  nonNegative,
  parse,
  share,
  unsupported,
} from '../config-fields';
import { attend } from './shared';

const rope = v.object({ rope_theta: v.optional(nonNegative), rope_type: v.optional(v.string()) });

const schema = v.object({
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: depth,
  num_attention_heads: count,
  hidden_activation: v.optional(v.string(), 'gelu'),
  max_position_embeddings: v.optional(count, 8192),
  initializer_range: v.optional(nonNegative, 0.02),
  norm_eps: v.optional(nonNegative, 1e-5),
  norm_bias: flag(false),
  attention_bias: flag(false),
  mlp_bias: flag(false),
  attention_dropout: v.optional(share, 0),
  embedding_dropout: v.optional(share, 0),
  mlp_dropout: v.optional(share, 0),
  local_attention: v.optional(count, 128),
  global_attn_every_n_layers: v.optional(count, 3),
  global_rope_theta: v.optional(nonNegative, 160_000),
  local_rope_theta: v.optional(v.nullable(nonNegative), 10_000),
  layer_types: v.optional(v.nullable(v.array(v.string())), null),
  rope_parameters: v.optional(
    v.nullable(
      v.object({
        full_attention: v.optional(v.nullable(rope)),
        sliding_attention: v.optional(v.nullable(rope)),
      }),
    ),
    null,
  ),
  classifier_pooling: v.optional(v.picklist(['cls', 'mean']), 'cls'),
  classifier_bias: flag(false),
  classifier_activation: v.optional(v.string(), 'gelu'),
  classifier_dropout: v.optional(v.nullable(share), 0),
});

type Found = v.InferOutput<typeof schema>;

export function modernbert(json: unknown): TransformerConfig {
  const found = parse(schema, json);
  if (found.classifier_activation !== 'gelu')
    throw unsupported(
      `The activation "${found.classifier_activation}" of the model’s head is not supported; "gelu" is.`,
    );
  for (const kind of ['full_attention', 'sliding_attention'] as const) {
    const type = found.rope_parameters?.[kind]?.rope_type ?? 'default';
    if (type !== 'default')
      throw unsupported(
        `The model’s places are rotated by the rule "${type}"; "default" is known.`,
      );
  }
  const classifier = found.classifier_dropout ?? 0;
  const figures = {
    modelType: 'modernbert',
    hiddenSize: found.hidden_size,
    wordSize: found.hidden_size,
    layers: found.num_hidden_layers,
    heads: found.num_attention_heads,
    intermediateSize: found.intermediate_size,
    maxTokens: found.max_position_embeddings,
    vocabSize: found.vocab_size,
    layerNormEpsilon: found.norm_eps,
    activation: activationOf(found.hidden_activation),
    initializerRange: found.initializer_range,
    dropout: {
      // Three settings in transformers, all of them 0 as published; the largest stands for them.
      hidden: Math.max(found.embedding_dropout, found.mlp_dropout),
      attention: found.attention_dropout,
      headDense: 0,
      textClassifier: classifier,
      tokenClassifier: classifier,
    },
  } as const;
  const bias = found.norm_bias === true;
  return checked({
    ...figures,
    layout: {
      prefix: 'model.',
      words: 'embeddings.tok_embeddings.weight',
      tokenTypes: false,
      head: {
        pooling: found.classifier_pooling,
        dense: 'head.dense',
        denseBias: found.classifier_bias === true,
        activation: 'Gelu',
        norm: { name: 'head.norm', bias },
        classifier: 'classifier',
        classifierBias: true,
        tokenClassifier: 'classifier',
        denseForTokens: true,
      },
      bert: null,
    },
    body: (w, layers) => body(w, layers, figures, found),
  });
}

function body(w: Writer, layers: number, figures: TransformerFigures, found: Found): Value[] {
  const { b } = w;
  const { hiddenSize: hidden, heads, intermediateSize: wide } = figures;
  const size = hidden / heads;
  const norm = { bias: found.norm_bias === true };
  const attention = { bias: found.attention_bias === true };
  const feed = { bias: found.mlp_bias === true };
  const reach = Math.floor(found.local_attention / 2);
  const isGlobal = (index: number): boolean =>
    found.layer_types === null
      ? index % found.global_attn_every_n_layers === 0
      : found.layer_types[index] === 'full_attention';
  const turns = {
    whole: rotation(w, size, theta(found, true)),
    window: rotation(w, size, theta(found, false)),
  };
  const first = w.norm('embeddings.norm', w.rows(w.words(), hidden), hidden, norm);
  let rows = w.dropout(first, 'hidden');
  const states = [rows];
  for (let index = 0; index < layers; index++) {
    w.begin(index);
    const at = `layers.${index}`;
    // The embeddings have just been normalised.
    const before = index === 0 ? rows : w.norm(`${at}.attn_norm`, rows, hidden, norm);
    const joined = w.linear(`${at}.attn.Wqkv`, before, hidden, 3 * hidden, attention);
    const parts = b.addAll('Split', [joined, b.integers(hidden, hidden, hidden)], {
      axis: attribute.int(-1),
    });
    const [query, key, value] = parts.map((part) => w.heads(part, heads, size)) as [
      Value,
      Value,
      Value,
    ];
    const turn = isGlobal(index) ? turns.whole : turns.window;
    const keys = b.add('Transpose', [turn(key)], { perm: attribute.ints([0, 1, 3, 2]) });
    const bias = isGlobal(index)
      ? w.keyBias()
      : w.pairBias((distance) => Math.abs(distance) <= reach);
    const context = attend(w, [turn(query), keys, value], 1 / Math.sqrt(size), [bias], hidden);
    rows = b.add('Add', [rows, w.linear(`${at}.attn.Wo`, context, hidden, hidden, attention)]);
    const inner = w.linear(
      `${at}.mlp.Wi`,
      w.norm(`${at}.mlp_norm`, rows, hidden, norm),
      hidden,
      2 * wide,
      feed,
    );
    const [active, gate] = b.addAll('Split', [inner, b.integers(wide, wide)], {
      axis: attribute.int(-1),
    }) as [Value, Value];
    const gated = w.dropout(b.add('Mul', [w.activate(active), gate]), 'hidden');
    rows = b.add('Add', [rows, w.linear(`${at}.mlp.Wo`, gated, wide, hidden, feed)]);
    const isLast = index === figures.layers - 1;
    states.push(isLast ? w.norm('final_norm', rows, hidden, norm) : rows);
  }
  return states;
}

function theta(found: Found, isGlobal: boolean): number {
  const kind = isGlobal ? 'full_attention' : 'sliding_attention';
  const given = found.rope_parameters?.[kind]?.rope_theta;
  if (given !== undefined) return given;
  return isGlobal ? found.global_rope_theta : (found.local_rope_theta ?? found.global_rope_theta);
}

/** Turns pairs of numbers of each head by an angle that grows with the place. */
function rotation(w: Writer, size: number, base: number): (heads: Value) => Value {
  const { b } = w;
  const half = size / 2;
  const angle = (place: number, column: number): number =>
    place / base ** ((2 * (column % half)) / size);
  const cosine = w.constantPlaces(size, (place, column) => Math.cos(angle(place, column)));
  // The halves change sides, the one that comes to the front with its sign changed.
  const sine = w.constantPlaces(
    size,
    (place, column) => Math.sin(angle(place, column)) * (column < half ? -1 : 1),
  );
  return (heads) => {
    const [front, back] = b.addAll('Split', [heads, b.integers(half, half)], {
      axis: attribute.int(-1),
    }) as [Value, Value];
    const changed = b.add('Concat', [back, front], { axis: attribute.int(-1) });
    return b.add('Add', [b.add('Mul', [heads, cosine]), b.add('Mul', [changed, sine])]);
  };
}
