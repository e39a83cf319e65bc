/**
 * The networks of MLP probes of one shape on tfjs, stepped together: features → one or more layers of ReLU or sigmoid
 * units, each with dropout → softmax. The gradient is written out, steps are Adam's as PyTorch takes them, the start is
 * that of `torch.nn.Linear`.
 *
 * The weights of a network are one row, [W1, b1, W2, b2, …]: Adam is then a dozen kernels a step for all of them. Matrix
 * products are un-transposed; those of a single network have two dimensions, not three: both is what tfjs' WASM backend
 * is fast at.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { Random } from '../../base';
import { tf } from '../heads';

/** Adam's constants, as PyTorch's defaults (Kingma & Ba 2015). */
const RATE = 1e-3;
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

export interface NetworkShape {
  /** Features, units of each hidden layer, outputs. */
  readonly sizes: readonly number[];
  readonly activation: 'relu' | 'sigmoid';
}

/** What each network steps on: as many rows for all of them. */
export interface NetworkBatch {
  /** [networks, rows, features] row-major. */
  readonly x: Float32Array;
  /** One-hot, [networks, rows, outputs]. */
  readonly y: Float32Array;
  /** Of a network. */
  readonly rows: number;
  /** How much a row counts for in its network's loss, [networks, rows]: 1 / rows for a mean; 0 for one that fills up. */
  readonly weights: Float32Array;
  /** Of each hidden layer [networks, rows, units]: 0 for a unit left out, else 1 / (1 - dropout); null: all stay. */
  readonly masks: readonly Float32Array[] | null;
}

/** Uniform in ±1/√inputs, weights and biases, as `torch.nn.Linear` starts. */
export function startOf({ sizes }: NetworkShape, random: Random): Float32Array {
  const parts = sizes.slice(1).flatMap((out, i) => {
    const into = sizes[i]!;
    return [
      { length: into * out, into },
      { length: out, into },
    ];
  });
  const start = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const { length, into } of parts) {
    const bound = 1 / Math.sqrt(into);
    for (let i = 0; i < length; i++, at++) start[at] = (2 * random.next() - 1) * bound;
  }
  return start;
}

interface Layer {
  /** [inputs, outputs] of each network. */
  readonly w: TensorFlow.Tensor;
  /** [1, outputs] of each network. */
  readonly b: TensorFlow.Tensor;
}

/** Of a batch: what came in at each layer, what its errors are multiplied by on their way back, and what came out. */
interface Forward {
  readonly layers: readonly Layer[];
  readonly inputs: readonly TensorFlow.Tensor[];
  readonly slopes: readonly TensorFlow.Tensor[];
  readonly logits: TensorFlow.Tensor;
}

export class ProbeNetworks {
  readonly #shape: NetworkShape;
  #count: number;
  /** [networks, parameters], as the two that follow. */
  #weights: TensorFlow.Tensor2D;
  #first: TensorFlow.Tensor2D;
  #second: TensorFlow.Tensor2D;
  #steps = 0;

  /**
   * @param starts of each network [W1, b1, W2, b2, …], each W [inputs, outputs]. tfjs must be loaded, its backend
   *   current, and stay it.
   */
  constructor(shape: NetworkShape, starts: readonly Float32Array[]) {
    const length = starts[0]?.length ?? 0;
    this.#shape = shape;
    this.#count = starts.length;
    const all = new Float32Array(starts.length * length);
    starts.forEach((start, at) => {
      all.set(start, at * length);
    });
    this.#weights = tf.tensor2d(all, [starts.length, length], 'float32');
    this.#first = tf.zeros([starts.length, length]);
    this.#second = tf.zeros([starts.length, length]);
  }

  /** One step of Adam on the cross-entropy of a batch, of all networks. */
  step(batch: NetworkBatch): void {
    this.#steps += 1;
    const rate = RATE / (1 - BETA_1 ** this.#steps);
    const scale = 1 / Math.sqrt(1 - BETA_2 ** this.#steps);
    const moved = tf.tidy(() => {
      const gradient = this.#gradient(this.#forward(batch), batch);
      const m = tf.add(tf.mul(this.#first, BETA_1), tf.mul(gradient, 1 - BETA_1));
      const v = tf.add(tf.mul(this.#second, BETA_2), tf.mul(tf.square(gradient), 1 - BETA_2));
      const move = tf.div(tf.mul(m, rate), tf.add(tf.mul(tf.sqrt(v), scale), EPSILON));
      return [tf.sub(this.#weights, move), m, v] as [
        TensorFlow.Tensor2D,
        TensorFlow.Tensor2D,
        TensorFlow.Tensor2D,
      ];
    });
    this.#replace(moved);
  }

  /** Cross-entropy of a batch summed over the networks, and its gradient in the weights' order; nothing moves. */
  async gradient(batch: NetworkBatch): Promise<{ loss: number; gradient: Float32Array }> {
    const { loss, gradient } = tf.tidy(() => {
      const forward = this.#forward(batch);
      const target = this.#tensor(batch.y, batch.rows, this.#shape.sizes.at(-1) ?? 0);
      const centred = tf.sub(forward.logits, tf.max(forward.logits, -1, true));
      const logSums = tf.log(tf.sum(tf.exp(centred), -1, true));
      const losses = tf.sub(logSums, tf.sum(tf.mul(target, centred), -1, true));
      return {
        loss: tf.sum(tf.mul(losses, this.#tensor(batch.weights, batch.rows, 1))),
        gradient: this.#gradient(forward, batch),
      };
    });
    try {
      return {
        loss: (await loss.data<'float32'>())[0]!,
        gradient: await gradient.data<'float32'>(),
      };
    } finally {
      tf.dispose([loss, gradient]);
    }
  }

  /** Of all networks before softmax, without dropout, [networks, rows, outputs]. @param x [networks, rows, features]. */
  async logits(x: Float32Array, rows: number): Promise<Float32Array> {
    const logits = tf.tidy(() => {
      const layers = this.#layers();
      let values = this.#tensor(x, rows, this.#shape.sizes[0]!);
      for (const [i, { w, b }] of layers.entries()) {
        const sums = tf.add(tf.matMul(values, w), b);
        values = i === layers.length - 1 ? sums : this.#activate(sums);
      }
      return values;
    });
    try {
      return await logits.data<'float32'>();
    } finally {
      logits.dispose();
    }
  }

  /** Of one network. */
  async weights(network: number): Promise<Float32Array> {
    const row = tf.tidy(() => tf.slice(this.#weights, [network, 0], [1, this.#weights.shape[1]]));
    try {
      return await row.data<'float32'>();
    } finally {
      row.dispose();
    }
  }

  /** Waits until the device has done what it was given. */
  async settle(): Promise<void> {
    const value = tf.tidy(() => tf.slice(this.#weights, [0, 0], [1, 1]));
    try {
      await value.data();
    } finally {
      value.dispose();
    }
  }

  /** Goes on with some of the networks, which then count from 0 in this order. */
  keep(networks: readonly number[]): void {
    const kept = tf.tidy(() => {
      const which = tf.tensor1d([...networks], 'int32');
      return [this.#weights, this.#first, this.#second].map((of) => tf.gather(of, which)) as [
        TensorFlow.Tensor2D,
        TensorFlow.Tensor2D,
        TensorFlow.Tensor2D,
      ];
    });
    this.#count = networks.length;
    this.#replace(kept);
  }

  dispose(): void {
    tf.dispose([this.#weights, this.#first, this.#second]);
  }

  #replace(by: [TensorFlow.Tensor2D, TensorFlow.Tensor2D, TensorFlow.Tensor2D]): void {
    this.dispose();
    [this.#weights, this.#first, this.#second] = by;
  }

  /** [rows, columns] of each network. */
  #shapeOf(rows: number, columns: number): number[] {
    return this.#count === 1 ? [rows, columns] : [this.#count, rows, columns];
  }

  #tensor(values: Float32Array, rows: number, columns: number): TensorFlow.Tensor {
    return tf.tensor(values, this.#shapeOf(rows, columns), 'float32');
  }

  /** Within a tidy. */
  #layers(): Layer[] {
    const { sizes } = this.#shape;
    const lengths = sizes.slice(1).flatMap((out, i) => [sizes[i]! * out, out]);
    const parts = tf.split<TensorFlow.Tensor2D>(this.#weights, lengths, 1);
    return sizes.slice(1).map((out, i) => ({
      w: tf.reshape(parts[2 * i]!, this.#shapeOf(sizes[i]!, out)),
      b: tf.reshape(parts[2 * i + 1]!, this.#shapeOf(1, out)),
    }));
  }

  #activate(sums: TensorFlow.Tensor): TensorFlow.Tensor {
    return this.#shape.activation === 'relu' ? tf.relu(sums) : tf.sigmoid(sums);
  }

  /** The activation's derivative, from its value. */
  #slope(units: TensorFlow.Tensor): TensorFlow.Tensor {
    return this.#shape.activation === 'relu'
      ? tf.step(units)
      : tf.mul(units, tf.sub<TensorFlow.Tensor>(1, units));
  }

  /** Within a tidy. */
  #forward({ x, rows, masks }: NetworkBatch): Forward {
    const { sizes } = this.#shape;
    const layers = this.#layers();
    const last = layers.length - 1;
    const inputs = [this.#tensor(x, rows, sizes[0]!)];
    const slopes: TensorFlow.Tensor[] = [];
    for (const [i, { w, b }] of layers.slice(0, last).entries()) {
      const units = this.#activate(tf.add(tf.matMul(inputs[i]!, w), b));
      const given = masks?.[i];
      const mask = given === undefined ? null : this.#tensor(given, rows, sizes[i + 1]!);
      const slope = this.#slope(units);
      slopes.push(mask === null ? slope : tf.mul(slope, mask));
      inputs.push(mask === null ? units : tf.mul(units, mask));
    }
    const { w, b } = layers[last]!;
    return { layers, inputs, slopes, logits: tf.add(tf.matMul(inputs[last]!, w), b) };
  }

  /** Within a tidy, [networks, parameters]. */
  #gradient(
    { layers, inputs, slopes, logits }: Forward,
    { y, rows, weights }: NetworkBatch,
  ): TensorFlow.Tensor2D {
    const last = layers.length - 1;
    const exponentials = tf.exp(tf.sub(logits, tf.max(logits, -1, true)));
    const probabilities = tf.div(exponentials, tf.sum(exponentials, -1, true));
    const target = this.#tensor(y, rows, this.#shape.sizes[last + 1]!);
    let delta = tf.mul(tf.sub(probabilities, target), this.#tensor(weights, rows, 1));
    const swap = this.#count === 1 ? [1, 0] : [0, 2, 1];
    const row = (part: TensorFlow.Tensor) =>
      tf.reshape<TensorFlow.Rank.R2>(part, [this.#count, part.size / this.#count]);
    const parts: TensorFlow.Tensor2D[] = [];
    for (let i = last; i >= 0; i--) {
      const products = tf.matMul(tf.transpose(inputs[i]!, swap), delta);
      parts.unshift(row(products), row(tf.sum(delta, -2)));
      if (i > 0) {
        const back = tf.matMul(delta, tf.transpose(layers[i]!.w, swap));
        delta = tf.mul(back, slopes[i - 1]!);
      }
    }
    return tf.concat(parts, 1);
  }
}
