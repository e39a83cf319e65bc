import { describe, expect, test } from 'vitest';
import { HeadlightError } from '../../../../src/base';
import {
  FINETUNE_DEFAULTS,
  parseFinetuneSettings,
  PRESETS,
  TRAINER_DEFAULTS,
} from '../../../../src/learning/finetune';

describe('settings of a fine-tune', () => {
  test('what is left out has its default', () => {
    expect(parseFinetuneSettings({})).toEqual(FINETUNE_DEFAULTS);
    expect(parseFinetuneSettings({ learning_rate: 1e-4 }).learning_rate).toBe(1e-4);
  });

  test('every preset is valid and says what it is for', () => {
    for (const { name, title, purpose, settings } of PRESETS) {
      expect(() => parseFinetuneSettings(settings), name).not.toThrow();
      expect(title).not.toBe('');
      expect(purpose).toMatch(/\.$/);
    }
    expect(new Set(PRESETS.map(({ name }) => name)).size).toBe(PRESETS.length);
  });

  test.each([
    ['learning_rate', { learning_rate: 0 }],
    ['per_device_train_batch_size', { per_device_train_batch_size: 2.5 }],
    ['max_steps', { max_steps: 0 }],
    ['warmup_steps', { warmup_steps: 1.5 }],
    ['warmup_steps', { warmup_steps: -1 }],
    ['lr_scheduler_type', { lr_scheduler_type: 'polynomial' }],
    ['adam_beta2', { adam_beta2: 1 }],
    ['label_smoothing_factor', { label_smoothing_factor: 1 }],
    ['seed', { seed: 0.5 }],
    ['method', { method: { name: 'adapter' } }],
    ['method.rank', { method: { ...lora(), rank: 0 } }],
    ['method.targets', { method: { ...lora(), targets: [] } }],
    ['dropout', { dropout: 1 }],
    ['learning_rte', { learning_rte: 1e-5 }],
    ['load_best_model_at_end', { eval_strategy: 'no', save_strategy: 'no' }],
    ['save_strategy', { save_strategy: 'steps' }],
    ['validation_share', { validation_share: 0 }],
    [
      'early_stopping_patience',
      { eval_strategy: 'no', load_best_model_at_end: false, early_stopping_patience: 2 },
    ],
  ])('a wrong %s is named: %j', (name, settings) => {
    let thrown: unknown;
    try {
      parseFinetuneSettings(settings);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(HeadlightError);
    expect((thrown as HeadlightError).code).toBe('bad-setting');
    expect((thrown as HeadlightError).message).toContain(name);
    expect((thrown as HeadlightError).hint).not.toBeNull();
  });

  test('the defaults that the Trainer has too are the Trainer’s', () => {
    expect(TRAINER_DEFAULTS).toMatchObject({
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
      eval_strategy: 'no',
      seed: 42,
    });
  });
});

function lora() {
  return { name: 'lora', rank: 8, alpha: 16, dropout: 0, targets: ['query'], base: 'fp32' };
}
