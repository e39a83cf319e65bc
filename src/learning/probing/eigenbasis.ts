/**
 * Features of a cell turned so that their strongest directions are columns of their own. A turn changes neither the
 * penalty ||w||² nor any logit, so a linear probe has the same optimum there; but its Hessian is then near to a diagonal,
 * and L-BFGS needs a fraction of the steps, whatever C, rows and labels of the probe are.
 *
 * Only some principal directions are found, by subspace iteration with Rayleigh and Ritz (Golub & Van Loan 2013, 8.2.4):
 * all of them would take longer than the fits. The rest of the basis is what Householder's reflections make of it.
 */
import { seededRandom } from '../../base';
import { gram, type Design, type Kernels, type Matrix } from '../heads';
import { orthogonalise, type Reflections } from './reflections';
import { spectrum } from './spectrum';

/** Rows a column that are enough to know the covariance well for this purpose. */
const ROWS_A_COLUMN = 4;
/** Directions that become columns. */
const DIRECTIONS = 64;
const SWEEPS = 4;
const BLOCK_ROWS = 4096;

export interface Uncorrelated {
  /** Centred, and turned; what was subtracted is not kept, since intercepts take it up. */
  readonly design: Design;
  /** Of each column; the first are uncorrelated. */
  readonly variances: Float64Array;
  /** What this was computed with, as the rest of the cell is. */
  readonly kernels: Kernels;
}

/**
 * @param known ascending: the rows that some probe learns from; the mean and the basis are theirs, so that an outlier
 *   among rows that are only predicted takes no precision from the others.
 * @param pause awaited between pieces of work; throws to stop.
 */
export async function uncorrelate(
  features: Matrix,
  known: Int32Array,
  kernels: Kernels,
  pause: () => Promise<void>,
): Promise<Uncorrelated> {
  const { rows, columns } = features;
  const mean = meanOf(features, known);
  const taken = Math.min(known.length, Math.max(256, ROWS_A_COLUMN * columns));
  const sample = new Float32Array(taken * columns);
  for (let i = 0; i < taken; i++) {
    const row = known[Math.floor((i * known.length) / taken)]!;
    centre(features, mean, row, 1, sample, i * columns);
  }
  const covariance = (await gram(kernels, sample, taken, columns)).map((sum) => sum / taken);
  await pause();
  const basis = await principalBasis(covariance, columns, kernels, pause);
  const data = new Float32Array(rows * columns);
  const block = new Float32Array(Math.min(BLOCK_ROWS, rows) * columns);
  for (let start = 0; start < rows; start += BLOCK_ROWS) {
    const here = Math.min(BLOCK_ROWS, rows - start);
    centre(features, mean, start, here, block, 0);
    const x = kernels.hold(block.subarray(0, here * columns), here, columns);
    try {
      data.set(await x.times(basis, columns), start * columns);
    } finally {
      x.dispose();
    }
    await pause();
  }
  const design = { rows, columns, centred: data, offset: new Float64Array(columns), scaler: null };
  return { design, variances: variancesOf(data, columns, known), kernels };
}

/** An orthogonal matrix [columns, columns] whose first columns are near to the principal directions. */
async function principalBasis(
  covariance: Float32Array,
  columns: number,
  kernels: Kernels,
  pause: () => Promise<void>,
): Promise<Float32Array> {
  const count = Math.min(DIRECTIONS, columns);
  const random = seededRandom(0);
  const matrix = kernels.hold(covariance, columns, columns);
  const times = (vectors: Float32Array): Promise<Float32Array> => matrix.times(vectors, count);
  try {
    let vectors: Float32Array = Float32Array.from({ length: columns * count }, () =>
      random.normal(),
    );
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      vectors = Float32Array.from(orthogonalise(await times(vectors), columns, count).columns());
      await pause();
    }
    vectors = await ritz(vectors, await times(vectors), columns, count, pause);
    const reflections: Reflections = orthogonalise(vectors, columns, count);
    return await reflections.whole(kernels);
  } finally {
    matrix.dispose();
  }
}

/** The vectors of their span in which the covariance is diagonal; `images` is covariance · vectors. */
async function ritz(
  vectors: Float32Array,
  images: Float32Array,
  columns: number,
  count: number,
  pause: () => Promise<void>,
): Promise<Float32Array> {
  const small = new Float64Array(count * count);
  for (let j = 0; j < columns; j++)
    for (let a = 0; a < count; a++) {
      const value = vectors[j * count + a]!;
      for (let b = 0; b < count; b++) small[a * count + b]! += value * images[j * count + b]!;
    }
  const units = Array.from({ length: count }, (_, i) => new Float64Array(count).fill(1, i, i + 1));
  const { along } = await spectrum(small, count, units, pause);
  const turned = new Float32Array(columns * count);
  for (let j = 0; j < columns; j++)
    for (let a = 0; a < count; a++) {
      const value = vectors[j * count + a]!;
      const row = along[a]!;
      for (let b = 0; b < count; b++) turned[j * count + b]! += value * row[b]!;
    }
  return turned;
}

function meanOf({ columns, data }: Matrix, rows: Int32Array): Float64Array {
  const mean = new Float64Array(columns);
  for (const row of rows) for (let j = 0; j < columns; j++) mean[j]! += data[row * columns + j]!;
  return mean.map((sum) => sum / rows.length);
}

function variancesOf(data: Float32Array, columns: number, rows: Int32Array): Float64Array {
  const squares = new Float64Array(columns);
  for (const row of rows)
    for (let j = 0; j < columns; j++) squares[j]! += data[row * columns + j]! ** 2;
  return squares.map((sum) => sum / rows.length);
}

/** Rows less the mean, written from `at` on. */
function centre(
  { columns, data }: Matrix,
  mean: Float64Array,
  first: number,
  rows: number,
  into: Float32Array,
  at: number,
): void {
  for (let i = 0; i < rows; i++) {
    const from = (first + i) * columns;
    const to = at + i * columns;
    for (let j = 0; j < columns; j++) into[to + j] = data[from + j]! - mean[j]!;
  }
}
