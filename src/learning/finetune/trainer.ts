/** What computes the steps of a training. On the processor: `host-trainer`; with all on a GPU: `device-trainer`. */
import { HeadlightError } from '../../base';
import type { TrainableModel } from '../../models';
import type { Device, OnnxRuntime } from '../../platform';
import type { AdamSettings } from './adamw';
import type { TokenBatch } from './inputs';
import type { BatchTargets } from './targets';
import type { LossSpec, TrainerSettings } from './types';

export interface TrainerOptions {
  readonly model: TrainableModel;
  readonly loss: LossSpec;
  readonly settings: AdamSettings & Pick<TrainerSettings, 'gradient_checkpointing' | 'seed'>;
  readonly device: Device;
  readonly threads: number | undefined;
  readonly runtime: OnnxRuntime;
  readonly padId: number;
  /** All token ids that occur in the training texts. */
  readonly vocabulary: Iterable<number>;
  /** Sessions of training and of evaluation that are kept, each. */
  readonly shapes: number;
}

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

/** What a parameter's values and moments are called in a state, in their order. */
export function stateNames(parameter: string): readonly [string, string, string] {
  return [parameter, `${parameter}#1`, `${parameter}#2`];
}

/**
 * Values and moments of a parameter from a state.
 * @param length of each.
 * @throws HeadlightError `bad-project` when the state is of another training.
 */
export function keptOf(
  { arrays }: TrainerState,
  parameter: string,
  length: number,
): readonly [Float32Array, Float32Array, Float32Array] {
  const [values, first, second] = stateNames(parameter).map((name) => arrays.get(name));
  if (values?.length === length && first?.length === length && second?.length === length)
    return [values, first, second];
  throw new HeadlightError('bad-project', 'The checkpoint does not fit this training.', {
    hint: 'Discard the unfinished fine-tune and start again.',
  });
}
