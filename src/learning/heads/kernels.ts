/**
 * What linear heads compute with: products of matrices of 32-bit floats, and probabilities. On tfjs' WASM or WebGPU
 * (`TensorKernels`), or on ONNX Runtime's native code where there is some (`OnnxKernels`).
 */

/** `softmax`: of one label among the outputs; `sigmoid`: of each output for itself. */
export type Activation = 'softmax' | 'sigmoid';

export interface Kernels {
  /** For reports: the tfjs backend, or `onnxruntime`. */
  readonly name: string;
  /** Where results are asked for in blocks of rows, how many of them at most. */
  readonly mostRows: number;
  /** @param values [rows, columns] row-major, which stay as they are until it is disposed of. */
  hold(values: Float32Array, rows: number, columns: number): HeldMatrix;
  /** @param logits [rows, outputs], left as they are. */
  probabilities(
    activation: Activation,
    logits: Float32Array,
    outputs: number,
  ): Promise<Float32Array>;
}

/**
 * A matrix X of [rows, columns] that others are multiplied by, many times. What is handed in stays as it is until the
 * answer is there.
 */
export interface HeldMatrix {
  readonly rows: number;
  readonly columns: number;
  /** X·B: [rows, width]. @param right B, [columns, width]. */
  times(right: Float32Array, width: number): Promise<Float32Array>;
  /** Xᵀ·B: [columns, width]. @param right B, [rows, width]. */
  transposedTimes(right: Float32Array, width: number): Promise<Float32Array>;
  /**
   * The activation of X·W + b: [rows, width].
   * @param weights W, [columns, width].
   * @param bias b, [width].
   */
  predictProbabilities(
    activation: Activation,
    weights: Float32Array,
    bias: Float32Array,
    width: number,
  ): Promise<Float32Array>;
  /** Frees it; twice is harmless. */
  dispose(): void;
}

/** Gram matrix AᵀA of `rows` x `columns` values, [columns, columns]. */
export async function gram(
  kernels: Kernels,
  a: Float32Array,
  rows: number,
  columns: number,
): Promise<Float32Array> {
  const held = kernels.hold(a, rows, columns);
  try {
    return await held.transposedTimes(a, columns);
  } finally {
    held.dispose();
  }
}
