/** The end of a fine-tune: evaluated with the very graph that is kept, and kept as a run. */
import { throwIfAborted, type Job } from '../base';
import type { FinetuneResult } from '../learning/finetune';
import {
  safetensorsFile,
  tensorWeights,
  type CheckpointTensor,
  type SafetensorsFile,
  type TrainableModel,
} from '../models';
import type { Platform } from '../platform';
import type { FinetuneRecipe, FinetuneRecord } from '../project';
import { wordsBaselines } from './earlier-words';
import type { OpenFinetune } from './finetune-open';
import { reportOn } from './finetune-report';
import { closing, FinetunedModel } from './finetuned-model';
import type { Projects } from './projects';
import { keepRun, recordBase, type FinetuneRun } from './run-documents';

export interface Trained {
  readonly opened: OpenFinetune;
  readonly recipe: FinetuneRecipe;
  readonly model: TrainableModel;
  readonly result: FinetuneResult;
  /** Why this device. */
  readonly notes: readonly string[];
  readonly baselines: boolean;
  /** `performance.now()` of the start. */
  readonly begun: number;
}

export async function* keepFinetuned(
  platform: Platform,
  projects: Projects,
  project: string,
  { opened, recipe, model, result, notes, begun, baselines: wantsBaselines }: Trained,
  signal: AbortSignal,
): Job<FinetuneRun> {
  const { prepared, encoder, tokenized, rows } = opened;
  const evaluateStarted = performance.now();
  const weights = model.checkpoint(result.trained);
  const files = new Map(encoder.files.map(({ name, bytes }) => [name, bytes]));
  const shape = {
    task: prepared.task,
    head: recipe.finetune.head,
    classes: prepared.data.classes.length,
  };
  const kept = await FinetunedModel.open(
    platform,
    files,
    tensorWeights(weights),
    shape,
    recipe.device,
  );
  const parts = {
    train: { rows: rows.train, sequences: tokenized.train },
    validation: { rows: rows.validation, sequences: tokenized.validation },
    test: { rows: prepared.split.test, sequences: tokenized.test },
  };
  const figures = yield* closing(kept, reportOn(kept, prepared, parts, signal));
  const baselines = !wantsBaselines
    ? null
    : yield* wordsBaselines(
        projects,
        project,
        prepared,
        recipe,
        figures.metrics,
        platform.versions,
        signal,
      );
  throwIfAborted(signal);
  const record: FinetuneRecord = {
    ...recordBase(prepared, recipe),
    method: 'finetune',
    task: prepared.task,
    encoder: {
      ...recipe.encoder,
      device: recipe.device,
      architecture: model.architecture,
      hidden_size: model.hiddenSize,
      notes: [...notes, ...tokenized.notes, ...figures.notes],
    },
    finetune: {
      ...recipe.finetune,
      fit: {
        history: result.history,
        step: result.step,
        steps: result.steps,
        ended: result.ended,
        trainable_parameters: countParameters(model, true),
        parameters: countParameters(model, false),
        train_rows: rows.train.length,
        validation_rows: rows.validation.length,
        tokens_per_second: result.tokensPerSecond,
        resumed_at_step: result.resumedAtStep,
      },
    },
    metrics: figures.metrics,
    baselines,
    entities: figures.entities,
    timing: {
      load_seconds: opened.loadSeconds,
      tokenize_seconds: opened.tokenizeSeconds,
      train_seconds: result.trainSeconds,
      evaluate_seconds: (performance.now() - evaluateStarted) / 1000,
      total_seconds: (performance.now() - begun) / 1000,
    },
    environment: platform.versions,
  };
  return keepRun(projects, project, {
    recipe,
    record,
    head: null,
    model: new Map<string, Uint8Array | SafetensorsFile>([
      ...files,
      ...weightFiles(model, weights, result),
    ]),
    predictions: figures.predictions,
  });
}

/** What is kept with the run, and taken away, beside the tokenizer: the checkpoint merged, and the adapter. */
function weightFiles(
  model: TrainableModel,
  weights: ReadonlyMap<string, CheckpointTensor>,
  { trained }: FinetuneResult,
): Map<string, SafetensorsFile> {
  const files = new Map([['model.safetensors', safetensorsFile(weights)]]);
  if (model.options.method.name === 'lora')
    files.set('adapter_model.safetensors', safetensorsFile(model.adapter(trained)));
  return files;
}

function countParameters({ parameters }: TrainableModel, trainableOnly: boolean): number {
  let sum = 0;
  for (const { dims, trainable } of parameters.values()) {
    if (trainable || !trainableOnly) sum += dims.reduce((product, dim) => product * dim, 1);
  }
  return sum;
}
