/** How far a map can be believed: whether what is near in it was near before. */
import type { Neighbor } from '../baselines';

/**
 * The share of each row's nearest others that are still among as many nearest on the map, mean of the rows; by
 * chance it would be `k / (rows - 1)`.
 * @param nearest of each row its nearest others, itself left out, nearest first; at least `k`.
 * @param xy [rows, 2].
 * @returns in [0, 1]; null where there are no others.
 */
export function neighboursKept(
  nearest: readonly (readonly Neighbor[])[],
  xy: Float32Array,
  k: number,
): number | null {
  const rows = nearest.length;
  const size = Math.min(k, rows - 1);
  if (size < 1) return null;
  let kept = 0;
  const distances = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rows; j++)
      distances[j] =
        j === i
          ? Infinity
          : (xy[2 * i]! - xy[2 * j]!) ** 2 + (xy[2 * i + 1]! - xy[2 * j + 1]!) ** 2;
    const limit = distances.slice().sort()[size - 1]!;
    for (const { row } of (nearest[i] ?? []).slice(0, size))
      if (distances[row]! <= limit) kept += 1;
  }
  return kept / (rows * size);
}
