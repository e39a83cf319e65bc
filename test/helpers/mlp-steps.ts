/** Steps of MLP probes as PyTorch took them (test/reference/probing/fits.json), as batches; in Node and in a browser. */
import type { NetworkBatch } from '../../src/learning/probing/mlp-network';
import type { StepsCase } from '../unit/learning/probing/fits-golden';

/** 32-bit floats from base64. */
export function floatsOf(packed: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)).buffer);
}

/** The batch of a step, of one network. */
export function batchOf(one: StepsCase, index: number): NetworkBatch {
  const columns = one.sizes[0]!;
  const classes = one.sizes.at(-1)!;
  const features = floatsOf(one.features);
  const { rows, masks } = one.batches[index]!;
  const x = new Float32Array(rows.length * columns);
  const y = new Float32Array(rows.length * classes);
  for (const [i, row] of rows.entries()) {
    x.set(features.subarray(row * columns, (row + 1) * columns), i * columns);
    y[i * classes + one.labels[row]!] = 1;
  }
  const weights = new Float32Array(rows.length).fill(1 / rows.length);
  return { x, y, rows: rows.length, weights, masks: masks?.map(floatsOf) ?? null };
}

/** Without its last rows. */
export function shorter(batch: NetworkBatch, by: number): NetworkBatch {
  const rows = batch.rows - by;
  const cut = (values: Float32Array) => values.slice(0, (values.length / batch.rows) * rows);
  return {
    x: cut(batch.x),
    y: cut(batch.y),
    rows,
    weights: new Float32Array(rows).fill(1 / rows),
    masks: batch.masks?.map(cut) ?? null,
  };
}

/** Batches of several networks as one, filled up with rows that count for nothing. */
export function together(one: StepsCase, batches: readonly NetworkBatch[]): NetworkBatch {
  const rows = Math.max(...batches.map((batch) => batch.rows));
  const join = (width: number, of: (batch: NetworkBatch) => Float32Array) => {
    const joined = new Float32Array(batches.length * rows * width);
    for (const [at, batch] of batches.entries()) joined.set(of(batch), at * rows * width);
    return joined;
  };
  const hidden = one.sizes.slice(1, -1);
  const isMasked = batches[0]!.masks !== null;
  return {
    x: join(one.sizes[0]!, ({ x }) => x),
    y: join(one.sizes.at(-1)!, ({ y }) => y),
    rows,
    weights: join(1, ({ weights }) => weights),
    masks: isMasked ? hidden.map((units, i) => join(units, ({ masks }) => masks![i]!)) : null,
  };
}
