/**
 * Products and probabilities on tfjs. Its WASM backend reaches its fast kernels only for un-transposed, un-batched
 * `matMul`, so a transpose is made once and kept.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { TensorBackendName } from '../../platform';
import type { Activation, HeldMatrix, Kernels } from './kernels';
import { tf } from './tensorflow';

const MOST_ROWS = 4096;
/** On a GPU each block costs two waits for the device, so blocks are larger. */
const MOST_ROWS_GPU = 16384;

export class TensorKernels implements Kernels {
  readonly name: TensorBackendName;
  readonly mostRows: number;

  /** @param backend of tfjs, which must be loaded: the current one whenever something is computed. */
  constructor(backend: TensorBackendName) {
    this.name = backend;
    this.mostRows = backend === 'webgpu' ? MOST_ROWS_GPU : MOST_ROWS;
  }

  hold(values: Float32Array, rows: number, columns: number): HeldMatrix {
    return new TensorMatrix(values, rows, columns);
  }

  async probabilities(
    activation: Activation,
    logits: Float32Array,
    outputs: number,
  ): Promise<Float32Array> {
    const given = tf.tensor2d(logits, [logits.length / outputs, outputs], 'float32');
    return take(given, (tensor) => activated(activation, tensor));
  }
}

class TensorMatrix implements HeldMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly #matrix: TensorFlow.Tensor2D;
  #transposed: TensorFlow.Tensor2D | null = null;

  constructor(values: Float32Array, rows: number, columns: number) {
    this.rows = rows;
    this.columns = columns;
    this.#matrix = tf.tensor2d(values, [rows, columns], 'float32');
  }

  times(right: Float32Array, width: number): Promise<Float32Array> {
    const given = tf.tensor2d(right, [this.columns, width], 'float32');
    return take(given, (tensor) => tf.matMul(this.#matrix, tensor));
  }

  transposedTimes(right: Float32Array, width: number): Promise<Float32Array> {
    const transposed = (this.#transposed ??= tf.transpose(this.#matrix));
    const given = tf.tensor2d(right, [this.rows, width], 'float32');
    return take(given, (tensor) => tf.matMul(transposed, tensor));
  }

  async predictProbabilities(
    activation: Activation,
    weights: Float32Array,
    bias: Float32Array,
    width: number,
  ): Promise<Float32Array> {
    const given = tf.tensor2d(weights, [this.columns, width], 'float32');
    return take(given, (tensor) =>
      tf.tidy(() => activated(activation, tf.add(tf.matMul(this.#matrix, tensor), bias))),
    );
  }

  dispose(): void {
    this.#matrix.dispose();
    this.#transposed?.dispose();
  }
}

function activated(activation: Activation, logits: TensorFlow.Tensor): TensorFlow.Tensor {
  return activation === 'softmax' ? tf.softmax(logits) : tf.sigmoid(logits);
}

/** Reads back what is made of a tensor, and frees both. */
async function take(
  given: TensorFlow.Tensor2D,
  make: (given: TensorFlow.Tensor2D) => TensorFlow.Tensor,
): Promise<Float32Array> {
  try {
    const made = make(given);
    try {
      return await made.data<'float32'>();
    } finally {
      made.dispose();
    }
  } finally {
    given.dispose();
  }
}
