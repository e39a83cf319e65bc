/**
 * Texts into batches of about equal length, so that little of the work is spent on padding.
 * The same lengths always give the same batches.
 */

export interface BatchOptions {
  /** Most tokens in a batch, padding counted; a single longer text still makes a batch. */
  readonly tokenBudget: number;
  /** Most texts in a batch. */
  readonly maxBatch: number;
  /** Lengths are padded up to a multiple of this: 1 for none, 16 where each new shape costs a compile. */
  readonly multipleOf: number;
  /** Most texts times tokens squared, where attention's memory is what ends first; absent: no bound. */
  readonly squareBudget?: number;
  /** Fill batches up to a power of two with empty rows, again for few shapes. Default false. */
  readonly evenRows?: boolean;
}

export interface Batch {
  /** Which texts, as indices into `lengths`, longest first. */
  readonly indices: readonly number[];
  /** Rows to run: the texts, then empty rows where shapes are kept few. */
  readonly rows: number;
  /** Tokens each text is padded to. At least 1, also for empty texts. */
  readonly length: number;
}

/**
 * Sorts by length (stable: equal lengths stay in the order given) and cuts into batches, longest
 * texts first, so that a job that would run out of memory does so at its start and time left only falls.
 *
 * @param lengths tokens of each text
 */
export function makeBatches(lengths: ArrayLike<number>, options: BatchOptions): Batch[] {
  const order = Array.from({ length: lengths.length }, (_, index) => index);
  order.sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b);
  const batches: Batch[] = [];
  let start = 0;
  while (start < order.length) {
    const longest = lengths[order[start] ?? 0] ?? 0;
    const length = Math.max(1, Math.ceil(longest / options.multipleOf)) * options.multipleOf;
    const squares = options.squareBudget ?? Infinity;
    const fits = Math.max(
      1,
      Math.floor(Math.min(options.tokenBudget / length, squares / length ** 2)),
    );
    const most = Math.min(options.maxBatch, fits);
    const evenMost = 2 ** Math.floor(Math.log2(most));
    const indices = order.slice(start, start + (options.evenRows ? evenMost : most));
    const rows = options.evenRows ? 2 ** Math.ceil(Math.log2(indices.length)) : indices.length;
    batches.push({ indices, rows, length });
    start += indices.length;
  }
  return batches;
}

/**
 * Token ids of one batch as the two inputs every encoder takes, right-padded.
 *
 * @param sequences token ids of each text of the batch
 * @param rows at least `sequences.length`; the rest are padding with one visible token, so that no row
 *   asks for the softmax of nothing
 * @returns `input_ids` and `attention_mask`, both `[rows, length]`
 */
export function padBatch(
  sequences: readonly ArrayLike<number>[],
  rows: number,
  length: number,
  padId: number,
): { readonly inputIds: BigInt64Array; readonly attentionMask: BigInt64Array } {
  const inputIds = new BigInt64Array(rows * length).fill(BigInt(padId));
  const attentionMask = new BigInt64Array(rows * length);
  for (let row = sequences.length; row < rows; row++) attentionMask[row * length] = 1n;
  sequences.forEach((sequence, row) => {
    for (let i = 0; i < sequence.length; i++) {
      inputIds[row * length + i] = BigInt(sequence[i] ?? padId);
      attentionMask[row * length + i] = 1n;
    }
  });
  return { inputIds, attentionMask };
}
