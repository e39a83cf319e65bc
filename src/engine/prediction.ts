/** Using a run: a typed text, a dropped file, the rows behind the confusion matrix. */
import { HeadlightError, ProgressMeter, type Job } from '../base';
import { parseTable, predictionsCsv, type SourceFile, type Table } from '../data';
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
import { findings } from './prepare';
import type { Projects } from './projects';

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
  const column = chooseTextColumn(table, textColumn, recipe.data.text);
  const cells = table.columns.find(({ name }) => name === column)?.cells ?? [];
  const withText: number[] = [];
  cells.forEach((cell, row) => {
    if (cell.trim() !== '') withText.push(row);
  });
  if (withText.length === 0) {
    throw new HeadlightError('bad-table', `Column “${column}” of ${file.name} holds no text.`, {
      hint: 'Choose the column that holds the texts.',
    });
  }
  const encoder = yield* encoders.load(recipe.encoder, signal);
  const device = await deviceHere(platform, recipe.device);
  if (device !== recipe.device) {
    yield new ProgressMeter('Embedding texts', 'texts', withText.length).at(
      0,
      `${recipe.device} is not available here; ${device} is used.`,
    );
  }
  const request = {
    texts: withText.map((row) => (cells[row] ?? '').trim()),
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
  const labels = new Array<string | null>(table.rowCount).fill(null);
  const probabilities = new Array<readonly number[] | null>(table.rowCount).fill(null);
  const counts = new Array<number>(classes.length).fill(0);
  withText.forEach((row, index) => {
    const shares = [...flat.subarray(index * classes.length, (index + 1) * classes.length)];
    const best = argmax(shares);
    labels[row] = classes[best] ?? null;
    probabilities[row] = shares;
    counts[best] = (counts[best] ?? 0) + 1;
  });
  const csv = predictionsCsv(table, { labels, probabilities }, classes);
  return {
    name: `${file.name.replace(/\.[^.]+$/, '')}-predictions.csv`,
    mime: 'text/csv;charset=utf-8',
    bytes: new TextEncoder().encode(csv),
    containsTexts: true,
    rows: withText.length,
    counts: classes.map((label, index) => ({ label, rows: counts[index] ?? 0 })),
    textColumn: column,
    problemCount: table.problems.length,
    problems: table.problems.slice(0, PROBLEMS_SHOWN),
    preview: withText.slice(0, PREVIEW_ROWS).map((row) => ({
      text: (cells[row] ?? '').slice(0, 200),
      label: labels[row] ?? '',
      probability: Math.max(...(probabilities[row] ?? [0])),
    })),
  };
}

/** The column that was asked for; else the one of the same name as in training; else the one that looks like text. */
function chooseTextColumn(table: Table, asked: string | null, trained: string): string {
  const names = table.columns.map(({ name }) => name);
  if (asked !== null) {
    if (names.includes(asked)) return asked;
    throw new HeadlightError('bad-setting', `${table.name} has no column “${asked}”.`, {
      hint: `Its columns are: ${names.join(', ')}.`,
    });
  }
  if (names.includes(trained)) return trained;
  const found = findings([table]).text;
  if (found !== null) return found.column;
  const [only] = names;
  if (names.length === 1 && only !== undefined) return only;
  throw new HeadlightError('bad-table', `No column of ${table.name} looks like text.`, {
    hint: `Choose one of: ${names.join(', ')}.`,
  });
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

/** The first of the largest, as numpy's argmax. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if ((values[i] ?? -Infinity) > (values[best] ?? -Infinity)) best = i;
  }
  return best;
}
