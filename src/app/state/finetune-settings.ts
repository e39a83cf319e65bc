/**
 * The settings of a fine-tune as the page offers them: defaults, presets, and what is wrong with a value.
 * Equal to the engine's (a test says so); kept here so that the page loads no training code.
 */
import type { FinetuneSettings } from '../../learning/finetune';
import type { TrainMethod } from '../../models';

/** `transformers.TrainingArguments`' defaults, evaluation after each epoch on a tenth held out of the training part. */
export const FINETUNE_DEFAULTS: FinetuneSettings = {
  learning_rate: 5e-5,
  per_device_train_batch_size: 8,
  per_device_eval_batch_size: 8,
  num_train_epochs: 3,
  max_steps: -1,
  warmup_steps: 0,
  lr_scheduler_type: 'linear',
  weight_decay: 0,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  max_grad_norm: 1,
  gradient_accumulation_steps: 1,
  gradient_checkpointing: false,
  label_smoothing_factor: 0,
  eval_strategy: 'epoch',
  eval_steps: 500,
  save_strategy: 'epoch',
  load_best_model_at_end: true,
  metric_for_best_model: 'loss',
  early_stopping_patience: null,
  seed: 42,
  method: { name: 'full' },
  head: 'stock',
  max_length: 128,
  dropout: null,
  class_weight: null,
  train_rows: null,
  validation_share: 0.1,
};

export type MethodName = TrainMethod['name'];

/** Linear layers of each architecture that adapters can go beside, by the last part of their names. */
export const LORA_TARGETS: Readonly<Record<string, readonly string[]>> = {
  bert: ['query', 'key', 'value', 'dense'],
  distilbert: ['q_lin', 'k_lin', 'v_lin', 'out_lin', 'lin1', 'lin2'],
};
const QUERY_AND_VALUE: Readonly<Record<string, readonly string[]>> = {
  bert: ['query', 'value'],
  distilbert: ['q_lin', 'v_lin'],
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
  return fits ? method : { ...method, targets: QUERY_AND_VALUE[architecture] ?? names };
}

export interface Preset {
  readonly name: string;
  readonly title: string;
  /** One line: when to take it. */
  readonly purpose: string;
  readonly settings: Partial<FinetuneSettings>;
}

export const PRESETS: readonly Preset[] = [
  {
    name: 'quick',
    title: 'Quick',
    purpose: 'A first answer: four passes at a high rate.',
    settings: {
      learning_rate: 1e-4,
      per_device_train_batch_size: 16,
      num_train_epochs: 4,
      warmup_steps: 0.1,
    },
  },
  {
    name: 'careful',
    title: 'Careful',
    purpose: 'Up to ten passes at a moderate rate; stops when it gets no better.',
    settings: {
      learning_rate: 5e-5,
      per_device_train_batch_size: 16,
      num_train_epochs: 10,
      warmup_steps: 0.1,
      weight_decay: 0.01,
      early_stopping_patience: 2,
    },
  },
  {
    name: 'tutorial',
    title: 'As the transformers tutorial',
    purpose: 'Two passes at 2e-5, the best of both kept: the text classification guide’s settings.',
    settings: {
      learning_rate: 2e-5,
      per_device_train_batch_size: 16,
      per_device_eval_batch_size: 16,
      num_train_epochs: 2,
      weight_decay: 0.01,
    },
  },
  {
    name: 'tutorial-warmup',
    title: 'As the custom datasets tutorial',
    purpose: 'Three passes with 500 warm-up steps: for tens of thousands of rows.',
    settings: {
      num_train_epochs: 3,
      per_device_train_batch_size: 16,
      per_device_eval_batch_size: 64,
      warmup_steps: 500,
      weight_decay: 0.01,
      eval_strategy: 'no',
      save_strategy: 'no',
      load_best_model_at_end: false,
      validation_share: 0,
    },
  },
  {
    name: 'five-epochs',
    title: 'Five passes',
    purpose: 'The Trainer’s defaults for five passes, without evaluation on the way: for few rows.',
    settings: {
      num_train_epochs: 5,
      eval_strategy: 'no',
      save_strategy: 'no',
      load_best_model_at_end: false,
      validation_share: 0,
    },
  },
];
