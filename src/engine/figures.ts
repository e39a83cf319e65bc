/** Predictions of the parts of the data, and the figures that they come to, whatever trained them. */
import {
  evaluate,
  evaluateMultiLabel,
  majorityBaseline,
  microF1Interval,
  rowCounts,
  type Metrics,
  type MultiLabelMetrics,
} from '../learning/evaluate';
import { DEFAULT_THRESHOLD, type Targets } from '../learning/heads';
import type { ClassFigures, MultiLabelFigures, PartPredictions, RunPredictions } from '../project';
import type { Prepared } from './prepare';

export function labelsOf({ data }: Pick<Prepared, 'data'>, indices: Int32Array): Int32Array {
  return Int32Array.from(indices, (index) => data.labels[index] ?? -1);
}

/** 0/1 `[rows, classes]` of these rows; null when every row has one class. */
export function targetsOf(
  { data }: Pick<Prepared, 'data'>,
  indices: Int32Array,
): Uint8Array | null {
  const { targets, classes } = data;
  if (targets === null) return null;
  const k = classes.length;
  const picked = new Uint8Array(indices.length * k);
  indices.forEach((index, at) => {
    picked.set(targets.subarray(index * k, (index + 1) * k), at * k);
  });
  return picked;
}

/** What heads learn of these rows. */
export function fitTargets(prepared: Pick<Prepared, 'data'>, indices: Int32Array): Targets {
  const targets = targetsOf(prepared, indices);
  return targets === null
    ? { kind: 'labels', labels: labelsOf(prepared, indices) }
    : { kind: 'multi_label', targets };
}

/** @param probabilities `[rows, classes]` of these rows. */
export function partPredictions(
  prepared: Pick<Prepared, 'data'>,
  indices: Int32Array,
  probabilities: Float64Array,
): PartPredictions {
  return {
    indices,
    labels: labelsOf(prepared, indices),
    probabilities,
    targets: targetsOf(prepared, indices),
  };
}

/**
 * @param thresholds for several labels a row, [classes]; null for one class a row (or a word).
 * @throws HeadlightError as `evaluate`.
 */
export function figuresOf(
  { data, split }: Pick<Prepared, 'data' | 'split'>,
  { train, validation, test }: RunPredictions,
  thresholds: ArrayLike<number> | null,
): ClassFigures | MultiLabelFigures {
  const { classes } = data;
  const unshared = withoutRows(test, split.alsoInTraining, classes.length);
  if (thresholds !== null) {
    const figures = (part: PartPredictions): MultiLabelMetrics =>
      severalFigures(part, thresholds, classes);
    return {
      train: figures(train),
      validation: validation === null ? null : figures(validation),
      test: withInterval(figures(test), test, thresholds),
      test_unshared: unshared === null ? null : figures(unshared),
      thresholds: Array.from(thresholds),
    };
  }
  const figures = ({ probabilities, labels }: PartPredictions): Metrics =>
    evaluate(probabilities, labels, classes);
  return {
    train: figures(train),
    validation: validation === null ? null : figures(validation),
    test: figures(test),
    test_unshared: unshared === null ? null : figures(unshared),
    baseline: majorityBaseline(train.labels, test.labels, classes),
  };
}

function severalFigures(
  { probabilities, targets }: PartPredictions,
  thresholds: ArrayLike<number>,
  classes: readonly string[],
): MultiLabelMetrics {
  return evaluateMultiLabel(probabilities, targets ?? new Uint8Array(0), thresholds, classes);
}

function withInterval(
  figures: MultiLabelMetrics,
  { probabilities, targets }: PartPredictions,
  thresholds: ArrayLike<number>,
): MultiLabelMetrics {
  const counts = rowCounts(probabilities, targets ?? new Uint8Array(0), thresholds);
  const found = microF1Interval(counts);
  return found === null ? figures : { ...figures, micro_f1_interval: found.interval };
}

/**
 * Of one part, by the same rules as the run's own; several labels a row with an interval of micro-F1.
 * @param thresholds of several labels a row; null: 0.5 each.
 */
export function figuresOfPart(
  part: PartPredictions,
  classes: readonly string[],
  thresholds: Float64Array | null = null,
): Metrics | MultiLabelMetrics {
  if (part.targets === null) return evaluate(part.probabilities, part.labels, classes);
  const from = thresholds ?? new Float64Array(classes.length).fill(DEFAULT_THRESHOLD);
  return withInterval(severalFigures(part, from, classes), part, from);
}

/** The rows of a part that are none of these; null when that makes no difference, or none are left. */
function withoutRows(
  part: PartPredictions,
  left: Int32Array,
  classes: number,
): PartPredictions | null {
  if (left.length === 0) return null;
  const out = new Set(left);
  const kept = part.indices.reduce<number[]>((rows, index, at) => {
    if (!out.has(index)) rows.push(at);
    return rows;
  }, []);
  if (kept.length === 0 || kept.length === part.indices.length) return null;
  const rows = <T extends Float64Array | Uint8Array>(values: T, made: T): T => {
    kept.forEach((row, at) => {
      made.set(values.subarray(row * classes, (row + 1) * classes), at * classes);
    });
    return made;
  };
  const size = kept.length * classes;
  return {
    indices: Int32Array.from(kept, (row) => part.indices[row] ?? -1),
    labels: Int32Array.from(kept, (row) => part.labels[row] ?? -1),
    probabilities: rows(part.probabilities, new Float64Array(size)),
    targets: part.targets === null ? null : rows(part.targets, new Uint8Array(size)),
  };
}

/** Class indices of a row's labels. */
export function labelsAt(targets: ArrayLike<number>, row: number, classes: number): number[] {
  const found: number[] = [];
  for (let label = 0; label < classes; label++)
    if (targets[row * classes + label] === 1) found.push(label);
  return found;
}

/** Class indices of the labels that reach their threshold. @param values `[classes]`. */
export function labelsAbove(values: ArrayLike<number>, thresholds: ArrayLike<number>): number[] {
  const found: number[] = [];
  for (let label = 0; label < values.length; label++)
    if ((values[label] ?? 0) >= (thresholds[label] ?? 0.5)) found.push(label);
  return found;
}
