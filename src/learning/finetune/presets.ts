/**
 * Defaults and presets of a fine-tune. Plain data without a single import that runs, so that the page may
 * read it beside the engine without loading what trains (test/unit/architecture.test.ts keeps it so).
 */
import type { ContrastiveSettings, FinetuneSettings, TrainerSettings } from './types';

/**
 * The defaults of `transformers.TrainingArguments`.
 * `save_strategy` is `no` and not `steps`: what it decides here is only which models may be the best one;
 * that a killed training goes on is seen to by checkpoints of their own.
 */
export const TRAINER_DEFAULTS: TrainerSettings = {
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
  eval_strategy: 'no',
  eval_steps: 500,
  save_strategy: 'no',
  load_best_model_at_end: false,
  metric_for_best_model: 'loss',
  early_stopping_patience: null,
  seed: 42,
};

/** The Trainer's, with an evaluation after each epoch on a tenth of the training rows; the best is kept. */
export const FINETUNE_DEFAULTS: FinetuneSettings = {
  ...TRAINER_DEFAULTS,
  eval_strategy: 'epoch',
  save_strategy: 'epoch',
  load_best_model_at_end: true,
  method: { name: 'full' },
  head: 'stock',
  max_length: 128,
  dropout: null,
  class_weight: null,
  train_rows: null,
  validation_share: 0.1,
};

/** Of `setfit.TrainingArguments` (1.1), and of the scikit-learn head that it makes. */
export const PAIR_DEFAULTS: ContrastiveSettings = {
  sampling_strategy: 'oversampling',
  num_iterations: null,
  head_C: 1,
};

/** What differs from FINETUNE_DEFAULTS where the encoder learns from pairs: the defaults of `setfit`. */
export const CONTRASTIVE_DEFAULTS: Partial<FinetuneSettings> = {
  objective: 'contrastive',
  ...PAIR_DEFAULTS,
  head: 'mean',
  learning_rate: 2e-5,
  per_device_train_batch_size: 16,
  per_device_eval_batch_size: 16,
  num_train_epochs: 1,
  warmup_steps: 0.1,
  weight_decay: 0.01,
  eval_strategy: 'no',
  save_strategy: 'no',
  load_best_model_at_end: false,
  early_stopping_patience: null,
  label_smoothing_factor: 0,
  validation_share: 0,
};

export interface Preset {
  readonly name: string;
  readonly title: string;
  /** One line: when to take it. */
  readonly purpose: string;
  /** What differs from FINETUNE_DEFAULTS. */
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
    title: 'As the labelling tutorial',
    purpose:
      'Five passes with the Trainer’s defaults, no evaluation on the way: the student of txtai’s “train without labels”.',
    settings: {
      num_train_epochs: 5,
      eval_strategy: 'no',
      save_strategy: 'no',
      load_best_model_at_end: false,
      validation_share: 0,
    },
  },
  {
    // Passes and warm-up as Mosbach, Andriushchenko & Klakow 2021 (arXiv:2006.04884): short trainings on few rows fail
    // by chance. Their rate, 2e-5, hardly moves a small encoder in so few steps, and a linear head on the mean of the
    // tokens has less to learn than the stock one.
    name: 'few-rows',
    title: 'Few rows',
    purpose: 'Twenty passes with a warm-up: steady where there are some hundred rows.',
    settings: {
      head: 'mean',
      learning_rate: 1e-4,
      per_device_train_batch_size: 16,
      num_train_epochs: 20,
      warmup_steps: 0.1,
      weight_decay: 0.01,
      eval_strategy: 'no',
      save_strategy: 'no',
      load_best_model_at_end: false,
      validation_share: 0,
    },
  },
  {
    name: 'few-labels',
    title: 'Few labels (contrastive)',
    purpose:
      'Learns from pairs of texts which are alike, as SetFit: for 4 to about 64 texts a class.',
    // As many pairs a text as in the paper: their number then grows with the texts, not with their square.
    settings: { ...CONTRASTIVE_DEFAULTS, num_iterations: 20 },
  },
  {
    // Chosen on one draw of TREC, checked on rows of three sets that were used for nothing else (docs/benchmarks.md).
    name: 'few-labels-quick',
    title: 'Few labels, quick (contrastive)',
    purpose:
      'A quarter of the pairs at five times the rate: for small encoders, as all-MiniLM-L6-v2.',
    settings: { ...CONTRASTIVE_DEFAULTS, num_iterations: 5, learning_rate: 1e-4 },
  },
];
