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

/** Names of scikit-learn; `accuracy` has Wilson's interval, the others the bootstrap's. */
export const REPORT_FIGURES = [
  'accuracy',
  'f1_weighted',
  'roc_auc_ovr_macro',
  'average_precision',
  'brier_score_loss',
  'expected_calibration_error',
] as const;
export type ReportFigureName = (typeof REPORT_FIGURES)[number];

export interface ReportFigure {
  readonly name: ReportFigureName;
  /** null where it is not defined on that part. */
  readonly train: number | null;
  readonly test: number | null;
  /** 95 %, of the test figure; null where there is none to give. */
  readonly interval: readonly [number, number] | null;
  readonly method: 'wilson' | 'bca' | 'percentile' | null;
}

/** One class against the rest, on the test part. */
export interface ClassCurves {
  readonly label: string;
  readonly roc_auc: number | null;
  readonly average_precision: number | null;
  /** Thinned to what an eye can tell apart; null where it is not defined. */
  readonly roc: RocCurve | null;
  readonly precision_recall: PrecisionRecallCurve | null;
}

/** What a threshold is chosen by, for two classes: of the test rows. */
export interface ThresholdRows {
  /** Probability of the second class, [rows]. */
  readonly scores: Float64Array;
  /** Whether the row is of the second class, [rows]. */
  readonly positive: Uint8Array;
}

export interface RunReport {
  readonly run: string;
  /** `word` for token classification. */
  readonly unit: 'text' | 'word';
  readonly classes: readonly string[];
  readonly trainRows: number;
  readonly testRows: number;
  readonly figures: readonly ReportFigure[];
  /** Bootstrap resamples behind the intervals; 0 when there are too many rows and classes for it. */
  readonly resamples: number;
  readonly curves: readonly ClassCurves[];
  /** Of the predicted class's probability, on the test part. */
  readonly reliability: ReliabilityDiagram | null;
  /** null but for two classes. */
  readonly threshold: ThresholdRows | null;
  /** Of the accuracy. */
  readonly gap: TrainTestGap;
}

/** The figure is the accuracy on the run's own test part. */
export interface CurveStudy extends LearningCurve {
  readonly summary: LearningCurveSummary;
}

/** The figure is the accuracy on the rows each fit has not seen. */
export interface RepeatStudy extends Omit<RepeatedFits, 'outOfFold'> {
  readonly method: RepeatSettings['method'];
  readonly summary: RepeatSummary;
}

export interface ReportEngine extends MapEngine {
  /**
   * Figures, curves and calibration from the kept predictions; nothing is trained.
   * @throws HeadlightError `bad-setting` for several labels a text, `not-found`.
   */
  runReport(project: string, run: string, signal?: AbortSignal): Job<RunReport>;
  /**
   * A probe fitted to growing shares of the training part, tested on the whole test part.
   * @throws HeadlightError `bad-setting` for a fine-tuned run or several labels a text, `not-found`.
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
