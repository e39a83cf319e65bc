/** How many steps there are, and the learning rate of each: as `transformers.Trainer` counts them. */
import type { TrainerSettings } from './types';

export interface Plan {
  /** Optimiser steps in all. */
  readonly steps: number;
  /** Optimiser steps an epoch; the last one may have fewer batches. */
  readonly stepsPerEpoch: number;
  /** Batches an epoch; the last one may have fewer rows. */
  readonly batchesPerEpoch: number;
  readonly warmupSteps: number;
}

/** @param units rows, or pairs of rows, of the training set; at least 1. */
export function planSteps(units: number, settings: TrainerSettings): Plan {
  const batchesPerEpoch = Math.ceil(units / settings.per_device_train_batch_size);
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / settings.gradient_accumulation_steps);
  const steps =
    settings.max_steps > 0
      ? settings.max_steps
      : Math.ceil(settings.num_train_epochs * stepsPerEpoch);
  const { warmup_steps } = settings;
  const warmupSteps = warmup_steps >= 1 ? warmup_steps : Math.ceil(steps * warmup_steps);
  return { steps, stepsPerEpoch, batchesPerEpoch, warmupSteps };
}

/**
 * The learning rate of an optimiser step. As in `transformers`, the first step of a warm-up has rate 0 and
 * `constant` knows no warm-up.
 * @param step counted from 0.
 * @see transformers.optimization.get_scheduler
 */
export function learningRate(step: number, plan: Plan, settings: TrainerSettings): number {
  const { learning_rate, lr_scheduler_type } = settings;
  if (lr_scheduler_type === 'constant') return learning_rate;
  const { steps, warmupSteps } = plan;
  if (step < warmupSteps) return learning_rate * (step / Math.max(1, warmupSteps));
  if (lr_scheduler_type === 'linear')
    return learning_rate * Math.max(0, (steps - step) / Math.max(1, steps - warmupSteps));
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  return learning_rate * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
}
