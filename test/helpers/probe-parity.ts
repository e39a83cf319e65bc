/**
 * One seeded probe fit for browser tests: bundled into a page or worker, run once on each tfjs backend
 * there (after `TensorBackends.use(backend)`), the results compared with `relativeDifference`.
 */
import { finish, seededRandom } from '../../src/base';
import { DEFAULT_LOGISTIC, fitLogistic } from '../../src/learning/heads';
import type { TensorBackendName } from '../../src/platform';

/** @returns coefficients and intercepts of a cross-validated fit of 600 x 48 features in four classes. */
export async function probeCoefficients(backend: TensorBackendName): Promise<Float64Array> {
  const [rows, columns, classes] = [600, 48, ['a', 'b', 'c', 'd']];
  const random = seededRandom(17);
  const centres = Float64Array.from({ length: classes.length * columns }, () => random.normal());
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes.length);
  const data = Float32Array.from({ length: rows * columns }, (_, at) => {
    const column = at % columns;
    const centre = centres[labels[Math.floor(at / columns)]! * columns + column]!;
    return (0.3 * centre + random.normal()) / (1 + column / 4);
  });
  const { head } = await finish(
    fitLogistic({ rows, columns, data }, labels, classes, DEFAULT_LOGISTIC, { backend }),
  );
  return Float64Array.of(...head.coef, ...head.intercept);
}

/** ||a - b|| / ||b||; below 1e-3 for two backends that both compute right. */
export function relativeDifference(a: Float64Array, b: Float64Array): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}
