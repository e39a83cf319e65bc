/**
 * Out-of-fold probabilities of logistic regression: what each row gets from the fit that has not seen it. The folds
 * are fitted together along the grid of C, and the C that predicts held-out rows best gives the probabilities; so
 * cross-validation and prediction are the same fits. One number, C, is chosen on all rows.
 */
import { HeadlightError, ProgressMeter, type Job } from '../../base';
import { fitBatch, type BatchContext, type FitRequest, type FitStep } from './batch';
import { kernelsOf, type HeadContext } from './context';
import { prepareDesign, type Design } from './design';
import { choose, FOLD_STEP, headOf } from './fit';
import { columnOf } from './multi-label-input';
import { stopping } from './pause';
import { covariance, type DensePreconditioner } from './preconditioner';
import { predictProbabilities } from './predict';
import { Products } from './products';
import type { Matrix, Targets } from './types';

export interface OutOfFoldSettings {
  /** The grid that C is chosen from by accuracy on held-out rows; a single value is taken as it is. */
  readonly Cs: readonly number[];
  readonly tol: number;
  readonly max_iter: number;
}

export const DEFAULT_OUT_OF_FOLD: OutOfFoldSettings = {
  Cs: [0.1, 1, 10],
  tol: 1e-4,
  max_iter: 1000,
};

export interface OutOfFold {
  /** [rows, classes]; rows sum to 1 where a row has one class. */
  readonly probabilities: Float64Array;
  /** The C that was used; of several labels a row one for each, null for a label that is the same everywhere. */
  readonly Cs: readonly (number | null)[];
  /** Classes that some fold had no rows of to learn from: they get 0 there. */
  readonly missing: readonly number[];
  readonly seconds: number;
}

const PHASE = 'Judging each row by the others';
/** What the solvers of one group of labels may hold. */
const GROUP_BYTES = 64e6;
const BYTES_A_COLUMN = 20 * 3 * 8;

/**
 * @param features [rows, columns].
 * @param foldOf the fold in which each row is held out, [rows], from 0.
 * @throws HeadlightError `bad-labels` for fewer than two classes with rows, `device` for features that are not
 *   finite or a fit that diverges, `aborted`.
 */
export async function* outOfFold(
  features: Matrix,
  targets: Targets,
  classes: readonly string[],
  foldOf: Int32Array,
  settings: OutOfFoldSettings,
  context: HeadContext,
  signal?: AbortSignal,
): Job<OutOfFold> {
  const started = performance.now();
  const pause = stopping(signal);
  await pause();
  const { rows, columns } = features;
  const tasks = planTasks(targets, rows, classes);
  const folds = foldOf.reduce((most, fold) => Math.max(most, fold + 1), 0);
  const Cs = [...new Set(settings.Cs)].sort((a, b) => a - b);
  const meter = new ProgressMeter(PHASE, 'fits', tasks.length * folds * Cs.length);
  yield meter.at(0);
  const design = prepareDesign(features, false);
  await pause();
  const outputs = targets.kind === 'multi_label' || classes.length === 2 ? 1 : classes.length;
  const groupSize = Math.max(
    1,
    Math.floor(GROUP_BYTES / (BYTES_A_COLUMN * (columns + 1) * outputs * folds)),
  );
  const probabilities = new Float64Array(rows * classes.length);
  const used: (number | null)[] = targets.kind === 'labels' ? [null] : classes.map(() => null);
  const missing = new Set<number>();
  const preconditioners = new Map<number, DensePreconditioner>();
  const width = folds * outputs * Math.min(groupSize, Math.max(1, tasks.length));
  const kernels = await kernelsOf(context);
  const products = new Products(design, width, kernels);
  try {
    await pause();
    const batch: BatchContext = {
      design,
      products,
      labels: new Int32Array(rows),
      outputs,
      covariance: await covariance(design, new Float64Array(rows).fill(1), kernels),
      preconditioners,
      pause,
    };
    let done = 0;
    for (let first = 0; first < tasks.length; first += groupSize) {
      const group = tasks.slice(first, first + groupSize);
      const requests = group.flatMap(({ labels }) => foldRequests(labels, foldOf, folds, Cs));
      const job = fitBatch(requests, { ...settings, stepTolerance: FOLD_STEP }, batch);
      let step = await job.next();
      while (!step.done) {
        yield meter.at(done + step.value);
        step = await job.next();
      }
      done += requests.length * Cs.length;
      for (const [at, task] of group.entries()) {
        const paths = step.value.slice(at * folds, (at + 1) * folds);
        const { C } = choose(paths, Cs);
        used[task.column ?? 0] = C;
        for (const [fold, path] of paths.entries()) {
          const point = pointAt(path, C);
          const given = { features, design, outputs, foldOf, fold, classes: classes.length };
          fill(probabilities, task, point, given, missing);
          await pause();
        }
      }
    }
    for (const [k, constant] of constants(targets, rows, classes.length))
      for (let row = 0; row < rows; row++) probabilities[row * classes.length + k] = constant;
    yield meter.at(tasks.length * folds * Cs.length);
  } finally {
    products.dispose();
    for (const preconditioner of preconditioners.values()) preconditioner.dispose();
  }
  return {
    probabilities,
    Cs: used,
    missing: [...missing].sort((a, b) => a - b),
    seconds: (performance.now() - started) / 1000,
  };
}

/** What is fitted: all classes together, or one of several labels. */
interface FoldTask {
  readonly labels: Int32Array;
  /** Which label; null for all classes together. */
  readonly column: number | null;
}

function planTasks(targets: Targets, rows: number, classes: readonly string[]): FoldTask[] {
  if (targets.kind === 'labels') {
    if (new Set(targets.labels).size < 2)
      throw new HeadlightError('bad-labels', 'All rows have the same label.', {
        hint: 'Labels can be compared where there are rows of at least two classes.',
      });
    return [{ labels: targets.labels, column: null }];
  }
  const constant = constants(targets, rows, classes.length);
  return classes.flatMap((_, k): FoldTask[] =>
    constant.has(k)
      ? []
      : [{ labels: columnOf(targets.targets, rows, classes.length, k), column: k }],
  );
}

/** Labels of several that all rows have, or none: by their value. */
function constants(targets: Targets, rows: number, classes: number): ReadonlyMap<number, 0 | 1> {
  const found = new Map<number, 0 | 1>();
  if (targets.kind === 'labels') return found;
  for (let k = 0; k < classes; k++) {
    let count = 0;
    for (let row = 0; row < rows; row++) count += targets.targets[row * classes + k]!;
    if (count === 0 || count === rows) found.set(k, count === 0 ? 0 : 1);
  }
  return found;
}

function foldRequests(
  labels: Int32Array,
  foldOf: Int32Array,
  folds: number,
  Cs: readonly number[],
): FitRequest[] {
  return Array.from({ length: folds }, (_, fold) => ({
    labels,
    weights: Float64Array.from(foldOf, (of) => (of === fold ? 0 : 1)),
    Cs,
    start: null,
  }));
}

function pointAt(path: readonly FitStep[], C: number): Float64Array {
  const point = path.find((step) => step.C === C)?.point;
  if (point?.every(Number.isFinite) === true) return point;
  throw new HeadlightError('device', 'Fitting the probes gave numbers that are not finite.', {
    hint: 'Choose another device or another encoder.',
  });
}

interface FoldRows {
  readonly features: Matrix;
  readonly design: Design;
  readonly outputs: number;
  readonly foldOf: Int32Array;
  readonly fold: number;
  readonly classes: number;
}

/** Writes what the held-out rows of a fold get from its fit. */
function fill(
  probabilities: Float64Array,
  { labels, column }: FoldTask,
  point: Float64Array,
  { features, design, outputs, foldOf, fold, classes }: FoldRows,
  missing: Set<number>,
): void {
  const { columns, data } = features;
  const held: number[] = [];
  const seen = new Uint8Array(classes);
  for (const [row, of] of foldOf.entries()) {
    if (of === fold) held.push(row);
    else if (column === null) seen[labels[row]!] = 1;
  }
  const part = new Float32Array(held.length * columns);
  for (const [at, row] of held.entries())
    part.set(data.subarray(row * columns, (row + 1) * columns), at * columns);
  const matrix: Matrix = { rows: held.length, columns, data: part };
  const names = Array.from({ length: column === null ? classes : 2 }, (_, k) => String(k));
  const found = predictProbabilities(headOf(point, design, names, outputs), matrix);
  for (const [at, row] of held.entries()) {
    if (column !== null) {
      probabilities[row * classes + column] = found[at * 2 + 1]!;
      continue;
    }
    let sum = 0;
    for (let k = 0; k < classes; k++) if (seen[k] === 1) sum += found[at * classes + k]!;
    for (let k = 0; k < classes; k++) {
      if (seen[k] === 0) missing.add(k);
      probabilities[row * classes + k] = seen[k] === 0 ? 0 : found[at * classes + k]! / sum;
    }
  }
}
