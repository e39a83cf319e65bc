/**
 * How much the figures depend on which rows were drawn: the head fitted again on other splits of the same
 * rows, by k folds (each row is tested once) or by repeated random splits. Folds share most of their
 * training rows, so their spread is that of the split, not a standard error of the mean.
 */
import type { Job } from '../../base';
import type { HeadSettings, MultiLabelContext } from '../heads';
import { checkRows, checkSeeds, wrong } from './check';
import { stratifiedGroupFolds, stratifiedOrder, takeShare } from './draws';
import { fitDraws, type Draw } from './fit-draws';
import { spreadOf } from './spread';
import type { Fit, RepeatedFits, RepeatSettings, Scorer, StudyRows } from './types';

const MOST_FOLDS = 100;

/**
 * @param data the rows that are split again each time; a test part that must stay unseen is left out.
 * @throws HeadlightError `bad-setting`, `bad-labels` when a draw leaves one class to learn from, and as
 *   `fitHead`.
 */
export async function* repeatedFits(
  data: StudyRows,
  classes: readonly string[],
  head: HeadSettings,
  settings: RepeatSettings,
  score: Scorer,
  context: MultiLabelContext,
  signal?: AbortSignal,
): Job<RepeatedFits> {
  checkRows(data, classes.length);
  const k = classes.length;
  const outOfFold = settings.method === 'folds' ? new Float64Array(data.features.rows * k) : null;
  const fits: Fit[] = [];
  const notes = new Set<string>();
  const seconds = yield* fitDraws(
    { phase: 'Repeating the fit', train: data, test: data, classes, head, score, context },
    planSplits(data, settings),
    ({ test }, { fit, probabilities, missing }) => {
      fits.push(fit);
      for (const name of missing) {
        notes.add(
          `All rows of the class ${name} were held out at once: it could not be predicted there.`,
        );
      }
      for (const [at, row] of test.entries())
        outOfFold?.set(probabilities.subarray(at * k, (at + 1) * k), row * k);
    },
    signal,
  );
  return {
    fits,
    train: spreadOf(fits.map(({ train }) => train)),
    test: spreadOf(fits.map(({ test }) => test)),
    outOfFold,
    notes: [...notes],
    seconds,
  };
}

function planSplits({ strata, groups }: StudyRows, settings: RepeatSettings): Draw[] {
  const rows = Int32Array.from(strata.keys());
  const split = (foldOf: Int32Array, fold: number, seed: number): Draw => ({
    seed,
    train: rows.filter((row) => foldOf[row] !== fold),
    test: rows.filter((row) => foldOf[row] === fold),
  });
  if (settings.method === 'folds') {
    const { folds, seed } = settings;
    checkSeeds([seed]);
    const units = groups === null ? rows.length : new Set(groups).size;
    const most = Math.min(MOST_FOLDS, units);
    if (!Number.isInteger(folds) || folds < 2 || folds > most) {
      const what = groups === null ? 'rows' : 'groups';
      throw wrong('folds', `must be from 2 to ${most}, there are ${units} ${what}`);
    }
    const foldOf = stratifiedGroupFolds(strata, groups, folds, seed);
    return Array.from({ length: folds }, (_, fold) => split(foldOf, fold, seed));
  }
  const { seeds, testShare } = settings;
  checkSeeds(seeds);
  if (!(testShare > 0 && testShare < 1)) throw wrong('testShare', 'must be above 0 and below 1');
  return [...new Set(seeds)].map((seed) => {
    if (groups !== null) {
      const folds = Math.max(2, Math.round(1 / testShare));
      return split(stratifiedGroupFolds(strata, groups, folds, seed), 0, seed);
    }
    const isTrain = new Int32Array(rows.length).fill(0);
    for (const row of takeShare(stratifiedOrder(strata, seed), strata, 1 - testShare))
      isTrain[row] = 1;
    const drawn = split(isTrain, 0, seed);
    if (drawn.test.length === 0) throw wrong('testShare', `leaves no test rows of ${rows.length}`);
    return drawn;
  });
}
