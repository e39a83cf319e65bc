/** The epochs of an MLP probe: batches in order, the loss of each epoch, when to stop and what to keep. */
import { HeadlightError } from '../../base';
import type { MlpNetwork } from './mlp-network';
import type { MlpSettings } from './types';

export interface MlpData {
  /** [rows, columns], and 0/1 or shares [rows, outputs], row-major. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** `sample_weight`, [rows]; null: alike. */
  readonly weights: Float64Array | null;
  readonly columns: number;
  readonly outputs: number;
  /** Rows to train on. */
  readonly train: Int32Array;
  /** Rows that say when to stop; null: the training loss says it. */
  readonly validation: Int32Array | null;
  readonly multiLabel: boolean;
}

export interface MlpTraining {
  readonly lossCurve: readonly number[];
  readonly validationScores: readonly number[] | null;
  /** The epoch whose weights are kept, from 1; null: the last. */
  readonly bestEpoch: number | null;
  readonly converged: boolean;
}

export interface EpochDone {
  /** From 1. */
  readonly epoch: number;
  readonly loss: number;
}

const AUTO_BATCH = 200;
/** Rows predicted at once when an epoch is scored. */
const SCORE_ROWS = 4096;

type Settings = Pick<
  MlpSettings,
  'alpha' | 'learning_rate' | 'batch_size' | 'max_iter' | 'n_iter_no_change' | 'tol'
>;

/**
 * scikit-learn's `_fit_stochastic`, with its stopping rule.
 * @param shuffle reorders the training rows before each epoch, from the order of the epoch before.
 * @yields after each epoch.
 */
export async function* trainMlp(
  network: MlpNetwork,
  data: MlpData,
  settings: Settings,
  shuffle: (order: Int32Array) => void,
  pause: () => Promise<void>,
): AsyncGenerator<EpochDone, MlpTraining, void> {
  const { train, validation } = data;
  const asked = settings.batch_size === 'auto' ? AUTO_BATCH : settings.batch_size;
  const size = Math.min(asked, train.length);
  const order = train.slice();
  const lossCurve: number[] = [];
  const scores: number[] = [];
  let best = -Infinity;
  let bestEpoch: number | null = null;
  let without = 0;
  while (lossCurve.length < settings.max_iter) {
    shuffle(order);
    let sum = 0;
    for (let first = 0; first < order.length; first += size) {
      const rows = order.subarray(first, first + size);
      const weights = data.weights === null ? null : weightsOf(data.weights, rows);
      // Nothing is learned from rows that have no weight.
      if (weights !== null && !weights.some((weight) => weight > 0)) continue;
      const read = await network.step({
        x: gather(data.x, data.columns, rows),
        y: gather(data.y, data.outputs, rows),
        weights,
        rows: rows.length,
        alpha: settings.alpha,
        learning_rate: settings.learning_rate,
      });
      sum += read ?? 0;
      await pause();
    }
    sum += await network.readLoss();
    const loss = sum / order.length;
    if (!Number.isFinite(loss)) {
      throw new HeadlightError(
        'device',
        `The probe's loss was no finite number in epoch ${lossCurve.length + 1}.`,
        { hint: 'Lower learning_rate, standardise the features, or choose another device.' },
      );
    }
    lossCurve.push(loss);
    const score = validation === null ? -loss : await scoreOf(network, data, validation, pause);
    scores.push(score);
    // As scikit-learn: exactly `tol` better counts on held-back rows, and must be passed by a loss.
    without = score < best + settings.tol ? without + 1 : 0;
    if (score > best) {
      best = score;
      if (validation !== null) {
        network.keep();
        bestEpoch = lossCurve.length;
      }
    }
    yield { epoch: lossCurve.length, loss };
    if (without > settings.n_iter_no_change) break;
  }
  return {
    lossCurve,
    validationScores: validation === null ? null : scores,
    bestEpoch,
    converged: without > settings.n_iter_no_change,
  };
}

/**
 * Accuracy (of the weights), as scikit-learn; for several labels a row minus the mean log-loss a label instead,
 * since all labels of a row are rarely right at once and their share hardly moves while the probe learns.
 */
async function scoreOf(
  network: MlpNetwork,
  { x, y, weights, columns, outputs, multiLabel }: MlpData,
  validation: Int32Array,
  pause: () => Promise<void>,
): Promise<number> {
  let sum = 0;
  let total = 0;
  for (let first = 0; first < validation.length; first += SCORE_ROWS) {
    const rows = validation.subarray(first, first + SCORE_ROWS);
    const logits = await network.logits(gather(x, columns, rows), rows.length);
    const truth = gather(y, outputs, rows);
    for (let i = 0; i < rows.length; i++) {
      const weight = weights?.[rows[i]!] ?? 1;
      total += weight;
      if (multiLabel) {
        for (let at = i * outputs; at < (i + 1) * outputs; at++) {
          const z = logits[at]!;
          const loss = Math.log1p(Math.exp(-Math.abs(z))) + Math.max(z, 0) - truth[at]! * z;
          sum -= (weight * loss) / outputs;
        }
      } else sum += weight * rightShare(logits, truth, i * outputs, outputs);
    }
    await pause();
  }
  // Rows held back that have no weight at all cannot tell when to stop.
  return total === 0 ? 0 : sum / total;
}

/** 1 or 0 whether the class is right; of soft labels its share. */
function rightShare(
  logits: Float32Array,
  truth: Float32Array,
  start: number,
  outputs: number,
): number {
  if (outputs === 1) return logits[start]! > 0 ? truth[start]! : 1 - truth[start]!;
  let best = 0;
  for (let k = 1; k < outputs; k++) if (logits[start + k]! > logits[start + best]!) best = k;
  return truth[start + best]!;
}

function weightsOf(weights: Float64Array, rows: Int32Array): Float32Array {
  return Float32Array.from(rows, (row) => weights[row]!);
}

function gather(values: Float32Array, columns: number, rows: Int32Array): Float32Array {
  const taken = new Float32Array(rows.length * columns);
  for (const [i, row] of rows.entries())
    taken.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
  return taken;
}
