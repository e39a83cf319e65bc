/** Runs with plausible figures, as the engine in memory hands them out. */
import type { CurvePoint } from '../../src/base';
import type { FinetuneChoice, ProjectView, RunView, TrainSettings } from '../../src/engine';
import type { EntityScores, Metrics } from '../../src/learning/evaluate';

import {
  classFigures,
  type FinetuneRecord,
  type ProbeRecipe,
  type ProbeRecord,
  type ProbeRun,
} from '../../src/project';

/** A run with an accuracy that suits the encoder. */
export function fakeRun(
  view: ProjectView,
  settings: TrainSettings,
  number: number,
  others: readonly string[] | null = null,
): ProbeRun {
  const instant = settings.encoder.id === 'instant';
  const classes = others ?? view.summary?.classes.map(({ label }) => label) ?? ['no', 'yes'];
  const file = {
    sha256: '0'.repeat(64),
    format: 'table',
    encoding: 'utf-8',
    delimiter: ',',
    hasHeader: true,
  } as const;
  const recipe: ProbeRecipe = {
    kind: 'headlight.recipe',
    schemaVersion: 3,
    method: 'probe',
    task: 'classification',
    data: {
      files: Object.entries(view.choice.files).map(([name, role]) => ({ name, role, ...file })),
      text: view.choice.textColumn ?? '',
      text_pair: view.choice.textPairColumn,
      label: view.choice.label ?? { kind: 'column', column: '' },
      use_rows: view.choice.useRows,
      repairs: view.choice.repairs,
    },
    split: view.choice.split,
    encoder: { ...settings.encoder, revision: settings.encoder.revision ?? 'f'.repeat(64) },
    embed: settings.embed,
    device: settings.device === 'auto' ? 'wasm' : settings.device,
    head: settings.head,
  };
  const head = settings.head.type === 'mlp' ? HEAD : settings.head;
  const right = instant ? 0.72 : 0.83;
  const test = fakeMetrics(classes, right, 1000);
  return {
    id: `r${number}`,
    created: Date.now(),
    recipe,
    record: {
      kind: 'headlight.run',
      schemaVersion: 3,
      method: 'probe',
      task: 'classification',
      data: {
        ...recipe.data,
        files: recipe.data.files.map((one) => ({ ...one, rows: 5452 })),
        classes,
        left_out: [],
        changes: [],
        audit: [],
      },
      split: {
        ...recipe.split,
        train_rows: 4000,
        validation_rows: 0,
        test_rows: test.rows,
        dropped_from_train: 3,
        notes: [],
      },
      encoder: {
        ...recipe.encoder,
        ...recipe.embed,
        device: 'wasm',
        architecture: instant ? 'static' : 'bert',
        hidden_size: 384,
        notes: ['WASM, 2 threads: 412 texts a second, the fastest of 2 devices that agree.'],
      },
      calibration: null,
      baselines: null,
      head: {
        ...head,
        fit: {
          C: head.C === 'cv' ? 1 : head.C,
          crossValidation:
            head.C === 'cv'
              ? head.Cs.map((C, at) => {
                  const mean = right - 0.03 * Math.abs(at - 2);
                  return { C, mean, scores: [mean - 0.01, mean, mean + 0.01] };
                })
              : null,
          iterations: 41,
          converged: true,
          gradientNorm: 8e-5,
          backend: 'wasm',
          seconds: 0.42,
        },
      },
      metrics: {
        train: fakeMetrics(classes, right + 0.08, 4000),
        validation: null,
        test,
        test_unshared: null,
        baseline: {
          label: classes[0] ?? '',
          train: fakeMetrics(classes, 0.22, 4000),
          test: fakeMetrics(classes, 0.22, 1000),
        },
      },
      timing: {
        load_seconds: 0.9,
        embed_seconds: instant ? 0.3 : 12.4,
        fit_seconds: 0.4,
        evaluate_seconds: 0.05,
        total_seconds: instant ? 1.7 : 13.8,
        texts_embedded: 4810,
        texts_from_cache: 190,
        texts_per_second: instant ? 11000 : 388,
      },
      environment: { headlight: '0.1.0' },
    },
  };
}

function fakeMetrics(classes: readonly string[], right: number, rows: number): Metrics {
  const n = classes.length;
  const each = Math.max(2, Math.round(rows / n));
  const matrix = classes.map((_, actual) =>
    classes.map((__, predicted) => {
      if (actual === predicted)
        return Math.round(each * (right + ((actual * 7) % 5) * 0.02 - 0.04));
      const near = Math.abs(actual - predicted) === 1 || (actual * 3 + predicted) % n === 1;
      return near ? Math.round((each * (1 - right)) / (n > 3 ? 3 : n - 1)) : 0;
    }),
  );
  const total = matrix.flat().reduce((sum, cell) => sum + cell, 0);
  const accuracy = matrix.reduce((sum, row, at) => sum + (row[at] ?? 0), 0) / total;
  const half = 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / total);
  return {
    rows: total,
    accuracy,
    accuracy_interval: [accuracy - half, accuracy + half],
    balanced_accuracy: accuracy,
    f1_macro: accuracy - 0.012,
    matthews_corrcoef: accuracy - 0.05,
    roc_auc: Math.min(0.995, accuracy + 0.13),
    log_loss: 1.4 * (1 - accuracy) + 0.2,
    per_class: classes.map((label, at) => {
      const row = matrix[at] ?? [];
      const support = row.reduce((sum, cell) => sum + cell, 0);
      const column = matrix.reduce((sum, other) => sum + (other[at] ?? 0), 0);
      const recall = (row[at] ?? 0) / support;
      const precision = (row[at] ?? 0) / column;
      return {
        label,
        precision,
        recall,
        f1_score: (2 * precision * recall) / (precision + recall),
        support,
      };
    }),
    confusion_matrix: matrix,
  };
}

/** A fine-tuned encoder's run: the probe's figures, a little better, with its curves. */
export function fakeFinetunedRun(
  view: ProjectView,
  choice: FinetuneChoice,
  number: number,
  history: readonly CurvePoint[],
  ended: 'finished' | 'kept',
  others: readonly string[] | null = null,
): RunView {
  const probe = fakeRun(
    view,
    {
      encoder: choice.encoder,
      embed: { layer: 6, pooling: 'mean', normalize: true, maxTokens: 256 },
      device: choice.device,
      head: HEAD,
    },
    number,
    others,
  );
  const { embed: _embed, head: _head, ...recipe } = probe.recipe;
  const { head: _fit, calibration: _none, encoder, timing, ...record } = probe.record;
  const best = [...history].reverse().find(({ evaluation }) => evaluation !== null);
  const last = history.at(-1)?.step ?? 0;
  const tagging = view.summary?.task === 'token_classification';
  const finetuned: FinetuneRecord = {
    ...record,
    method: 'finetune',
    encoder: {
      source: encoder.source,
      id: encoder.id,
      revision: encoder.revision,
      precision: encoder.precision,
      device: encoder.device,
      architecture: encoder.architecture,
      hidden_size: encoder.hidden_size,
      notes: encoder.notes,
    },
    metrics: { ...classFigures(probe.record), test: fakeMetrics(record.data.classes, 0.88, 1000) },
    finetune: {
      ...choice.settings,
      fit: {
        history,
        step: best?.step ?? last,
        steps: last,
        ended,
        trainable_parameters: 22_700_000,
        parameters: 22_700_000,
        train_rows: 3600,
        validation_rows: 400,
        tokens_per_second: 2310,
        resumed_at_step: null,
      },
    },
    task: tagging ? 'token_classification' : 'classification',
    entities: tagging ? { train: fakeEntities(record, 0.04), test: fakeEntities(record, 0) } : null,
    timing: {
      load_seconds: timing.load_seconds,
      tokenize_seconds: 0.3,
      train_seconds: 25.2,
      evaluate_seconds: 3.1,
      total_seconds: 29.6,
    },
  };
  return {
    ...probe,
    recipe: { ...recipe, method: 'finetune', finetune: choice.settings },
    record: finetuned,
  };
}

const HEAD = {
  type: 'logistic_regression',
  C: 1,
  Cs: [1],
  folds: 5,
  class_weight: null,
  standardize: false,
  tol: 1e-4,
  max_iter: 1000,
  seed: 0,
} as const;

function fakeEntities({ data }: Pick<ProbeRecord, 'data'>, better: number): EntityScores {
  const types = data.classes.flatMap((label) => (label.startsWith('B-') ? [label.slice(2)] : []));
  const score = (at: number) => ({
    precision: 0.82 - at * 0.03 + better,
    recall: 0.79 - at * 0.02 + better,
    f1_score: 0.805 - at * 0.025 + better,
    support: 312 - at * 61,
  });
  return { ...score(1), per_type: types.map((type, at) => ({ type, ...score(at) })) };
}
