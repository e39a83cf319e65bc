/** The training rows as batches of a plan: units (rows, or pairs of rows), their lengths, their targets. */
import { HeadlightError } from '../../base';
import type { TrainableModel } from '../../models';
import { bucketFor, bucketLengths, planBatches, type Batches } from './batches';
import { tokenBatch } from './inputs';
import { planSteps } from './schedule';
import { batchTargets, lossDivisor, lossFold, type LossFold } from './targets';
import type { TrainingBatch } from './trainer';
import type { Example, FinetuneRequest } from './types';

/**
 * Tokens that a processor computes at once. A larger batch is computed in pieces whose gradients add up: the
 * same sum in less memory, and faster where the activations of a piece fit into the caches.
 */
const PIECE_TOKENS = 1024;
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
  /** Rows a unit: 2 for pairs. */
  readonly #rowsPerUnit: number;

  /** @throws HeadlightError `bad-table` without rows, `bad-setting` for texts that are too long. */
  constructor(request: TrainingRequest) {
    const { model, data, settings, loss } = request;
    this.#request = request;
    this.fold = lossFold(loss, settings.label_smoothing_factor, model.options.classes);
    this.#rowsPerUnit = loss.name === 'cosine_similarity' ? 2 : 1;
    checkExamples(data.train, model, this.#rowsPerUnit);
    checkExamples(data.validation, model, this.#rowsPerUnit);
    const units = data.train.length / this.#rowsPerUnit;
    if (units === 0) {
      throw new HeadlightError('bad-table', 'There are no rows to train on.', {
        hint: 'Use more rows, or a smaller validation_share.',
      });
    }
    this.batches = planBatches(units, planSteps(units, settings), settings);
    this.batchRows = settings.per_device_train_batch_size * this.#rowsPerUnit;
    this.buckets = bucketLengths(this.#longestOfBatches(), model.maxTokens);
  }

  /** The batches of an optimiser step, counted from 0, as one accumulation. */
  ofStep(step: number): TrainingBatch[] {
    const batches = this.batches.ofStep(step).map((units) => this.#examples(units));
    return this.#prepare(batches, step * this.#request.settings.gradient_accumulation_steps);
  }

  /** A full batch of this length, of rows that are there, in its pieces: to measure with. */
  sample(tokens: number): TrainingBatch[] {
    const fitting = this.#fitting(tokens);
    const size = this.batchRows;
    const examples = Array.from({ length: size }, (_, i) => fitting[i % fitting.length]!);
    return this.#prepare([examples], 0, tokens);
  }

  /** Rows of a graph: of a whole batch on a GPU, of a piece of it on a processor. */
  rowsAt(tokens: number): number {
    const { device } = this.#request;
    if (device === 'webgpu' || device === 'cuda') return this.batchRows;
    const most = Math.max(1, Math.floor(PIECE_TOKENS / (tokens * this.#rowsPerUnit)));
    const pieces = Math.ceil(this.batchRows / this.#rowsPerUnit / most);
    return Math.ceil(this.batchRows / this.#rowsPerUnit / pieces) * this.#rowsPerUnit;
  }

  /** The rows of one pair stay together. */
  #fitting(tokens: number): Example[] {
    const { train } = this.#request.data;
    const rows = this.#rowsPerUnit;
    const units = Array.from({ length: train.length / rows }, (_, i) =>
      train.slice(i * rows, (i + 1) * rows),
    );
    const fits = units.filter((unit) => unit.every(({ ids }) => ids.length <= tokens));
    return (fits.length > 0 ? fits : units.slice(0, 1)).flat();
  }

  #prepare(batches: readonly Example[][], firstPlace: number, tokens?: number): TrainingBatch[] {
    const { data, model } = this.#request;
    const divisor = batches.reduce((sum, batch) => sum + lossDivisor(this.fold, batch), 0);
    return batches.flatMap((batch, i) => {
      const length = tokens ?? bucketFor(longest(batch), this.buckets);
      const rows = this.rowsAt(length);
      const perRow = model.options.task === 'token' ? length : 1;
      return piecesOf(batch, rows).map((examples, piece) => ({
        ...tokenBatch(examples, rows, length, data.padId),
        ...batchTargets(this.fold, examples, rows, perRow, divisor),
        place: firstPlace + i + piece * PIECE_PLACES,
      }));
    });
  }

  #examples(units: Int32Array): Example[] {
    const { train } = this.#request.data;
    const rows: Example[] = [];
    for (const unit of units)
      for (let i = 0; i < this.#rowsPerUnit; i++) rows.push(train[unit * this.#rowsPerUnit + i]!);
    return rows;
  }

  /** Of the batches that training will see (the order is known beforehand), the first of them; and of all rows. */
  #longestOfBatches(): number[] {
    const lengths = [longest(this.#request.data.train)];
    const { steps } = this.batches.plan;
    for (let step = 0; step < steps && lengths.length < MOST_LOOKED_AT; step++)
      for (const units of this.batches.ofStep(step)) lengths.push(longest(this.#examples(units)));
    return lengths;
  }

  /** How many of the batches to come have each length, as shares of 1. */
  shareOfLengths(): ReadonlyMap<number, number> {
    const [, ...lengths] = this.#longestOfBatches();
    const shares = new Map<number, number>();
    for (const length of lengths) {
      const bucket = bucketFor(length, this.buckets);
      shares.set(bucket, (shares.get(bucket) ?? 0) + 1 / lengths.length);
    }
    return shares;
  }

  *tokenIds(): Generator<number> {
    for (const { ids } of this.#request.data.train) yield* ids;
  }
}

function piecesOf(examples: readonly Example[], rows: number): Example[][] {
  const pieces: Example[][] = [];
  for (let start = 0; start < examples.length; start += rows)
    pieces.push(examples.slice(start, start + rows));
  return pieces;
}

function longest(examples: readonly Example[]): number {
  return examples.reduce((most, { ids }) => Math.max(most, ids.length), 1);
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
