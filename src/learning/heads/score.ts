/**
 * Many rows scored again and again by heads that change: the features are held once, and each scoring is one product a block
 * of rows. Probabilities come out in 32-bit floats.
 */
import { HeadlightError } from '../../base';
import type { HeldMatrix, Kernels } from './kernels';
import type { WarmHead } from './refit';
import type { Matrix } from './types';

export class ScoredRows {
  readonly rows: number;
  readonly #columns: number;
  readonly #blocks: HeldMatrix[] = [];
  #isDisposed = false;

  constructor({ rows, columns, data }: Matrix, kernels: Kernels) {
    this.rows = rows;
    this.#columns = columns;
    for (let start = 0; start < rows; start += kernels.mostRows) {
      const here = Math.min(kernels.mostRows, rows - start);
      const part = data.subarray(start * columns, (start + here) * columns);
      this.#blocks.push(kernels.hold(part, here, columns));
    }
  }

  /**
   * @returns [rows, classes] row-major: rows sum to 1, or of several labels each has its own probability.
   */
  async probabilities({ weights, bias }: WarmHead, several: boolean): Promise<Float32Array> {
    const shift = Float32Array.from(bias);
    const activation = several ? 'sigmoid' : 'softmax';
    return this.#each(bias.length, (block) =>
      block.predictProbabilities(activation, weights, shift, bias.length),
    );
  }

  /**
   * @param others [count, columns].
   * @returns [rows, count] row-major: the product of each row with each of the others.
   */
  async products({ rows, data }: Matrix): Promise<Float32Array> {
    const columns = this.#columns;
    const turned = new Float32Array(data.length);
    for (let i = 0, at = 0; i < rows; i++)
      for (let j = 0; j < columns; j++, at++) turned[j * rows + i] = data[at]!;
    return this.#each(rows, (block) => block.times(turned, rows));
  }

  /** What is made of each block, one after the other. */
  async #each(
    width: number,
    make: (block: HeldMatrix) => Promise<Float32Array>,
  ): Promise<Float32Array> {
    if (this.#isDisposed)
      throw new HeadlightError('internal', 'Rows were scored after they were disposed of.');
    const result = new Float32Array(this.rows * width);
    let at = 0;
    for (const block of this.#blocks) {
      const made = await make(block);
      result.set(made, at);
      at += made.length;
    }
    return result;
  }

  dispose(): void {
    this.#isDisposed = true;
    for (const block of this.#blocks) block.dispose();
  }
}
