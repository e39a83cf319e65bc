/** Likely label errors: what is judged, what is found. Matrices are row-major. */

/** How rows that are flagged are put in order, the likeliest error first. */
export type LabelQuality = 'normalized_margin' | 'self_confidence';

/** What the labels and the probabilities together say of the noise; one class a row. */
export interface LabelNoise {
  /** Mean probability of each class on the rows that are labelled so, [classes]; 2 for a class without rows. */
  readonly thresholds: Float64Array;
  /** Rows counted as (given label, likely label), calibrated to the counts of the given labels; [classes, classes]. */
  readonly joint: Float64Array;
  /** P(given label | true label), columns sum to 1; [classes, classes] as (given, true). */
  readonly noise: Float64Array;
  /** P(true label | given label), columns sum to 1; [classes, classes] as (true, given). */
  readonly inverse: Float64Array;
}

/** A row whose label is likely wrong. */
export interface LabelIssue {
  readonly row: number;
  /** In [0, 1]: the lower, the likelier the label is wrong. */
  readonly quality: number;
  /** Class indices: what it is labelled, and what it would be by the probabilities. */
  readonly given: readonly number[];
  readonly suggested: readonly number[];
}

export interface LabelIssues {
  /** The likeliest errors first. */
  readonly issues: readonly LabelIssue[];
  /** Of one class a row; of several labels one for each label, as (absent, present). */
  readonly noise: readonly LabelNoise[];
}
