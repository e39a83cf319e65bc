/**
 * The two matrix products of a linear model, on tfjs: logits = X·W and gradient = Xᵀ·R, in float32.
 *
 * X is kept in blocks of rows, each beside its transpose: tfjs' WASM backend reaches its fast kernels
 * only for un-transposed, un-batched `matMul`. Sums over blocks are taken in float64, which also keeps
 * the error of long float32 sums down.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { TensorBackendName } from '../../platform';
import type { Design } from './design';
import { tf } from './tensorflow';

/** Multiplications in one block's product: some 10 ms on WASM, so that a stop is heard. */
const BLOCK_WORK = 1e8;
const MOST_BLOCK_ROWS = 4096;
/** On a GPU each block costs two waits for the device, so blocks are larger. */
const MOST_BLOCK_ROWS_GPU = 16384;

interface Block {
  readonly start: number;
  readonly rows: number;
  readonly x: TensorFlow.Tensor2D;
  readonly transposed: TensorFlow.Tensor2D;
}

/** Turns the logits of some rows into residuals: [rows, width], in place. */
export type BlockVisitor = (start: number, rows: number, logits: Float32Array) => void;

export class Products {
  readonly #columns: number;
  readonly #blocks: Block[] = [];

  /** @param width columns of W at most. tfjs must be loaded, the backend the current one, and stay it. */
  constructor(design: Design, width: number, backend: TensorBackendName) {
    const { rows, columns, centred } = design;
    this.#columns = columns;
    const most = backend === 'webgpu' ? MOST_BLOCK_ROWS_GPU : MOST_BLOCK_ROWS;
    const wanted = Math.min(most, Math.max(256, Math.floor(BLOCK_WORK / (columns * width))));
    const size = Math.ceil(rows / Math.ceil(rows / wanted));
    for (let start = 0; start < rows; start += size) {
      const here = Math.min(size, rows - start);
      const x = tf.tensor2d(
        centred.subarray(start * columns, (start + here) * columns),
        [here, columns],
        'float32',
      );
      this.#blocks.push({ start, rows: here, x, transposed: tf.transpose(x) });
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
    const w = tf.tensor2d(weights, [this.#columns, width], 'float32');
    try {
      for (const block of this.#blocks) {
        const logits = await take(tf.matMul(block.x, w));
        visit(block.start, block.rows, logits);
        const residuals = tf.tensor2d(logits, [block.rows, width], 'float32');
        try {
          const part = await take(tf.matMul(block.transposed, residuals));
          for (let i = 0; i < part.length; i++) gradient[i]! += part[i]!;
        } finally {
          residuals.dispose();
        }
        await pause();
      }
    } finally {
      w.dispose();
    }
    return gradient;
  }

  /**
   * @param weights [columns, width].
   * @param intercepts [width].
   * @param result becomes X·W and the intercepts, [rows, width].
   */
  async forward(
    weights: Float32Array,
    intercepts: Float64Array,
    width: number,
    result: Float64Array,
  ): Promise<void> {
    const w = tf.tensor2d(weights, [this.#columns, width], 'float32');
    try {
      for (const { start, rows, x } of this.#blocks) {
        const product = await take(tf.matMul(x, w));
        for (let row = 0, from = 0, to = start * width; row < rows; row++)
          for (let k = 0; k < width; k++, from++, to++)
            result[to] = product[from]! + intercepts[k]!;
      }
    } finally {
      w.dispose();
    }
  }

  /**
   * @param residuals [rows, width].
   * @param sums Xᵀ·R is added to its beginning, [columns, width].
   */
  async backward(residuals: Float32Array, width: number, sums: Float64Array): Promise<void> {
    for (const { start, rows, transposed } of this.#blocks) {
      const part = residuals.subarray(start * width, (start + rows) * width);
      const r = tf.tensor2d(part, [rows, width], 'float32');
      try {
        const product = await take(tf.matMul(transposed, r));
        for (let i = 0; i < product.length; i++) sums[i]! += product[i]!;
      } finally {
        r.dispose();
      }
    }
  }

  dispose(): void {
    for (const { x, transposed } of this.#blocks) {
      x.dispose();
      transposed.dispose();
    }
    this.#blocks.length = 0;
  }
}

/** Gram matrix AᵀA of `rows` x `columns` values, [columns, columns]. */
export async function gram(a: Float32Array, rows: number, columns: number): Promise<Float32Array> {
  const x = tf.tensor2d(a, [rows, columns], 'float32');
  const transposed = tf.transpose(x);
  try {
    return await take(tf.matMul(transposed, x));
  } finally {
    x.dispose();
    transposed.dispose();
  }
}

/** A square matrix kept on the device, applied to a few columns at a time. */
export class SquareMap {
  readonly #matrix: TensorFlow.Tensor2D;
  readonly #size: number;

  constructor(values: Float32Array, size: number) {
    this.#matrix = tf.tensor2d(values, [size, size], 'float32');
    this.#size = size;
  }

  /** @param vectors [size, width]. */
  async apply(vectors: Float32Array, width: number): Promise<Float32Array> {
    const v = tf.tensor2d(vectors, [this.#size, width], 'float32');
    try {
      return await take(tf.matMul(this.#matrix, v));
    } finally {
      v.dispose();
    }
  }

  dispose(): void {
    this.#matrix.dispose();
  }
}

/** Reads a tensor back and frees it. */
async function take(tensor: TensorFlow.Tensor): Promise<Float32Array> {
  try {
    return await tensor.data<'float32'>();
  } finally {
    tensor.dispose();
  }
}
