/** The rows that the classifier is most sure of and wrong about: often the label is what is wrong. */

export interface SureAndWrong {
  readonly row: number;
  /** Indices of the classes. */
  readonly actual: number;
  readonly predicted: number;
  readonly probability: number;
  /** What it gave the label that stands in the file. */
  readonly probability_of_actual: number;
}

/**
 * Most sure first; among equals the earlier row. O(n log n).
 * @param probabilities [rows, classes] row-major; rows with one that is not a number are left out.
 * @param labels actual class of each row, [rows].
 */
export function mostSureAndWrong(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
  limit = 100,
): SureAndWrong[] {
  const predicted = new Int32Array(labels.length);
  const wrong: number[] = [];
  for (let i = 0; i < labels.length; i++) {
    let best = 0;
    let known = true;
    for (let c = 0; c < classes; c++) {
      const here = probabilities[i * classes + c]!;
      if (Number.isNaN(here)) known = false;
      if (here > probabilities[i * classes + best]!) best = c;
    }
    predicted[i] = best;
    if (known && best !== labels[i]) wrong.push(i);
  }
  const sureness = (row: number): number => probabilities[row * classes + predicted[row]!]!;
  return wrong
    .sort((a, b) => sureness(b) - sureness(a) || a - b)
    .slice(0, limit)
    .map((row) => ({
      row,
      actual: labels[row]!,
      predicted: predicted[row]!,
      probability: sureness(row),
      probability_of_actual: probabilities[row * classes + labels[row]!]!,
    }));
}
