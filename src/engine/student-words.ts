/** What is said of teacher and student, in the same words on the page, in the report file and on the command line. */
import type { RunRecord, StudentRound, TeacherFigures } from '../project';

/** Below this a difference is called more than chance; the usual level. */
const LEVEL = 0.05;

/** How good the teachers are on the student's own test rows, and which of the two is better; none without a truth. */
export function teacherSentences({ teacher }: Pick<RunRecord, 'teacher'>): string[] {
  if (teacher === undefined) return [];
  const { unvoted } = teacher;
  return [
    `${teacherName(teacher)} ${howGood(teacher)}`,
    ...(unvoted === 0
      ? []
      : [`On ${count(unvoted)} of them no teacher voted: they count as wrong.`]),
    verdict(teacher),
  ];
}

/** What the teachers are called before their names. */
export function teacherName({ teachers }: Pick<TeacherFigures, 'teachers'>): string {
  const names = teachers.join(', ');
  return teachers.length === 1 ? `The teacher (${names})` : `The teachers together (${names})`;
}

function howGood({ figure, value, interval, rows, teachers }: TeacherFigures): string {
  const said = (one: number): string => (figure === 'accuracy' ? percent(one) : one.toFixed(3));
  const range =
    interval === null ? '' : ` (95 % interval ${said(interval[0])} to ${said(interval[1])})`;
  const one = teachers.length === 1;
  return figure === 'accuracy'
    ? `${one ? 'gets' : 'get'} ${said(value)} of the same ${count(rows)} test texts right${range}.`
    : `${one ? 'has' : 'have'} micro-F1 ${said(value)} on the same ${count(rows)} test texts${range}.`;
}

function verdict({ test, micro_f1, teachers }: TeacherFigures): string {
  const { difference, interval, p_value } = micro_f1 ?? test;
  const unit = micro_f1 === null ? 'points' : 'micro-F1';
  const size = (one: number): string =>
    micro_f1 === null ? (100 * one).toFixed(1) : one.toFixed(3);
  const signed = (one: number): string => (one < 0 ? `−${size(-one)}` : size(one));
  const other = teachers.length === 1 ? 'its teacher' : 'its teachers';
  const method = `${micro_f1 === null ? 'McNemar’s exact test' : 'paired bootstrap'}, ${pValue(p_value)}`;
  if (difference === 0) return `The student and ${other} are equally good (${method}).`;
  const better = difference > 0 ? 'better' : 'worse';
  const by = `by ${size(Math.abs(difference))} ${unit} (95 % interval of the difference ${signed(interval[0])} to ${signed(interval[1])})`;
  return p_value < LEVEL
    ? `The student is ${better} than ${other} ${by}: more than chance explains (${method}).`
    : `The student is ${better} than ${other} ${by}, but chance explains that easily (${method}).`;
}

function pValue(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`;
}

/**
 * The rounds of self-training, a line each: `Round 1: 312 texts joined (a 150, b 162); 84.2 % right on the test texts`.
 * Where nobody has labelled a text to measure by, what is right is what the teacher says, and that is said.
 */
export function roundLines({
  student,
  metrics,
  data,
  labelling,
}: Pick<RunRecord, 'student' | 'metrics' | 'data' | 'labelling'>): string[] {
  const several = 'thresholds' in metrics;
  const where =
    labelling?.tested_by === 'teacher'
      ? 'as the teacher says, on the test texts'
      : 'on the test texts';
  return (student?.rounds ?? []).map((round) => roundLine(round, data.classes, several, where));
}

function roundLine(
  { round, joined, classes, test, interval }: StudentRound,
  names: readonly string[],
  several: boolean,
  where: string,
): string {
  const said = (one: number): string => (several ? one.toFixed(3) : percent(one));
  const range = interval === null ? '' : ` (${said(interval[0])} to ${said(interval[1])})`;
  const end = several ? `micro-F1 ${said(test)}${range}` : `${said(test)} right${range}`;
  if (round === 0) return `First fit: ${end} ${where}`;
  const parts = classes.flatMap((rows, at) =>
    rows > 0 ? [`${names[at] ?? ''} ${count(rows)}`] : [],
  );
  return `Round ${round}: ${count(joined)} texts joined (${parts.join(', ')}); ${end} ${where}`;
}

/** What the figures of the rounds are not. */
export const ROUNDS_NOTE =
  'The last round is what is kept, whatever its figure: the test texts choose nothing.';

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
