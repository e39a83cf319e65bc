/** `LogisticSettings` from outside (a recipe, a flag, a message): checked once, trusted after. */
import * as v from 'valibot';
import { HeadlightError } from '../../base';
import type { LogisticSettings } from './types';

const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));

const schema = v.object({
  type: v.literal('logistic_regression'),
  C: v.union([v.literal('cv'), positive], 'must be a number above 0, or "cv"'),
  Cs: v.pipe(v.array(positive), v.minLength(1, 'needs at least one value')),
  folds: v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(100)),
  class_weight: v.nullable(v.literal('balanced')),
  standardize: v.boolean(),
  tol: positive,
  max_iter: v.pipe(v.number(), v.integer(), v.minValue(1)),
  seed: v.pipe(v.number(), v.integer()),
});

/** @throws HeadlightError `bad-setting`, naming the setting. */
export function parseLogisticSettings(value: unknown): LogisticSettings {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  const name = v.getDotPath(issue) ?? 'the settings';
  throw new HeadlightError('bad-setting', `Probe: ${name}: ${issue.message}.`, {
    hint: 'C, Cs and tol are above 0; folds is at least 2; class_weight is "balanced" or null.',
  });
}
