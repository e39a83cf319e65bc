/**
 * Many rows scored again and again by heads that change: the features are handed to tfjs once, and each scoring is
 * one un-transposed product a block of rows. Probabilities come out in 32-bit floats.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { Matrix } from './types';
import type { WarmHead } from './refit';
import { tf } from './tensorflow';

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
    const w = tf.tensor2d(weights, [this.#columns, bias.length], 'float32');
    const result = await this.#times(w);
    if (several) sigmoids(result, bias);
    else softmaxes(result, bias);
    return result;
  }

  /**
   * @param others [count, columns].
   * @returns [rows, count] row-major: the product of each row with each of the others.
   */
  async products({ rows, data }: Matrix): Promise<Float32Array> {
    const others = tf.tensor2d(data, [rows, this.#columns], 'float32');
    const turned = tf.transpose(others);
    others.dispose();
    return this.#times(turned);
  }

  /** Frees the matrix. */
  async #times(matrix: TensorFlow.Tensor2D): Promise<Float32Array> {
    const width = matrix.shape[1];
    const result = new Float32Array(this.rows * width);
    try {
      let at = 0;
      for (const block of this.#blocks) {
        const product = tf.matMul(block, matrix);
        try {
          result.set(await product.data<'float32'>(), at);
        } finally {
          product.dispose();
        }
        at += block.shape[0] * width;
      }
    } finally {
      matrix.dispose();
    }
    return result;
  }

  dispose(): void {
    for (const block of this.#blocks) block.dispose();
    this.#blocks.length = 0;
  }
}

function softmaxes(values: Float32Array, bias: Float64Array): void {
  const classes = bias.length;
  for (let from = 0; from < values.length; from += classes) {
    let largest = -Infinity;
    for (let k = 0; k < classes; k++) {
      const logit = values[from + k]! + bias[k]!;
      values[from + k] = logit;
      if (logit > largest) largest = logit;
    }
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const e = Math.exp(values[from + k]! - largest);
      values[from + k] = e;
      sum += e;
    }
    for (let k = 0; k < classes; k++) values[from + k]! /= sum;
  }
}

function sigmoids(values: Float32Array, bias: Float64Array): void {
  const classes = bias.length;
  for (let at = 0; at < values.length; at++) {
    values[at] = 1 / (1 + Math.exp(-(values[at]! + bias[at % classes]!)));
  }
}
