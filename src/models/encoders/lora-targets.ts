/** Where PEFT puts adapters when it is not told: last parts of names, by architecture. */
import type { TransformerType } from './architecture';

const TARGETS: Readonly<Record<TransformerType, readonly string[]>> = {
  bert: ['query', 'value'],
  distilbert: ['q_lin', 'v_lin'],
  electra: ['query', 'value'],
  roberta: ['query', 'value'],
  'xlm-roberta': ['query', 'value'],
  // PEFT has no default for these: query and value, as for the others.
  mpnet: ['q', 'v'],
  albert: ['query', 'value'],
  modernbert: ['Wqkv'],
  gpt2: ['c_attn'],
  gpt_neo: ['q_proj', 'v_proj'],
  deberta: ['in_proj'],
  'deberta-v2': ['query_proj', 'value_proj'],
};

export function defaultLoraTargets(architecture: string): readonly string[] {
  return Object.hasOwn(TARGETS, architecture)
    ? TARGETS[architecture as TransformerType]
    : TARGETS.bert;
}
