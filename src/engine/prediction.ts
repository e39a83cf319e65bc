/** Using a run: a typed text, a dropped file, the rows behind the confusion matrix. */
import { HeadlightError, ProgressMeter, type Job } from '../base';
import type { FileBytes } from '../data';
import { predictProbabilities, type LinearHead } from '../learning/heads';
import { checkDevice, embedTexts } from '../models';
import type { Device, Platform } from '../platform';
import {
  choiceOfRecipe,
  parseJson,
  probeRun,
  readHeadDocument,
  readPredictions,
  type ProbeRun,
} from '../project';
import type { PredictedFile, Predictions, RowPage, RowQuery } from './engine';
import type { Encoders } from './encoders';
import { closing, FinetunedModel, type ModelFiles, type ModelShape } from './finetuned-model';
import { labelledFile, predictTable } from './predict-table';
import type { Projects } from './projects';
import { finetuneRun, type FinetuneRun } from './run-documents';
import { argmax, parseToPredict, textRows } from './text-rows';

const MOST_ROWS_A_PAGE = 500;

export type LoadedRun =
  | { readonly method: 'probe'; readonly document: ProbeRun; readonly head: LinearHead }
  | { readonly method: 'finetune'; readonly document: FinetuneRun; readonly files: ModelFiles };

/** @throws HeadlightError `not-found`. */
export async function loadRun(
  projects: Projects,
  project: string,
  run: string,
): Promise<LoadedRun> {
  const { document, head } = await projects.store.run(project, run);
  if (head !== null) {
    const probe = readHeadDocument(parseJson(head, `head of run ${run}`));
    return { method: 'probe', document: probeRun(document), head: probe };
  }
  const files = await projects.store.model(project, run);
  if (files === null) {
    throw new HeadlightError('not-found', `The model of run ${run} is not stored any more.`, {
      hint: 'Train again.',
    });
  }
  return { method: 'finetune', document: finetuneRun(document), files };
}

/** The device of a run if this machine has it, else the first one it has. */
export async function deviceHere(platform: Platform, wanted: Device): Promise<Device> {
  const devices = await platform.runtime.devices();
  if (devices.some(({ device }) => device === wanted)) return wanted;
  const fallback =
    devices.find(({ device }) => device === 'wasm' || device === 'cpu') ?? devices[0];
  if (fallback === undefined) throw new HeadlightError('device', 'No device can run models here.');
  return fallback.device;
}

/** What a probe says of texts. */
export async function predictTexts(
  platform: Platform,
  encoders: Encoders,
  run: LoadedRun & { readonly method: 'probe' },
  texts: readonly string[],
  load: Parameters<Encoders['live']>[3],
): Promise<Predictions> {
  const { recipe } = run.document;
  const started = performance.now();
  const embedder = await encoders.live(
    recipe.encoder,
    recipe.embed,
    await deviceForTyping(platform, recipe.device),
    load,
  );
  const features = await embedder.embed(texts);
  const flat = predictProbabilities(run.head, features);
  const classes = run.head.classes.length;
  return {
    classes: run.head.classes,
    probabilities: texts.map((_, row) => [...flat.subarray(row * classes, (row + 1) * classes)]),
    milliseconds: performance.now() - started,
    words: null,
  };
}

/** A single short text is faster on WASM than on WebGPU, whatever trained the run. */
export function deviceForTyping(platform: Platform, trained: Device): Promise<Device> {
  return deviceHere(platform, trained === 'webgpu' ? 'wasm' : trained);
}

export async function* predictFile(
  platform: Platform,
  encoders: Encoders,
  project: string,
  run: LoadedRun,
  file: FileBytes,
  textColumn: string | null,
  signal?: AbortSignal,
): Job<PredictedFile> {
  const { recipe, record } = run.document;
  const table = parseToPredict(file, textColumn ?? recipe.data.text);
  const found = textRows(table, textColumn, recipe.data.text);
  const device = await deviceHere(platform, recipe.device);
  if (device !== recipe.device) {
    yield new ProgressMeter('Classifying texts', 'texts', found.rows.length).at(
      0,
      `${recipe.device} is not available here; ${device} is used.`,
    );
  }
  const { classes } = record.data;
  if (run.method === 'finetune') {
    const model = await FinetunedModel.open(platform, run.files, shapeOf(run.document), device);
    const about = {
      task: recipe.task,
      classes,
      pairColumn: recipe.data.text_pair,
      maxLength: run.document.recipe.finetune.max_length,
    };
    return yield* closing(model, predictTable(model, about, file, table, found, signal));
  }
  const encoder = yield* encoders.load(recipe.encoder, signal);
  const { embed } = run.document.recipe;
  const request = { texts: found.texts, encoder, embed, runtime: platform.runtime };
  yield* checkDevice(request, device, signal);
  const embedded = yield* embedTexts(
    { ...request, device, storage: platform.storage, scope: project },
    signal,
  );
  const flat = predictProbabilities(run.head, embedded.features);
  return labelledFile(file, table, found, flat, classes);
}

export function shapeOf({ recipe, record }: FinetuneRun): ModelShape {
  return {
    task: recipe.task,
    head: recipe.finetune.head,
    classes: record.data.classes.length,
  };
}

/** Surest predictions first: what the classifier is most sure of and wrong about is what people want to see. */
export async function runRows(
  projects: Projects,
  project: string,
  run: string,
  query: RowQuery,
): Promise<RowPage> {
  const parts = await projects.store.run(project, run);
  const part = readPredictions(parts.predictions)[query.part];
  const { data } = await projects.prepare(project, choiceOfRecipe(parts.document.recipe));
  const classes = data.classes.length;
  const rows: { at: number; word: number; predicted: number; probability: number }[] = [];
  let word = 0;
  for (let at = 0; at < part.labels.length; at++) {
    word = at > 0 && part.indices[at] === part.indices[at - 1] ? word + 1 : 0;
    if (query.actual !== null && part.labels[at] !== query.actual) continue;
    const row = part.probabilities.subarray(at * classes, (at + 1) * classes);
    const predicted = argmax(row);
    if (query.predicted !== null && predicted !== query.predicted) continue;
    rows.push({ at, word, predicted, probability: row[predicted] ?? 0 });
  }
  rows.sort((a, b) => b.probability - a.probability || a.at - b.at);
  const limit = Math.min(query.limit, MOST_ROWS_A_PAGE);
  return {
    total: rows.length,
    rows: rows
      .slice(query.offset, query.offset + limit)
      .map(({ at, word: position, predicted, probability }) => {
        const index = part.indices[at] ?? -1;
        const origin = data.origin[index];
        return {
          text: data.texts[index] ?? '',
          pair: data.pairs?.[index] ?? null,
          word: data.tags === null ? null : position,
          actual: part.labels[at] ?? -1,
          predicted,
          probability,
          file: origin?.file ?? '',
          line: origin?.line ?? 0,
        };
      }),
  };
}
