/** The epochs of an MLP probe: batches in order, the loss of each epoch, when to stop and what to keep. */
import { HeadlightError } from '../../base';
import type { MlpNetwork } from './mlp-network';
import type { MlpSettings } from './types';

export interface MlpData {
  /** [rows, columns] and 0/1 [rows, outputs], row-major. */
  readonly x: Float32Array;
  readonly y: Float32Array;
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
      const read = await network.step({
        x: gather(data.x, data.columns, rows),
        y: gather(data.y, data.outputs, rows),
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
 * Accuracy, as scikit-learn; for several labels a row minus the mean log-loss a label instead, since all
 * labels of a row are rarely right at once and their share hardly moves while the probe learns.
 */
async function scoreOf(
  network: MlpNetwork,
  { x, y, columns, outputs, multiLabel }: MlpData,
  validation: Int32Array,
  pause: () => Promise<void>,
): Promise<number> {
  let sum = 0;
  for (let first = 0; first < validation.length; first += SCORE_ROWS) {
    const rows = validation.subarray(first, first + SCORE_ROWS);
    const logits = await network.logits(gather(x, columns, rows), rows.length);
    const truth = gather(y, outputs, rows);
    if (multiLabel) {
      for (const [at, z] of logits.entries())
        sum -= (Math.log1p(Math.exp(-Math.abs(z))) + Math.max(z, 0) - truth[at]! * z) / outputs;
    } else {
      for (let i = 0; i < rows.length; i++)
        if (isRight(logits, truth, i * outputs, outputs)) sum += 1;
    }
    await pause();
  }
  return sum / validation.length;
}

function isRight(
  logits: Float32Array,
  truth: Float32Array,
  start: number,
  outputs: number,
): boolean {
  if (outputs === 1) return logits[start]! > 0 === (truth[start] === 1);
  let best = 0;
  for (let k = 1; k < outputs; k++) if (logits[start + k]! > logits[start + best]!) best = k;
  return truth[start + best] === 1;
}

function gather(values: Float32Array, columns: number, rows: Int32Array): Float32Array {
  const taken = new Float32Array(rows.length * columns);
  for (const [i, row] of rows.entries())
    taken.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
  return taken;
}
