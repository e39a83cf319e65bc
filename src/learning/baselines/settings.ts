/** `TfidfSettings` from outside: checked once, trusted after. */
import * as v from 'valibot';
import { HeadlightError } from '../../base';
import type { TfidfSettings } from './types';

const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));

const schema = v.object({
  ngram_range: v.union(
    [v.strictTuple([v.literal(1), v.literal(1)]), v.strictTuple([v.literal(1), v.literal(2)])],
    'must be [1, 1] or [1, 2]',
  ),
  min_df: v.pipe(
    positive,
    v.check((value) => value < 1 || Number.isInteger(value), 'must be a share below 1 or a count'),
  ),
  max_features: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))),
  lowercase: v.boolean(),
  sublinear_tf: v.boolean(),
  C: v.union([v.literal('cv'), positive], 'must be a number above 0, or "cv"'),
  Cs: v.pipe(v.array(positive), v.minLength(1, 'needs at least one value')),
  folds: v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(100)),
  class_weight: v.nullable(v.literal('balanced')),
  tol: positive,
  max_iter: v.pipe(v.number(), v.integer(), v.minValue(1)),
});

/** @throws HeadlightError `bad-setting`, naming the setting. */
export function parseTfidfSettings(value: unknown): TfidfSettings {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  const name = v.getDotPath(issue) ?? 'the settings';
  throw new HeadlightError('bad-setting', `Words baseline: ${name}: ${issue.message}.`, {
    hint: 'ngram_range is [1, 1] or [1, 2]; min_df, C, Cs and tol are above 0; folds is at least 2.',
  });
}
