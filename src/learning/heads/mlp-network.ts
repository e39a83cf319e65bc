/**
 * The network of the MLP probe on tfjs: features → ReLU units → softmax or sigmoids, its gradient written
 * out, its steps Adam's. Loss, penalty and updates are those of scikit-learn's `MLPClassifier` (solver adam).
 *
 * All weights are one vector, [W1, W2, b1, b2]: Adam is then a dozen kernels a step, not a dozen for each.
 * Matrix products are un-transposed, which is what tfjs' WASM backend is fast at.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core';
import { tf } from './tensorflow';

/** Adam's constants, as scikit-learn's defaults (Kingma & Ba 2015). */
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;
/** Steps whose loss is gathered on the device before it is read: bounds a GPU's queue. */
const STEPS_A_READ = 64;

export interface MlpShape {
  readonly features: number;
  readonly hidden: number;
  readonly outputs: number;
  /** One class a row over several outputs; a sigmoid for each output else. */
  readonly output: 'softmax' | 'sigmoid';
}

export interface MlpStep {
  /** [rows, features], and 0/1 or shares [rows, outputs], row-major. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** `sample_weight`, [rows]; null: alike. */
  readonly weights: Float32Array | null;
  readonly rows: number;
  readonly alpha: number;
  readonly learning_rate: number;
}

export function weightCount({ features, hidden, outputs }: MlpShape): number {
  return features * hidden + hidden * outputs + hidden + outputs;
}

export class MlpNetwork {
  readonly #shape: MlpShape;
  #weights: TensorFlow.Tensor1D;
  #first: TensorFlow.Tensor1D;
  #second: TensorFlow.Tensor1D;
  #best: TensorFlow.Tensor1D | null = null;
  #loss: TensorFlow.Scalar;
  #steps = 0;
  #unread = 0;

  /** @param start [W1, W2, b1, b2], row-major. tfjs must be loaded, its backend the current one, and stay it. */
  constructor(shape: MlpShape, start: Float32Array) {
    this.#shape = shape;
    this.#weights = tf.tensor1d(start, 'float32');
    this.#first = tf.zeros([start.length]);
    this.#second = tf.zeros([start.length]);
    this.#loss = tf.scalar(0);
  }

  /**
   * One step of Adam on one batch.
   * @returns what the losses summed over rows (with the penalty) have gathered since the last read, or null
   *   when it is not read yet.
   */
  async step(batch: MlpStep): Promise<number | null> {
    this.#steps += 1;
    const t = this.#steps;
    const rate = (batch.learning_rate * Math.sqrt(1 - BETA_2 ** t)) / (1 - BETA_1 ** t);
    const [loss, weights, first, second] = tf.tidy(() => {
      const { loss: own, gradient } = this.#lossAndGradient(batch);
      const m = tf.add(tf.mul(this.#first, BETA_1), tf.mul(gradient, 1 - BETA_1));
      const v = tf.add(tf.mul(this.#second, BETA_2), tf.mul(tf.square(gradient), 1 - BETA_2));
      const move = tf.div(tf.mul(m, rate), tf.add(tf.sqrt(v), EPSILON));
      return [
        tf.add<TensorFlow.Scalar>(this.#loss, own),
        tf.sub<TensorFlow.Tensor1D>(this.#weights, move),
        m as TensorFlow.Tensor1D,
        v as TensorFlow.Tensor1D,
      ] as [TensorFlow.Scalar, TensorFlow.Tensor1D, TensorFlow.Tensor1D, TensorFlow.Tensor1D];
    });
    tf.dispose([this.#loss, this.#weights, this.#first, this.#second]);
    this.#loss = loss;
    this.#weights = weights;
    this.#first = first;
    this.#second = second;
    this.#unread += 1;
    return this.#unread < STEPS_A_READ ? null : await this.readLoss();
  }

  /** What the losses have gathered since the last read. */
  async readLoss(): Promise<number> {
    const [value = NaN] = await this.#loss.data<'float32'>();
    this.#loss.dispose();
    this.#loss = tf.scalar(0);
    this.#unread = 0;
    return value;
  }

  /** Before softmax or sigmoid, [rows, outputs]. */
  async logits(x: Float32Array, rows: number): Promise<Float32Array> {
    const { features } = this.#shape;
    const logits = tf.tidy(() => {
      const [w1, w2, b1, b2] = this.#parts();
      const input = tf.tensor2d(x, [rows, features], 'float32');
      return tf.add(tf.matMul(tf.relu(tf.add(tf.matMul(input, w1), b1)), w2), b2);
    });
    try {
      return await logits.data<'float32'>();
    } finally {
      logits.dispose();
    }
  }

  /** Remembers the weights as they are now. */
  keep(): void {
    this.#best?.dispose();
    this.#best = tf.clone(this.#weights);
  }

  /** The weights that were kept last, else the newest: [W1, W2, b1, b2]. */
  async weights(): Promise<Float32Array> {
    return await (this.#best ?? this.#weights).data<'float32'>();
  }

  dispose(): void {
    tf.dispose([this.#weights, this.#first, this.#second, this.#loss]);
    this.#best?.dispose();
    this.#best = null;
  }

  /** W1, W2, b1, b2. Within a tidy. */
  #parts(): [TensorFlow.Tensor2D, TensorFlow.Tensor2D, TensorFlow.Tensor1D, TensorFlow.Tensor1D] {
    const { features, hidden, outputs } = this.#shape;
    const sizes = [features * hidden, hidden * outputs, hidden, outputs];
    const [w1, w2, b1, b2] = tf.split(this.#weights, sizes) as [
      TensorFlow.Tensor1D,
      TensorFlow.Tensor1D,
      TensorFlow.Tensor1D,
      TensorFlow.Tensor1D,
    ];
    return [tf.reshape(w1, [features, hidden]), tf.reshape(w2, [hidden, outputs]), b1, b2];
  }

  /** Mean loss with the penalty, times the rows; its mean's gradient, in the weights' order. */
  #lossAndGradient({ x, y, weights, rows, alpha }: MlpStep): {
    loss: TensorFlow.Scalar;
    gradient: TensorFlow.Tensor1D;
  } {
    const { features, outputs, output } = this.#shape;
    const [w1, w2, b1, b2] = this.#parts();
    const input = tf.tensor2d(x, [rows, features], 'float32');
    const target = tf.tensor2d(y, [rows, outputs], 'float32');
    const units = tf.relu(tf.add<TensorFlow.Tensor2D>(tf.matMul(input, w1), b1));
    const logits = tf.add<TensorFlow.Tensor2D>(tf.matMul(units, w2), b2);
    const { probabilities, losses } = (output === 'softmax' ? softmaxLoss : sigmoidLoss)(
      logits,
      target,
    );
    const each = weights === null ? null : tf.tensor2d(weights, [rows, 1], 'float32');
    const total = weights === null ? rows : weights.reduce((sum, weight) => sum + weight, 0);
    const weighed = (values: TensorFlow.Tensor2D): TensorFlow.Tensor2D =>
      each === null ? values : tf.mul(values, each);
    const errors = tf.sub<TensorFlow.Tensor2D>(probabilities, target);
    const delta2 = tf.div<TensorFlow.Tensor2D>(weighed(errors), total);
    const back = tf.matMul(delta2, tf.transpose(w2));
    const delta1 = tf.mul<TensorFlow.Tensor2D>(back, tf.step(units));
    const penalised = tf.concat1d([flat(w1), flat(w2)]);
    const products = tf.concat1d([
      flat(tf.matMul(tf.transpose(input), delta1)),
      flat(tf.matMul(tf.transpose(units), delta2)),
    ]);
    const gradient = tf.concat1d([
      tf.add<TensorFlow.Tensor1D>(products, tf.mul(penalised, alpha / total)),
      tf.sum<TensorFlow.Tensor1D>(delta1, 0),
      tf.sum<TensorFlow.Tensor1D>(delta2, 0),
    ]);
    const penalty = tf.mul<TensorFlow.Scalar>(tf.sum(tf.square(penalised)), 0.5 * alpha);
    const loss = tf.add<TensorFlow.Scalar>(tf.sum(weighed(losses)), penalty);
    return { loss: weights === null ? loss : tf.mul(loss, rows / total), gradient };
  }
}

interface OutputLoss {
  readonly probabilities: TensorFlow.Tensor2D;
  /** Of each row, [rows, 1], or of each of its outputs, [rows, outputs]. */
  readonly losses: TensorFlow.Tensor2D;
}

function softmaxLoss(logits: TensorFlow.Tensor2D, target: TensorFlow.Tensor2D): OutputLoss {
  const centred = tf.sub(logits, tf.max(logits, 1, true));
  const exponentials = tf.exp(centred);
  const sums = tf.sum(exponentials, 1, true);
  return {
    probabilities: tf.div(exponentials, sums),
    losses: tf.sub(tf.log(sums), tf.sum(tf.mul(target, centred), 1, true)),
  };
}

/** log(1 + e^z) - y z, written so that it never overflows. */
function sigmoidLoss(logits: TensorFlow.Tensor2D, target: TensorFlow.Tensor2D): OutputLoss {
  const small = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  const each = tf.sub<TensorFlow.Tensor2D>(tf.add(tf.relu(logits), small), tf.mul(target, logits));
  return { probabilities: tf.sigmoid(logits), losses: each };
}

function flat(matrix: TensorFlow.Tensor2D): TensorFlow.Tensor1D {
  return tf.reshape(matrix, [matrix.size]);
}
