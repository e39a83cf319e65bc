/** The figures of `config.json` by family: what a model's own file says, so that our builders can weigh it. */
export type Config = Readonly<Record<string, unknown>>;

interface Size {
  readonly vocab: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly inner: number;
}

const XS = { hidden: 384, layers: 6, heads: 12, inner: 1536 } as const;
export const SIZES = {
  /** MiniLM-L6. */
  mini6: XS,
  mini12: { ...XS, layers: 12 },
  distil: { hidden: 768, layers: 6, heads: 12, inner: 3072 },
  base: { hidden: 768, layers: 12, heads: 12, inner: 3072 },
  large: { hidden: 1024, layers: 24, heads: 16, inner: 4096 },
} as const;

export function bert(vocab: number, size: Omit<Size, 'vocab'>, positions = 512): Config {
  return { model_type: 'bert', ...common({ vocab, ...size }, positions), type_vocab_size: 2 };
}

export function distilbert(vocab: number): Config {
  return {
    model_type: 'distilbert',
    dim: 768,
    n_layers: 6,
    n_heads: 12,
    hidden_dim: 3072,
    max_position_embeddings: 512,
    vocab_size: vocab,
  };
}

export function electra(embedding: number, size: Omit<Size, 'vocab'>): Config {
  return {
    model_type: 'electra',
    ...common({ vocab: 30522, ...size }, 512),
    embedding_size: embedding,
    type_vocab_size: 2,
  };
}

export function roberta(vocab: number, size: Omit<Size, 'vocab'>): Config {
  return ofRoberta('roberta', vocab, size, 514);
}

export function xlmRoberta(size: Omit<Size, 'vocab'>, positions = 514): Config {
  return ofRoberta('xlm-roberta', 250002, size, positions);
}

export function mpnet(): Config {
  return {
    model_type: 'mpnet',
    ...common({ vocab: 30527, ...SIZES.base }, 514),
    layer_norm_eps: 1e-5,
    pad_token_id: 1,
    relative_attention_num_buckets: 32,
  };
}

export function albert(): Config {
  return {
    model_type: 'albert',
    ...common({ vocab: 30000, ...SIZES.base }, 512),
    embedding_size: 128,
    hidden_act: 'gelu_new',
    num_hidden_groups: 1,
    inner_group_num: 1,
    type_vocab_size: 2,
  };
}

export function deberta(size: Omit<Size, 'vocab'>): Config {
  return {
    model_type: 'deberta',
    ...common({ vocab: 50265, ...size }, 512),
    layer_norm_eps: 1e-7,
    relative_attention: true,
    max_relative_positions: -1,
    pos_att_type: 'c2p|p2c',
    position_biased_input: false,
    type_vocab_size: 0,
    pad_token_id: 0,
  };
}

export function debertaV3(vocab: number, size: Omit<Size, 'vocab'>): Config {
  return {
    model_type: 'deberta-v2',
    ...common({ vocab, ...size }, 512),
    layer_norm_eps: 1e-7,
    relative_attention: true,
    max_relative_positions: -1,
    position_buckets: 256,
    norm_rel_ebd: 'layer_norm',
    share_att_key: true,
    pos_att_type: 'p2c|c2p',
    position_biased_input: false,
    type_vocab_size: 0,
    pad_token_id: 0,
  };
}

export function modernbert(vocab: number, size: Omit<Size, 'vocab'>): Config {
  return {
    model_type: 'modernbert',
    vocab_size: vocab,
    hidden_size: size.hidden,
    num_hidden_layers: size.layers,
    num_attention_heads: size.heads,
    intermediate_size: size.inner,
    max_position_embeddings: 8192,
    global_attn_every_n_layers: 3,
    local_attention: 128,
    global_rope_theta: 160000,
    local_rope_theta: 10000,
  };
}

export function gpt2(hidden: number, layers: number, heads: number): Config {
  return {
    model_type: 'gpt2',
    vocab_size: 50257,
    n_positions: 1024,
    n_embd: hidden,
    n_layer: layers,
    n_head: heads,
    activation_function: 'gelu_new',
  };
}

export function gptNeo(hidden: number, layers: number, heads: number): Config {
  return {
    model_type: 'gpt_neo',
    vocab_size: 50257,
    max_position_embeddings: 2048,
    hidden_size: hidden,
    num_layers: layers,
    num_heads: heads,
    attention_types: [[['global', 'local'], layers / 2]],
    window_size: 256,
    activation_function: 'gelu_new',
  };
}

function ofRoberta(
  modelType: 'roberta' | 'xlm-roberta',
  vocab: number,
  size: Omit<Size, 'vocab'>,
  positions: number,
): Config {
  return {
    model_type: modelType,
    ...common({ vocab, ...size }, positions),
    layer_norm_eps: 1e-5,
    type_vocab_size: 1,
    pad_token_id: 1,
  };
}

function common({ vocab, hidden, layers, heads, inner }: Size, positions: number): Config {
  return {
    vocab_size: vocab,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: inner,
    max_position_embeddings: positions,
  };
}
