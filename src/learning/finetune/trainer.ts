/** What computes the steps of a training. On the processor: `host-trainer`; with all on a GPU: `device-trainer`. */
import type { TokenBatch } from './inputs';
import type { BatchTargets } from './targets';

/** A batch to learn from. */
export interface TrainingBatch extends TokenBatch, BatchTargets {
  /** Counts batches from the start of the training: which dropout it gets. */
  readonly place: number;
}

/**
 * Everything that training has changed, as named arrays in an order that does not vary, and what is a number.
 * The parts of values come as `<parameter>`, the moments as `<parameter>#1` and `<parameter>#2`.
 */
export interface TrainerState {
  readonly arrays: ReadonlyMap<string, Float32Array>;
  /** What decay has made of the rows of the word table that no training text has. */
  readonly tableFactor: number;
}

/** Values without moments: enough to go back to, not to go on from. */
export type Snapshot = TrainerState;

export interface Trainer {
  /** Forward and backward; gradients add up until `update`. Ends in the loss of this batch. */
  learn(batch: TrainingBatch): Promise<number>;
  /** The norm of the gradients that have added up. Weights stay as they are. */
  gradientNorm(): Promise<number>;
  /**
   * One optimiser step with the gradients that have added up, and none are left.
   * @param step counted from 1.
   * @param norm of the gradients, by `gradientNorm`.
   */
  update(step: number, learningRate: number, norm: number): Promise<void>;
  /** The output of the encoder with its head, without dropout: `[rows, …]`. */
  predict(batch: TokenBatch): Promise<Float32Array>;
  snapshot(): Promise<Snapshot>;
  state(): Promise<TrainerState>;
  /** @throws HeadlightError `bad-project` when the state is of another training. */
  restore(state: TrainerState): Promise<void>;
  /** The trainable parameters, whole, by name. */
  values(snapshot: Snapshot): ReadonlyMap<string, Float32Array>;
  release(): Promise<void>;
}

export const FIRST_MOMENT = '#1';
export const SECOND_MOMENT = '#2';
