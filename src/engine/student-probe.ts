/** The probe of a project: one fit, or of made labels a first one and rounds of self-training after it. */
import { ProgressMeter, type Job } from '../base';
import {
  fitHead,
  predictHead,
  type FittedHead,
  type FittedMlp,
  type FittedMultiLabel,
  type Head,
  type HeadContext,
  type Matrix,
} from '../learning/heads';

import type { StudentRound } from '../project';
import { calibrate, type CalibratedHead } from './calibrate';
import type { TrainSettings } from './engine';
import { labelsOf, partPredictions, targetsOf } from './figures';
import type { Prepared } from './prepare';
import {
  endOfRounds,
  joinedRows,
  roundFigures,
  sharpened,
  studentRows,
  studentSettings,
  studentTemperature,
  type JoinedRows,
} from './students';

export interface ProbeFeatures {
  readonly train: Matrix;
  readonly validation: Matrix;
  readonly test: Matrix;
  /** Of the texts that may join in rounds of self-training; no rows without rounds. */
  readonly unlabelled: Matrix;
}

type Fitted = CalibratedHead & {
  readonly report: (FittedHead | FittedMultiLabel | FittedMlp)['report'];
};

export interface StudentProbe extends Fitted {
  /** Of the first fit and of each round; null where none was asked for. */
  readonly rounds: readonly StudentRound[] | null;
  /** Why there were fewer rounds than asked for. */
  readonly notes: readonly string[];
}

/** @throws HeadlightError as `fitHead`. */
export async function* fitProbe(
  prepared: Prepared,
  features: ProbeFeatures,
  settings: TrainSettings['head'],
  context: HeadContext,
  signal?: AbortSignal,
): Job<StudentProbe> {
  const { data, split } = prepared;
  const most = studentSettings(prepared)?.rounds ?? 0;
  let fitted = yield* fitOnce(prepared, features, null, settings, context, signal);
  if (most === 0) return { ...fitted, rounds: null, notes: [] };
  const figures = (round: number, joined: JoinedRows | null): StudentRound => {
    const found = predictHead(fitted.head, features.test);
    const test = partPredictions(prepared, split.test, found);
    return roundFigures(round, joined, test, data.classes, thresholdsOf(fitted.head));
  };
  const rounds = [figures(0, null)];
  let before: JoinedRows | null = null;
  for (let round = 1; round <= most; round++) {
    const said = predictHead(fitted.head, features.unlabelled);
    const joined = joinedRows(prepared, split.train, said, thresholdsOf(fitted.head));
    const ended = endOfRounds(round - 1, joined, before, features.unlabelled.rows);
    if (ended !== null) return { ...fitted, rounds, notes: [ended] };
    yield new ProgressMeter(`Self-training, round ${round} of ${most}`, 'texts', null).at(
      joined.rows.length,
      `Round ${round}: ${joined.rows.length} texts without a label join.`,
    );
    fitted = yield* fitOnce(prepared, features, joined, settings, context, signal);
    rounds.push(figures(round, joined));
    before = joined;
  }
  return { ...fitted, rounds, notes: [] };
}

async function* fitOnce(
  prepared: Prepared,
  features: ProbeFeatures,
  joined: JoinedRows | null,
  settings: TrainSettings['head'],
  context: HeadContext,
  signal?: AbortSignal,
): Job<Fitted> {
  const { data, split } = prepared;
  const { targets, weighting } = studentRows(prepared, split.train, joined);
  const held = split.validation.length === 0 ? null : targetsOf(prepared, split.validation);
  const { head, report } = yield* fitHead(
    joined === null ? features.train : stacked(features.train, features.unlabelled, joined.rows),
    targets,
    data.classes,
    settings,
    {
      ...context,
      ...(weighting === undefined ? {} : { weighting }),
      ...(held === null ? {} : { validation: { features: features.validation, targets: held } }),
    },
    signal,
  );
  const sharp = sharpened(head, studentTemperature(prepared));
  const calibrated =
    split.validation.length === 0
      ? { head: sharp, calibration: null }
      : calibrate(sharp, features.validation, labelsOf(prepared, split.validation));
  return { ...calibrated, report };
}

/** The rows of the first, then some of the second. */
function stacked(first: Matrix, second: Matrix, rows: Int32Array): Matrix {
  const { columns } = first;
  const data = new Float32Array((first.rows + rows.length) * columns);
  data.set(first.data);
  rows.forEach((row, at) => {
    data.set(second.data.subarray(row * columns, (row + 1) * columns), (first.rows + at) * columns);
  });
  return { rows: first.rows + rows.length, columns, data };
}

/** Of several labels a row; null of one class a row. */
export function thresholdsOf(head: Head): Float64Array | null {
  return 'type' in head ? head.thresholds : null;
}
