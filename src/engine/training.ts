/** The main job: embed, split, fit, evaluate, keep. */
import { HeadlightError, sha256, throwIfAborted, toHeadlightError, type Job } from '../base';
import { evaluate, majorityBaseline } from '../learning/evaluate';
import { fitLogistic, predictProbabilities, type FittedHead, type Matrix } from '../learning/heads';
import { checkDevice, embedTexts, measureDevices, type Encoder } from '../models';
import type { Device, Platform, TensorBackendName } from '../platform';
import {
  headDocument,
  jsonBytes,
  RECIPE_VERSION,
  recipeFile,
  RUN_VERSION,
  writePredictions,
  type Recipe,
  type RunDocument,
  type RunRecord,
} from '../project';
import type { DeviceChoice, RunView, TrainSettings } from './engine';
import type { Encoders } from './encoders';
import type { Prepared } from './prepare';
import type { Projects } from './projects';

/** Rows that a device is measured on. */
const MEASURED_ROWS = 48;

export async function* measureOn(
  platform: Platform,
  encoder: Encoder,
  embed: TrainSettings['embed'],
  texts: readonly string[],
  signal?: AbortSignal,
): Job<DeviceChoice> {
  // Evenly spread over the file, so that a file sorted by length or class is measured fairly.
  const step = Math.max(1, Math.floor(texts.length / MEASURED_ROWS));
  const sample = texts.filter((_, index) => index % step === 0).slice(0, MEASURED_ROWS);
  return yield* measureDevices(
    { texts: sample, encoder, embed, runtime: platform.runtime },
    signal,
  );
}

export async function* train(
  platform: Platform,
  projects: Projects,
  encoders: Encoders,
  project: string,
  settings: TrainSettings,
  signal?: AbortSignal,
): Job<RunView> {
  const started = performance.now();
  const prepared = await projects.prepare(project);
  throwIfAborted(signal);
  const { data, split, record: projectRecord } = prepared;

  const loadStarted = performance.now();
  const encoder = yield* encoders.load(settings.encoder, signal);
  const notes: string[] = [];
  let device: Device;
  if (settings.device === 'auto') {
    const choice = yield* measureOn(platform, encoder, settings.embed, data.texts, signal);
    device = choice.device;
    notes.push(choice.reason);
  } else {
    device = settings.device;
    notes.push(`Runs on ${device}, as asked.`);
    const checked = yield* checkDevice(
      { texts: data.texts, encoder, embed: settings.embed, runtime: platform.runtime },
      device,
      signal,
    );
    if (checked !== null) notes.push(checked);
  }
  const loadSeconds = (performance.now() - loadStarted) / 1000;

  const used = [...split.train, ...split.test];
  const embedded = yield* embedTexts(
    {
      texts: used.map((index) => data.texts[index] ?? ''),
      encoder,
      embed: settings.embed,
      device,
      runtime: platform.runtime,
      storage: platform.storage,
      scope: project,
    },
    signal,
  );
  if (embedded.truncated > 0) {
    notes.push(
      `${embedded.truncated} of ${used.length} texts are longer than ${settings.embed.maxTokens} tokens and were cut.`,
    );
  }

  const { columns } = embedded.features;
  const trainFeatures = rowsOf(embedded.features, 0, split.train.length);
  const testFeatures = rowsOf(embedded.features, split.train.length, used.length);
  const trainLabels = labelsOf(prepared, split.train);
  const testLabels = labelsOf(prepared, split.test);

  const backend = await tensorBackend(platform, device);
  await platform.tensors.use(backend);
  const fitStarted = performance.now();
  const fitted = yield* fitLogistic(
    trainFeatures,
    trainLabels,
    data.classes,
    settings.head,
    { backend },
    signal,
  );
  const fitSeconds = (performance.now() - fitStarted) / 1000;

  const evaluateStarted = performance.now();
  const probabilities = {
    train: predictProbabilities(fitted.head, trainFeatures),
    test: predictProbabilities(fitted.head, testFeatures),
  };
  const metrics = {
    train: evaluate(probabilities.train, trainLabels, data.classes),
    test: evaluate(probabilities.test, testLabels, data.classes),
    baseline: majorityBaseline(trainLabels, testLabels, data.classes),
  };
  const evaluateSeconds = (performance.now() - evaluateStarted) / 1000;
  throwIfAborted(signal);

  const recipe = recipeOf(prepared, projectRecord, encoder, settings, device);
  const record: RunRecord = {
    kind: 'headlight.run',
    schemaVersion: RUN_VERSION,
    data: {
      train: { ...recipe.data.train, rows: prepared.tables[0]?.rowCount ?? 0 },
      test:
        recipe.data.test === null
          ? null
          : { ...recipe.data.test, rows: prepared.tables[1]?.rowCount ?? 0 },
      text: recipe.data.text,
      label: recipe.data.label,
      classes: data.classes,
      left_out: data.leftOut,
    },
    split: {
      ...recipe.split,
      train_rows: split.train.length,
      test_rows: split.test.length,
      dropped_from_train: split.droppedFromTrain.length,
      notes: split.notes,
    },
    encoder: {
      ...recipe.encoder,
      ...recipe.embed,
      device,
      architecture: encoder.info.architecture,
      hidden_size: columns,
      notes,
    },
    head: { ...settings.head, fit: fitted.report },
    metrics,
    timing: {
      load_seconds: loadSeconds,
      embed_seconds: embedded.seconds,
      fit_seconds: fitSeconds,
      evaluate_seconds: evaluateSeconds,
      total_seconds: (performance.now() - started) / 1000,
      texts_embedded: embedded.embedded,
      texts_from_cache: embedded.fromCache,
      texts_per_second: embedded.textsPerSecond,
    },
    environment: platform.versions,
  };
  const created = Date.now();
  const document: RunDocument = { id: await runId(recipe, created), created, recipe, record };
  await keepRun(projects, project, document, fitted, {
    train: { indices: split.train, labels: trainLabels, probabilities: probabilities.train },
    test: { indices: split.test, labels: testLabels, probabilities: probabilities.test },
  });
  return document;
}

async function keepRun(
  projects: Projects,
  project: string,
  document: RunDocument,
  fitted: FittedHead,
  predictions: Parameters<typeof writePredictions>[0],
): Promise<void> {
  await projects.store.read(project); // deleted in another tab meanwhile: nothing is written
  await projects.store.writeRun(project, {
    document,
    head: jsonBytes(headDocument(fitted.head, document.recipe)),
    predictions: writePredictions(predictions),
  });
  try {
    await projects.touch(project);
  } catch (error) {
    // Deleted while this was being written: nothing of it may stay.
    if (toHeadlightError(error).code === 'not-found') await projects.store.delete(project);
    throw error;
  }
}

function recipeOf(
  prepared: Prepared,
  record: Parameters<typeof recipeFile>[0],
  encoder: Encoder,
  settings: TrainSettings,
  device: Device,
): Recipe {
  const [train, test] = prepared.tables;
  if (train === undefined) throw new HeadlightError('internal', 'a project without a table');
  const { textColumn, labelColumn, split } = record.choice;
  return {
    kind: 'headlight.recipe',
    schemaVersion: RECIPE_VERSION,
    task: 'classification',
    data: {
      train: recipeFile(record, train),
      test: test === undefined ? null : recipeFile(record, test),
      text: textColumn ?? '',
      label: labelColumn ?? '',
    },
    split,
    encoder: {
      ...settings.encoder,
      revision: encoder.info.reference.revision ?? encoder.weightsHash,
      precision: encoder.info.reference.precision,
    },
    embed: settings.embed,
    device,
    head: settings.head,
  };
}

/** Unique and sortable: the time, then a piece of the recipe's hash. */
async function runId(recipe: Recipe, created: number): Promise<string> {
  const hash = await sha256(JSON.stringify(recipe));
  return `${created.toString(36)}-${hash.slice(0, 8)}`;
}

/** Probes train where the encoder ran, if tfjs can; WASM otherwise. */
async function tensorBackend(platform: Platform, device: Device): Promise<TensorBackendName> {
  const available = await platform.tensors.available();
  const wanted: TensorBackendName = device === 'webgpu' ? 'webgpu' : 'wasm';
  return available.includes(wanted) ? wanted : (available[0] ?? 'cpu');
}

function rowsOf(features: Matrix, from: number, to: number): Matrix {
  const { columns, data } = features;
  return { rows: to - from, columns, data: data.subarray(from * columns, to * columns) };
}

function labelsOf({ data }: Prepared, indices: Int32Array): Int32Array {
  return Int32Array.from(indices, (index) => data.labels[index] ?? -1);
}
