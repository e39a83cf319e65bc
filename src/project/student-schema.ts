/** Teacher beside student, and rounds of self-training, as schemas. */
import * as v from 'valibot';
import type { StudentRound, StudentRounds, TeacherFigures } from './student-types';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const interval = v.tuple([v.number(), v.number()]);

const mcnemar = v.object({
  onlyFirst: count,
  onlySecond: count,
  p_value: share,
  difference: v.number(),
  interval,
});

const pairedMicroF1 = v.object({
  first: share,
  second: share,
  difference: v.number(),
  interval,
  p_value: share,
  resamples: count,
});

export const teacherFigures = v.object({
  teachers: v.array(v.string()),
  rows: count,
  unvoted: count,
  figure: v.picklist(['accuracy', 'f1_micro']),
  value: share,
  interval: v.nullable(interval),
  test: mcnemar,
  micro_f1: v.nullable(pairedMicroF1),
}) satisfies v.GenericSchema<unknown, TeacherFigures>;

export const studentRoundSchema = v.object({
  round: count,
  joined: count,
  classes: v.array(count),
  test: share,
  interval: v.nullable(interval),
}) satisfies v.GenericSchema<unknown, StudentRound>;

export const studentRounds = v.object({
  rounds: v.array(studentRoundSchema),
}) satisfies v.GenericSchema<unknown, StudentRounds>;
