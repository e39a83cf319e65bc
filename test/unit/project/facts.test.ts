/** What a model card tells is what the run's record says, and nothing of the rows. */
import { classFigures } from '../../../src/project';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  cardFacts,
  headOf,
  modelFiles,
  probeRun,
  readRun,
  type FinetuneRecipe,
  type FinetuneRecord,
  type ProbeRun,
  type RunDocument,
} from '../../../src/project';
import { LORA, tinyAdapter, tinyParts } from '../../helpers/export-parts';

let probe: ProbeRun;
let finetuned: RunDocument;

beforeAll(async () => {
  const fixture = resolve(import.meta.dirname, '../../fixtures/documents/run-v1.json');
  probe = probeRun(readRun(JSON.parse(await readFile(fixture, 'utf8')), 'run-v1.json'));
  const { recipe, record } = probe;
  const settings = {
    learning_rate: 2e-5,
    per_device_train_batch_size: 16,
    per_device_eval_batch_size: 64,
    num_train_epochs: 3,
    max_steps: -1,
    warmup_steps: 500,
    lr_scheduler_type: 'linear',
    weight_decay: 0.01,
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
    seed: 1234,
    method: { ...LORA, targets: ['query', 'value'] },
    head: 'stock',
    max_length: 96,
    dropout: null,
    class_weight: null,
    train_rows: null,
    validation_share: 0.1,
  } as const;
  const { embed, head, ...rest } = recipe;
  const { head: fitted, timing, ...said } = record;
  expect([embed.layer, head.seed, fitted.fit.seconds, timing.fit_seconds]).not.toContain(undefined);
  const finetuneRecipe: FinetuneRecipe = { ...rest, method: 'finetune', finetune: settings };
  const scores = { precision: 0.8, recall: 0.75, f1_score: 0.774, support: 40 };
  const finetuneRecord: FinetuneRecord = {
    ...said,
    method: 'finetune',
    task: 'token_classification',
    finetune: {
      ...settings,
      fit: {
        history: [],
        step: 80,
        steps: 120,
        ended: 'finished',
        trainable_parameters: 1000,
        parameters: 20_000,
        train_rows: 90,
        validation_rows: 10,
        tokens_per_second: null,
        resumed_at_step: null,
      },
    },
    entities: {
      train: { ...scores, per_type: [] },
      test: { ...scores, per_type: [{ type: 'PER', ...scores }] },
    },
    timing: {
      load_seconds: 0,
      tokenize_seconds: 0,
      train_seconds: 0,
      evaluate_seconds: 0,
      total_seconds: 0,
    },
  };
  finetuned = {
    ...probe,
    recipe: { ...finetuneRecipe, task: 'token_classification' },
    record: finetuneRecord,
  };
});

describe('of a probe', () => {
  it('takes figures and intervals from the record', () => {
    const facts = cardFacts('Inbox', probe, 'apache-2.0');
    const { train, test, baseline } = classFigures(probe.record);
    expect(facts.metrics[0]).toEqual({
      type: 'accuracy',
      name: 'Accuracy',
      train: { value: train.accuracy, interval: train.accuracy_interval },
      test: { value: test.accuracy, interval: test.accuracy_interval },
    });
    const [low, high] = facts.metrics[1]?.test.interval ?? [NaN, NaN];
    expect(low).toBeLessThanOrEqual(test.f1_macro);
    expect(high).toBeGreaterThanOrEqual(test.f1_macro);
    expect(facts.per_class).toEqual(test.per_class);
    expect(facts.baseline).toEqual({
      label: baseline.label,
      test_accuracy: baseline.test.accuracy,
    });
    expect(facts.data.files.map(({ sha256 }) => sha256)).toContain(
      probe.record.data.files[0]?.sha256,
    );
    expect(facts.data.split).toEqual(probe.recipe.split);
    expect(facts.settings).toMatchObject({ layer: probe.recipe.embed.layer });
    expect(facts.method).toContain(`after layer ${probe.recipe.embed.layer}`);
  });

  it('names neither columns nor files', () => {
    const said = JSON.stringify(cardFacts('Inbox', probe, null));
    expect(said).not.toContain(probe.record.data.files[0]?.name);
  });

  it('reads the head’s shape', () => {
    expect(headOf(probe)).toEqual({
      task: 'single_label_classification',
      head: 'stock',
      pair: false,
      classes: probe.record.data.classes,
      maxTokens: probe.recipe.embed.maxTokens,
      thresholds: null,
    });
  });
});

describe('of a fine-tune', () => {
  it('states entities first, with intervals, and every setting', () => {
    const facts = cardFacts('Names', finetuned, null);
    expect(facts.metrics.map(({ name }) => name)).toEqual([
      'F1 of entities',
      'Precision of entities',
      'Recall of entities',
      'Accuracy of words',
      'Macro F1 of words',
    ]);
    for (const { test } of facts.metrics) {
      expect(test.interval?.[0]).toBeLessThanOrEqual(test.value);
      expect(test.interval?.[1]).toBeGreaterThanOrEqual(test.value);
    }
    expect(facts.per_class.map(({ label }) => label)).toEqual(['PER']);
    expect(facts.settings).toMatchObject({ seed: 1234, learning_rate: 2e-5 });
    expect(facts.method).toContain('LoRA (rank 4, alpha 8, on query, value)');
    expect(headOf(finetuned)).toMatchObject({ task: 'token_classification', maxTokens: 96 });
  });

  it('is no probe', () => {
    expect(() => probeRun(finetuned)).toThrow(/trained no probe/);
  });
});

describe('the forms it leaves in', () => {
  const { adapter, targets } = tinyAdapter('bert');
  const model = {
    parts: tinyParts('bert', 'text'),
    lora: { method: { ...LORA, targets }, adapter },
  };

  it.each([
    ['huggingface', ['model.safetensors', 'onnx/model.onnx']],
    ['onnx-fp32', ['onnx/model.onnx']],
    ['onnx-fp16', ['onnx/model_fp16.onnx']],
    ['onnx-quantized', ['onnx/model_quantized.onnx']],
    ['onnx-q4', ['onnx/model_q4.onnx']],
    ['adapter', ['adapter_config.json', 'adapter_model.safetensors']],
  ] as const)('%s: %j', (kind, weights) => {
    const paths = [...modelFiles(kind, model).keys()];
    const small = ['README.md', 'special_tokens_map.json', 'tokenizer.json'];
    const config = kind === 'adapter' ? [] : ['config.json'];
    expect(paths.sort()).toEqual([...weights, ...small, ...config, 'tokenizer_config.json'].sort());
  });

  it('no adapter of a model without one', () => {
    expect(() => modelFiles('adapter', { ...model, lora: null })).toThrow(/not trained with LoRA/);
  });
});
