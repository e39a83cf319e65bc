/**
 * The methods of a fine-tune as the page offers them, for each architecture.
 */
import type { TrainMethod } from '../../models';

export type MethodName = TrainMethod['name'];

/** Linear layers of each architecture that adapters can go beside, by the last part of their names. */
export const LORA_TARGETS: Readonly<Record<string, readonly string[]>> = {
  bert: ['query', 'key', 'value', 'dense'],
  distilbert: ['q_lin', 'k_lin', 'v_lin', 'out_lin', 'lin1', 'lin2'],
  electra: ['query', 'key', 'value', 'dense'],
  roberta: ['query', 'key', 'value', 'dense'],
  'xlm-roberta': ['query', 'key', 'value', 'dense'],
  mpnet: ['q', 'k', 'v', 'o', 'dense'],
  albert: ['query', 'key', 'value', 'dense', 'ffn', 'ffn_output'],
  gpt2: ['c_attn', 'c_proj', 'c_fc'],
  gpt_neo: ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'c_fc', 'c_proj'],
  deberta: ['in_proj', 'pos_proj', 'pos_q_proj', 'dense'],
  'deberta-v2': ['query_proj', 'key_proj', 'value_proj', 'dense'],
  modernbert: ['Wqkv', 'Wo', 'Wi'],
};
/** What PEFT adapts by itself, where it is not query and value under these names. */
const QUERY_AND_VALUE: Readonly<Record<string, readonly string[]>> = {
  bert: ['query', 'value'],
  distilbert: ['q_lin', 'v_lin'],
  mpnet: ['q', 'v'],
  gpt2: ['c_attn'],
  gpt_neo: ['q_proj', 'v_proj'],
  deberta: ['in_proj'],
  'deberta-v2': ['query_proj', 'value_proj'],
  modernbert: ['Wqkv'],
};

/** A method with the values it starts from. */
export function methodNamed(name: MethodName, architecture: string, layers: number): TrainMethod {
  if (name === 'last') return { name, layers: Math.max(1, Math.round(layers / 3)) };
  if (name !== 'lora') return { name };
  return {
    name,
    rank: 8,
    alpha: 16,
    dropout: 0.1,
    targets: QUERY_AND_VALUE[architecture] ?? ['query', 'value'],
    base: 'fp32',
  };
}

/** The same method on another encoder: its layers' names are others, and it may have fewer. */
export function methodFor(method: TrainMethod, architecture: string, layers: number): TrainMethod {
  if (method.name === 'last') return { ...method, layers: Math.min(method.layers, layers) };
  if (method.name !== 'lora') return method;
  const names = LORA_TARGETS[architecture] ?? [];
  const fits = method.targets.every((target) => names.includes(target));
  return fits
    ? method
    : { ...method, targets: QUERY_AND_VALUE[architecture] ?? ['query', 'value'] };
}
