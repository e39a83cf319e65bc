/**
 * The two matrix products of a linear model: logits = X·W and gradient = Xᵀ·R, in 32-bit floats.
 *
 * X is held in blocks of rows. Sums over blocks are taken in float64, which also keeps the error of long float32 sums
 * down.
 */
import type { Design } from './design';
import type { HeldMatrix, Kernels } from './kernels';

/** Multiplications in one block's product: some 10 ms on WASM, so that a stop is heard. */
const BLOCK_WORK = 1e8;

interface Block {
  readonly start: number;
  readonly x: HeldMatrix;
}

/** Turns the logits of some rows into residuals: [rows, width], in place. */
export type BlockVisitor = (start: number, rows: number, logits: Float32Array) => void;

export class Products {
  readonly kernels: Kernels;
  readonly #columns: number;
  readonly #blocks: Block[] = [];

  /** @param width columns of W at most. */
  constructor(design: Design, width: number, kernels: Kernels) {
    const { rows, columns, centred } = design;
    this.kernels = kernels;
    this.#columns = columns;
    const wanted = Math.min(
      kernels.mostRows,
      Math.max(256, Math.floor(BLOCK_WORK / (columns * width))),
    );
    const size = Math.ceil(rows / Math.ceil(rows / wanted));
    for (let start = 0; start < rows; start += size) {
      const here = Math.min(size, rows - start);
      const values = centred.subarray(start * columns, (start + here) * columns);
      this.#blocks.push({ start, x: kernels.hold(values, here, columns) });
    }
  }

  /**
   * @param weights [columns, width].
   * @param visit called for each block with its logits, which it replaces by residuals.
   * @param pause awaited between blocks.
   * @returns Xᵀ·R, [columns, width].
   */
  async gradient(
    weights: Float32Array,
    width: number,
    visit: BlockVisitor,
    pause: () => Promise<void>,
  ): Promise<Float64Array> {
    const gradient = new Float64Array(this.#columns * width);
    for (const { start, x } of this.#blocks) {
      const logits = await x.times(weights, width);
      visit(start, x.rows, logits);
      const part = await x.transposedTimes(logits, width);
      for (let i = 0; i < part.length; i++) gradient[i]! += part[i]!;
      await pause();
    }
    return gradient;
  }

  dispose(): void {
    for (const { x } of this.#blocks) x.dispose();
    this.#blocks.length = 0;
  }
}
