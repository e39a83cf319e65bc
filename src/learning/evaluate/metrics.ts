/** Metrics of predictions, equal to scikit-learn's on the same probabilities. */
import { HeadlightError } from '../../base';
import { wilsonInterval } from './interval';
import { rocAuc } from './ranking';
import type { ClassMetrics, MajorityBaseline, Metrics } from './types';

/**
 * The predicted class is the most probable one, the first among equals.
 *
 * - `f1_macro` averages over the classes that occur among the actual or the predicted ones, and
 *   `balanced_accuracy` over those among the actual ones, as scikit-learn does by default;
 * - undefined precision, recall and F1 are 0 (`zero_division=0`);
 * - `roc_auc` is null when a class has no rows (scikit-learn refuses or gives NaN);
 * - `log_loss` clips probabilities to [2.2e-16, 1 - 2.2e-16].
 *
 * @param probabilities [rows, classes], row-major.
 * @param labels index of the actual class of each row, [rows].
 * @throws HeadlightError `bad-table` without rows.
 */
export function evaluate(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: readonly string[],
): Metrics {
  const rows = labels.length;
  const k = classes.length;
  if (rows === 0) {
    throw new HeadlightError('bad-table', 'There are no rows to evaluate.', {
      hint: 'Use a larger test share, or a test file with rows of the training classes.',
    });
  }
  if (probabilities.length !== rows * k) {
    throw new HeadlightError(
      'internal',
      `${probabilities.length} probabilities for ${rows} rows of ${k} classes.`,
    );
  }
  const confusion = classes.map(() => classes.map(() => 0));
  let loss = 0;
  for (let i = 0; i < rows; i++) {
    const actual = labels[i]!;
    const counts = confusion[actual];
    if (counts === undefined) {
      throw new HeadlightError('internal', `Row ${i + 1} has a label outside the classes.`);
    }
    let best = 0;
    for (let c = 1; c < k; c++)
      if (probabilities[i * k + c]! > probabilities[i * k + best]!) best = c;
    counts[best]! += 1;
    const own = probabilities[i * k + actual]!;
    loss -= Math.log(Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, own)));
  }
  const support = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const predicted = classes.map((_, c) => confusion.reduce((sum, row) => sum + row[c]!, 0));
  const right = confusion.map((row, c) => row[c]!);
  const correct = right.reduce((sum, count) => sum + count, 0);

  const perClass = classes.map((label, c): ClassMetrics => ({
    label,
    precision: ratio(right[c]!, predicted[c]!),
    recall: ratio(right[c]!, support[c]!),
    f1_score: ratio(2 * right[c]!, support[c]! + predicted[c]!),
    support: support[c]!,
  }));
  return {
    rows,
    accuracy: correct / rows,
    accuracy_interval: wilsonInterval(correct, rows),
    balanced_accuracy: mean(
      perClass.filter((entry) => entry.support > 0).map((entry) => entry.recall),
    ),
    f1_macro: mean(
      perClass
        .filter((entry, c) => entry.support > 0 || predicted[c]! > 0)
        .map((entry) => entry.f1_score),
    ),
    matthews_corrcoef: matthews(support, predicted, correct, rows),
    roc_auc: areaUnderCurve(probabilities, labels, k),
    log_loss: loss / rows,
    per_class: perClass,
    confusion_matrix: confusion,
  };
}

/**
 * What answering without reading the texts is worth: always the most frequent training class, with the
 * training shares as probabilities (`DummyClassifier(strategy='prior')`).
 * @throws HeadlightError `bad-table` when a part has no rows.
 */
export function majorityBaseline(
  trainLabels: Int32Array,
  testLabels: Int32Array,
  classes: readonly string[],
): MajorityBaseline {
  if (trainLabels.length === 0) {
    throw new HeadlightError('bad-table', 'There are no training rows to find the majority in.');
  }
  const counts = classes.map(() => 0);
  for (const label of trainLabels) counts[label]! += 1;
  const majority = counts.indexOf(Math.max(...counts));
  const shares = Float64Array.from(counts, (count) => count / trainLabels.length);
  const answer = (labels: Int32Array): Metrics => {
    const probabilities = new Float64Array(labels.length * classes.length);
    for (let i = 0; i < labels.length; i++) probabilities.set(shares, i * classes.length);
    return evaluate(probabilities, labels, classes);
  };
  return { label: classes[majority]!, train: answer(trainLabels), test: answer(testLabels) };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Multi-class correlation coefficient (Gorodkin, 2004); 0 when one side has a single class. */
function matthews(
  support: readonly number[],
  predicted: readonly number[],
  correct: number,
  rows: number,
): number {
  let cross = 0;
  let actualSquares = 0;
  let predictedSquares = 0;
  for (const [c, count] of support.entries()) {
    cross += count * predicted[c]!;
    actualSquares += count * count;
    predictedSquares += predicted[c]! * predicted[c]!;
  }
  const spread = (rows * rows - actualSquares) * (rows * rows - predictedSquares);
  return spread === 0 ? 0 : (correct * rows - cross) / Math.sqrt(spread);
}

function areaUnderCurve(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
): number | null {
  const areas: number[] = [];
  for (let c = classes === 2 ? 1 : 0; c < classes; c++) {
    const scores = Float64Array.from(labels, (_, row) => probabilities[row * classes + c]!);
    const area = rocAuc(
      scores,
      labels.map((label) => (label === c ? 1 : 0)),
    );
    if (area === null) return null;
    areas.push(area);
  }
  return mean(areas);
}
