/** Studies fit a head many times on features that are already computed: what is asked, what comes out. */
import type { Matrix, Targets } from '../heads';

/** Rows with what is true of them. */
export interface StudyRows {
  readonly features: Matrix;
  readonly targets: Targets;
  /** What shares and folds are stratified by, [rows]: the class, or for several labels the row's stratum. */
  readonly strata: Int32Array;
  /** Rows of a group stay together, [rows]; null: each row is its own. */
  readonly groups: Int32Array | null;
}

/** Figures by name; null where one is not defined. */
export type Scores = Readonly<Record<string, number | null>>;

/**
 * @param probabilities [rows, classes] row-major.
 * @param thresholds of each label, for several labels a row; else null.
 */
export type Scorer = (
  probabilities: Float64Array,
  targets: Targets,
  thresholds: Float64Array | null,
) => Scores;

export interface Fit {
  readonly seed: number;
  readonly trainRows: number;
  readonly testRows: number;
  readonly train: Scores;
  readonly test: Scores;
}

export interface Spread {
  readonly mean: number;
  /** Sample standard deviation; null for a single value. */
  readonly standard_deviation: number | null;
  readonly lowest: number;
  readonly highest: number;
  /** Values it is of: those that were defined. */
  readonly count: number;
}

export interface CurvePoint extends Fit {
  /** Of the training part, above 0, at most 1. */
  readonly share: number;
}

export interface CurveStep {
  readonly share: number;
  readonly rows: number;
  readonly train: Readonly<Record<string, Spread>>;
  readonly test: Readonly<Record<string, Spread>>;
}

export interface LearningCurve {
  readonly points: readonly CurvePoint[];
  /** The points of a share together, ascending. */
  readonly steps: readonly CurveStep[];
  readonly notes: readonly string[];
  readonly seconds: number;
}

export interface CurveSettings {
  readonly shares: readonly number[];
  /** A share is drawn once for each seed; its rows are in the larger shares of that seed too. */
  readonly seeds: readonly number[];
}

export const DEFAULT_CURVE: CurveSettings = {
  shares: [0.1, 0.2, 0.4, 0.7, 1],
  seeds: [0, 1, 2],
};

export type RepeatSettings =
  | { readonly method: 'folds'; readonly folds: number; readonly seed: number }
  | { readonly method: 'seeds'; readonly seeds: readonly number[]; readonly testShare: number };

export const DEFAULT_REPEATS: RepeatSettings = { method: 'folds', folds: 5, seed: 0 };

export interface RepeatedFits {
  readonly fits: readonly Fit[];
  readonly train: Readonly<Record<string, Spread>>;
  readonly test: Readonly<Record<string, Spread>>;
  /** Of folds: what each row got from the fit that had not seen it, [rows, classes]; else null. */
  readonly outOfFold: Float64Array | null;
  readonly notes: readonly string[];
  readonly seconds: number;
}
