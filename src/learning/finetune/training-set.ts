/** The training rows as batches of a plan: units (rows, or pairs of rows), their lengths, their targets. */
import { HeadlightError } from '../../base';
import type { TrainableModel } from '../../models';
import { bucketFor, bucketLengths, paddedLength, planBatches, type Batches } from './batches';
import { tokenBatch } from './inputs';
import { longest, piecesOf, rowsOfPiece, type PieceShape } from './pieces';
import { planSteps } from './schedule';
import { batchTargets, lossDivisor, lossFold, type LossFold } from './targets';
import type { TrainingBatch } from './trainer';
import type { Example, FinetuneRequest } from './types';

/** Between the places of a batch's pieces; no training has so many batches. */
const PIECE_PLACES = 2 ** 40;
/** Batches whose lengths decide the buckets: enough to know them, few enough to take no time. */
const MOST_LOOKED_AT = 10_000;

export type TrainingRequest = Pick<
  FinetuneRequest,
  'model' | 'data' | 'settings' | 'loss' | 'device'
>;

export class TrainingSet {
  readonly fold: LossFold;
  readonly batches: Batches;
  /** Lengths to which batches are padded, ascending. */
  readonly buckets: readonly number[];
  /** Rows of a batch. */
  readonly batchRows: number;
  readonly #request: TrainingRequest;
  readonly #shape: PieceShape;

  /** @throws HeadlightError `bad-table` without rows, `bad-setting` for texts that are too long. */
  constructor(request: TrainingRequest) {
    const { model, data, settings, loss } = request;
    this.#request = request;
    this.fold = lossFold(loss, settings.label_smoothing_factor, model.options.classes);
    const rowsPerUnit = loss.name === 'cosine_similarity' ? 2 : 1;
    checkExamples(data.train, model, rowsPerUnit);
    checkExamples(data.validation, model, rowsPerUnit);
    const units = data.train.length / rowsPerUnit;
    if (units === 0) {
      throw new HeadlightError('bad-table', 'There are no rows to train on.', {
        hint: 'Use more rows, or a smaller validation_share.',
      });
    }
    this.batches = planBatches(units, planSteps(units, settings), settings);
    this.batchRows = settings.per_device_train_batch_size * rowsPerUnit;
    this.#shape = { device: request.device, batchRows: this.batchRows, rowsPerUnit };
    this.buckets = bucketLengths(this.#lengthsOfRows(), model.maxTokens);
  }

  /** The batches of an optimiser step, counted from 0, as one accumulation. */
  ofStep(step: number): TrainingBatch[] {
    const batches = this.batches.ofStep(step).map((units) => this.#examples(units));
    return this.#prepare(batches, step * this.#request.settings.gradient_accumulation_steps);
  }

  /** A full piece of this length, of rows that are there: to measure with. */
  sample(tokens: number): TrainingBatch {
    const fitting = this.#fitting(tokens);
    const examples = Array.from(
      { length: this.rowsAt(tokens) },
      (_, i) => fitting[i % fitting.length]!,
    );
    return this.#prepared(examples, tokens, 0, lossDivisor(this.fold, examples));
  }

  /** Rows of a graph. */
  rowsAt(tokens: number): number {
    return rowsOfPiece(this.#shape, tokens);
  }

  /** How many pieces of each length an optimiser step has on average. */
  piecesPerStep(): ReadonlyMap<number, number> {
    const pieces = new Map<number, number>();
    let steps = 0;
    for (const batches of this.#stepsLookedAt()) {
      steps += 1;
      for (const piece of batches.flatMap((batch) => this.#pieces(batch))) {
        const tokens = this.#padded(longest(piece));
        pieces.set(tokens, (pieces.get(tokens) ?? 0) + 1);
      }
    }
    for (const [tokens, count] of pieces) pieces.set(tokens, count / steps);
    return pieces;
  }

  /** The rows of one pair stay together. */
  #fitting(tokens: number): Example[] {
    const { train } = this.#request.data;
    const { rowsPerUnit } = this.#shape;
    const units = Array.from({ length: train.length / rowsPerUnit }, (_, i) =>
      train.slice(i * rowsPerUnit, (i + 1) * rowsPerUnit),
    );
    const fits = units.filter((unit) => unit.every(({ ids }) => ids.length <= tokens));
    return (fits.length > 0 ? fits : units.slice(0, 1)).flat();
  }

  #prepare(batches: readonly Example[][], firstPlace: number): TrainingBatch[] {
    const divisor = batches.reduce((sum, batch) => sum + lossDivisor(this.fold, batch), 0);
    return batches.flatMap((batch, i) =>
      this.#pieces(batch).map((piece, at) =>
        this.#prepared(
          piece,
          this.#padded(longest(piece)),
          firstPlace + i + at * PIECE_PLACES,
          divisor,
        ),
      ),
    );
  }

  #prepared(
    examples: readonly Example[],
    tokens: number,
    place: number,
    divisor: number,
  ): TrainingBatch {
    const { data, model } = this.#request;
    const rows = this.rowsAt(tokens);
    const perRow = model.options.task === 'token' ? tokens : 1;
    return {
      ...tokenBatch(examples, rows, tokens, data.padId),
      ...batchTargets(this.fold, examples, rows, perRow, divisor),
      place,
    };
  }

  #pieces(batch: readonly Example[]): Example[][] {
    return piecesOf(this.#shape, batch, (length) => this.#padded(length));
  }

  #padded(length: number): number {
    return bucketFor(length, this.buckets);
  }

  #examples(units: Int32Array): Example[] {
    const { train } = this.#request.data;
    const rows: Example[] = [];
    const { rowsPerUnit } = this.#shape;
    for (const unit of units)
      for (let i = 0; i < rowsPerUnit; i++) rows.push(train[unit * rowsPerUnit + i]!);
    return rows;
  }

  /** Of each row that training will see: how long the longest of its piece is. */
  #lengthsOfRows(): number[] {
    const { train } = this.#request.data;
    const { maxTokens } = this.#request.model;
    const lengths = [longest(train)];
    for (const batches of this.#stepsLookedAt()) {
      for (const batch of batches) {
        for (const piece of piecesOf(this.#shape, batch, (one) => paddedLength(one, maxTokens))) {
          const length = longest(piece);
          for (let row = 0; row < piece.length; row++) lengths.push(length);
        }
      }
    }
    return lengths;
  }

  /** The batches of the first optimiser steps: their order is known beforehand. */
  *#stepsLookedAt(): Generator<Example[][]> {
    const { steps } = this.batches.plan;
    let count = 0;
    for (let step = 0; step < steps && count < MOST_LOOKED_AT; step++) {
      const batches = this.batches.ofStep(step);
      count += batches.length;
      yield batches.map((units) => this.#examples(units));
    }
  }

  *tokenIds(): Generator<number> {
    for (const { ids } of this.#request.data.train) yield* ids;
  }
}

function checkExamples(examples: readonly Example[], model: TrainableModel, perUnit: number): void {
  if (examples.length % perUnit !== 0)
    throw new HeadlightError('internal', 'Pairs of texts need two rows each.');
  const most = longest(examples);
  if (most > model.maxTokens) {
    throw new HeadlightError(
      'bad-setting',
      `A text has ${most} tokens, but the encoder reads at most ${model.maxTokens}.`,
      { hint: `Set max_length to ${model.maxTokens} or less.` },
    );
  }
}
