/**
 * Many rows scored again and again by heads that change: the features are handed to tfjs once, and each scoring is
 * one un-transposed product a block of rows. Probabilities come out in 32-bit floats.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import { activated, type Activation } from './probabilities';
import type { WarmHead } from './refit';
import { tf } from './tensorflow';
import type { Matrix } from './types';

const BLOCK_ROWS = 4096;

export class ScoredRows {
  readonly rows: number;
  readonly #columns: number;
  readonly #blocks: TensorFlow.Tensor2D[] = [];

  /** tfjs must be loaded, the backend the current one, and be it again at each scoring. */
  constructor({ rows, columns, data }: Matrix) {
    this.rows = rows;
    this.#columns = columns;
    for (let start = 0; start < rows; start += BLOCK_ROWS) {
      const here = Math.min(BLOCK_ROWS, rows - start);
      const part = data.subarray(start * columns, (start + here) * columns);
      this.#blocks.push(tf.tensor2d(part, [here, columns], 'float32'));
    }
  }

  /**
   * @returns [rows, classes] row-major: rows sum to 1, or of several labels each has its own probability.
   */
  async probabilities({ weights, bias }: WarmHead, several: boolean): Promise<Float32Array> {
    const activation: Activation = several ? 'sigmoid' : 'softmax';
    const shift = tf.tensor1d(Float32Array.from(bias), 'float32');
    const w = tf.tensor2d(weights, [this.#columns, bias.length], 'float32');
    try {
      return await this.#each(w, async (product) => {
        const logits = tf.add<TensorFlow.Tensor2D>(product, shift);
        try {
          return await activated(activation, logits);
        } finally {
          logits.dispose();
        }
      });
    } finally {
      shift.dispose();
      w.dispose();
    }
  }

  /**
   * @param others [count, columns].
   * @returns [rows, count] row-major: the product of each row with each of the others.
   */
  async products({ rows, data }: Matrix): Promise<Float32Array> {
    const others = tf.tensor2d(data, [rows, this.#columns], 'float32');
    const turned = tf.transpose(others);
    others.dispose();
    try {
      return await this.#each(turned, (product) => product.data<'float32'>());
    } finally {
      turned.dispose();
    }
  }

  /** What is made of each block times the matrix, one after the other. */
  async #each(
    matrix: TensorFlow.Tensor2D,
    make: (product: TensorFlow.Tensor2D) => Promise<Float32Array>,
  ): Promise<Float32Array> {
    const result = new Float32Array(this.rows * matrix.shape[1]);
    let at = 0;
    for (const block of this.#blocks) {
      const product: TensorFlow.Tensor2D = tf.matMul(block, matrix);
      try {
        const made = await make(product);
        result.set(made, at);
        at += made.length;
      } finally {
        product.dispose();
      }
    }
    return result;
  }

  dispose(): void {
    for (const block of this.#blocks) block.dispose();
    this.#blocks.length = 0;
  }
}
