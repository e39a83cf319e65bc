/**
 * `Preconditioner` where there are fewer rows than columns: (c XᵀX / n + penalty · I)⁻¹ by Woodbury's identity, so that a matrix of
 * rows by rows is inverted instead of one of columns by columns. With a hundred labels that is next to nothing.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { Design } from './design';
import { invertSymmetric, type Metric } from './preconditioner';
import { tf } from './tensorflow';

export class RowPreconditioner implements Metric {
  readonly #features: TensorFlow.Tensor2D;
  readonly #transposed: TensorFlow.Tensor2D;
  readonly #inverse: TensorFlow.Tensor2D;
  readonly #curvature: number;
  readonly #penalty: number;

  private constructor(
    features: TensorFlow.Tensor2D,
    transposed: TensorFlow.Tensor2D,
    inverse: TensorFlow.Tensor2D,
    curvature: number,
    penalty: number,
  ) {
    this.#features = features;
    this.#transposed = transposed;
    this.#inverse = inverse;
    this.#curvature = curvature;
    this.#penalty = penalty;
  }

  /**
   * tfjs must be loaded, and its backend the current one.
   * @param curvature mean p(1 - p) an output.
   * @param penalty what multiplies 0.5 ||w||² in the mean objective.
   */
  static async create(
    { rows, columns, centred }: Design,
    curvature: number,
    penalty: number,
  ): Promise<RowPreconditioner> {
    const features = tf.tensor2d(centred, [rows, columns], 'float32');
    const transposed = tf.transpose(features);
    const product = tf.matMul(features, transposed);
    const inner = Float64Array.from(await product.data());
    product.dispose();
    for (let i = 0; i < rows; i++) inner[i * rows + i]! += (penalty * rows) / curvature;
    const inverse = tf.tensor2d(
      Float32Array.from(invertSymmetric(inner, rows)),
      [rows, rows],
      'float32',
    );
    return new RowPreconditioner(features, transposed, inverse, curvature, penalty);
  }

  async apply(vector: Float64Array, outputs: number): Promise<Float64Array> {
    const columns = this.#features.shape[1];
    const weights = new Float32Array(vector.subarray(0, columns * outputs));
    const given = tf.tensor2d(weights, [columns, outputs], 'float32');
    const ofRows = tf.matMul(this.#features, given);
    const settled = tf.matMul(this.#inverse, ofRows);
    const back = tf.matMul(this.#transposed, settled);
    const pulled = await back.data<'float32'>();
    for (const tensor of [given, ofRows, settled, back]) tensor.dispose();
    const result = vector.slice();
    for (let i = 0; i < weights.length; i++) result[i] = (vector[i]! - pulled[i]!) / this.#penalty;
    for (let i = weights.length; i < result.length; i++) result[i]! /= this.#curvature;
    return result;
  }

  dispose(): void {
    this.#features.dispose();
    this.#transposed.dispose();
    this.#inverse.dispose();
  }
}
