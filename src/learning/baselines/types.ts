/** Baselines: what is asked, what comes out. An encoder with its head must beat them to be worth its cost. */
import type { FitReport } from '../heads';

/** scikit-learn's `KNeighborsClassifier(algorithm='brute')`. */
export interface NeighborsSettings {
  readonly n_neighbors: number;
  /** Every neighbour counts the same, or by one over its distance. */
  readonly weights: 'uniform' | 'distance';
  readonly metric: 'cosine' | 'euclidean';
}

export const DEFAULT_NEIGHBORS: NeighborsSettings = {
  n_neighbors: 5,
  weights: 'uniform',
  metric: 'cosine',
};

export interface BaselineResult {
  /** Of the rows that were asked for, [rows, classes] row-major. */
  readonly probabilities: Float64Array;
  readonly notes: readonly string[];
  readonly seconds: number;
}

/** scikit-learn's `TfidfVectorizer` and `LogisticRegression`, under their names. */
export interface TfidfSettings {
  /** Words, or words and pairs of neighbouring words. */
  readonly ngram_range: readonly [1, 1] | readonly [1, 2];
  /** Least number of training texts with a word, or, below 1, their share. */
  readonly min_df: number;
  /** Keeps the most frequent words only; null: all. */
  readonly max_features: number | null;
  readonly lowercase: boolean;
  /** 1 + ln(count) instead of the count. */
  readonly sublinear_tf: boolean;
  /** As in `LogisticSettings`. */
  readonly C: number | 'cv';
  readonly Cs: readonly number[];
  readonly folds: number;
  readonly class_weight: 'balanced' | null;
  readonly tol: number;
  readonly max_iter: number;
}

/** scikit-learn's defaults, but a cross-validated C: the baseline is given the care that the probe gets. */
export const DEFAULT_TFIDF: TfidfSettings = {
  ngram_range: [1, 1],
  min_df: 1,
  max_features: null,
  lowercase: true,
  sublinear_tf: false,
  C: 'cv',
  Cs: [0.1, 1, 10, 100],
  folds: 5,
  class_weight: null,
  tol: 1e-4,
  max_iter: 1000,
};

/** What turns texts into numbers: the words of the training texts and how rare each is. */
export interface Vocabulary {
  /** In sorted order, as `get_feature_names_out`. */
  readonly terms: readonly string[];
  /** `idf_`, [terms]. */
  readonly idf: Float64Array;
  readonly settings: Pick<TfidfSettings, 'ngram_range' | 'lowercase' | 'sublinear_tf'>;
}

/** Words and their weights: the whole classifier. */
export interface TfidfModel {
  readonly vocabulary: Vocabulary;
  readonly classes: readonly string[];
  readonly multiLabel: boolean;
  /** [terms, outputs] row-major; one output for two classes, a logit a label for several labels a row. */
  readonly coef: Float64Array;
  /** [outputs]. */
  readonly intercept: Float64Array;
}

export interface TfidfReport {
  /** One for the classes together, or one a label; null for a label that was the same in every row. */
  readonly fits: readonly (Pick<
    FitReport,
    'C' | 'crossValidation' | 'iterations' | 'converged' | 'gradientNorm'
  > | null)[];
  readonly terms: number;
  readonly notes: readonly string[];
  readonly seconds: number;
}

export interface FittedTfidf {
  readonly model: TfidfModel;
  readonly report: TfidfReport;
}
