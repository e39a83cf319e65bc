/**
 * Fine-tuning as the page and the command line ask for it: prepared, trained with checkpoints, evaluated with
 * the very graph that is kept, and kept as a run. One training a project can be unfinished.
 */
import * as v from 'valibot';
import {
  canonicalJson,
  HeadlightError,
  ProgressMeter,
  sha256,
  throwIfAborted,
  type Job,
} from '../base';
import type {
  FinetuneEstimate,
  FinetuneRequest,
  FinetuneResult,
  LossSpec,
} from '../learning/finetune';
import {
  pinnedReferenceSchema,
  writeSafetensors,
  type Encoder,
  type TrainableModel,
} from '../models';
import type { Device, Platform } from '../platform';
import {
  finetuneSettingsSchema,
  jsonBytes,
  parseDocument,
  parseJson,
  type FinetuneRecipe,
  type FinetuneRecord,
} from '../project';
import { advise } from './advice';
import { compareRuns } from './compare';
import type { Encoders } from './encoders';
import type { RunView } from './engine';
import { uploadRun } from './exporting';
import {
  discardFinetune,
  estimateFinetune,
  finetune,
  openTrainableModel,
  readUnfinished,
  type PairTokenizer,
} from './pending';
import { chooseDevice } from './finetune-device';
import { chooseRows, tokenizeAll, type TokenizedRows } from './finetune-data';
import { reportOn } from './finetune-report';
import { closing, FinetunedModel, type ModelFiles } from './finetuned-model';
import type { FinetuneChoice, FinetuningEngine, UnfinishedFinetune } from './finetuning-types';
import type { RunningJobs } from './jobs';
import type { Prepared } from './prepare';
import type { Projects } from './projects';
import { keepRun, pinned, recipeBase, recordBase } from './run-documents';
import { labelsOf } from './training';

/** What was asked, kept beside the checkpoint so that it can be gone on with as it was begun. */
const startedSchema = v.object({
  choice: v.object({
    encoder: pinnedReferenceSchema,
    device: v.picklist(['auto', 'cpu', 'wasm', 'webgpu', 'cuda']),
    settings: finetuneSettingsSchema,
  }),
  identity: v.string(),
  device: v.picklist(['cpu', 'wasm', 'webgpu', 'cuda']),
  notes: v.pipe(v.array(v.string()), v.readonly()),
});
type Started = v.InferOutput<typeof startedSchema>;

interface Parts {
  readonly platform: Platform;
  readonly projects: Projects;
  readonly encoders: Encoders;
  readonly jobs: RunningJobs;
}

/** Everything that a training needs, before a device has been decided. */
interface Opened {
  readonly prepared: Awaited<ReturnType<Projects['prepare']>>;
  readonly encoder: Encoder;
  readonly tokenized: TokenizedRows;
  readonly rows: ReturnType<typeof chooseRows>;
  readonly loss: LossSpec;
  readonly model: () => TrainableModel;
  readonly loadSeconds: number;
  readonly tokenizeSeconds: number;
}

export class Finetuning implements FinetuningEngine {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  estimateFinetune(
    project: string,
    choice: FinetuneChoice,
    signal?: AbortSignal,
  ): Job<FinetuneEstimate> {
    return this.#parts.jobs.of(project, signal, (stop) => this.#estimate(project, choice, stop));
  }

  finetune(project: string, choice: FinetuneChoice, signal?: AbortSignal): Job<RunView> {
    return this.#parts.jobs.of(project, signal, (stop) =>
      this.#train(project, choice, 'train', stop),
    );
  }

  finishFinetune(project: string, signal?: AbortSignal): Job<RunView> {
    return this.#parts.jobs.of(project, signal, (stop) => this.#finish(project, stop));
  }

  async unfinishedFinetune(project: string): Promise<UnfinishedFinetune | null> {
    const started = await this.#started(project);
    if (started === null) return null;
    const checkpoint = await readUnfinished(this.#parts.platform.storage, scopeOf(project));
    if (checkpoint === null) return null;
    return { choice: started.choice, ...checkpoint };
  }

  async discardFinetune(project: string): Promise<void> {
    await this.#parts.jobs.stop(project);
    await this.#discard(project);
  }

  adviseFinetune(project: string, run: string, signal?: AbortSignal) {
    const { platform, projects, encoders, jobs } = this.#parts;
    return jobs.of(project, signal, (stop) =>
      advise(platform, projects, encoders, project, run, stop),
    );
  }

  compareRuns(project: string, first: string, second: string) {
    return compareRuns(this.#parts.projects, project, first, second);
  }

  pushToHub(
    project: string,
    run: string,
    upload: Parameters<FinetuningEngine['pushToHub']>[2],
    signal?: AbortSignal,
  ) {
    const { platform, projects, encoders, jobs } = this.#parts;
    return jobs.of(project, signal, (stop) =>
      uploadRun(platform, projects, encoders, project, run, upload, stop),
    );
  }

  // ------------------------------------------------------------------------------------ the work

  async *#estimate(
    project: string,
    choice: FinetuneChoice,
    signal: AbortSignal,
  ): Job<FinetuneEstimate> {
    const opened = yield* this.#open(project, choice, signal);
    const { device } = yield* this.#device(opened, choice, signal);
    return yield* estimateFinetune(this.#request(project, opened, choice, device, ''), signal);
  }

  async *#finish(project: string, signal: AbortSignal): Job<RunView> {
    const unfinished = await this.unfinishedFinetune(project);
    if (unfinished?.hasBest !== true) {
      throw new HeadlightError('not-found', 'There is no evaluated model to keep.', {
        hint: 'Go on with the training until its first evaluation.',
      });
    }
    return yield* this.#train(project, unfinished.choice, 'finish', signal);
  }

  async *#train(
    project: string,
    choice: FinetuneChoice,
    then: FinetuneRequest['then'],
    signal: AbortSignal,
  ): Job<RunView> {
    const begun = performance.now();
    const { platform } = this.#parts;
    const opened = yield* this.#open(project, choice, signal);
    const before = await this.#started(project);
    const asked = { ...choice, encoder: pinned(opened.encoder) };
    const same = before !== null && canonicalJson(before.choice) === canonicalJson(asked);
    // Gone on with where it was begun: another device gives other numbers.
    const decided = same
      ? { device: before.device, notes: before.notes }
      : yield* this.#decide(opened, choice, signal);
    const { device, notes } = decided;
    const recipe: FinetuneRecipe = {
      ...recipeBase(opened.prepared, opened.prepared.record, opened.encoder, device),
      method: 'finetune',
      task: opened.prepared.task,
      finetune: choice.settings,
    };
    const identity = await sha256(canonicalJson({ recipe, version: platform.versions }));
    if (before !== null && before.identity !== identity) await this.#discard(project);
    const started = { choice: asked, identity, device, notes };
    await this.#parts.projects.store.read(project); // deleted in another tab meanwhile
    await platform.storage.write('checkpoints', startedKey(project), jsonBytes(started));

    const request = { ...this.#request(project, opened, choice, device, identity), then };
    const result = yield* finetune(request, signal);
    const run = yield* this.#keep(
      project,
      opened,
      recipe,
      request.model,
      result,
      notes,
      begun,
      signal,
    );
    await this.#discard(project);
    return run;
  }

  /** Evaluates with the graph that is kept, and keeps it. */
  async *#keep(
    project: string,
    opened: Opened,
    recipe: FinetuneRecipe,
    trainable: TrainableModel,
    result: FinetuneResult,
    notes: readonly string[],
    begun: number,
    signal: AbortSignal,
  ): Job<RunView> {
    const { platform, projects } = this.#parts;
    const { prepared, encoder, tokenized, rows } = opened;
    const evaluateStarted = performance.now();
    const files = keptFiles(trainable, encoder, result);
    const shape = {
      task: prepared.task,
      head: recipe.finetune.head,
      classes: prepared.data.classes.length,
    };
    const model = await FinetunedModel.open(platform, files, shape, recipe.device);
    const figures = yield* closing(
      model,
      reportOn(
        model,
        prepared,
        {
          train: { rows: rows.train, sequences: tokenized.train },
          test: { rows: prepared.split.test, sequences: tokenized.test },
        },
        signal,
      ),
    );
    throwIfAborted(signal);
    const parameters = [...trainable.parameters.values()];
    const count = (wanted: (trainable: boolean) => boolean): number =>
      parameters
        .filter((parameter) => wanted(parameter.trainable))
        .reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0);
    const record: FinetuneRecord = {
      ...recordBase(prepared, recipe),
      method: 'finetune',
      task: prepared.task,
      encoder: {
        ...recipe.encoder,
        device: recipe.device,
        architecture: trainable.architecture,
        hidden_size: trainable.hiddenSize,
        notes: [...notes, ...tokenized.notes],
      },
      finetune: {
        ...recipe.finetune,
        fit: {
          history: result.history,
          step: result.step,
          steps: result.steps,
          ended: result.ended,
          trainable_parameters: count((isTrainable) => isTrainable),
          parameters: count(() => true),
          train_rows: rows.train.length,
          validation_rows: rows.validation.length,
          tokens_per_second: result.tokensPerSecond,
          resumed_at_step: result.resumedAtStep,
        },
      },
      metrics: figures.metrics,
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
      model: files,
      predictions: figures.predictions,
    });
  }

  /** Data, encoder, token ids. */
  async *#open(project: string, choice: FinetuneChoice, signal: AbortSignal): Job<Opened> {
    const { projects, encoders } = this.#parts;
    const settings = parseDocument(finetuneSettingsSchema, choice.settings, 'these settings');
    const prepared = await projects.prepare(project);
    throwIfAborted(signal);
    if (prepared.task === 'token_classification' && settings.head === 'mean') {
      throw new HeadlightError(
        'bad-setting',
        'Mean pooling gives a class a text, not one a word.',
        {
          hint: 'Choose the stock head for token classification.',
        },
      );
    }
    const loadStarted = performance.now();
    const encoder = yield* encoders.load(choice.encoder, signal);
    if (encoder.info.architecture === 'static') {
      throw new HeadlightError(
        'bad-setting',
        `${encoder.info.name} has no layers that could be fine-tuned.`,
        { hint: 'Choose a transformer, such as all-MiniLM-L6-v2.' },
      );
    }
    const { data } = prepared;
    const config = encoder.files.find(({ name }) => name === 'config.json');
    if (config === undefined)
      throw new HeadlightError('internal', 'an encoder came without config.json');
    const model = (): TrainableModel =>
      openTrainableModel(
        { config: config.bytes, weights: encoder.weights },
        {
          task: prepared.task === 'token_classification' ? 'token' : 'text',
          head: settings.head,
          classes: data.classes.length,
          method: settings.method,
          dropout: settings.dropout,
          seed: settings.seed,
        },
      );
    const loadSeconds = (performance.now() - loadStarted) / 1000;
    if (settings.max_length > encoder.info.maxTokens) {
      throw new HeadlightError(
        'bad-setting',
        `${encoder.info.name} reads at most ${encoder.info.maxTokens} tokens, not ${settings.max_length}.`,
        { hint: 'Choose a smaller max_length.' },
      );
    }
    const rows = chooseRows(prepared, settings);
    const tokenizeStarted = performance.now();
    const tokenized = yield* tokenizeAll(
      prepared,
      rows,
      encoder.tokenizer as PairTokenizer,
      settings.max_length,
      signal,
    );
    return {
      prepared,
      encoder,
      tokenized,
      rows,
      loss: { name: 'cross_entropy', classWeights: classWeights(prepared, rows.train, settings) },
      model,
      loadSeconds,
      tokenizeSeconds: (performance.now() - tokenizeStarted) / 1000,
    };
  }

  async *#decide(
    opened: Opened,
    choice: FinetuneChoice,
    signal: AbortSignal,
  ): Job<{ readonly device: Device; readonly notes: readonly string[] }> {
    const { device, reason } = yield* this.#device(opened, choice, signal);
    yield new ProgressMeter('Fine-tuning', 'steps', null).at(0, reason);
    return { device, notes: [reason] };
  }

  #device(opened: Opened, choice: FinetuneChoice, signal: AbortSignal) {
    const { tokenized, loss, model } = opened;
    const few = tokenized.data.train.slice(0, 4 * choice.settings.per_device_train_batch_size);
    return chooseDevice(
      this.#parts.platform,
      choice.device,
      () => ({
        model: model(),
        data: { ...tokenized.data, train: few, validation: [] },
        settings: choice.settings,
        loss,
      }),
      signal,
    );
  }

  #request(
    project: string,
    { tokenized, loss, model }: Opened,
    { settings }: FinetuneChoice,
    device: Device,
    identity: string,
  ): FinetuneRequest {
    const { runtime, storage } = this.#parts.platform;
    return {
      model: model(),
      data: tokenized.data,
      settings,
      loss,
      device,
      runtime,
      storage,
      scope: scopeOf(project),
      identity,
      then: 'train',
    };
  }

  async #started(project: string): Promise<Started | null> {
    const key = startedKey(project);
    const bytes = await this.#parts.platform.storage.read('checkpoints', key);
    return bytes === null
      ? null
      : parseDocument(startedSchema, parseJson(bytes, key), 'the unfinished fine-tune');
  }

  async #discard(project: string): Promise<void> {
    const { storage } = this.#parts.platform;
    await discardFinetune(storage, scopeOf(project));
    await storage.delete('checkpoints', startedKey(project));
  }
}

function scopeOf(project: string): string {
  return `${project}/finetune`;
}

function startedKey(project: string): string {
  return `${project}/started.json`;
}

/** What is kept with the run, and taken away: the checkpoint merged, the adapter beside it, the tokenizer. */
function keptFiles(
  model: TrainableModel,
  encoder: Encoder,
  { trained }: FinetuneResult,
): ModelFiles {
  const files = new Map(encoder.files.map(({ name, bytes }) => [name, bytes]));
  files.set('model.safetensors', writeSafetensors(model.checkpoint(trained)));
  if (model.options.method.name === 'lora') {
    files.set('adapter_model.safetensors', writeSafetensors(model.adapter(trained)));
  }
  return files;
}

/** n / (classes * rows of the class); of words where words are classified. */
function classWeights(
  prepared: Prepared,
  rows: Int32Array,
  { class_weight }: FinetuneChoice['settings'],
): Float32Array | null {
  if (class_weight === null) return null;
  const { data } = prepared;
  const counts = new Float64Array(data.classes.length);
  const count = (label: number): void => {
    counts[label] = (counts[label] ?? 0) + 1;
  };
  if (data.tags === null) labelsOf(prepared, rows).forEach(count);
  else for (const row of rows) data.tags[row]?.forEach(count);
  const all = counts.reduce((sum, value) => sum + value, 0);
  return Float32Array.from(counts, (value) => (value === 0 ? 0 : all / (counts.length * value)));
}
