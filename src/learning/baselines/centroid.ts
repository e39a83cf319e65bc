/**
 * Nearest centroid: a class is the mean of its rows, a row belongs to the nearest mean. Euclidean as
 * scikit-learn's `NearestCentroid`; cosine takes the mean of rows of unit length (a prototype).
 *
 * Probabilities are the softmax of minus a scale times the distance (squared when Euclidean). The scale is
 * the one of the least log-loss on the training rows, each measured without itself in its class's mean.
 */
import { HeadlightError, ProgressMeter, type Job } from '../../base';
import { checkFinite, checkLabels, stopping, type Matrix } from '../heads';
import { bestScale } from './scale';
import type { BaselineResult } from './types';

/** Rows that are enough to find one number. */
const SCALE_ROWS = 2000;
const BLOCK_ROWS = 256;

export interface Centroids {
  /** [classes, columns]. */
  readonly centroids: Float64Array;
  readonly metric: 'cosine' | 'euclidean';
}

export interface CentroidResult extends BaselineResult {
  /** Euclidean or cosine, [rows, classes] row-major. */
  readonly distances: Float64Array;
}

/**
 * @param labels index into `classes` of each training row.
 * @param rows what to predict.
 * @throws HeadlightError `bad-labels`, `device` for features that are not finite, `aborted`.
 */
export async function* nearestCentroid(
  train: Matrix,
  labels: Int32Array,
  classes: readonly string[],
  rows: Matrix,
  metric: Centroids['metric'],
  signal?: AbortSignal,
): Job<CentroidResult> {
  const started = performance.now();
  const pause = stopping(signal);
  const counts = checkLabels(train, labels, classes);
  if (rows.columns !== train.columns) {
    throw new HeadlightError(
      'internal',
      `Centroids of ${train.columns} features for rows of ${rows.columns}.`,
    );
  }
  checkFinite(train);
  checkFinite(rows);
  await pause();
  const meter = new ProgressMeter('Nearest centroid', 'rows', rows.rows);
  yield meter.at(0);
  const k = classes.length;
  const { columns } = train;
  const centroids = new Float64Array(k * columns);
  for (let i = 0; i < train.rows; i++) {
    const label = labels[i]!;
    const factor = lengthFactor(train, i, metric) / counts[label]!;
    for (let j = 0; j < columns; j++)
      centroids[label * columns + j]! += train.data[i * columns + j]! * factor;
  }
  await pause();
  const model: Centroids = { centroids, metric };
  const scale = await scaleOf(model, train, labels, counts, pause);
  const distances = new Float64Array(rows.rows * k);
  const probabilities = new Float64Array(rows.rows * k);
  for (let first = 0; first < rows.rows; first += BLOCK_ROWS) {
    const last = Math.min(rows.rows, first + BLOCK_ROWS);
    for (let i = first; i < last; i++) {
      const energies = energiesOf(model, rows, i, k);
      const nearest = energies.reduce((least, energy) => Math.min(least, energy), Infinity);
      let sum = 0;
      for (let c = 0; c < k; c++) {
        distances[i * k + c] = metric === 'euclidean' ? Math.sqrt(energies[c]!) : energies[c]!;
        const e = Math.exp(-scale * (energies[c]! - nearest));
        probabilities[i * k + c] = e;
        sum += e;
      }
      for (let c = 0; c < k; c++) probabilities[i * k + c]! /= sum;
    }
    await pause();
    yield meter.at(last);
  }
  return {
    probabilities,
    distances,
    notes: [],
    seconds: (performance.now() - started) / 1000,
  };
}

/** Cosine compares directions: what makes a row of unit length. A row of zeros stays one. */
function lengthFactor({ columns, data }: Matrix, row: number, metric: Centroids['metric']): number {
  if (metric === 'euclidean') return 1;
  let squares = 0;
  for (let j = 0; j < columns; j++) squares += data[row * columns + j]! ** 2;
  return squares === 0 ? 0 : 1 / Math.sqrt(squares);
}

/** Squared Euclidean or cosine distance of a row to each centroid, [classes]. */
function energiesOf(
  { centroids, metric }: Centroids,
  { columns, data }: Matrix,
  row: number,
  classes: number,
): Float64Array {
  const energies = new Float64Array(classes);
  for (let c = 0; c < classes; c++) {
    let product = 0;
    let own = 0;
    let other = 0;
    let squares = 0;
    for (let j = 0; j < columns; j++) {
      const x = data[row * columns + j]!;
      const m = centroids[c * columns + j]!;
      product += x * m;
      own += x * x;
      other += m * m;
      squares += (x - m) ** 2;
    }
    energies[c] = metric === 'euclidean' ? squares : cosineDistance(product, own, other);
  }
  return energies;
}

function cosineDistance(product: number, a: number, b: number): number {
  if (a === 0 || b === 0) return 1;
  return Math.min(2, Math.max(0, 1 - product / Math.sqrt(a * b)));
}

async function scaleOf(
  model: Centroids,
  train: Matrix,
  labels: Int32Array,
  counts: Int32Array,
  pause: () => Promise<void>,
): Promise<number> {
  const k = counts.length;
  const { columns, rows, data } = train;
  const taken = Math.min(rows, SCALE_ROWS);
  const energies: Float64Array[] = [];
  const truth: number[] = [];
  for (let t = 0; t < taken; t++) {
    const row = Math.floor((t * rows) / taken);
    const label = labels[row]!;
    const n = counts[label]!;
    if (n < 2) continue; // without itself its class has no mean
    const own = energiesOf(model, train, row, k);
    const factor = lengthFactor(train, row, model.metric);
    let product = 0;
    let size = 0;
    let squares = 0;
    for (let j = 0; j < columns; j++) {
      const x = data[row * columns + j]! * factor;
      const without = (n * model.centroids[label * columns + j]! - x) / (n - 1);
      product += x * without;
      size += without * without;
      squares += (x - without) ** 2;
    }
    own[label] =
      model.metric === 'euclidean' ? squares : cosineDistance(product, factor === 0 ? 0 : 1, size);
    energies.push(own);
    truth.push(label);
    await pause();
  }
  return bestScale(energies, truth);
}
