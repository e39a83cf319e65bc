/**
 * GPT-2 (Radford et al. 2019) and GPT-Neo (Black et al. 2021, https://doi.org/10.5281/zenodo.5297715): decoders,
 * in which a token sees itself and those before it; GPT-Neo's local layers only so many. LayerNorm stands before
 * each part, and once more at the end. Texts are classified on their last token.
 */
import * as v from 'valibot';
import { attribute, type Value } from '../../../graph/onnx';
import type { LinearForm, TransformerConfig, TransformerFigures, Writer } from '../architecture';
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
import type { Layout } from '../layout';
import { attend } from './shared';

const GENERAL = {
  vocab_size: count,
  layer_norm_epsilon: v.optional(nonNegative, 1e-5),
  activation_function: v.optional(v.string(), 'gelu_new'),
  initializer_range: v.optional(nonNegative, 0.02),
  classifier_dropout: v.optional(v.nullable(share), 0.1),
} as const;

const gpt2Schema = v.object({
  ...GENERAL,
  n_positions: v.optional(count, 1024),
  n_embd: v.optional(count, 768),
  n_layer: v.optional(depth, 12),
  n_head: v.optional(count, 12),
  n_inner: v.optional(v.nullable(count), null),
  resid_pdrop: v.optional(share, 0.1),
  embd_pdrop: v.optional(share, 0.1),
  attn_pdrop: v.optional(share, 0.1),
  scale_attn_weights: flag(true),
  scale_attn_by_inverse_layer_idx: flag(false),
  add_cross_attention: flag(false),
});

const neoSchema = v.object({
  ...GENERAL,
  max_position_embeddings: v.optional(count, 2048),
  hidden_size: v.optional(count, 2048),
  num_layers: v.optional(depth, 24),
  num_heads: v.optional(count, 16),
  intermediate_size: v.optional(v.nullable(count), null),
  window_size: v.optional(count, 256),
  resid_dropout: v.optional(share, 0),
  embed_dropout: v.optional(share, 0),
  attention_dropout: v.optional(share, 0),
  attention_layers: v.optional(v.nullable(v.array(v.string())), null),
  attention_types: v.optional(
    // Said as “these kinds, so many times”: a million times is no model, and fills the memory.
    v.nullable(
      v.pipe(
        v.array(v.tuple([v.pipe(v.array(v.string()), v.maxLength(100)), depth])),
        v.maxLength(100),
      ),
    ),
    null,
  ),
});

const LAYOUT: Layout = {
  prefix: 'transformer.',
  words: 'wte.weight',
  tokenTypes: false,
  head: {
    pooling: 'last',
    dense: null,
    denseBias: false,
    activation: 'Tanh',
    norm: null,
    classifier: 'score',
    classifierBias: false,
    tokenClassifier: 'classifier',
    denseForTokens: false,
  },
  bert: null,
};

export function gpt2(json: unknown): TransformerConfig {
  const found = parse(gpt2Schema, json);
  if (found.add_cross_attention === true)
    throw unsupported('The model reads a second sequence ("add_cross_attention": true).');
  const classifier = found.classifier_dropout ?? 0.1;
  const figures = {
    modelType: 'gpt2',
    hiddenSize: found.n_embd,
    wordSize: found.n_embd,
    layers: found.n_layer,
    heads: found.n_head,
    intermediateSize: found.n_inner ?? 4 * found.n_embd,
    maxTokens: found.n_positions,
    vocabSize: found.vocab_size,
    layerNormEpsilon: found.layer_norm_epsilon,
    activation: activationOf(found.activation_function),
    initializerRange: found.initializer_range,
    dropout: {
      hidden: found.resid_pdrop,
      attention: found.attn_pdrop,
      headDense: 0,
      textClassifier: 0,
      tokenClassifier: classifier,
    },
  } as const;
  const { hiddenSize: hidden, heads } = figures;
  const form: LinearForm = { turned: true };
  return checked({
    ...figures,
    layout: LAYOUT,
    body: (w, layers) =>
      decoder(w, layers, figures, {
        form,
        output: 'attn.c_proj',
        attend(at, rows, index) {
          const joined = w.linear(`${at}.attn.c_attn`, rows, hidden, 3 * hidden, form);
          const parts = thirds(w, joined, hidden);
          const size = found.scale_attn_weights === false ? 1 : 1 / Math.sqrt(hidden / heads);
          const scale = found.scale_attn_by_inverse_layer_idx === true ? size / (index + 1) : size;
          return { parts, scale, sees: (distance) => distance <= 0 };
        },
      }),
  });
}

export function gptNeo(json: unknown): TransformerConfig {
  const found = parse(neoSchema, json);
  const types = found.attention_types;
  const usual: [string[], number] = [['global', 'local'], Math.ceil(found.num_layers / 2)];
  const kinds =
    types === null && found.attention_layers !== null
      ? found.attention_layers
      : (types ?? [usual]).flatMap(([kind, times]) =>
          Array.from({ length: times }, () => kind).flat(),
        );
  const stranger = kinds.find((kind) => kind !== 'global' && kind !== 'local');
  if (stranger !== undefined)
    throw unsupported(
      `The model has layers with "${stranger}" attention; "global" and "local" are known.`,
    );
  if (kinds.length < found.num_layers)
    throw unsupported(
      `The model’s config.json names the attention of ${kinds.length} layers, and has ${found.num_layers}.`,
    );
  const classifier = found.classifier_dropout ?? 0.1;
  const figures = {
    modelType: 'gpt_neo',
    hiddenSize: found.hidden_size,
    wordSize: found.hidden_size,
    layers: found.num_layers,
    heads: found.num_heads,
    intermediateSize: found.intermediate_size ?? 4 * found.hidden_size,
    maxTokens: found.max_position_embeddings,
    vocabSize: found.vocab_size,
    layerNormEpsilon: found.layer_norm_epsilon,
    activation: activationOf(found.activation_function),
    initializerRange: found.initializer_range,
    dropout: {
      hidden: found.resid_dropout,
      attention: found.attention_dropout,
      headDense: 0,
      textClassifier: 0,
      tokenClassifier: classifier,
    },
  } as const;
  const { hiddenSize: hidden } = figures;
  const window = found.window_size;
  return checked({
    ...figures,
    layout: LAYOUT,
    body: (w, layers) =>
      decoder(w, layers, figures, {
        form: {},
        output: 'attn.attention.out_proj',
        attend(at, rows, index) {
          const names = ['q', 'k', 'v'].map((part) => `${at}.attn.attention.${part}_proj`);
          const parts = w.linears(names, rows, hidden, hidden, { bias: false });
          const isLocal = kinds[index] === 'local';
          // GPT-Neo does not divide by the square root of the head's size.
          const sees = (distance: number): boolean =>
            distance <= 0 && (!isLocal || distance > -window);
          return { parts, scale: 1, sees };
        },
      }),
  });
}

interface Attention {
  /** Rows of query, key and value. */
  readonly parts: readonly Value[];
  readonly scale: number;
  /** Whether a query sees the key at this distance. */
  readonly sees: (distance: number) => boolean;
}

interface DecoderParts {
  /** Of the linear layers. */
  readonly form: LinearForm;
  /** The name of the attention's output layer, within a layer. */
  readonly output: string;
  readonly attend: (at: string, rows: Value, index: number) => Attention;
}

function decoder(
  w: Writer,
  layers: number,
  figures: TransformerFigures,
  { form, output, attend: attention }: DecoderParts,
): Value[] {
  const { b } = w;
  const { hiddenSize: hidden, intermediateSize: wide, heads, maxTokens } = figures;
  const places = w.places('wpe.weight', maxTokens, hidden);
  let rows = w.dropout(w.rows(b.add('Add', [w.words(), places]), hidden), 'hidden');
  const states = [rows];
  for (let index = 0; index < layers; index++) {
    w.begin(index);
    const at = `h.${index}`;
    const { parts, scale, sees } = attention(at, w.norm(`${at}.ln_1`, rows, hidden), index);
    const size = hidden / heads;
    const [query, key, value] = parts.map((part, i) => w.heads(part, heads, size, i === 1));
    if (query === undefined || key === undefined || value === undefined) break;
    const context = attend(w, [query, key, value], scale, [w.pairBias(sees)], hidden);
    const attended = w.linear(`${at}.${output}`, context, hidden, hidden, form);
    rows = b.add('Add', [w.dropout(attended, 'hidden'), rows]);
    const before = w.norm(`${at}.ln_2`, rows, hidden);
    const inner = w.activate(w.linear(`${at}.mlp.c_fc`, before, hidden, wide, form));
    const narrow = w.linear(`${at}.mlp.c_proj`, inner, wide, hidden, form);
    rows = b.add('Add', [rows, w.dropout(narrow, 'hidden')]);
    // The last state is the one that has gone through the last LayerNorm.
    const isLast = index === figures.layers - 1;
    states.push(isLast ? w.norm('ln_f', rows, hidden) : rows);
  }
  return states;
}

/** Rows three times as wide, apart. */
function thirds(w: Writer, rows: Value, size: number): Value[] {
  const { b } = w;
  return b.addAll('Split', [rows, b.integers(size, size, size)], {
    axis: attribute.int(-1),
  });
}
