/**
 * Encoders of two real shapes with seeded random weights: a step costs the same whatever the weights are, so
 * the benchmark needs no download. In Node and in the page.
 */
import { seededRandom } from '../../src/base';
import {
  tensorOf,
  tensorWeights,
  type CheckpointTensor,
  type EncoderFiles,
} from '../../src/models';

export type ShapeName = 'MiniLM' | 'DistilBERT';

/** all-MiniLM-L6-v2 (22.7 M parameters) and distilbert-base-uncased (66.4 M). */
const SHAPES = {
  MiniLM: { hidden: 384, layers: 6, heads: 12, wide: 1536 },
  DistilBERT: { hidden: 768, layers: 6, heads: 12, wide: 3072 },
} as const;
export const VOCABULARY = 30_522;
const POSITIONS = 512;

export function encoderOfShape(name: ShapeName): EncoderFiles {
  const { hidden, layers, heads, wide } = SHAPES[name];
  const random = seededRandom(1);
  const tensors = new Map<string, CheckpointTensor>();
  const matrix = (tensor: string, rows: number, columns: number): void => {
    // Uniform with the deviation of BERT's initialisation, 0.02: quick to draw.
    const data = Float32Array.from(
      { length: rows * columns },
      () => (random.next() - 0.5) * 0.02 * Math.sqrt(12),
    );
    tensors.set(`${tensor}.weight`, tensorOf(data, [rows, columns]));
  };
  const linear = (tensor: string, to: number, from: number): void => {
    matrix(tensor, to, from);
    tensors.set(`${tensor}.bias`, tensorOf(new Float32Array(to), [to]));
  };
  const norm = (tensor: string): void => {
    tensors.set(`${tensor}.weight`, tensorOf(new Float32Array(hidden).fill(1), [hidden]));
    tensors.set(`${tensor}.bias`, tensorOf(new Float32Array(hidden), [hidden]));
  };
  const prefix = name === 'MiniLM' ? 'bert' : 'distilbert';
  matrix(`${prefix}.embeddings.word_embeddings`, VOCABULARY, hidden);
  matrix(`${prefix}.embeddings.position_embeddings`, POSITIONS, hidden);
  if (name === 'MiniLM') matrix(`${prefix}.embeddings.token_type_embeddings`, 2, hidden);
  norm(`${prefix}.embeddings.LayerNorm`);
  for (let layer = 0; layer < layers; layer++) {
    if (name === 'MiniLM') {
      const at = `${prefix}.encoder.layer.${layer}`;
      for (const part of ['query', 'key', 'value'])
        linear(`${at}.attention.self.${part}`, hidden, hidden);
      linear(`${at}.attention.output.dense`, hidden, hidden);
      norm(`${at}.attention.output.LayerNorm`);
      linear(`${at}.intermediate.dense`, wide, hidden);
      linear(`${at}.output.dense`, hidden, wide);
      norm(`${at}.output.LayerNorm`);
    } else {
      const at = `${prefix}.transformer.layer.${layer}`;
      for (const part of ['q_lin', 'k_lin', 'v_lin', 'out_lin'])
        linear(`${at}.attention.${part}`, hidden, hidden);
      norm(`${at}.sa_layer_norm`);
      linear(`${at}.ffn.lin1`, wide, hidden);
      linear(`${at}.ffn.lin2`, hidden, wide);
      norm(`${at}.output_layer_norm`);
    }
  }
  if (name === 'MiniLM') linear(`${prefix}.pooler.dense`, hidden, hidden);
  const config =
    name === 'MiniLM'
      ? {
          model_type: 'bert',
          hidden_size: hidden,
          num_hidden_layers: layers,
          num_attention_heads: heads,
          intermediate_size: wide,
          max_position_embeddings: POSITIONS,
          vocab_size: VOCABULARY,
          type_vocab_size: 2,
        }
      : {
          model_type: 'distilbert',
          dim: hidden,
          n_layers: layers,
          n_heads: heads,
          hidden_dim: wide,
          max_position_embeddings: POSITIONS,
          vocab_size: VOCABULARY,
        };
  return {
    config: new TextEncoder().encode(JSON.stringify(config)),
    weights: tensorWeights(tensors),
  };
}
