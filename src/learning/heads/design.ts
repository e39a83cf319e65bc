/**
 * What the optimiser works on: features checked, centred (which decouples the intercept and changes no
 * optimum, since the intercept is not penalised) and, when asked, scaled as `StandardScaler` does.
 */
import { HeadlightError } from '../../base';
import type { LinearHead, Matrix } from './types';

export interface Design {
  readonly rows: number;
  readonly columns: number;
  /** Centred (and scaled) features, [rows, columns]. */
  readonly centred: Float32Array;
  /** What was subtracted to centre, in the units of the coefficients; [columns]. */
  readonly offset: Float64Array;
  /** As the head will keep it; null when features are used as they are. */
  readonly scaler: LinearHead['scaler'];
}

/** Centred features with a column of ones, so that an intercept is a weight like the others. */
export interface DesignMatrix {
  readonly rows: number;
  /** With that of ones, which is the last. */
  readonly columns: number;
  /** [rows, columns]. */
  readonly values: Float32Array;
  /** What was subtracted, [columns - 1]. */
  readonly offset: Float64Array;
}

/** @throws HeadlightError `device` naming the row of a feature that is not a finite number. */
export function designMatrix(features: Matrix): DesignMatrix {
  const { rows, columns, data } = features;
  const offset = checkFinite(features);
  const values = new Float32Array(rows * (columns + 1));
  for (let i = 0, from = 0, to = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, from++, to++) values[to] = data[from]! - offset[j]!;
    values[to++] = 1;
  }
  return { rows, columns: columns + 1, values, offset };
}

/** The same without the column of ones. */
export function withoutOnes({ rows, columns, values, offset }: DesignMatrix): Design {
  const centred = new Float32Array(rows * (columns - 1));
  for (let i = 0; i < rows; i++)
    centred.set(values.subarray(i * columns, (i + 1) * columns - 1), i * (columns - 1));
  return { rows, columns: columns - 1, centred, offset, scaler: null };
}

/**
 * @returns the mean of each column.
 * @throws HeadlightError `device` naming the row of a feature that is not a finite number.
 */
export function checkFinite({ rows, columns, data }: Matrix): Float64Array {
  if (data.length !== rows * columns)
    throw new HeadlightError(
      'internal',
      `Features: ${data.length} values for ${rows} rows of ${columns}.`,
    );
  const mean = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    const start = i * columns;
    let check = 0;
    for (let j = 0; j < columns; j++) {
      const value = data[start + j]!;
      mean[j]! += value;
      check += value * 0; // NaN as soon as one value is NaN or infinite
    }
    if (check !== 0)
      throw new HeadlightError('device', `The features of row ${i + 1} are not finite numbers.`, {
        hint: 'The encoder computed something wrong on this device: choose another device or precision.',
      });
  }
  for (let j = 0; j < columns; j++) mean[j]! /= rows;
  return mean;
}

/**
 * @param weights of the rows, for their means and variances (`StandardScaler.fit(X, sample_weight)`); null: alike.
 * @throws HeadlightError `device` naming the row of a feature that is not a finite number.
 */
export function prepareDesign(
  features: Matrix,
  standardize: boolean,
  weights: Float64Array | null = null,
): Design {
  const { rows, columns, data } = features;
  const plain = checkFinite(features);
  const total = weights === null ? rows : weights.reduce((sum, weight) => sum + weight, 0);
  const mean = weights === null ? plain : weightedMean(features, weights, total);
  const centred = new Float32Array(rows * columns);
  if (!standardize) {
    for (let i = 0, at = 0; i < rows; i++)
      for (let j = 0; j < columns; j++, at++) centred[at] = data[at]! - mean[j]!;
    return { rows, columns, centred, offset: mean, scaler: null };
  }
  const scale = new Float64Array(columns);
  const residue = new Float64Array(columns);
  for (let i = 0, at = 0; i < rows; i++) {
    const weight = weights?.[i] ?? 1;
    for (let j = 0; j < columns; j++, at++) {
      const difference = data[at]! - mean[j]!;
      scale[j]! += weight * difference * difference;
      residue[j]! += weight * difference;
    }
  }
  for (let j = 0; j < columns; j++) {
    // Two-pass variance with its correction; a constant column keeps scale 1, by scikit-learn's test.
    const variance = (scale[j]! - (residue[j]! * residue[j]!) / total) / total;
    const noise = total * Number.EPSILON * variance + (total * mean[j]! * Number.EPSILON) ** 2;
    scale[j] = variance <= noise ? 1 : Math.sqrt(variance);
  }
  for (let i = 0, at = 0; i < rows; i++)
    for (let j = 0; j < columns; j++, at++) centred[at] = (data[at]! - mean[j]!) / scale[j]!;
  return { rows, columns, centred, offset: new Float64Array(columns), scaler: { mean, scale } };
}

function weightedMean(
  { rows, columns, data }: Matrix,
  weights: Float64Array,
  total: number,
): Float64Array {
  const mean = new Float64Array(columns);
  for (let i = 0, at = 0; i < rows; i++)
    for (let j = 0; j < columns; j++, at++) mean[j]! += weights[i]! * data[at]!;
  return mean.map((sum) => sum / total);
}
