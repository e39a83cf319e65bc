/** Head settings from outside (a recipe, a flag, a message): checked once, trusted after. */
import * as v from 'valibot';
import { HeadlightError } from '../../base';
import type { HeadSettings, LogisticSettings, MlpSettings } from './types';

const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const count = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));

const logistic = v.object({
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

const mlp = v.object({
  type: v.literal('mlp'),
  hidden: count(8192),
  alpha: v.pipe(v.number(), v.finite(), v.minValue(0)),
  learning_rate: positive,
  batch_size: v.union(
    [v.literal('auto'), count(1_000_000)],
    'must be a whole number above 0, or "auto"',
  ),
  max_iter: count(100_000),
  early_stopping: v.boolean(),
  validation_fraction: v.pipe(v.number(), v.gtValue(0), v.ltValue(1)),
  n_iter_no_change: count(100_000),
  tol: v.pipe(v.number(), v.finite(), v.minValue(0)),
  standardize: v.boolean(),
  seed: v.pipe(v.number(), v.integer()),
});

/** @throws HeadlightError `bad-setting`, naming the setting. */
export function parseLogisticSettings(value: unknown): LogisticSettings {
  return parse(
    logistic,
    value,
    'C, Cs and tol are above 0; folds is at least 2; class_weight is "balanced" or null.',
  );
}

/** @throws HeadlightError `bad-setting`, naming the setting. */
export function parseMlpSettings(value: unknown): MlpSettings {
  return parse(
    mlp,
    value,
    'hidden, learning_rate, batch_size and max_iter are above 0; alpha and tol are at least 0; ' +
      'validation_fraction is between 0 and 1.',
  );
}

/**
 * The settings of any head, told apart by their `type`.
 * @throws HeadlightError `bad-setting`, naming the setting.
 */
export function parseHeadSettings(value: unknown): HeadSettings {
  const type = v.safeParse(v.object({ type: v.string() }), value);
  if (type.success && type.output.type === 'logistic_regression')
    return parseLogisticSettings(value);
  if (type.success && type.output.type === 'mlp') return parseMlpSettings(value);
  throw new HeadlightError('bad-setting', 'Probe: type: there is no such head.', {
    hint: 'Choose "logistic_regression" or "mlp".',
  });
}

function parse<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  hint: string,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  const name = v.getDotPath(issue) ?? 'the settings';
  throw new HeadlightError('bad-setting', `Probe: ${name}: ${issue.message}.`, { hint });
}
