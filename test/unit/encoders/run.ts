/** Runs an encoder's graph on ONNX Runtime's CPU kernels, as plain arrays; and compares rows. */
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** @param ids [batch][tokens]; @param mask likewise. Each output as [batch][size]. */
export async function runEncoder(
  graph: Uint8Array,
  ids: readonly (readonly number[])[],
  mask: readonly (readonly number[])[],
): Promise<Record<string, number[][]>> {
  const session = await InferenceSession.create(graph, { logSeverityLevel: 3 });
  const tensor = (rows: readonly (readonly number[])[]): Tensor =>
    new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [
      rows.length,
      rows[0]?.length ?? 0,
    ]);
  const result = await session.run({ input_ids: tensor(ids), attention_mask: tensor(mask) });
  const outputs: Record<string, number[][]> = {};
  for (const [name, { data, dims }] of Object.entries(result)) {
    const size = dims[1] ?? 1;
    outputs[name] = ids.map((_, row) =>
      Array.from((data as Float32Array).subarray(row * size, (row + 1) * size)),
    );
  }
  await session.release();
  return outputs;
}

/** Infinity when the shapes differ. */
export function largestDifference(a: readonly number[][], b: readonly number[][]): number {
  if (a.length === 0 || a.length !== b.length) return Infinity;
  return Math.max(
    ...a.map((row, i) =>
      row.length === b[i]?.length
        ? Math.max(...row.map((value, j) => Math.abs(value - (b[i]?.[j] ?? NaN))))
        : Infinity,
    ),
  );
}

export function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + value * (y[i] ?? NaN), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

export function unit(row: readonly number[]): number[] {
  const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  return row.map((value) => value / norm);
}
