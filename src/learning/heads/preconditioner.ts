/**
 * An approximate inverse of the objective's Hessian: (curvature · covariance + penalty · I)⁻¹ for every
 * class. Embeddings have a few strong directions and many weak ones; measured in this metric they are
 * nearly alike, so L-BFGS needs a tenth of the iterations. It changes the path, never the optimum.
 */
import type { Design } from './design';
import { gram, type HeldMatrix, type Kernels } from './kernels';

/** Rows a column that are enough to know the covariance well for this purpose. */
const ROWS_A_COLUMN = 4;

/** Weighted covariance of (at most 4 rows a column of) the centred features, [columns, columns]. */
export async function covariance(
  design: Design,
  weights: Float64Array,
  kernels: Kernels,
): Promise<Float64Array> {
  const { rows, columns, centred } = design;
  const taken = Math.min(rows, Math.max(256, ROWS_A_COLUMN * columns));
  const sample = new Float32Array(taken * columns);
  let total = 0;
  for (let i = 0; i < taken; i++) {
    const row = Math.floor((i * rows) / taken);
    const weight = weights[row]!;
    const root = Math.sqrt(weight);
    total += weight;
    for (let j = 0; j < columns; j++) sample[i * columns + j] = root * centred[row * columns + j]!;
  }
  return Float64Array.from(await gram(kernels, sample, taken, columns), (value) => value / total);
}

/** An approximate inverse of a Hessian. */
export interface Preconditioner {
  /** @param vector [columns + 1, outputs], intercepts last; left as it is. */
  apply(vector: Float32Array, outputs: number): Promise<Float32Array>;
  dispose(): void;
}

export class DensePreconditioner implements Preconditioner {
  readonly #inverse: HeldMatrix;

  private constructor(inverse: HeldMatrix) {
    this.#inverse = inverse;
  }

  /**
   * @param covariance [size, size].
   * @param curvature mean p(1 - p) an output.
   * @param penalty what multiplies 0.5 ||w||² in the mean objective.
   */
  static async create(
    covariance: Float64Array,
    size: number,
    curvature: number,
    penalty: number,
    kernels: Kernels,
    pause: () => Promise<void>,
  ): Promise<DensePreconditioner> {
    const lower = cholesky(covariance, size, curvature, penalty);
    await pause();
    const inverseLower = Float32Array.from(invertLower(lower, size));
    await pause();
    // (L Lᵀ)⁻¹ = L⁻ᵀ L⁻¹.
    const ofWeights = await gram(kernels, inverseLower, size, size);
    // Of centred features the intercepts stand for themselves.
    const inverse = new Float32Array((size + 1) ** 2);
    for (let i = 0; i < size; i++)
      inverse.set(ofWeights.subarray(i * size, (i + 1) * size), i * (size + 1));
    inverse[inverse.length - 1] = 1 / curvature;
    return new DensePreconditioner(kernels.hold(inverse, size + 1, size + 1));
  }

  apply(vector: Float32Array, outputs: number): Promise<Float32Array> {
    return this.#inverse.times(vector, outputs);
  }

  dispose(): void {
    this.#inverse.dispose();
  }
}

/** The same where the columns are uncorrelated: a division. */
export class DiagonalPreconditioner {
  readonly #inverse: Float64Array;
  readonly #curvature: number;

  /** @param variances of the columns; the rest as for `DensePreconditioner.create`. */
  constructor(variances: Float64Array, curvature: number, penalty: number) {
    this.#inverse = variances.map((variance) => 1 / (curvature * variance + penalty));
    this.#curvature = curvature;
  }

  /** @param vector [size + 1, outputs], intercepts last; left as it is. */
  apply(vector: Float64Array, outputs: number): Float64Array {
    const size = this.#inverse.length;
    const result = vector.slice();
    for (let j = 0, at = 0; j < size; j++)
      for (let k = 0; k < outputs; k++, at++) result[at]! *= this.#inverse[j]!;
    for (let k = 0; k < outputs; k++) result[size * outputs + k]! /= this.#curvature;
    return result;
  }
}

/** Inverse of a symmetric positive definite matrix, [size, size]. */
export function invertSymmetric(matrix: Float64Array, size: number): Float64Array {
  const lower = invertLower(cholesky(matrix, size, 1, 0), size);
  const inverse = new Float64Array(size * size);
  // (L Lᵀ)⁻¹ = L⁻ᵀ L⁻¹.
  for (let k = 0; k < size; k++)
    for (let i = 0; i <= k; i++) {
      const factor = lower[k * size + i]!;
      for (let j = 0; j <= k; j++) inverse[i * size + j]! += factor * lower[k * size + j]!;
    }
  return inverse;
}

/** Lower factor L of curvature · covariance + penalty · I = L Lᵀ, row-major. */
function cholesky(
  covariance: Float64Array,
  size: number,
  curvature: number,
  penalty: number,
): Float64Array {
  const lower = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const rowI = lower.subarray(i * size, i * size + i + 1);
    for (let j = 0; j <= i; j++) {
      const rowJ = lower.subarray(j * size, j * size + j + 1);
      // Two sums, so that the additions need not wait for each other.
      let sum = curvature * covariance[i * size + j]! + (i === j ? penalty : 0);
      let other = 0;
      let k = 0;
      for (; k + 1 < j; k += 2) {
        sum -= rowI[k]! * rowJ[k]!;
        other += rowI[k + 1]! * rowJ[k + 1]!;
      }
      if (k < j) sum -= rowI[k]! * rowJ[k]!;
      sum -= other;
      // Float32 sums can leave the Gram matrix a hair below positive definite.
      rowI[j] = i === j ? Math.sqrt(Math.max(sum, penalty * 1e-3)) : sum / rowJ[j]!;
    }
  }
  return lower;
}

/** Inverse of a lower triangular matrix, row by row. */
function invertLower(lower: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const own = inverse.subarray(i * size, i * size + i + 1);
    for (let k = 0; k < i; k++) {
      const factor = lower[i * size + k]!;
      const row = inverse.subarray(k * size, k * size + k + 1);
      for (let j = 0; j <= k; j++) own[j]! -= factor * row[j]!;
    }
    const diagonal = 1 / lower[i * size + i]!;
    for (let j = 0; j < i; j++) own[j]! *= diagonal;
    own[i] = diagonal;
  }
  return inverse;
}
