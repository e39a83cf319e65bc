/** The confusion matrix as people look at it: where a class goes wrong, the most frequent first. */

export interface Confusion {
  /** Class indices. */
  readonly actual: number;
  readonly predicted: number;
  readonly rows: number;
  /** Share of the actual class's rows. */
  readonly share: number;
}

/** @param matrix `[actual][predicted]` counts. @returns the cells off the diagonal that hold rows. */
export function confusions(matrix: readonly (readonly number[])[]): readonly Confusion[] {
  return matrix
    .flatMap((row, actual) => {
      const total = row.reduce((sum, cell) => sum + cell, 0);
      return row.map((rows, predicted) => ({
        actual,
        predicted,
        rows,
        share: total === 0 ? 0 : rows / total,
      }));
    })
    .filter(({ actual, predicted, rows }) => actual !== predicted && rows > 0)
    .sort((a, b) => b.rows - a.rows || b.share - a.share);
}
