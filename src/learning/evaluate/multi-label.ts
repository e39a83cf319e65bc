/** The report of several labels a row, each figure equal to scikit-learn's on the same predictions. */
import { HeadlightError } from '../../base';
import { areaOfCounts, averagePrecisionOfCounts, columnOfScores, rankedCounts } from './ranking';

/** One average of precision, recall and F1; undefined ones are 0 (`zero_division=0`). */
export interface AveragedScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1_score: number;
}

export interface LabelMetrics extends AveragedScores {
  readonly label: string;
  readonly support: number;
  readonly threshold: number;
  /** null when all or no rows have the label. */
  readonly roc_auc: number | null;
  /** 0 when no row has the label, as scikit-learn. */
  readonly average_precision: number | null;
  /** `multilabel_confusion_matrix`: [[tn, fp], [fn, tp]]. */
  readonly confusion_matrix: readonly [readonly [number, number], readonly [number, number]];
}

export interface RankingAverages {
  /** null where that of a label that counts is. */
  readonly roc_auc: number | null;
  readonly average_precision: number | null;
}

/** Plain JSON, with scikit-learn's names. */
export interface MultiLabelMetrics {
  readonly rows: number;
  readonly per_label: readonly LabelMetrics[];
  /** Over all rows and labels as one. */
  readonly micro: AveragedScores & RankingAverages;
  /** 95 % bootstrap interval of micro-F1, where it was asked for (the test part of a run); see `microF1Interval`. */
  readonly micro_f1_interval?: readonly [number, number] | undefined;
  /** Plain mean over the labels. */
  readonly macro: AveragedScores & RankingAverages;
  /** Mean over the labels, weighted by support. */
  readonly weighted: AveragedScores & RankingAverages;
  /** Mean over the rows. */
  readonly samples: AveragedScores;
  /** Share of rows of which every label is right (`accuracy_score`). */
  readonly subset_accuracy: number;
  readonly hamming_loss: number;
  readonly label_ranking_average_precision: number | null;
  /** How far down the ranking one must go to cover all labels of a row, on average. */
  readonly coverage_error: number | null;
}

/**
 * @param probabilities [rows, classes] row-major; where one is not finite the figures of rankings are null.
 * @param targets 0/1, [rows, classes] row-major.
 * @param thresholds a row has the label when its probability is at least this, [classes].
 * @throws HeadlightError `bad-table` without rows, `internal` when the shapes do not agree.
 */
export function evaluateMultiLabel(
  probabilities: Float64Array,
  targets: Uint8Array,
  thresholds: ArrayLike<number>,
  classes: readonly string[],
): MultiLabelMetrics {
  const k = classes.length;
  const rows = k === 0 ? 0 : targets.length / k;
  if (rows === 0) {
    throw new HeadlightError('bad-table', 'There are no rows to evaluate.', {
      hint: 'Use a larger test share, or a test file with rows that have labels.',
    });
  }
  if (probabilities.length !== targets.length || thresholds.length !== k || rows % 1 !== 0) {
    throw new HeadlightError(
      'internal',
      `${probabilities.length} probabilities, ${targets.length} targets and ${thresholds.length} thresholds of ${k} labels.`,
    );
  }
  const tp = new Float64Array(k);
  const predicted = new Float64Array(k);
  const actual = new Float64Array(k);
  const samples = { precision: 0, recall: 0, f1_score: 0 };
  let exact = 0;
  let wrong = 0;
  for (let i = 0; i < rows; i++) {
    let rowTp = 0;
    let rowPredicted = 0;
    let rowActual = 0;
    for (let c = 0; c < k; c++) {
      const yes = probabilities[i * k + c]! >= thresholds[c]! ? 1 : 0;
      const is = targets[i * k + c]!;
      predicted[c]! += yes;
      actual[c]! += is;
      tp[c]! += yes * is;
      rowPredicted += yes;
      rowActual += is;
      rowTp += yes * is;
    }
    const off = rowPredicted + rowActual - 2 * rowTp;
    wrong += off;
    if (off === 0) exact += 1;
    const row = scoresOf(rowTp, rowPredicted, rowActual);
    samples.precision += row.precision / rows;
    samples.recall += row.recall / rows;
    samples.f1_score += row.f1_score / rows;
  }
  const per_label = classes.map((label, c): LabelMetrics => {
    const own = new Uint8Array(rows);
    for (let i = 0; i < rows; i++) own[i] = targets[i * k + c]!;
    const counts = rankedCounts(columnOfScores(probabilities, k, c), own);
    const fp = predicted[c]! - tp[c]!;
    const fn = actual[c]! - tp[c]!;
    return {
      label,
      ...scoresOf(tp[c]!, predicted[c]!, actual[c]!),
      support: actual[c]!,
      threshold: thresholds[c]!,
      roc_auc: counts === null ? null : areaOfCounts(counts),
      average_precision: counts === null ? null : averagePrecisionOfCounts(counts),
      confusion_matrix: [
        [rows - tp[c]! - fp - fn, fp],
        [fn, tp[c]!],
      ],
    };
  });
  const all = rankedCounts(probabilities, targets);
  return {
    rows,
    per_label,
    micro: {
      ...scoresOf(sum(tp), sum(predicted), sum(actual)),
      roc_auc: all === null ? null : areaOfCounts(all),
      average_precision: all === null ? null : averagePrecisionOfCounts(all),
    },
    macro: averaged(per_label, () => 1),
    weighted: averaged(per_label, (entry) => entry.support),
    samples,
    subset_accuracy: exact / rows,
    hamming_loss: wrong / (rows * k),
    ...(all === null
      ? { label_ranking_average_precision: null, coverage_error: null }
      : rankings(probabilities, targets, rows, k)),
  };
}

function scoresOf(tp: number, predicted: number, actual: number): AveragedScores {
  return {
    precision: predicted === 0 ? 0 : tp / predicted,
    recall: actual === 0 ? 0 : tp / actual,
    f1_score: predicted + actual === 0 ? 0 : (2 * tp) / (predicted + actual),
  };
}

/** Weights that are all 0 give 0, as scikit-learn. */
function averaged(
  labels: readonly LabelMetrics[],
  weight: (entry: LabelMetrics) => number,
): AveragedScores & RankingAverages {
  const total = labels.reduce((all, entry) => all + weight(entry), 0);
  const of = (value: (entry: LabelMetrics) => number): number =>
    total === 0 ? 0 : labels.reduce((all, entry) => all + weight(entry) * value(entry), 0) / total;
  const ranking = (key: 'roc_auc' | 'average_precision'): number | null =>
    // A label without weight counts nothing, also where its own figure is not defined. Without any weight
    // scikit-learn gives 0, but it refuses scores that are not finite.
    labels.some((entry) =>
      total === 0 ? entry.average_precision === null : weight(entry) > 0 && entry[key] === null,
    )
      ? null
      : of((entry) => entry[key] ?? 0);
  return {
    precision: of((entry) => entry.precision),
    recall: of((entry) => entry.recall),
    f1_score: of((entry) => entry.f1_score),
    roc_auc: ranking('roc_auc'),
    average_precision: ranking('average_precision'),
  };
}

/** `label_ranking_average_precision_score` and `coverage_error`; ties take the worst rank. */
function rankings(
  probabilities: Float64Array,
  targets: Uint8Array,
  rows: number,
  k: number,
): Pick<MultiLabelMetrics, 'label_ranking_average_precision' | 'coverage_error'> {
  let precision = 0;
  let coverage = 0;
  for (let i = 0; i < rows; i++) {
    let relevant = 0;
    let share = 0;
    let deepest = 0;
    for (let c = 0; c < k; c++) {
      if (targets[i * k + c] !== 1) continue;
      relevant += 1;
      let rank = 0;
      let rankAmongRelevant = 0;
      for (let d = 0; d < k; d++) {
        if (probabilities[i * k + d]! < probabilities[i * k + c]!) continue;
        rank += 1;
        rankAmongRelevant += targets[i * k + d]!;
      }
      share += rankAmongRelevant / rank;
      deepest = Math.max(deepest, rank);
    }
    precision += relevant === 0 || relevant === k ? 1 : share / relevant;
    coverage += deepest;
  }
  return { label_ranking_average_precision: precision / rows, coverage_error: coverage / rows };
}

function sum(values: Float64Array): number {
  return values.reduce((all, value) => all + value, 0);
}
