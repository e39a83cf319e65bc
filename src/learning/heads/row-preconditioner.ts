/**
 * `DensePreconditioner` where there are fewer rows than columns: (c XᵀX / n + penalty · I)⁻¹ by Woodbury's identity, so that a matrix of
 * rows by rows is inverted instead of one of columns by columns. With a hundred labels that is next to nothing.
 */
import type { Design } from './design';
import type { HeldMatrix, Kernels } from './kernels';
import { invertSymmetric, type Preconditioner } from './preconditioner';

export class RowPreconditioner implements Preconditioner {
  readonly #features: HeldMatrix;
  readonly #inverse: HeldMatrix;
  readonly #curvature: number;
  readonly #penalty: number;

  private constructor(
    features: HeldMatrix,
    inverse: HeldMatrix,
    curvature: number,
    penalty: number,
  ) {
    this.#features = features;
    this.#inverse = inverse;
    this.#curvature = curvature;
    this.#penalty = penalty;
  }

  /**
   * @param curvature mean p(1 - p) an output.
   * @param penalty what multiplies 0.5 ||w||² in the mean objective.
   */
  static async create(
    { rows, columns, centred }: Design,
    curvature: number,
    penalty: number,
    kernels: Kernels,
  ): Promise<RowPreconditioner> {
    const turned = new Float32Array(centred.length);
    for (let i = 0, at = 0; i < rows; i++)
      for (let j = 0; j < columns; j++, at++) turned[j * rows + i] = centred[at]!;
    const features = kernels.hold(centred, rows, columns);
    try {
      const inner = Float64Array.from(await features.times(turned, rows));
      for (let i = 0; i < rows; i++) inner[i * rows + i]! += (penalty * rows) / curvature;
      const inverse = Float32Array.from(invertSymmetric(inner, rows));
      return new RowPreconditioner(features, kernels.hold(inverse, rows, rows), curvature, penalty);
    } catch (error) {
      features.dispose();
      throw error;
    }
  }

  async apply(vector: Float32Array, outputs: number): Promise<Float32Array> {
    const weights = vector.subarray(0, this.#features.columns * outputs);
    const ofRows = await this.#features.times(weights, outputs);
    const settled = await this.#inverse.times(ofRows, outputs);
    const pulled = await this.#features.transposedTimes(settled, outputs);
    const result = vector.slice();
    for (let i = 0; i < weights.length; i++) result[i] = (vector[i]! - pulled[i]!) / this.#penalty;
    for (let i = weights.length; i < result.length; i++) result[i]! /= this.#curvature;
    return result;
  }

  dispose(): void {
    this.#features.dispose();
    this.#inverse.dispose();
  }
}
