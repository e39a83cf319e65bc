/** The teachers beside their student: both on the same held-out rows, where these have true labels. */
import {
  mcnemar,
  microF1,
  microF1Interval,
  pairedMicroF1,
  rowCounts,
  wilsonInterval,
  type RowCounts,
} from '../learning/evaluate';
import type { PartPredictions, RunPredictions, TeacherFigures } from '../project';
import type { Prepared } from './prepare';
import { argmax } from './text-rows';

/** A teacher says yes to one of several labels from here on. */
const YES = 0.5;

export interface TeacherBeside {
  readonly record: { readonly teacher?: TeacherFigures };
  /** What the teachers said of the test rows, NaN where none voted. */
  readonly predictions: Pick<RunPredictions, 'teacher'>;
}

/**
 * @param student its predictions of the test rows.
 * @param thresholds of the student, of several labels a row; null of one class.
 * @returns nothing where labels are given, no teacher was asked, or no row has a true label.
 */
export function teacherBeside(
  { made, data }: Prepared,
  student: PartPredictions,
  thresholds: Float64Array | null,
): TeacherBeside {
  if (made === null || made.tested_by !== 'truth' || made.teachers.length === 0)
    return { record: {}, predictions: {} };
  const k = data.classes.length;
  const said = new Float64Array(student.indices.length * k);
  student.indices.forEach((row, at) => {
    said.set(made.proposed.subarray(row * k, (row + 1) * k), at * k);
  });
  const voted = Array.from(student.indices, (_, at) => !Number.isNaN(said[at * k]));
  const base = {
    teachers: made.teachers.map(({ name }) => name),
    rows: voted.length,
    unvoted: voted.filter((is) => !is).length,
  };
  const teacher =
    student.targets === null || thresholds === null
      ? ofClasses(base, student, said, voted)
      : ofLabels(base, student.targets, student, said, thresholds, voted);
  return { record: { teacher }, predictions: { teacher: said } };
}

type Base = Pick<TeacherFigures, 'teachers' | 'rows' | 'unvoted'>;

function ofClasses(
  base: Base,
  { labels, probabilities }: PartPredictions,
  said: Float64Array,
  voted: readonly boolean[],
): TeacherFigures {
  const k = said.length / labels.length;
  const right = (values: Float64Array): boolean[] =>
    Array.from(labels, (label, at) => argmax(values.subarray(at * k, (at + 1) * k)) === label);
  const teacher = right(said).map((is, at) => is && voted[at] === true);
  const hits = teacher.filter(Boolean).length;
  return {
    ...base,
    figure: 'accuracy',
    value: hits / base.rows,
    interval: wilsonInterval(hits, base.rows),
    test: mcnemar(right(probabilities), teacher),
    micro_f1: null,
  };
}

/** Where no teacher voted none of its labels is given; a text that has none is not right by that. */
function ofLabels(
  base: Base,
  targets: Uint8Array,
  { probabilities }: PartPredictions,
  said: Float64Array,
  thresholds: Float64Array,
  voted: readonly boolean[],
): TeacherFigures {
  const own = rowCounts(probabilities, targets, thresholds);
  const other = rowCounts(said, targets, new Float64Array(thresholds.length).fill(YES));
  return {
    ...base,
    figure: 'f1_micro',
    value: microF1(other),
    interval: microF1Interval(other)?.interval ?? null,
    test: mcnemar(
      everyLabelRight(own),
      everyLabelRight(other).map((is, at) => is && voted[at] === true),
    ),
    micro_f1: pairedMicroF1(own, other),
  };
}

export function everyLabelRight({ right, given, actual }: RowCounts): boolean[] {
  return Array.from(right, (tp, row) => tp === given[row] && tp === actual[row]);
}
