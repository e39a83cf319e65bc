/**
 * A map of a run's texts in two dimensions: near each other on it is what the classifier sees alike. Drawn from the
 * encoder's features for a probe; a fine-tune has changed its encoder, and its map is of the scores that it gave each
 * class, which were kept. The maps of a session are kept in memory.
 */
import { HeadlightError, type Job } from '../base';
import { drawRows } from '../data';
import type { Matrix } from '../learning/heads';
import { DEFAULT_PROJECTION, projectRows } from '../learning/projection';
import type { Platform } from '../platform';
import {
  choiceOfRecipe,
  multiLabelFigures,
  PARTS,
  readPredictions,
  type RunDocument,
  type RunPredictions,
} from '../project';
import type { Encoders } from './encoders';
import { featuresOf } from './features';
import { labelsAbove, labelsAt } from './figures';
import type { TextMap, TextMapSettings } from './map-types';
import { deviceHere } from './prediction';
import { useTensors } from './head-context';
import type { Prepared } from './prepare';
import type { Projects } from './projects';
import { argmax } from './text-rows';

interface Parts {
  readonly platform: Platform;
  readonly projects: Projects;
  readonly encoders: Encoders;
}

/** Maps that are kept: of the runs one goes back and forth between. */
const MOST_KEPT = 4;
/** Characters of a text that are enough to know it by. */
const SHOWN_TEXT = 600;
const LEAST_SHARE = 1e-6;

/** One text of the map before it has a place. */
interface MappedRow {
  readonly part: number;
  /** In its part's predictions. */
  readonly at: number;
  /** Index into the labelled texts. */
  readonly index: number;
  readonly stratum: number;
}

export class TextMaps {
  readonly #parts: Parts;
  /** Oldest first. */
  readonly #kept = new Map<string, { readonly project: string; readonly map: TextMap }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Without the maps of a project (of all projects without one): their texts are to be gone. */
  forget(project?: string): void {
    for (const [key, kept] of this.#kept)
      if (project === undefined || kept.project === project) this.#kept.delete(key);
  }

  /** @throws HeadlightError `bad-setting` for token classification, `not-found`, as `featuresOf`. */
  async *of(
    project: string,
    run: string,
    settings: TextMapSettings,
    signal?: AbortSignal,
  ): Job<TextMap> {
    checkSettings(settings);
    const key = JSON.stringify([project, run, settings.n, settings.seed]);
    const known = this.#kept.get(key);
    // Copies: what crosses to the page is moved there.
    if (known !== undefined) return structuredClone(known.map);
    const map = yield* draw(this.#parts, project, run, settings, signal);
    this.#kept.set(key, { project, map: structuredClone(map) });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) break;
      this.#kept.delete(oldest);
    }
    return map;
  }
}

async function* draw(
  { platform, projects, encoders }: Parts,
  project: string,
  run: string,
  settings: TextMapSettings,
  signal?: AbortSignal,
): Job<TextMap> {
  const { document, predictions: bytes } = await projects.store.run(project, run);
  const { recipe } = document;
  if (recipe.task === 'token_classification') {
    throw new HeadlightError('bad-setting', 'A map shows whole texts; this run labels words.', {
      hint: 'Look at the sentences instead.',
    });
  }
  const predictions = readPredictions(bytes);
  const prepared = await projects.prepare(project, choiceOfRecipe(recipe));
  const { rows, all } = chooseRows(predictions, settings);
  const device = await deviceHere(platform, recipe.device);
  let features: Matrix;
  if (recipe.method === 'probe') {
    const encoder = yield* encoders.load(recipe.encoder, signal);
    features = yield* featuresOf(
      platform,
      { project, encoder, embed: recipe.embed, device },
      prepared.data,
      rows.map(({ index }) => index),
      signal,
    );
  } else {
    features = scores(predictions, rows, prepared.data.classes.length);
  }
  await useTensors(platform, device);
  const { xy, kept, broken } = yield* projectRows(
    features,
    {
      ...DEFAULT_PROJECTION,
      metric: recipe.method === 'probe' ? 'cosine' : 'euclidean',
      seed: settings.seed,
    },
    signal,
  );
  return {
    run,
    space: recipe.method === 'probe' ? 'features' : 'scores',
    rowsOfRun: all,
    xy,
    kept,
    broken,
    ...described(document, prepared, predictions, rows),
  };
}

function checkSettings({ n, seed }: TextMapSettings): void {
  if (Number.isInteger(n) && n >= 2 && n <= MOST_TEXTS && Number.isInteger(seed)) return;
  throw new HeadlightError(
    'bad-setting',
    `A map is of 2 to ${MOST_TEXTS} texts, and its seed a whole number.`,
    { hint: '3,000 texts are usual.' },
  );
}

/** Neighbours are exact: beyond, they take minutes. */
const MOST_TEXTS = 20_000;

/** All of the run's texts, or `n` of them: as many of each class and part as their share. */
function chooseRows(
  predictions: RunPredictions,
  { n, seed }: TextMapSettings,
): { readonly rows: readonly MappedRow[]; readonly all: number } {
  const rows: MappedRow[] = [];
  PARTS.forEach((name, part) => {
    predictions[name]?.indices.forEach((index, at) => {
      const label = predictions[name]?.labels[at] ?? 0;
      rows.push({ part, at, index, stratum: label * PARTS.length + part });
    });
  });
  const every = Int32Array.from(rows.keys());
  const { drawn } = drawRows(every, (row) => rows[row]?.stratum ?? 0, n, seed);
  return { rows: [...drawn].flatMap((row) => rows[row] ?? []), all: rows.length };
}

/**
 * What a classifier says of each class, on a scale where certainty does not press all together: logarithms of the
 * probabilities less their mean (of several labels log-odds come to the same).
 */
function scores(predictions: RunPredictions, rows: readonly MappedRow[], classes: number): Matrix {
  const data = new Float32Array(rows.length * classes);
  rows.forEach(({ part, at }, row) => {
    const kept = predictions[PARTS[part] ?? 'test'];
    if (kept === null) return;
    const several = kept.targets !== null;
    const logs = Float64Array.from({ length: classes }, (_, k) => {
      const share = clamp(kept.probabilities[at * classes + k] ?? 0);
      return several ? Math.log(share / (1 - share)) : Math.log(share);
    });
    const mean = several ? 0 : logs.reduce((sum, log) => sum + log, 0) / classes;
    logs.forEach((log, k) => {
      data[row * classes + k] = log - mean;
    });
  });
  return { rows: rows.length, columns: classes, data };
}

function clamp(share: number): number {
  return Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, share));
}

/** Texts, labels and predictions of the rows, a place for each. */
function described(
  { record }: RunDocument,
  { data }: Prepared,
  predictions: RunPredictions,
  rows: readonly MappedRow[],
): Omit<TextMap, 'run' | 'space' | 'rowsOfRun' | 'xy' | 'kept' | 'broken'> {
  const { classes } = data;
  const k = classes.length;
  const thresholds = multiLabelFigures(record)?.thresholds ?? null;
  const actual: number[][] = [];
  const predicted: number[][] = [];
  const probability = new Float32Array(rows.length);
  const isWrong = new Uint8Array(rows.length);
  rows.forEach(({ part, at }, row) => {
    const kept = predictions[PARTS[part] ?? 'test'];
    const shares = kept?.probabilities.subarray(at * k, (at + 1) * k) ?? new Float64Array(k);
    const targets = kept?.targets ?? null;
    const is = targets === null ? [kept?.labels[at] ?? -1] : labelsAt(targets, at, k);
    const said = thresholds === null ? [argmax(shares)] : labelsAbove(shares, thresholds);
    actual.push(is);
    predicted.push(said);
    // Of several labels the one that it is least sure to have right or wrong says how sure it is.
    probability[row] =
      thresholds === null
        ? (shares[said[0] ?? 0] ?? 0)
        : shares.reduce(
            (least, share, label) => Math.min(least, said.includes(label) ? share : 1 - share),
            1,
          );
    isWrong[row] = is.length === said.length && is.every((one) => said.includes(one)) ? 0 : 1;
  });
  const shown = (text: string): string =>
    text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text;
  return {
    classes,
    several: thresholds !== null,
    row: Int32Array.from(rows, ({ index }) => index),
    part: Uint8Array.from(rows, ({ part }) => part),
    actual,
    predicted,
    probability,
    isWrong,
    texts: rows.map(({ index }) => shown(data.texts[index] ?? '')),
    pairs: data.pairs === null ? null : rows.map(({ index }) => shown(data.pairs?.[index] ?? '')),
    files: rows.map(({ index }) => data.origin[index]?.file ?? ''),
    lines: Int32Array.from(rows, ({ index }) => data.origin[index]?.line ?? 0),
    fileRows: Int32Array.from(rows, ({ index }) => data.origin[index]?.row ?? 0),
  };
}
