/** What a report is made of, for one class a row (or a word) and for several labels a row: the same questions. */
import {
  averagePrecision,
  detailedMetrics,
  evaluate,
  evaluateMultiLabel,
  reliabilityDiagram,
  rocAuc,
  topLabelReliability,
  wilsonInterval,
  type ReliabilityDiagram,
} from '../learning/evaluate';
import type { PartPredictions } from '../project';
import {
  MULTI_LABEL_REPORT_FIGURES,
  REPORT_FIGURES,
  type ClassCurves,
  type ReportFigureName,
  type ThresholdRows,
} from './report-types';

type Rows = Pick<PartPredictions, 'labels' | 'probabilities' | 'targets'>;
export type FigureValues = Readonly<Partial<Record<ReportFigureName, number | null>>>;

export interface Reporter {
  /** The main figure first. */
  readonly names: readonly ReportFigureName[];
  /** The one that is a share of rows, with Wilson's interval. */
  readonly share: ReportFigureName;
  shareInterval(rows: Rows): readonly [number, number];
  figures(rows: Rows): FigureValues;
  perClass(
    rows: Rows,
  ): readonly Pick<ClassCurves, 'label' | 'roc_auc' | 'average_precision' | 'reliability'>[];
  reliability(rows: Rows): ReliabilityDiagram | null;
  /** Probability of a class, [rows]; whether each row has it. */
  scores(rows: Rows, at: number): Float64Array;
  positive(rows: Rows, at: number): Uint8Array;
  /** For which classes a threshold can be chosen. */
  readonly thresholds: readonly (Pick<ThresholdRows, 'label' | 'other' | 'start'> & {
    readonly at: number;
  })[];
}

export function classReporter(classes: readonly string[]): Reporter {
  const k = classes.length;
  const [first = '', second = ''] = classes;
  return {
    names: REPORT_FIGURES,
    share: 'accuracy',
    shareInterval: ({ probabilities, labels }) =>
      evaluate(probabilities, labels, classes).accuracy_interval,
    figures({ probabilities, labels }) {
      const metrics = evaluate(probabilities, labels, classes);
      const detailed = detailedMetrics(metrics, probabilities, labels);
      return {
        accuracy: metrics.accuracy,
        f1_weighted: detailed.f1_weighted,
        roc_auc_ovr_macro: detailed.roc_auc_ovr_macro,
        average_precision: detailed.average_precision,
        brier_score_loss: detailed.brier_score_loss,
        expected_calibration_error: detailed.expected_calibration_error,
      };
    },
    perClass: ({ probabilities, labels }) =>
      detailedMetrics(
        evaluate(probabilities, labels, classes),
        probabilities,
        labels,
      ).per_class.map((one) => ({ ...one, reliability: null })),
    reliability: ({ probabilities, labels }) => topLabelReliability(probabilities, labels, k),
    scores: ({ probabilities }, at) => column(probabilities, k, at),
    positive: ({ labels }, at) => Uint8Array.from(labels, (label) => (label === at ? 1 : 0)),
    thresholds:
      k === 2
        ? [
            { at: 1, label: second, other: first, start: 0.5 },
            { at: 0, label: first, other: second, start: 0.5 },
          ]
        : [],
  };
}

/** @param thresholds [classes]. */
export function labelReporter(classes: readonly string[], thresholds: readonly number[]): Reporter {
  const k = classes.length;
  const targetsOf = ({ targets }: Rows): Uint8Array => targets ?? new Uint8Array(0);
  const scores = ({ probabilities }: Rows, at: number): Float64Array =>
    column(probabilities, k, at);
  const positive = (rows: Rows, at: number): Uint8Array =>
    Uint8Array.from(column(targetsOf(rows), k, at));
  const of = (rows: Rows): ReturnType<typeof evaluateMultiLabel> =>
    evaluateMultiLabel(rows.probabilities, targetsOf(rows), thresholds, classes);
  return {
    names: MULTI_LABEL_REPORT_FIGURES,
    share: 'subset_accuracy',
    shareInterval(rows) {
      const { subset_accuracy: share, rows: all } = of(rows);
      return wilsonInterval(Math.round(share * all), all);
    },
    figures(rows) {
      const { micro, macro, weighted, samples, subset_accuracy, hamming_loss } = of(rows);
      const calibration = reliabilityDiagram(rows.probabilities, targetsOf(rows));
      return {
        f1_micro: micro.f1_score,
        f1_macro: macro.f1_score,
        f1_weighted: weighted.f1_score,
        f1_samples: samples.f1_score,
        subset_accuracy,
        hamming_loss,
        roc_auc_micro: micro.roc_auc,
        roc_auc_macro: macro.roc_auc,
        average_precision_micro: micro.average_precision,
        average_precision_macro: macro.average_precision,
        brier_score_loss:
          calibration === null ? null : squaredError(rows.probabilities, targetsOf(rows)),
        expected_calibration_error: calibration?.expected_calibration_error ?? null,
      };
    },
    perClass: (rows) =>
      classes.map((label, at) => {
        const own = scores(rows, at);
        const has = positive(rows, at);
        return {
          label,
          roc_auc: rocAuc(own, has),
          average_precision: averagePrecision(own, has),
          reliability: reliabilityDiagram(own, has),
        };
      }),
    reliability: (rows) => reliabilityDiagram(rows.probabilities, targetsOf(rows)),
    scores,
    positive,
    thresholds: classes.map((label, at) => ({
      at,
      label,
      other: null,
      start: thresholds[at] ?? 0.5,
    })),
  };
}

/** Column of row-major `[rows, classes]` values. */
function column(values: ArrayLike<number>, classes: number, at: number): Float64Array {
  return Float64Array.from(
    { length: classes === 0 ? 0 : values.length / classes },
    (_, row) => values[row * classes + at] ?? Number.NaN,
  );
}

/** `brier_score_loss` of every cell as one. */
function squaredError(probabilities: Float64Array, targets: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < probabilities.length; at++)
    sum += ((probabilities[at] ?? Number.NaN) - (targets[at] ?? Number.NaN)) ** 2;
  return sum / probabilities.length;
}
