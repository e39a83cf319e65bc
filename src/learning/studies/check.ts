/** What a study is given, checked before the first fit, so that none of many fails late. */
import { HeadlightError } from '../../base';
import { checkFinite } from '../heads';
import type { StudyRows } from './types';

/**
 * @throws HeadlightError `device` for features that are not finite, `internal` for parts that do not fit
 *   together.
 */
export function checkRows(rows: StudyRows, classes: number): void {
  const { features, targets, strata, groups } = rows;
  const given =
    targets.kind === 'labels' ? targets.labels.length : targets.targets.length / classes;
  const lengths = [given, strata.length, groups?.length ?? features.rows];
  if (lengths.some((length) => length !== features.rows)) {
    throw new HeadlightError(
      'internal',
      `A study of ${features.rows} rows was given ${lengths.join(', ')} targets, strata and groups.`,
    );
  }
  checkFinite(features);
}

/** @throws HeadlightError `bad-setting`. */
export function checkSeeds(seeds: readonly number[]): void {
  if (seeds.length > 0 && seeds.every(Number.isInteger)) return;
  throw wrong('seeds', 'needs at least one whole number');
}

export function wrong(name: string, what: string): HeadlightError {
  return new HeadlightError('bad-setting', `Study: ${name}: ${what}.`, {
    hint: 'Shares are above 0 and at most 1; folds are at least 2; seeds are whole numbers.',
  });
}
