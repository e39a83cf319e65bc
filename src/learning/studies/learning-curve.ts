/**
 * What more rows would bring: the head fitted on growing shares of the training part and scored on the same
 * test part each time. A curve that still rises at its end says that more labelled rows would help.
 */
import type { Job } from '../../base';
import type { HeadSettings, MultiLabelContext } from '../heads';
import { checkRows, checkSeeds, wrong } from './check';
import { stratifiedOrder, takeShare } from './draws';
import { fitDraws } from './fit-draws';
import { spreadOf } from './spread';
import type {
  CurvePoint,
  CurveSettings,
  CurveStep,
  LearningCurve,
  Scorer,
  StudyRows,
} from './types';

/**
 * @param test stays as it is at every share.
 * @throws HeadlightError `bad-setting`, and as `fitHead`.
 */
export async function* learningCurve(
  train: StudyRows,
  test: StudyRows,
  classes: readonly string[],
  head: HeadSettings,
  settings: CurveSettings,
  score: Scorer,
  context: MultiLabelContext,
  signal?: AbortSignal,
): Job<LearningCurve> {
  const { shares, seeds } = settings;
  if (shares.length === 0 || !shares.every((share) => share > 0 && share <= 1))
    throw wrong('shares', 'must be above 0 and at most 1');
  checkSeeds(seeds);
  checkRows(train, classes.length);
  checkRows(test, classes.length);
  const everyTest = Int32Array.from({ length: test.features.rows }, (_, row) => row);
  const draws = planDraws(train, head, shares, seeds).map((draw) => ({ ...draw, test: everyTest }));
  const points: CurvePoint[] = [];
  const notes = new Set<string>();
  const seconds = yield* fitDraws(
    { phase: 'Learning curve', train, test, classes, head, score, context },
    draws,
    ({ share }, { fit, missing }) => {
      points.push({ share, ...fit });
      for (const name of missing) notes.add(`The class ${name} has no training rows.`);
    },
    signal,
  );
  return { points, steps: stepsOf(points), notes: [...notes], seconds };
}

interface ShareDraw {
  readonly share: number;
  readonly seed: number;
  readonly train: Int32Array;
}

/** Small shares first, so that a curve is there early; a fit that no seed changes is done once. */
function planDraws(
  { strata }: StudyRows,
  head: HeadSettings,
  shares: readonly number[],
  seeds: readonly number[],
): ShareDraw[] {
  const orders = new Map([...new Set(seeds)].map((seed) => [seed, stratifiedOrder(strata, seed)]));
  const draws: ShareDraw[] = [];
  let before = 0;
  for (const share of [...new Set(shares)].sort((a, b) => a - b)) {
    let rowsHere = 0;
    for (const [seed, order] of orders) {
      const rows = takeShare(order, strata, share);
      rowsHere = rows.length;
      // Of few rows two shares may be the same: each class keeps a row.
      if (rowsHere === before) break;
      draws.push({ share, seed, train: rows });
      if (rowsHere === order.length && head.type === 'logistic_regression') break;
    }
    before = rowsHere;
  }
  return draws;
}

function stepsOf(points: readonly CurvePoint[]): CurveStep[] {
  return [...new Set(points.map(({ share }) => share))].map((share) => {
    const own = points.filter((point) => point.share === share);
    return {
      share,
      rows: own[0]!.trainRows,
      train: spreadOf(own.map((point) => point.train)),
      test: spreadOf(own.map((point) => point.test)),
    };
  });
}

/**
 * One figure on the test part at each size, as `summariseLearningCurve` takes it. A fit that no seed changes
 * (a logistic regression on all rows) was made once and counts for each seed: its value has no spread of its
 * own, so that an interval is of the spread at the other sizes. A figure that was not defined is left out.
 */
export function curveRuns(
  { points }: Pick<LearningCurve, 'points'>,
  figure: string,
): { readonly rows: number; readonly values: readonly number[] }[] {
  const sizes = [...new Set(points.map(({ trainRows }) => trainRows))];
  const seeds = new Set(points.map(({ seed }) => seed)).size;
  return sizes
    .map((rows) => {
      const own = points.filter(({ trainRows }) => trainRows === rows);
      const values = own
        .map(({ test }) => test[figure])
        .filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
      const [only] = values;
      const isOnce = own.length === 1 && only !== undefined;
      return { rows, values: isOnce ? new Array<number>(seeds).fill(only) : values };
    })
    .filter(({ values }) => values.length > 0);
}
