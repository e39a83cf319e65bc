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
