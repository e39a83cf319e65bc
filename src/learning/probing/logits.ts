/** The products of a cell's features with the weights of many probes, a block of rows at a time. */
import type { Kernels, Matrix } from '../heads';

const BLOCK_ROWS = 2048;

/**
 * @param rows which rows; null: all.
 * @param weights [columns, width]; width 0 visits the rows without logits.
 * @param visit is given the rows of a block and their logits, [rows of the block, width].
 */
export async function eachLogits(
  { rows: all, columns, data }: Matrix,
  rows: Int32Array | null,
  weights: Float32Array,
  width: number,
  kernels: Kernels,
  pause: () => Promise<void>,
  visit: (rows: Int32Array, logits: Float32Array) => void,
): Promise<void> {
  const count = rows?.length ?? all;
  for (let start = 0; start < count; start += BLOCK_ROWS) {
    const here = Math.min(BLOCK_ROWS, count - start);
    const own =
      rows?.subarray(start, start + here) ?? Int32Array.from({ length: here }, (_, i) => start + i);
    if (width === 0) visit(own, new Float32Array(0));
    else {
      const block = rows === null ? data.subarray(start * columns, (start + here) * columns) : null;
      const x = kernels.hold(block ?? gatherRows(data, columns, own), here, columns);
      try {
        visit(own, await x.times(weights, width));
      } finally {
        x.dispose();
      }
    }
    await pause();
  }
}

/** [rows.length, columns], the rows in the order of `rows`. */
export function gatherRows(data: Float32Array, columns: number, rows: Int32Array): Float32Array {
  const taken = new Float32Array(rows.length * columns);
  for (const [i, row] of rows.entries())
    taken.set(data.subarray(row * columns, (row + 1) * columns), i * columns);
  return taken;
}
