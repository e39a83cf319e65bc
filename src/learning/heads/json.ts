/** The head as JSON, with scikit-learn's attribute names. The numbers come back exactly. */
import * as v from 'valibot';
import { HeadlightError } from '../../base';
import type { LinearHead } from './types';

export const HEAD_VERSION = 1;

const numbers = v.array(v.pipe(v.number(), v.finite()));
const schema = v.object({
  kind: v.literal('headlight.head'),
  schemaVersion: v.literal(HEAD_VERSION),
  type: v.literal('logistic_regression'),
  classes_: v.pipe(v.array(v.string()), v.minLength(2)),
  n_features_in_: v.pipe(v.number(), v.integer(), v.minValue(1)),
  coef_: v.array(numbers),
  intercept_: numbers,
  scaler: v.nullable(v.object({ mean_: numbers, scale_: numbers })),
});

export type HeadJson = v.InferOutput<typeof schema>;

export function headToJson({ classes, coef, intercept, features, scaler }: LinearHead): HeadJson {
  return {
    kind: 'headlight.head',
    schemaVersion: HEAD_VERSION,
    type: 'logistic_regression',
    classes_: [...classes],
    n_features_in_: features,
    coef_: Array.from(intercept, (_, k) => [...coef.subarray(k * features, (k + 1) * features)]),
    intercept_: [...intercept],
    scaler: scaler === null ? null : { mean_: [...scaler.mean], scale_: [...scaler.scale] },
  };
}

/** @throws HeadlightError `bad-model` when it is not a head, or its shapes do not fit together. */
export function headFromJson(value: unknown): LinearHead {
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw refused(`${v.getDotPath(issue) ?? 'the document'}: ${issue.message}`);
  }
  const { classes_, n_features_in_, coef_, intercept_, scaler } = parsed.output;
  const outputs = classes_.length === 2 ? 1 : classes_.length;
  if (coef_.length !== outputs || coef_.some((row) => row.length !== n_features_in_))
    throw refused(`coef_ is not ${outputs} x ${n_features_in_}`);
  if (intercept_.length !== outputs) throw refused(`intercept_ is not ${outputs} numbers`);
  if (scaler !== null) {
    if (scaler.mean_.length !== n_features_in_ || scaler.scale_.length !== n_features_in_)
      throw refused(`the scaler is not for ${n_features_in_} features`);
    if (scaler.scale_.some((scale) => scale === 0)) throw refused('a scale_ is 0');
  }
  return {
    classes: classes_,
    coef: Float64Array.from(coef_.flat()),
    intercept: Float64Array.from(intercept_),
    features: n_features_in_,
    scaler:
      scaler === null
        ? null
        : { mean: Float64Array.from(scaler.mean_), scale: Float64Array.from(scaler.scale_) },
  };
}

function refused(what: string): HeadlightError {
  return new HeadlightError('bad-model', `This is not a probe that can be used: ${what}.`, {
    hint: 'Choose a head.json that Headlight wrote.',
  });
}
