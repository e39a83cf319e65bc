/** Runs with plausible figures, as the engine in memory hands them out. */
import type { CurvePoint } from '../../src/base';
import type { FinetuneChoice, ProjectView, RunView, TrainSettings } from '../../src/engine';
import type { Metrics } from '../../src/learning/evaluate';
import type { Recipe } from '../../src/project';

/** A run with an accuracy that suits the encoder. */
export function fakeRun(
  view: ProjectView,
  settings: TrainSettings,
  number: number,
  others: readonly string[] | null = null,
): RunView {
  const instant = settings.encoder.id === 'instant';
  const classes = others ?? view.summary?.classes.map(({ label }) => label) ?? ['no', 'yes'];
  const file = {
    name: view.choice.trainFile,
    sha256: '0'.repeat(64),
    encoding: 'utf-8',
    delimiter: ',',
    hasHeader: true,
  } as const;
  const recipe: Recipe = {
    kind: 'headlight.recipe',
    schemaVersion: 1,
    task: 'classification',
    data: {
      train: file,
      test: view.choice.testFile === null ? null : { ...file, name: view.choice.testFile },
      text: view.choice.textColumn ?? '',
      label: view.choice.labelColumn ?? '',
    },
    split: view.choice.split,
    encoder: { ...settings.encoder, revision: settings.encoder.revision ?? 'f'.repeat(64) },
    embed: settings.embed,
    device: settings.device === 'auto' ? 'wasm' : settings.device,
    head: settings.head,
  };
  const right = instant ? 0.72 : 0.83;
  const test = fakeMetrics(classes, right, 1000);
  return {
    id: `r${number}`,
    created: Date.now(),
    recipe,
    record: {
      kind: 'headlight.run',
      schemaVersion: 1,
      data: {
        train: { ...file, rows: 5452 },
        test: null,
        text: recipe.data.text,
        label: recipe.data.label,
        classes,
        left_out: [],
      },
      split: {
        ...recipe.split,
        train_rows: 4000,
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
      head: {
        ...settings.head,
        fit: {
          C: settings.head.C === 'cv' ? 1 : settings.head.C,
          crossValidation:
            settings.head.C === 'cv'
              ? settings.head.Cs.map((C, at) => {
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
        test,
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
  _history: readonly CurvePoint[],
  _ended: 'finished' | 'kept',
  others: readonly string[] | null = null,
): RunView {
  const settings: TrainSettings = {
    encoder: choice.encoder,
    embed: { layer: 6, pooling: 'mean', normalize: true, maxTokens: 256 },
    device: choice.device,
    head: {
      type: 'logistic_regression',
      C: 1,
      Cs: [1],
      folds: 5,
      class_weight: null,
      standardize: false,
      tol: 1e-4,
      max_iter: 1000,
      seed: 0,
    },
  };
  return fakeRun(view, settings, number, others);
}
