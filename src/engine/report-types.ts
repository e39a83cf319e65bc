/** The engine's part about reports and studies: what the page asks of a run, and what it is shown. */
import type { Job } from '../base';
import type {
  LearningCurveSummary,
  PrecisionRecallCurve,
  ReliabilityDiagram,
  RepeatSummary,
  RocCurve,
  TrainTestGap,
  WordImportanceHint,
} from '../learning/evaluate';
import type {
  CurveSettings,
  LearningCurve,
  RepeatedFits,
  RepeatSettings,
} from '../learning/studies';
import type { MapEngine } from './map-types';

export * from './map-types';

/** Of one class a row; names of scikit-learn. `accuracy` has Wilson's interval, the others the bootstrap's. */
export const REPORT_FIGURES = [
  'accuracy',
  'f1_weighted',
  'roc_auc_ovr_macro',
  'average_precision',
  'brier_score_loss',
  'expected_calibration_error',
] as const;

/**
 * Of several labels a row. `subset_accuracy` has Wilson's interval; the Brier score and the calibration error are
 * of every label's yes or no alike.
 */
export const MULTI_LABEL_REPORT_FIGURES = [
  'f1_micro',
  'f1_macro',
  'f1_weighted',
  'f1_samples',
  'subset_accuracy',
  'hamming_loss',
  'roc_auc_micro',
  'roc_auc_macro',
  'average_precision_micro',
  'average_precision_macro',
  'brier_score_loss',
  'expected_calibration_error',
] as const;
export type ReportFigureName =
  (typeof REPORT_FIGURES)[number] | (typeof MULTI_LABEL_REPORT_FIGURES)[number];

/** What studies and comparisons are of: accuracy, or micro-F1 of several labels a row. */
export type MainFigure = 'accuracy' | 'f1_micro';

type Named = readonly [string, string];
const BRIER: Named = ['Brier score', 'squared error of the probabilities; lower is better'];
const CALIBRATION = 'Calibration error';
const WEIGHTED: Named = ['Weighted F1', 'F1 of each class, weighted by its rows'];

/** The figure's name for people; the second says what it means, and which way is better. */
export const FIGURE_NAMES: Readonly<Record<ReportFigureName, Named>> = {
  accuracy: ['Accuracy', 'share that is right'],
  f1_weighted: WEIGHTED,
  roc_auc_ovr_macro: ['ROC AUC', 'one class against the rest, mean of the classes; 0.5 is chance'],
  average_precision: ['Average precision', 'under the precision-recall curve, mean of the classes'],
  brier_score_loss: BRIER,
  expected_calibration_error: [
    CALIBRATION,
    'how far it is less often right than it is sure; lower is better',
  ],
  f1_micro: ['Micro-F1', 'precision and recall over all labels of all texts as one'],
  f1_macro: ['Macro-F1', 'mean of the labels’ F1, rare ones counted alike'],
  f1_samples: ['F1 of the texts', 'F1 of each text’s labels, mean of the texts'],
  subset_accuracy: ['Every label right', 'share of the texts of which no label is wrong'],
  hamming_loss: ['Hamming loss', 'share of the single yes or no answers that is wrong'],
  roc_auc_micro: ['ROC AUC, micro', 'of every label’s answer as one; 0.5 is chance'],
  roc_auc_macro: ['ROC AUC, macro', 'mean of the labels'],
  average_precision_micro: ['Average precision, micro', 'of every label’s answer as one'],
  average_precision_macro: ['Average precision, macro', 'mean of the labels'],
};

export interface ReportFigure {
  readonly name: ReportFigureName;
  /** null where it is not defined on that part. */
  readonly train: number | null;
  readonly test: number | null;
  /** 95 %, of the test figure; null where there is none to give. */
  readonly interval: readonly [number, number] | null;
  readonly method: 'wilson' | 'bca' | 'percentile' | null;
}

/** One class against the rest, or one of several labels, on the test part. */
export interface ClassCurves {
  readonly label: string;
  readonly roc_auc: number | null;
  readonly average_precision: number | null;
  /** Thinned to what an eye can tell apart; null where it is not defined. */
  readonly roc: RocCurve | null;
  readonly precision_recall: PrecisionRecallCurve | null;
  /** Of the label's own probability; of one class a row null, `RunReport.reliability` is of those. */
  readonly reliability: ReliabilityDiagram | null;
}

/** What a threshold is chosen by: of the test rows. */
export interface ThresholdRows {
  readonly label: string;
  /** What the others are called, where that is one class; null: rows without the label. */
  readonly other: string | null;
  /** The threshold that the run itself has. */
  readonly start: number;
  /** Probability of the label, [rows]. */
  readonly scores: Float64Array;
  /** Whether the row has it, [rows]. */
  readonly positive: Uint8Array;
}

export interface RunReport {
  readonly run: string;
  /** `word` for token classification. */
  readonly unit: 'text' | 'word';
  /** Whether a row has several labels. */
  readonly multiLabel: boolean;
  readonly classes: readonly string[];
  readonly trainRows: number;
  readonly testRows: number;
  readonly figures: readonly ReportFigure[];
  /** Bootstrap resamples behind the intervals; 0 when there are too many rows and classes for it. */
  readonly resamples: number;
  readonly curves: readonly ClassCurves[];
  /** Of the predicted class's probability, or of every label's, on the test part. */
  readonly reliability: ReliabilityDiagram | null;
  /** Each label of several a row; of two classes each of them; else none. */
  readonly thresholds: readonly ThresholdRows[];
  /** Of the accuracy, or of micro-F1. */
  readonly gap: TrainTestGap;
}

/** The figure is on the run's own test part. */
export interface CurveStudy extends LearningCurve {
  readonly figure: MainFigure;
  readonly summary: LearningCurveSummary;
}

/** The figure is on the rows each fit has not seen. */
export interface RepeatStudy extends Omit<RepeatedFits, 'outOfFold'> {
  readonly figure: MainFigure;
  readonly method: RepeatSettings['method'];
  readonly summary: RepeatSummary;
}

export interface ReportEngine extends MapEngine {
  /**
   * Figures, curves and calibration from the kept predictions; nothing is trained.
   * @throws HeadlightError `not-found`.
   */
  runReport(project: string, run: string, signal?: AbortSignal): Job<RunReport>;
  /**
   * A probe fitted to growing shares of the training part, tested on the whole test part.
   * @throws HeadlightError `bad-setting` for a fine-tuned run, `not-found`.
   */
  learningCurve(
    project: string,
    run: string,
    settings: CurveSettings,
    signal?: AbortSignal,
  ): Job<CurveStudy>;
  /** A probe fitted to other splits of all rows. @throws as `learningCurve`. */
  repeatedFits(
    project: string,
    run: string,
    settings: RepeatSettings,
    signal?: AbortSignal,
  ): Job<RepeatStudy>;
  /**
   * What each word does to the probability of a class, by leaving it out: a hint, no explanation.
   * @param pair the second text, for a run of text pairs; else null.
   * @param classIndex null: the most probable class.
   * @throws HeadlightError `bad-setting` for token classification, `not-found`.
   */
  explainText(
    project: string,
    run: string,
    text: string,
    pair: string | null,
    classIndex: number | null,
    signal?: AbortSignal,
  ): Job<WordImportanceHint>;
}
