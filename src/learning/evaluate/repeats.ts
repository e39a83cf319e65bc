/** One figure over several seeds or folds: its spread, and an interval that knows the training rows overlap. */
import { HeadlightError } from '../../base';
import { studentQuantile } from './distributions';

export interface RepeatSummary {
  readonly values: readonly number[];
  readonly mean: number;
  /** Of the sample (n - 1); null for a single value. */
  readonly standard_deviation: number | null;
  /** Student's t; takes the values as independent, so it is too narrow for splits that share rows. */
  readonly t_interval: readonly [number, number] | null;
  /** Nadeau & Bengio 2003: the variance times 1/n + test rows/training rows. null without those numbers. */
  readonly corrected_interval: readonly [number, number] | null;
  readonly confidence: number;
}

/**
 * @param values the figure of each seed, split or fold.
 * @param sizes rows that each was trained and tested on.
 * @throws HeadlightError `internal` without values.
 */
export function summariseRepeats(
  values: readonly number[],
  sizes: { readonly train: number; readonly test: number } | null = null,
  confidence = 0.95,
): RepeatSummary {
  const n = values.length;
  if (n === 0) throw new HeadlightError('internal', 'There are no repeats to summarise.');
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const base = { values, mean, confidence };
  if (n === 1)
    return { ...base, standard_deviation: null, t_interval: null, corrected_interval: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const t = studentQuantile((1 + confidence) / 2, n - 1);
  const around = (factor: number): readonly [number, number] => {
    const half = t * Math.sqrt(variance * factor);
    return [mean - half, mean + half];
  };
  return {
    ...base,
    standard_deviation: Math.sqrt(variance),
    t_interval: around(1 / n),
    corrected_interval:
      sizes === null || sizes.train === 0 ? null : around(1 / n + sizes.test / sizes.train),
  };
}
