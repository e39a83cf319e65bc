/** The two directions in which rows differ most (PCA): where a map begins, so that it is the same each time. */
import { seededRandom } from '../../base';
import type { Matrix } from '../heads';

const MOST_ITERATIONS = 200;
/** Of a direction between two iterations. */
const SETTLED = 1e-7;

/**
 * By power iteration on the centred rows, the second direction kept at right angles to the first.
 * @returns [rows, 2], row-major: as scikit-learn's `PCA(2).fit_transform`, but for the signs. Zeros where rows do
 *   not differ.
 */
export function principalPlane({ rows, columns, data }: Matrix, seed: number): Float64Array {
  const mean = new Float64Array(columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) mean[j]! += data[i * columns + j]! / rows;
  const scores = new Float64Array(rows * 2);
  const random = seededRandom(seed);
  const found: Float64Array[] = [];
  for (let axis = 0; axis < 2; axis++) {
    let direction = Float64Array.from({ length: columns }, () => random.normal());
    orthonormal(direction, found);
    const along = new Float64Array(rows);
    for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
      const next = new Float64Array(columns);
      for (let i = 0; i < rows; i++) {
        const at = i * columns;
        let score = 0;
        for (let j = 0; j < columns; j++) score += (data[at + j]! - mean[j]!) * direction[j]!;
        along[i] = score;
        for (let j = 0; j < columns; j++) next[j]! += score * (data[at + j]! - mean[j]!);
      }
      if (!orthonormal(next, found)) {
        along.fill(0);
        break;
      }
      let change = 0;
      for (let j = 0; j < columns; j++)
        change = Math.max(change, Math.abs(next[j]! - direction[j]!));
      direction = next;
      if (change < SETTLED) break;
    }
    found.push(direction);
    for (let i = 0; i < rows; i++) scores[i * 2 + axis] = along[i]!;
  }
  return scores;
}

/** Takes out what points along the others; length 1. @returns whether anything was left. */
function orthonormal(vector: Float64Array, others: readonly Float64Array[]): boolean {
  const length = norm(vector);
  for (const other of others) {
    let product = 0;
    for (let j = 0; j < vector.length; j++) product += vector[j]! * other[j]!;
    for (let j = 0; j < vector.length; j++) vector[j]! -= product * other[j]!;
  }
  const left = norm(vector);
  if (left === 0 || left < length * 1e-9) return false;
  for (let j = 0; j < vector.length; j++) vector[j]! /= left;
  return true;
}

function norm(vector: Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}
