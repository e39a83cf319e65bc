/** Probe heads: what is asked, what comes out. */

export interface LogisticSettings {
  readonly type: 'logistic_regression';
  /** A fixed inverse strength of the L2 penalty, or 'cv': chosen by stratified cross-validation. */
  readonly C: number | 'cv';
  /** The grid for 'cv'. */
  readonly Cs: readonly number[];
  /** Folds for 'cv'. */
  readonly folds: number;
  readonly class_weight: 'balanced' | null;
  /** Standardise the features (zero mean, unit variance on the training part) before fitting. */
  readonly standardize: boolean;
  readonly tol: number;
  readonly max_iter: number;
  readonly seed: number;
}

export const DEFAULT_LOGISTIC: LogisticSettings = {
  type: 'logistic_regression',
  C: 'cv',
  Cs: [0.01, 0.1, 1, 10, 100],
  folds: 5,
  class_weight: null,
  standardize: false,
  tol: 1e-4,
  max_iter: 1000,
  seed: 0,
};

/** A row-major matrix. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** A linear classifier as scikit-learn keeps it. */
export interface LinearHead {
  readonly classes: readonly string[];
  /** `[k, d]` row-major; k = 1 for two classes (the logit of classes[1]), else the number of classes. */
  readonly coef: Float64Array;
  readonly intercept: Float64Array;
  readonly features: number;
  /** Applied to the features before the linear map; null when they are used as they are. */
  readonly scaler: { readonly mean: Float64Array; readonly scale: Float64Array } | null;
}

export interface FitReport {
  /** The C that was used. */
  readonly C: number;
  /** Mean held-out accuracy for each C of the grid; null when C was given. */
  readonly crossValidation:
    | readonly { readonly C: number; readonly scores: readonly number[]; readonly mean: number }[]
    | null;
  readonly iterations: number;
  readonly converged: boolean;
  /** Largest absolute component of the gradient at the end. */
  readonly gradientNorm: number;
  readonly backend: string;
  readonly seconds: number;
}

export interface FittedHead {
  readonly head: LinearHead;
  readonly report: FitReport;
}

/** One-vs-rest logistic regression for several labels a row: a logit a label, each with its threshold. */
export interface MultiLabelHead {
  readonly type: 'multi_label';
  readonly classes: readonly string[];
  /** `[classes, features]` row-major: `OneVsRestClassifier(LogisticRegression()).coef_`. */
  readonly coef: Float64Array;
  /** A label that was the same in every training row has coefficients 0 and ±`CONSTANT_LOGIT` here. */
  readonly intercept: Float64Array;
  readonly features: number;
  /** As in `LinearHead`. */
  readonly scaler: LinearHead['scaler'];
  /** A row has the label when its probability is at least this; [classes]. */
  readonly thresholds: Float64Array;
}

/** One hidden layer with ReLU (scikit-learn's `MLPClassifier`). */
export interface MlpHead {
  readonly type: 'mlp';
  readonly classes: readonly string[];
  /** Whether a row may have several labels: a sigmoid a label instead of one softmax. */
  readonly multiLabel: boolean;
  readonly features: number;
  readonly hidden: number;
  /** `coefs_`: [features, hidden] and [hidden, outputs], row-major; one output for two classes. */
  readonly coefs: readonly [Float64Array, Float64Array];
  /** `intercepts_`: [hidden] and [outputs]. */
  readonly intercepts: readonly [Float64Array, Float64Array];
  readonly scaler: LinearHead['scaler'];
  /** As in `MultiLabelHead`; null when every row has one class. */
  readonly thresholds: Float64Array | null;
}

export type Head = LinearHead | MultiLabelHead | MlpHead;

/** scikit-learn's `MLPClassifier(solver='adam', activation='relu')`, under its names where they differ. */
export interface MlpSettings {
  readonly type: 'mlp';
  /** Units of the hidden layer (`hidden_layer_sizes`). */
  readonly hidden: number;
  /** Strength of the L2 penalty. */
  readonly alpha: number;
  /** Adam's step (`learning_rate_init`). */
  readonly learning_rate: number;
  /** 'auto' is min(200, rows). */
  readonly batch_size: number | 'auto';
  /** Epochs at most. */
  readonly max_iter: number;
  /** Hold rows of the training part back, stop when they are no longer predicted better, keep the best. */
  readonly early_stopping: boolean;
  readonly validation_fraction: number;
  /** Epochs without an improvement of at least `tol` before it stops. */
  readonly n_iter_no_change: number;
  readonly tol: number;
  /** Standardise the features (zero mean, unit variance on the training part) before fitting. */
  readonly standardize: boolean;
  readonly seed: number;
}

/** scikit-learn's defaults, but early stopping and standardised features (embeddings are small numbers). */
export const DEFAULT_MLP: MlpSettings = {
  type: 'mlp',
  hidden: 100,
  alpha: 1e-4,
  learning_rate: 1e-3,
  batch_size: 'auto',
  max_iter: 200,
  early_stopping: true,
  validation_fraction: 0.1,
  n_iter_no_change: 10,
  tol: 1e-4,
  standardize: true,
  seed: 0,
};

export type HeadSettings = LogisticSettings | MlpSettings;

/** A class index for each row, or 0/1 targets [rows, classes] row-major when a row may have several labels. */
export type Targets =
  | { readonly kind: 'labels'; readonly labels: Int32Array }
  | { readonly kind: 'multi_label'; readonly targets: Uint8Array };

export interface LabelFit {
  readonly label: string;
  readonly C: number;
  readonly crossValidation: FitReport['crossValidation'];
  readonly iterations: number;
  readonly converged: boolean;
  readonly gradientNorm: number;
  /** 0 or 1 when every training row had this target, and the label is always predicted so; else null. */
  readonly constant: 0 | 1 | null;
}

export interface MultiLabelReport {
  readonly labels: readonly LabelFit[];
  readonly converged: boolean;
  /** What a person should know: labels without examples, fewer folds, thresholds that were kept. */
  readonly notes: readonly string[];
  readonly backend: string;
  readonly seconds: number;
}

export interface FittedMultiLabel {
  readonly head: MultiLabelHead;
  readonly report: MultiLabelReport;
}

export interface MlpReport {
  /** Mean loss with penalty over each epoch, as `loss_curve_`. */
  readonly lossCurve: readonly number[];
  /** Accuracy on the rows held back after each epoch (`validation_scores_`); null without early stopping. */
  readonly validationScores: readonly number[] | null;
  readonly epochs: number;
  /** False when `max_iter` ended it. */
  readonly converged: boolean;
  readonly notes: readonly string[];
  readonly backend: string;
  readonly seconds: number;
}

export interface FittedMlp {
  readonly head: MlpHead;
  readonly report: MlpReport;
}
