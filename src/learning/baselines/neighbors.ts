/** k nearest neighbours, brute force, as scikit-learn's `KNeighborsClassifier(algorithm='brute')`. */
import { HeadlightError, type Job } from '../../base';
import { checkFinite, checkLabels, countTargets, type Matrix, type Targets } from '../heads';
import { nearestRows, type Neighbor } from './nearest';
import type { BaselineResult, NeighborsSettings } from './types';

/**
 * @param train [training rows, columns]; one class or several labels a row by `targets`.
 * @param rows what to predict. The tfjs backend must be the current one, and stay it.
 * @throws HeadlightError `bad-labels`, `bad-setting`, `device` for features that are not finite, `aborted`.
 */
export async function* kNearest(
  train: Matrix,
  targets: Targets,
  classes: readonly string[],
  rows: Matrix,
  settings: NeighborsSettings,
  signal?: AbortSignal,
): Job<BaselineResult> {
  const started = performance.now();
  const { weights, metric } = settings;
  if (!Number.isInteger(settings.n_neighbors) || settings.n_neighbors < 1) {
    throw new HeadlightError(
      'bad-setting',
      `n_neighbors is ${settings.n_neighbors}, not a whole number above 0.`,
      { hint: 'Five neighbours are usual.' },
    );
  }
  if (targets.kind === 'labels') checkLabels(train, targets.labels, classes);
  else countTargets(targets.targets, train.rows, classes);
  if (rows.columns !== train.columns) {
    throw new HeadlightError(
      'internal',
      `Neighbours of ${rows.columns} features among rows of ${train.columns}.`,
    );
  }
  checkFinite(train);
  checkFinite(rows);
  const k = Math.min(settings.n_neighbors, train.rows);
  const notes =
    k === settings.n_neighbors
      ? []
      : [`There are ${k} training rows: ${k} neighbours instead of ${settings.n_neighbors}.`];
  const found = yield* nearestRows(train, rows, k, metric, notes[0], signal);
  const outputs = classes.length;
  const probabilities = new Float64Array(rows.rows * outputs);
  found.forEach((nearest, i) => {
    vote(
      nearest,
      targets,
      weights,
      outputs,
      probabilities.subarray(i * outputs, (i + 1) * outputs),
    );
  });
  return { probabilities, notes, seconds: (performance.now() - started) / 1000 };
}

/** Adds the neighbours' votes up to shares; at a distance of 0 only the neighbours there vote. */
function vote(
  nearest: readonly Neighbor[],
  targets: Targets,
  weights: NeighborsSettings['weights'],
  outputs: number,
  shares: Float64Array,
): void {
  const touches = nearest.some(({ distance }) => distance === 0);
  let total = 0;
  for (const { row, distance } of nearest) {
    const alike = touches ? Number(distance === 0) : 1 / distance;
    const weight = weights === 'uniform' ? 1 : alike;
    total += weight;
    if (targets.kind === 'labels') shares[targets.labels[row]!]! += weight;
    else
      for (let k = 0; k < outputs; k++) shares[k]! += weight * targets.targets[row * outputs + k]!;
  }
  for (let k = 0; k < outputs; k++) shares[k]! /= total;
}
