/** Using a run: a typed text, a dropped file, the rows behind the confusion matrix. */
import { HeadlightError, ProgressMeter, type Job } from '../base';
import { parseTable, predictionsCsv, type SourceFile } from '../data';
import { predictProbabilities, type LinearHead } from '../learning/heads';
import { checkDevice, embedTexts } from '../models';
import type { Device, Platform } from '../platform';
import {
  choiceOfRecipe,
  parseJson,
  readHeadDocument,
  readPredictions,
  type RunDocument,
} from '../project';
import type { PredictedFile, Predictions, RowPage, RowQuery } from './engine';
import type { Encoders } from './encoders';
import type { Projects } from './projects';
import { argmax, labelRows, textRows } from './text-rows';

const PREVIEW_ROWS = 8;
const PROBLEMS_SHOWN = 20;
const MOST_ROWS_A_PAGE = 500;

export interface LoadedRun {
  readonly document: RunDocument;
  readonly head: LinearHead;
}

export async function loadRun(
  projects: Projects,
  project: string,
  run: string,
): Promise<LoadedRun> {
  const parts = await projects.store.run(project, run);
  return {
    document: parts.document,
    head: readHeadDocument(parseJson(parts.head, `head of run ${run}`)),
  };
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

export async function predictTexts(
  platform: Platform,
  encoders: Encoders,
  run: LoadedRun,
  texts: readonly string[],
  load: Parameters<Encoders['live']>[3],
): Promise<Predictions> {
  const { recipe } = run.document;
  const started = performance.now();
  // A single short text is faster on WASM than on WebGPU, whatever trained the run.
  const device = await deviceHere(platform, recipe.device === 'webgpu' ? 'wasm' : recipe.device);
  const embedder = await encoders.live(recipe.encoder, recipe.embed, device, load);
  const features = await embedder.embed(texts);
  const flat = predictProbabilities(run.head, features);
  const classes = run.head.classes.length;
  return {
    classes: run.head.classes,
    probabilities: texts.map((_, row) => [...flat.subarray(row * classes, (row + 1) * classes)]),
    milliseconds: performance.now() - started,
  };
}

export async function* predictFile(
  platform: Platform,
  encoders: Encoders,
  project: string,
  run: LoadedRun,
  file: SourceFile,
  textColumn: string | null,
  signal?: AbortSignal,
): Job<PredictedFile> {
  const { recipe } = run.document;
  const table = parseTable(file);
  const found = textRows(table, textColumn, recipe.data.text);
  const encoder = yield* encoders.load(recipe.encoder, signal);
  const device = await deviceHere(platform, recipe.device);
  if (device !== recipe.device) {
    yield new ProgressMeter('Embedding texts', 'texts', found.rows.length).at(
      0,
      `${recipe.device} is not available here; ${device} is used.`,
    );
  }
  const request = {
    texts: found.texts,
    encoder,
    embed: recipe.embed,
    runtime: platform.runtime,
  };
  yield* checkDevice(request, device, signal);
  const embedded = yield* embedTexts(
    { ...request, device, storage: platform.storage, scope: project },
    signal,
  );
  const { classes } = run.head;
  const flat = predictProbabilities(run.head, embedded.features);
  const { labels, probabilities, counts } = labelRows(table, found, flat, classes);
  const csv = predictionsCsv(table, { labels, probabilities }, classes);
  return {
    name: `${file.name.replace(/\.[^.]+$/, '')}-predictions.csv`,
    mime: 'text/csv;charset=utf-8',
    bytes: new TextEncoder().encode(csv),
    containsTexts: true,
    rows: found.rows.length,
    counts: classes.map((label, index) => ({ label, rows: counts[index] ?? 0 })),
    textColumn: found.column,
    problemCount: table.problems.length,
    problems: table.problems.slice(0, PROBLEMS_SHOWN),
    preview: found.rows.slice(0, PREVIEW_ROWS).map((row, index) => ({
      text: (found.texts[index] ?? '').slice(0, 200),
      label: labels[row] ?? '',
      probability: Math.max(...(probabilities[row] ?? [0])),
    })),
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
  const rows: { at: number; predicted: number; probability: number }[] = [];
  for (let at = 0; at < part.labels.length; at++) {
    if (query.actual !== null && part.labels[at] !== query.actual) continue;
    const row = part.probabilities.subarray(at * classes, (at + 1) * classes);
    const predicted = argmax(row);
    if (query.predicted !== null && predicted !== query.predicted) continue;
    rows.push({ at, predicted, probability: row[predicted] ?? 0 });
  }
  rows.sort((a, b) => b.probability - a.probability || a.at - b.at);
  const limit = Math.min(query.limit, MOST_ROWS_A_PAGE);
  return {
    total: rows.length,
    rows: rows.slice(query.offset, query.offset + limit).map(({ at, predicted, probability }) => {
      const index = part.indices[at] ?? -1;
      const origin = data.origin[index];
      return {
        text: data.texts[index] ?? '',
        actual: part.labels[at] ?? -1,
        predicted,
        probability,
        file: origin?.file ?? '',
        line: origin?.line ?? 0,
      };
    }),
  };
}
