/** The report's further figures of one part, each equal to scikit-learn's on the same predictions. */
import { brierScore, topLabelReliability } from './calibration';
import { areaOfCounts, averagePrecisionOfCounts, columnOfScores, rankedCounts } from './ranking';
import type { Metrics } from './types';

/**
 * Beside `Metrics`, kept apart so that stored runs stay readable. The first six are derived from
 * `Metrics.confusion_matrix` alone and so can be made of a stored run; the others need the probabilities.
 */
export interface DetailedMetrics {
  /** Over the classes that occur among the actual or the predicted ones; undefined ones are 0. */
  readonly precision_macro: number;
  readonly recall_macro: number;
  /** Weighted by the number of actual rows of the class. */
  readonly precision_weighted: number;
  readonly recall_weighted: number;
  readonly f1_weighted: number;
  /** null when actual and predicted are all of one class (NaN in scikit-learn). */
  readonly cohen_kappa_score: number | null;
  /** Binary: of the second class; several: one-vs-rest, macro. null when a class has no rows. */
  readonly roc_auc_ovr_macro: number | null;
  /** Binary: of the second class; several: one-vs-rest, macro; null when a class has no rows (refused there). */
  readonly average_precision: number | null;
  readonly brier_score_loss: number | null;
  /** Of the most probable class's probability, 15 uniform bins (Guo 2017). */
  readonly expected_calibration_error: number | null;
  /** `top_k_accuracy_score` for each k of 1, 2, 3, 5, 10 that is below the number of classes. */
  readonly top_k_accuracy: readonly { readonly k: number; readonly score: number | null }[];
  /** Each class against the rest. */
  readonly per_class: readonly {
    readonly label: string;
    readonly roc_auc: number | null;
    /** 0 for a class without rows, as there. */
    readonly average_precision: number | null;
  }[];
}

/** What of `DetailedMetrics` the confusion matrix alone gives. */
export type ConfusionFigures = Pick<
  DetailedMetrics,
  | 'precision_macro'
  | 'recall_macro'
  | 'precision_weighted'
  | 'recall_weighted'
  | 'f1_weighted'
  | 'cohen_kappa_score'
>;

/**
 * @param metrics of the same rows, as `evaluate` gives them.
 * @param probabilities [rows, classes], row-major; where one is not finite the figures made of them are null.
 * @param labels index of the actual class of each row, [rows].
 */
export function detailedMetrics(
  metrics: Metrics,
  probabilities: Float64Array,
  labels: Int32Array,
): DetailedMetrics {
  const k = metrics.per_class.length;
  const per_class = metrics.per_class.map(({ label }, c) => {
    const positive = Uint8Array.from(labels, (actual) => (actual === c ? 1 : 0));
    const counts = rankedCounts(columnOfScores(probabilities, k, c), positive);
    return {
      label,
      roc_auc: counts === null ? null : areaOfCounts(counts),
      average_precision: counts === null ? null : averagePrecisionOfCounts(counts),
    };
  });
  const averaged = k === 2 ? per_class.slice(1) : per_class;
  const complete = k === 2 || metrics.per_class.every(({ support }) => support > 0);
  return {
    ...confusionFigures(metrics),
    roc_auc_ovr_macro: meanOrNull(averaged.map((entry) => entry.roc_auc)),
    average_precision: complete
      ? meanOrNull(averaged.map((entry) => entry.average_precision))
      : null,
    brier_score_loss: brierScore(probabilities, labels, k),
    expected_calibration_error:
      topLabelReliability(probabilities, labels, k)?.expected_calibration_error ?? null,
    top_k_accuracy: [1, 2, 3, 5, 10]
      .filter((top) => top < k)
      .map((top) => ({ k: top, score: topKAccuracy(probabilities, labels, k, top) })),
    per_class,
  };
}

/** Of a stored run's metrics too: only `per_class` and `confusion_matrix` are read. */
export function confusionFigures({
  per_class,
  confusion_matrix,
}: Pick<Metrics, 'per_class' | 'confusion_matrix'>): ConfusionFigures {
  const predicted = per_class.map((_, c) =>
    confusion_matrix.reduce((sum, row) => sum + row[c]!, 0),
  );
  const rows = per_class.reduce((sum, { support }) => sum + support, 0);
  const present = per_class.filter(({ support }, c) => support > 0 || predicted[c]! > 0);
  const macro = (key: 'precision' | 'recall'): number =>
    present.reduce((sum, entry) => sum + entry[key], 0) / present.length;
  const weighted = (key: 'precision' | 'recall' | 'f1_score'): number =>
    per_class.reduce((sum, entry) => sum + entry[key] * entry.support, 0) / rows;
  const agreed = confusion_matrix.reduce((sum, row, c) => sum + row[c]!, 0);
  const chance = per_class.reduce((sum, { support }, c) => sum + support * predicted[c]!, 0) / rows;
  return {
    precision_macro: macro('precision'),
    recall_macro: macro('recall'),
    precision_weighted: weighted('precision'),
    recall_weighted: weighted('recall'),
    f1_weighted: weighted('f1_score'),
    cohen_kappa_score: chance === rows ? null : (agreed - chance) / (rows - chance),
  };
}

/**
 * `top_k_accuracy_score`: among equal probabilities the later class ranks first, as there; with two classes
 * the second one needs more than one half.
 * @returns null without rows or when a probability is not finite.
 */
export function topKAccuracy(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
  k: number,
): number | null {
  if (labels.length === 0) return null;
  for (const value of probabilities) if (!Number.isFinite(value)) return null;
  if (k >= classes) return 1;
  let hits = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    const start = i * classes;
    if (classes === 2) {
      if ((probabilities[start + 1]! > 0.5 ? 1 : 0) === label) hits += 1;
      continue;
    }
    const own = probabilities[start + label]!;
    let before = 0;
    for (let c = 0; c < classes; c++) {
      const other = probabilities[start + c]!;
      if (other > own || (other === own && c > label)) before += 1;
    }
    if (before < k) hits += 1;
  }
  return hits / labels.length;
}

function meanOrNull(values: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return values.length === 0 ? null : sum / values.length;
}
