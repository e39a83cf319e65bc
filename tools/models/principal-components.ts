/** Principal components by the eigenvectors of the covariance; the same on every run. */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/**
 * @param values `[rows, columns]`, row-major
 * @param kept how many components
 * @param whitening 0 keeps each component's variance, 1 makes them all equal, 0.5 lies between
 * @returns `[rows, kept]`, centred
 */
export function principalComponents(
  values: Float32Array,
  rows: number,
  columns: number,
  kept: number,
  whitening: number,
): Float32Array {
  const mean = new Float64Array(columns);
  for (let i = 0; i < values.length; i++)
    mean[i % columns] = (mean[i % columns] ?? 0) + (values[i] ?? 0) / rows;
  const centred = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) centred[i] = (values[i] ?? 0) - (mean[i % columns] ?? 0);

  const covariance = new Float64Array(columns * columns);
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    for (let i = 0; i < columns; i++) {
      const value = (centred[at + i] ?? 0) / rows;
      const into = i * columns;
      // The lower half; the rest by symmetry.
      for (let j = 0; j <= i; j++)
        covariance[into + j] = (covariance[into + j] ?? 0) + value * (centred[at + j] ?? 0);
    }
  }
  const symmetric = new Matrix(columns, columns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j <= i; j++) {
      const value = covariance[i * columns + j] ?? 0;
      symmetric.set(i, j, value);
      symmetric.set(j, i, value);
    }
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, {
    assumeSymmetric: true,
  });
  const order = realEigenvalues
    .map((value, index) => ({ value, index }))
    .sort((a, b) => b.value - a.value)
    .slice(0, kept);
  // Column-major `[kept][columns]`, scaled, with signs fixed: an eigenvector's own is arbitrary.
  const axes = order.map(({ value, index }) => {
    const axis = Float64Array.from(eigenvectorMatrix.getColumn(index));
    const largest = axis.reduce((best, item) => (Math.abs(item) > Math.abs(best) ? item : best), 0);
    const scale = Math.sign(largest) / Math.max(value, 1e-12) ** (whitening / 2);
    return axis.map((item) => item * scale);
  });
  const projected = new Float32Array(rows * kept);
  for (let row = 0; row < rows; row++) {
    const vector = centred.subarray(row * columns, (row + 1) * columns);
    axes.forEach((axis, component) => {
      let sum = 0;
      for (let i = 0; i < columns; i++) sum += (vector[i] ?? 0) * (axis[i] ?? 0);
      projected[row * kept + component] = sum;
    });
  }
  return projected;
}
