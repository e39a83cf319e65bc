/** Orthogonal bases by Householder's reflections (Golub & Van Loan 2013, 5.1 and 5.2), in float64. */
import type { Kernels } from '../heads';

/** The orthogonal matrix Q of A = Q R, as the reflections that it is made of. */
export interface Reflections {
  /** Its first `count` columns, [size, count] row-major: A's columns, made orthonormal. */
  columns(): Float64Array;
  /** All of it, [size, size] row-major. */
  whole(kernels: Kernels): Promise<Float32Array>;
}

/** @param a [size, count] row-major, count at most size; its columns may depend on each other. */
export function orthogonalise(a: ArrayLike<number>, size: number, count: number): Reflections {
  const columns = Array.from({ length: count }, (_, k) =>
    Float64Array.from({ length: size }, (_unused, i) => a[i * count + k]!),
  );
  /** Unit vectors v of I - 2 v vᵀ, each 0 above its place; null: nothing to reflect. */
  const vectors: (Float64Array | null)[] = [];
  for (let k = 0; k < count; k++) {
    const own = columns[k]!;
    let squares = 0;
    for (let i = k; i < size; i++) squares += own[i]! * own[i]!;
    const v = new Float64Array(size);
    for (let i = k; i < size; i++) v[i] = own[i]!;
    v[k]! += own[k]! > 0 ? Math.sqrt(squares) : -Math.sqrt(squares);
    let length = 0;
    for (let i = k; i < size; i++) length += v[i]! * v[i]!;
    if (length === 0) {
      vectors.push(null);
      continue;
    }
    const scale = 1 / Math.sqrt(length);
    for (let i = k; i < size; i++) v[i]! *= scale;
    vectors.push(v);
    for (let j = k; j < count; j++) reflect(columns[j]!, v, k);
  }
  return {
    columns: () => {
      const result = new Float64Array(size * count);
      for (let k = 0; k < count; k++) {
        const unit = new Float64Array(size);
        unit[k] = 1;
        for (let i = Math.min(k, count - 1); i >= 0; i--) {
          const v = vectors[i];
          if (v !== null && v !== undefined) reflect(unit, v, i);
        }
        for (let i = 0; i < size; i++) result[i * count + k] = unit[i]!;
      }
      return result;
    },
    whole: (kernels) => product(vectors, size, kernels),
  };
}

function reflect(x: Float64Array, v: Float64Array, from: number): void {
  let sum = 0;
  for (let i = from; i < x.length; i++) sum += v[i]! * x[i]!;
  sum *= 2;
  for (let i = from; i < x.length; i++) x[i]! -= sum * v[i]!;
}

/** H₁ H₂ … = I - V T Vᵀ (Schreiber & Van Loan 1989), so that it is two products. */
async function product(
  given: readonly (Float64Array | null)[],
  size: number,
  kernels: Kernels,
): Promise<Float32Array> {
  const vectors = given.filter((v) => v !== null);
  const count = vectors.length;
  const result = new Float32Array(size * size);
  for (let i = 0; i < size; i++) result[i * size + i] = 1;
  if (count === 0) return result;
  // Upper triangular: T grows by a column, -2 T (Vᵀ v), and 2 on its diagonal.
  const t = new Float64Array(count * count);
  for (let k = 0; k < count; k++) {
    const dots = vectors.slice(0, k).map((v) => dot(v, vectors[k]!));
    for (let i = 0; i < k; i++) {
      let sum = 0;
      for (let j = i; j < k; j++) sum += t[i * count + j]! * dots[j]!;
      t[i * count + k] = -2 * sum;
    }
    t[k * count + k] = 2;
  }
  const left = new Float32Array(size * count);
  const right = new Float32Array(count * size);
  for (const [k, v] of vectors.entries()) {
    right.set(v, k * size);
    for (let i = 0; i < size; i++)
      for (let j = 0; j <= k; j++) left[i * count + k]! += vectors[j]![i]! * t[j * count + k]!;
  }
  const held = kernels.hold(left, size, count);
  try {
    const values = await held.times(right, size);
    for (let i = 0; i < result.length; i++) result[i]! -= values[i]!;
    return result;
  } finally {
    held.dispose();
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
