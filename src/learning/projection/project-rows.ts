/**
 * A map of rows by UMAP (McInnes 2018) from `umap-js`, which is fetched when the first map is drawn. Neighbours are
 * exact and found here, and the map begins at the rows' principal plane: the library would guess both.
 */
import type * as UmapLibrary from 'umap-js';
import { HeadlightError, ProgressMeter, seededRandom, type Job } from '../../base';
import { nearestRows, type Neighbor } from '../baselines';
import { stopping, type Matrix } from '../heads';
import { neighboursKept } from './kept';
import { principalPlane } from './principal-plane';

export interface ProjectionSettings {
  /** Neighbours that a row is drawn to, itself among them (umap-learn's name and default). */
  readonly n_neighbors: number;
  readonly min_dist: number;
  readonly metric: 'cosine' | 'euclidean';
  readonly seed: number;
}

export const DEFAULT_PROJECTION: ProjectionSettings = {
  n_neighbors: 15,
  min_dist: 0.1,
  metric: 'cosine',
  seed: 0,
};

export interface Projection {
  /** [rows, 2], row-major; the scale means nothing. */
  readonly xy: Float32Array;
  /** Share of each row's ten nearest that are still among its ten nearest; null for fewer than two rows. */
  readonly kept: number | null;
  /** Rows whose features were no numbers, put in the middle. */
  readonly broken: number;
}

/** What `kept` counts. */
const KEPT = 10;
/** Half the width of where the map begins, as umap-learn's. */
const START = 10;
/** So that equal rows do not begin in one place, where nothing could part them. */
const JITTER = 1e-3;
const EPOCHS = 300;

/**
 * @param features [rows, columns]. The tfjs backend must be the current one, and stay it.
 * @throws HeadlightError `aborted`, `internal` when the library cannot be fetched.
 */
export async function* projectRows(
  features: Matrix,
  settings: ProjectionSettings,
  signal?: AbortSignal,
): Job<Projection> {
  const { rows } = features;
  const { sound, broken } = finiteRows(features);
  const xy = new Float32Array(rows * 2);
  if (sound.rows < 2) return { xy, kept: null, broken };
  const k = Math.min(Math.max(2, settings.n_neighbors), sound.rows);
  const most = Math.min(sound.rows, Math.max(k, KEPT + 1));
  const nearest = (yield* nearestRows(sound, sound, most, settings.metric, undefined, signal)).map(
    (found, row) => found.filter((other) => other.row !== row).slice(0, most - 1),
  );
  const placed = yield* lay(sound, nearest, k, settings, signal);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    if (!isFiniteRow(features, row)) continue;
    xy.set(placed.subarray(at * 2, at * 2 + 2), row * 2);
    at++;
  }
  return { xy, kept: neighboursKept(nearest, placed, KEPT), broken };
}

async function* lay(
  features: Matrix,
  nearest: readonly (readonly Neighbor[])[],
  k: number,
  { min_dist, seed }: ProjectionSettings,
  signal?: AbortSignal,
): Job<Float32Array> {
  const { rows } = features;
  const meter = new ProgressMeter('Drawing the map', 'rounds', EPOCHS);
  yield meter.at(0);
  const { UMAP } = await load();
  const pause = stopping(signal);
  const random = seededRandom(seed);
  const umap = new UMAP({
    // It refuses as many neighbours as rows.
    nNeighbors: Math.min(k, rows - 1),
    minDist: min_dist,
    nEpochs: EPOCHS,
    random: () => random.next(),
  });
  // Each row is its own first neighbour, as the library has it.
  umap.setPrecomputedKNN(
    nearest.map((others, row) => [row, ...others.slice(0, k - 1).map((other) => other.row)]),
    nearest.map((others) => [0, ...others.slice(0, k - 1).map(({ distance }) => distance)]),
  );
  umap.initializeFit(nearest.map(() => []));
  const placed = umap.getEmbedding();
  begin(placed, principalPlane(features, seed), seed);
  await pause();
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    umap.step();
    await pause();
    if (epoch % 5 === 0) yield meter.at(epoch);
  }
  const xy = new Float32Array(rows * 2);
  placed.forEach(([x, y], row) => {
    xy[row * 2] = x ?? 0;
    xy[row * 2 + 1] = y ?? 0;
  });
  return xy;
}

/** Puts the library's points where the map is to begin; it goes on from there in place. */
function begin(placed: number[][], plane: Float64Array, seed: number): void {
  let widest = 0;
  for (const value of plane) widest = Math.max(widest, Math.abs(value));
  const scale = widest === 0 ? 0 : START / widest;
  const random = seededRandom(seed + 1);
  placed.forEach((point, row) => {
    for (let axis = 0; axis < 2; axis++)
      point[axis] = plane[row * 2 + axis]! * scale + JITTER * random.normal();
  });
}

async function load(): Promise<typeof UmapLibrary> {
  try {
    return await import('umap-js');
  } catch (cause) {
    throw new HeadlightError('internal', 'The part of the page that draws maps did not arrive.', {
      hint: 'Check the connection to where the page comes from, and try again.',
      cause,
    });
  }
}

function isFiniteRow({ columns, data }: Matrix, row: number): boolean {
  for (let j = row * columns; j < (row + 1) * columns; j++)
    if (!Number.isFinite(data[j])) return false;
  return true;
}

function finiteRows(features: Matrix): { readonly sound: Matrix; readonly broken: number } {
  const { rows, columns, data } = features;
  const kept: number[] = [];
  for (let row = 0; row < rows; row++) if (isFiniteRow(features, row)) kept.push(row);
  if (kept.length === rows) return { sound: features, broken: 0 };
  const sound = new Float32Array(kept.length * columns);
  kept.forEach((row, at) => {
    sound.set(data.subarray(row * columns, (row + 1) * columns), at * columns);
  });
  return { sound: { rows: kept.length, columns, data: sound }, broken: rows - kept.length };
}
