/** The parts of recipes and runs that belong to fine-tuning, as schemas. Ranges are those that training takes. */
import * as v from 'valibot';
import type { CurvePoint } from '../base';
import type { EntityScores } from '../learning/evaluate';
import type { FinetuneSettings } from '../learning/finetune';
import type { TrainMethod } from '../models';
import type { FinetuneReport } from './types';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const atLeastOne = v.pipe(v.number(), v.integer(), v.minValue(1));
const positive = v.pipe(v.number(), v.gtValue(0));
const notNegative = v.pipe(v.number(), v.minValue(0));
const below1 = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

const method = v.variant('name', [
  v.object({ name: v.literal('full') }),
  v.object({ name: v.literal('last'), layers: atLeastOne }),
  v.object({
    name: v.literal('lora'),
    rank: atLeastOne,
    alpha: positive,
    dropout: below1,
    targets: v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1)),
    base: v.picklist(['fp32', 'fp16', 'int8']),
  }),
  v.object({ name: v.literal('bitfit') }),
  v.object({ name: v.literal('head') }),
]) satisfies v.GenericSchema<unknown, TrainMethod>;

const when = v.picklist(['no', 'steps', 'epoch']);

/** Every setting of a fine-tune by its name. */
export const finetuneEntries = {
  learning_rate: positive,
  per_device_train_batch_size: atLeastOne,
  per_device_eval_batch_size: atLeastOne,
  num_train_epochs: positive,
  max_steps: v.pipe(v.number(), v.integer(), v.minValue(-1)),
  warmup_steps: notNegative,
  lr_scheduler_type: v.picklist(['linear', 'cosine', 'constant']),
  weight_decay: notNegative,
  adam_beta1: below1,
  adam_beta2: below1,
  adam_epsilon: positive,
  max_grad_norm: notNegative,
  gradient_accumulation_steps: atLeastOne,
  gradient_checkpointing: v.boolean(),
  label_smoothing_factor: below1,
  eval_strategy: when,
  eval_steps: atLeastOne,
  save_strategy: when,
  load_best_model_at_end: v.boolean(),
  metric_for_best_model: v.picklist(['loss', 'accuracy', 'f1']),
  early_stopping_patience: v.nullable(atLeastOne),
  seed: v.pipe(v.number(), v.safeInteger()),
  method,
  head: v.picklist(['stock', 'mean']),
  max_length: v.pipe(v.number(), v.integer(), v.minValue(3)),
  dropout: v.nullable(below1),
  class_weight: v.nullable(v.literal('balanced')),
  train_rows: v.nullable(atLeastOne),
  validation_share: below1,
} satisfies {
  readonly [Key in keyof FinetuneSettings]: v.GenericSchema<unknown, FinetuneSettings[Key]>;
};

export const finetuneSettingsSchema = v.object(finetuneEntries);

const optionalNumber = v.nullable(v.number());

export const curvePoint = v.object({
  step: count,
  epoch: v.number(),
  loss: optionalNumber,
  learning_rate: optionalNumber,
  grad_norm: optionalNumber,
  evaluation: v.nullable(v.object({ loss: v.number(), accuracy: v.number(), f1: v.number() })),
}) satisfies v.GenericSchema<unknown, CurvePoint>;

export const finetuneReport = v.object({
  history: v.array(curvePoint),
  step: count,
  steps: count,
  ended: v.picklist(['finished', 'early_stopping', 'kept']),
  trainable_parameters: count,
  parameters: count,
  train_rows: count,
  validation_rows: count,
  tokens_per_second: optionalNumber,
  resumed_at_step: v.nullable(count),
}) satisfies v.GenericSchema<unknown, FinetuneReport>;

const scores = {
  precision: v.number(),
  recall: v.number(),
  f1_score: v.number(),
  support: count,
};

export const entityScores = v.object({
  ...scores,
  per_type: v.array(v.object({ type: v.string(), ...scores })),
}) satisfies v.GenericSchema<unknown, EntityScores>;
