/** Metrics of one part (train or test), with scikit-learn's names. Plain JSON: it goes into run records. */

export interface Metrics {
  readonly rows: number;
  readonly accuracy: number;
  /** 95 % Wilson score interval of the accuracy. */
  readonly accuracy_interval: readonly [number, number];
  readonly balanced_accuracy: number;
  readonly f1_macro: number;
  readonly matthews_corrcoef: number;
  /** Binary: `roc_auc_score`; several classes: one-vs-rest, macro. null where it is not defined. */
  readonly roc_auc: number | null;
  readonly log_loss: number;
  readonly per_class: readonly ClassMetrics[];
  /** `[actual][predicted]` counts, in the order of the classes. */
  readonly confusion_matrix: readonly (readonly number[])[];
}

export interface ClassMetrics {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1_score: number;
  readonly support: number;
}

/** Always answers the most frequent class of the training part. */
export interface MajorityBaseline {
  readonly label: string;
  readonly train: Metrics;
  readonly test: Metrics;
}
