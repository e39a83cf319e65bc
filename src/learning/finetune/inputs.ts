/** Batches as the numbers that a training graph is fed: token ids, masks, dropout. */
import type { DropoutSite } from '../../models';
import type { TensorData } from '../../platform';
import { streamOf } from './batches';
import type { Example } from './types';

/** The texts of a batch, padded. */
export interface TokenBatch {
  readonly rows: number;
  readonly tokens: number;
  /** [rows * tokens]. */
  readonly ids: Int32Array;
  readonly types: Int32Array;
  readonly mask: Float32Array;
  /** Tokens that are not padding. */
  readonly realTokens: number;
}

/** What is needed of a text to read it. */
export type Sequence = Pick<Example, 'ids' | 'types'>;

/**
 * @param rows of the graph; those beyond the sequences fill the batch and count for nothing.
 * @param tokens of the graph; longer sequences are cut.
 */
export function tokenBatch(
  sequences: readonly Sequence[],
  rows: number,
  tokens: number,
  padId: number,
): TokenBatch {
  const ids = new Int32Array(rows * tokens).fill(padId);
  const types = new Int32Array(rows * tokens);
  const mask = new Float32Array(rows * tokens);
  let realTokens = 0;
  sequences.forEach((sequence, row) => {
    const start = row * tokens;
    const length = Math.min(tokens, sequence.ids.length);
    for (let i = 0; i < length; i++) ids[start + i] = sequence.ids[i]!;
    if (sequence.types !== null)
      for (let i = 0; i < length; i++) types[start + i] = sequence.types[i]!;
    mask.fill(1, start, start + length);
    realTokens += length;
  });
  // A row without any token would divide by 0 where the mean over its tokens is taken.
  for (let row = sequences.length; row < rows; row++) mask[row * tokens] = 1;
  return { rows, tokens, ids, types, mask, realTokens };
}

const DROPOUT = 1;
/** Integers in [1, 4092], as `DropoutSite` asks. */
const MODULUS = 4093;

/**
 * The random integers of all dropout places for one batch.
 * @param place counts batches from the start of the training; the same place gives the same numbers.
 */
export function dropoutFeeds(
  sites: readonly DropoutSite[],
  seed: number,
  place: number,
): Record<string, TensorData> {
  const feeds: Record<string, TensorData> = {};
  if (sites.length === 0) return feeds;
  const random = streamOf(seed, DROPOUT, place);
  const vector = (length: number): Float32Array => {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) values[i] = 1 + Math.floor(random.next() * (MODULUS - 1));
    return values;
  };
  for (const { rowsInput, rows, columnsInput, columns } of sites) {
    feeds[rowsInput] = { type: 'float32', dims: [rows, 1], data: vector(rows) };
    feeds[columnsInput] = { type: 'float32', dims: [1, columns], data: vector(columns) };
  }
  return feeds;
}
