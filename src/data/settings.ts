/** Settings from outside (flags, recipes, messages), checked once at the door. */
import * as v from 'valibot';
import { HeadlightError } from '../base';
import type { ParseSettings, SplitSettings } from './types';

const splitSchema = v.variant('method', [
  v.pipe(
    v.strictObject({
      method: v.literal('stratified'),
      testShare: v.pipe(v.number(), v.gtValue(0), v.ltValue(1)),
      validationShare: v.exactOptional(v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
      seed: v.pipe(v.number(), v.safeInteger()),
      shuffle: v.exactOptional(v.boolean()),
      stratify: v.exactOptional(v.boolean()),
      groups: v.exactOptional(v.string()),
    }),
    v.check(
      ({ testShare, validationShare = 0 }) => testShare + validationShare < 1,
      'testShare and validationShare leave nothing for training',
    ),
  ),
  v.strictObject({
    method: v.literal('column'),
    column: v.string(),
    parts: v.record(v.string(), v.picklist(['train', 'validation', 'test', 'unused'])),
  }),
  v.strictObject({ method: v.literal('files') }),
]);

const parseSchema = v.strictObject({
  encoding: v.exactOptional(v.picklist(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'])),
  delimiter: v.exactOptional(v.picklist([',', '\t', ';', '|'])),
  hasHeader: v.exactOptional(v.boolean()),
  format: v.exactOptional(
    v.picklist(['table', 'json', 'jsonl', 'parquet', 'xlsx', 'lines', 'fasttext', 'conll']),
  ),
  sheet: v.exactOptional(v.string()),
  quotes: v.exactOptional(v.boolean()),
});

/** @throws HeadlightError `bad-setting` naming the setting. */
export function parseSplitSettings(input: unknown): SplitSettings {
  return check(splitSchema, input, 'split');
}

/** @throws HeadlightError `bad-setting` naming the setting. */
export function parseParseSettings(input: unknown): ParseSettings {
  return check(parseSchema, input, 'parse');
}

function check<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  name: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue);
  throw new HeadlightError(
    'bad-setting',
    `Setting ${path === null ? name : `${name}.${path}`}: ${issue.message}.`,
    { hint: 'Correct this setting and start again.' },
  );
}
