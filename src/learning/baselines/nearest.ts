/**
 * The nearest rows of each row, brute force. Products of blocks of rows run on tfjs in float32 and find some more
 * candidates than are needed; their distances are then computed again in float64, so that the order is right to
 * the last neighbour.
 */
import { ProgressMeter, type Job } from '../../base';
import { loadTensorFlow, stopping, tf, type Matrix } from '../heads';
import { Candidates } from './candidates';
import type { NeighborsSettings } from './types';

/** Candidates beyond k that float32 may have put in the wrong order. */
const SPARE = 16;
const TRAIN_BLOCK = 4096;
/** Multiplications in one product: some 10 ms on WASM, so that a stop is heard. */
const BLOCK_WORK = 1e8;
/** A distance below this is 0: two rows that are the same but for rounding. */
const SAME = 1e-12;

export interface Neighbor {
  /** Row of the first matrix. */
  readonly row: number;
  readonly distance: number;
}

/**
 * @param train finite, [training rows, columns]. The tfjs backend must be the current one, and stay it.
 * @param rows finite, of the same columns.
 * @param k at most as many as there are training rows.
 * @returns of each row its `k` nearest, nearest first, the first of equals before.
 * @throws HeadlightError `aborted`.
 */
export async function* nearestRows(
  train: Matrix,
  rows: Matrix,
  k: number,
  metric: NeighborsSettings['metric'],
  note: string | undefined,
  signal?: AbortSignal,
): Job<Neighbor[][]> {
  const pause = stopping(signal);
  await pause();
  await loadTensorFlow();
  const blocks = Math.ceil(train.rows / TRAIN_BLOCK);
  const meter = new ProgressMeter('Finding neighbours', 'rows', rows.rows * blocks);
  yield meter.at(0, note);
  const unitTrain = metric === 'cosine' ? unitRows(train) : train;
  const unitQuery = metric === 'cosine' ? unitRows(rows) : rows;
  const found = new Candidates(rows.rows, Math.min(train.rows, k + SPARE));
  let done = 0;
  for (let first = 0; first < train.rows; first += TRAIN_BLOCK) {
    const count = Math.min(TRAIN_BLOCK, train.rows - first);
    const job = searchBlock(unitTrain, first, count, unitQuery, metric, found, pause);
    let step = await job.next();
    while (!step.done) {
      done += step.value;
      yield meter.at(done);
      step = await job.next();
    }
  }
  const nearest: Neighbor[][] = [];
  for (let i = 0; i < rows.rows; i++) {
    nearest.push(
      found
        .of(i)
        .map((row) => ({ row, distance: distanceBetween(train, row, rows, i, metric) }))
        .sort((a, b) => a.distance - b.distance || a.row - b.row)
        .slice(0, k),
    );
    await pause();
  }
  return nearest;
}

/** Compares all rows with one block of training rows. @yields rows done. */
async function* searchBlock(
  train: Matrix,
  first: number,
  count: number,
  query: Matrix,
  metric: NeighborsSettings['metric'],
  found: Candidates,
  pause: () => Promise<void>,
): AsyncGenerator<number, void, void> {
  const { columns } = train;
  // Nearest is the largest product; of rows of any length, less half the squared length.
  const half = new Float64Array(count);
  if (metric === 'euclidean') {
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < columns; j++) half[i]! += train.data[(first + i) * columns + j]! ** 2 / 2;
    }
  }
  const size = Math.max(8, Math.min(1024, Math.floor(BLOCK_WORK / (columns * count))));
  const transposed = tf.tidy(() =>
    tf.transpose(
      tf.tensor2d(
        train.data.subarray(first * columns, (first + count) * columns),
        [count, columns],
        'float32',
      ),
    ),
  );
  try {
    for (let start = 0; start < query.rows; start += size) {
      const here = Math.min(size, query.rows - start);
      const product = tf.tidy(() =>
        tf.matMul(
          tf.tensor2d(
            query.data.subarray(start * columns, (start + here) * columns),
            [here, columns],
            'float32',
          ),
          transposed,
        ),
      );
      let scores: Float32Array;
      try {
        scores = await product.data<'float32'>();
      } finally {
        product.dispose();
      }
      for (let i = 0; i < here; i++)
        for (let t = 0; t < count; t++)
          found.offer(start + i, first + t, scores[i * count + t]! - half[t]!);
      yield here;
      await pause();
    }
  } finally {
    transposed.dispose();
  }
}

function unitRows({ rows, columns, data }: Matrix): Matrix {
  const unit = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) {
    let squares = 0;
    for (let j = 0; j < columns; j++) squares += data[i * columns + j]! ** 2;
    const factor = squares === 0 ? 0 : 1 / Math.sqrt(squares);
    for (let j = 0; j < columns; j++) unit[i * columns + j] = data[i * columns + j]! * factor;
  }
  return { rows, columns, data: unit };
}

function distanceBetween(
  a: Matrix,
  row: number,
  b: Matrix,
  other: number,
  metric: NeighborsSettings['metric'],
): number {
  let [product, left, right, squares] = [0, 0, 0, 0];
  for (let j = 0; j < a.columns; j++) {
    const x = a.data[row * a.columns + j]!;
    const y = b.data[other * b.columns + j]!;
    product += x * y;
    left += x * x;
    right += y * y;
    squares += (x - y) ** 2;
  }
  if (metric === 'euclidean') return Math.sqrt(squares);
  if (left === 0 || right === 0) return 1;
  const distance = Math.min(2, Math.max(0, 1 - product / Math.sqrt(left * right)));
  return distance < SAME ? 0 : distance;
}
