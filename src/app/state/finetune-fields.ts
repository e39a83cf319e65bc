/** What each number of a fine-tune may be, and the sentence that says so when it is not. */
import type { FinetuneSettings } from '../../learning/finetune';
import { count } from './format';

/** What the data and the encoder allow. */
export interface Bounds {
  readonly layers: number;
  readonly maxTokens: number;
  readonly trainRows: number;
  readonly classes: number;
  /** Whether words are labelled, not texts. */
  readonly tagging: boolean;
}

/** The numbers that are typed, adapters' among them. */
export type NumberName =
  | {
      [Key in keyof Required<FinetuneSettings>]: Required<FinetuneSettings>[Key] extends
        number | null
        ? Key
        : never;
    }[keyof FinetuneSettings]
  | 'layers'
  | 'rank'
  | 'alpha'
  | 'lora_dropout';

export interface NumberRule {
  readonly whole: boolean;
  readonly least: number;
  readonly most: number;
  /** Whether `least` itself is too small. */
  readonly above?: boolean;
  /** Whether the field may be empty, which is null. */
  readonly empty?: boolean;
}

const RULES: Readonly<Record<NumberName, NumberRule>> = {
  learning_rate: { whole: false, least: 0, most: 1, above: true },
  per_device_train_batch_size: { whole: true, least: 1, most: 512 },
  per_device_eval_batch_size: { whole: true, least: 1, most: 512 },
  num_train_epochs: { whole: false, least: 0, most: 1000, above: true },
  max_steps: { whole: true, least: -1, most: 1e7 },
  warmup_steps: { whole: false, least: 0, most: 1e7 },
  weight_decay: { whole: false, least: 0, most: 10 },
  adam_beta1: { whole: false, least: 0, most: 0.9999 },
  adam_beta2: { whole: false, least: 0, most: 0.999999 },
  adam_epsilon: { whole: false, least: 0, most: 0.1, above: true },
  max_grad_norm: { whole: false, least: 0, most: 1e6 },
  gradient_accumulation_steps: { whole: true, least: 1, most: 1024 },
  label_smoothing_factor: { whole: false, least: 0, most: 0.99 },
  eval_steps: { whole: true, least: 1, most: 1e7 },
  early_stopping_patience: { whole: true, least: 1, most: 1000, empty: true },
  seed: { whole: true, least: 0, most: 2 ** 32 - 1 },
  max_length: { whole: true, least: 3, most: Infinity },
  dropout: { whole: false, least: 0, most: 0.9, empty: true },
  train_rows: { whole: true, least: 1, most: Infinity, empty: true },
  validation_share: { whole: false, least: 0, most: 0.5, above: true },
  num_iterations: { whole: true, least: 1, most: 1000, empty: true },
  head_C: { whole: false, least: 0, most: 1e6, above: true },
  layers: { whole: true, least: 1, most: Infinity },
  rank: { whole: true, least: 1, most: 256 },
  alpha: { whole: false, least: 0, most: 1024, above: true },
  lora_dropout: { whole: false, least: 0, most: 0.9 },
};

/** The rule of a number with what this encoder and these data allow. */
export function ruleOf(name: NumberName, bounds: Bounds): NumberRule {
  const rule = RULES[name];
  if (name === 'max_length') return { ...rule, most: bounds.maxTokens };
  if (name === 'layers') return { ...rule, most: bounds.layers };
  if (name === 'train_rows') {
    return {
      ...rule,
      least: Math.min(2 * bounds.classes, bounds.trainRows),
      most: bounds.trainRows,
    };
  }
  return rule;
}

/** A typed number: its value (null when empty and that is allowed), or what is wrong with it. */
export function readNumber(
  text: string,
  rule: NumberRule,
): { readonly value: number | null } | { readonly problem: string } {
  const typed = text.trim().replace(',', '.');
  if (typed === '') return rule.empty === true ? { value: null } : { problem: wanted(rule) };
  const value = Number(typed);
  if (!Number.isFinite(value)) return { problem: `“${text.trim()}” is no number. ${wanted(rule)}` };
  const small = rule.above === true ? value <= rule.least : value < rule.least;
  if (small || value > rule.most || (rule.whole && !Number.isInteger(value))) {
    return { problem: wanted(rule) };
  }
  return { value };
}

function wanted({ whole, least, most, above, empty }: NumberRule): string {
  const what = whole ? 'A whole number' : 'A number';
  const from = above === true ? `above ${plain(least)}` : `from ${plain(least)}`;
  const to =
    most === Infinity ? 'up' : above === true ? `up to ${plain(most)}` : `to ${plain(most)}`;
  return `${what} ${from} ${to}${empty === true ? ', or nothing' : ''}.`;
}

function plain(value: number): string {
  return Math.abs(value) >= 1000 ? count(value) : String(value);
}

/** What does not go together, by the setting where it is mended. */
export function contradictions(
  settings: FinetuneSettings,
  { tagging }: Pick<Bounds, 'tagging'>,
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  const { eval_strategy, save_strategy, load_best_model_at_end, method } = settings;
  if (eval_strategy === 'no' && load_best_model_at_end) {
    found['load_best_model_at_end'] =
      'The best can only be known by evaluating: choose an eval_strategy, or keep the last model.';
  } else if (load_best_model_at_end && save_strategy !== eval_strategy) {
    found['save_strategy'] = 'To keep the best, save_strategy must be the same as eval_strategy.';
  }
  if (eval_strategy === 'no' && settings.early_stopping_patience !== null) {
    found['early_stopping_patience'] = 'Stopping early needs evaluations: choose an eval_strategy.';
  }
  if (eval_strategy !== 'no' && settings.validation_share === 0) {
    found['validation_share'] = 'Evaluations need texts: hold out a tenth, 0.1.';
  }
  if (settings.max_steps === 0) {
    found['max_steps'] = 'No step at all teaches nothing: -1 counts epochs instead.';
  }
  if (settings.warmup_steps >= 1 && !Number.isInteger(settings.warmup_steps)) {
    found['warmup_steps'] = 'Below 1 a share of all steps, from 1 on a whole number of them.';
  }
  if (tagging && settings.head === 'mean') {
    found['head'] = 'Mean pooling gives one vector a sentence, none a word.';
  }
  if (settings.objective === 'contrastive') Object.assign(found, pairProblems(settings, tagging));
  if (method.name === 'lora' && method.targets.length === 0) {
    found['targets'] = 'Choose at least one kind of layer.';
  }
  return found;
}

/** What does not go with learning from pairs. */
function pairProblems(settings: FinetuneSettings, tagging: boolean): Record<string, string> {
  const found: Record<string, string> = {};
  if (tagging) found['objective'] = 'Pairs are of texts that have a class, not of words.';
  else if (settings.method.name === 'head') {
    found['objective'] = 'Pairs teach the encoder: more than the head alone must learn.';
  }
  if (settings.head !== 'mean') {
    found['head'] = 'Pairs are compared by the mean of their tokens: choose mean pooling.';
  }
  if (settings.label_smoothing_factor > 0) {
    found['label_smoothing_factor'] = 'Not with pairs of texts: 0.';
  }
  return found;
}
