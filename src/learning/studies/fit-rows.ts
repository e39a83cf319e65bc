/** One fit of a study: some rows to learn from, others to predict, both scored. */
import { HeadlightError, type Progress } from '../../base';
import {
  fitHead,
  predictHead,
  type HeadSettings,
  type Matrix,
  type MultiLabelContext,
  type Targets,
} from '../heads';
import type { Fit, Scorer, StudyRows } from './types';

export interface FitTask {
  readonly train: StudyRows;
  readonly trainRows: Int32Array;
  readonly test: StudyRows;
  readonly testRows: Int32Array;
  readonly classes: readonly string[];
  readonly settings: HeadSettings;
  readonly seed: number;
  readonly score: Scorer;
  readonly context: MultiLabelContext;
}

export interface FittedRows {
  readonly fit: Fit;
  /** Of the test rows, [rows, classes]. */
  readonly probabilities: Float64Array;
  /** Classes that no row to learn from has: never predicted here. */
  readonly missing: readonly string[];
}

/** @yields how much of this fit is done, from 0 to 1. */
export async function* fitRows(
  task: FitTask,
  signal: AbortSignal | undefined,
): AsyncGenerator<number, FittedRows, void> {
  const { classes, seed, score, context } = task;
  const features = takeMatrix(task.train.features, task.trainRows);
  const targets = takeTargets(task.train.targets, task.trainRows, classes.length);
  const known = knownClasses(targets, classes.length);
  const names = known.map((k) => classes[k]!);
  if (targets.kind === 'labels' && known.length < 2) {
    throw new HeadlightError(
      'bad-labels',
      `A draw of ${task.trainRows.length} rows to learn from has ${known.length === 1 ? `only the class ${names[0]}` : 'no rows'}.`,
      { hint: 'Use fewer folds, larger shares, or more rows of the other classes.' },
    );
  }
  const settings: HeadSettings = { ...task.settings, seed: task.settings.seed + seed };
  const job = fitHead(features, narrowed(targets, known), names, settings, context, signal);
  let step = await job.next();
  while (!step.done) {
    yield partDone(step.value);
    step = await job.next();
  }
  const { head } = step.value;
  const thresholds = 'type' in head ? head.thresholds : null;
  const predict = (matrix: Matrix): Float64Array =>
    widened(predictHead(head, matrix), known, matrix.rows, classes.length);
  const testFeatures = takeMatrix(task.test.features, task.testRows);
  const testTargets = takeTargets(task.test.targets, task.testRows, classes.length);
  const probabilities = predict(testFeatures);
  return {
    fit: {
      seed,
      trainRows: task.trainRows.length,
      testRows: task.testRows.length,
      train: score(predict(features), targets, thresholds),
      test: score(probabilities, testTargets, thresholds),
    },
    probabilities,
    missing: classes.filter((_, k) => !known.includes(k)),
  };
}

function partDone({ done, total }: Progress): number {
  return total === null || total === 0 ? 0 : done / total;
}

function takeMatrix({ columns, data }: Matrix, rows: Int32Array): Matrix {
  const taken = new Float32Array(rows.length * columns);
  for (const [i, row] of rows.entries())
    taken.set(data.subarray(row * columns, (row + 1) * columns), i * columns);
  return { rows: rows.length, columns, data: taken };
}

function takeTargets(targets: Targets, rows: Int32Array, classes: number): Targets {
  if (targets.kind === 'labels')
    return { kind: 'labels', labels: rows.map((row) => targets.labels[row]!) };
  const taken = new Uint8Array(rows.length * classes);
  for (const [i, row] of rows.entries())
    taken.set(targets.targets.subarray(row * classes, (row + 1) * classes), i * classes);
  return { kind: 'multi_label', targets: taken };
}

/** Classes with rows, ascending; of several labels a row, all: a head of its own says what is constant. */
function knownClasses(targets: Targets, classes: number): readonly number[] {
  const all = Array.from({ length: classes }, (_, k) => k);
  if (targets.kind === 'multi_label') return all;
  const seen = new Set(targets.labels);
  return all.filter((k) => seen.has(k));
}

function narrowed(targets: Targets, known: readonly number[]): Targets {
  if (targets.kind === 'multi_label') return targets;
  const place = new Map(known.map((k, at) => [k, at]));
  return { kind: 'labels', labels: targets.labels.map((label) => place.get(label)!) };
}

function widened(
  probabilities: Float64Array,
  known: readonly number[],
  rows: number,
  classes: number,
): Float64Array {
  if (known.length === classes) return probabilities;
  const wide = new Float64Array(rows * classes);
  for (let i = 0; i < rows; i++)
    for (const [at, k] of known.entries())
      wide[i * classes + k] = probabilities[i * known.length + at]!;
  return wide;
}
