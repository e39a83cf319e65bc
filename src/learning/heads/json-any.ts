/** Every head as JSON, told apart by `type`, with scikit-learn's attribute names. The numbers come back exactly. */
import * as v from 'valibot';
import { HeadlightError } from '../../base';
import { HEAD_VERSION, headFromJson, headToJson, type HeadJson } from './json';
import type { Head, LinearHead, MlpHead, MultiLabelHead } from './types';

const numbers = v.array(v.pipe(v.number(), v.finite()));
const thresholds = v.array(v.pipe(v.number(), v.minValue(0), v.maxValue(1)));
const common = {
  kind: v.literal('headlight.head'),
  schemaVersion: v.literal(HEAD_VERSION),
  classes_: v.pipe(v.array(v.string()), v.minLength(1)),
  n_features_in_: v.pipe(v.number(), v.integer(), v.minValue(1)),
  scaler: v.nullable(v.object({ mean_: numbers, scale_: numbers })),
};
const multiLabel = v.object({
  ...common,
  type: v.literal('multi_label'),
  coef_: v.array(numbers),
  intercept_: numbers,
  thresholds,
});
const mlp = v.object({
  ...common,
  type: v.literal('mlp'),
  multi_label: v.boolean(),
  /** [features][hidden] and [hidden][outputs]. */
  coefs_: v.tuple([v.array(numbers), v.array(numbers)]),
  intercepts_: v.tuple([numbers, numbers]),
  thresholds: v.nullable(thresholds),
});

export type MultiLabelHeadJson = v.InferOutput<typeof multiLabel>;
export type MlpHeadJson = v.InferOutput<typeof mlp>;
export type AnyHeadJson = HeadJson | MultiLabelHeadJson | MlpHeadJson;

/** Any head as a document; `headToJson` for a linear one. */
export function anyHeadToJson(head: Head): AnyHeadJson {
  if (!('type' in head)) return headToJson(head);
  const shared = {
    kind: 'headlight.head' as const,
    schemaVersion: HEAD_VERSION as typeof HEAD_VERSION,
    classes_: [...head.classes],
    n_features_in_: head.features,
    scaler:
      head.scaler === null
        ? null
        : { mean_: [...head.scaler.mean], scale_: [...head.scaler.scale] },
  };
  if (head.type === 'multi_label') {
    return {
      ...shared,
      type: 'multi_label',
      coef_: rowsOf(head.coef, head.features),
      intercept_: [...head.intercept],
      thresholds: [...head.thresholds],
    };
  }
  return {
    ...shared,
    type: 'mlp',
    multi_label: head.multiLabel,
    coefs_: [rowsOf(head.coefs[0], head.hidden), rowsOf(head.coefs[1], head.intercepts[1].length)],
    intercepts_: [[...head.intercepts[0]], [...head.intercepts[1]]],
    thresholds: head.thresholds === null ? null : [...head.thresholds],
  };
}

/** @throws HeadlightError `bad-model` when it is not a head, or its shapes do not fit together. */
export function anyHeadFromJson(value: unknown): Head {
  const type = v.safeParse(v.object({ type: v.string() }), value);
  if (!type.success) throw refused('it has no type');
  switch (type.output.type) {
    case 'logistic_regression':
      return headFromJson(value);
    case 'multi_label':
      return multiLabelFrom(parse(multiLabel, value));
    case 'mlp':
      return mlpFrom(parse(mlp, value));
    default:
      throw new HeadlightError(
        'bad-model',
        `This version of Headlight knows no head of the type ${type.output.type}.`,
        { hint: 'Open it with the version of Headlight that wrote it, or a newer one.' },
      );
  }
}

function multiLabelFrom(json: MultiLabelHeadJson): MultiLabelHead {
  const { classes_, n_features_in_: features, coef_, intercept_ } = json;
  checkMatrix('coef_', coef_, classes_.length, features);
  checkVector('intercept_', intercept_, classes_.length);
  checkVector('thresholds', json.thresholds, classes_.length);
  return {
    type: 'multi_label',
    classes: classes_,
    coef: Float64Array.from(coef_.flat()),
    intercept: Float64Array.from(intercept_),
    features,
    scaler: scalerFrom(json),
    thresholds: Float64Array.from(json.thresholds),
  };
}

function mlpFrom(json: MlpHeadJson): MlpHead {
  const { classes_, n_features_in_: features, coefs_, intercepts_, multi_label } = json;
  if (!multi_label && classes_.length < 2) throw refused('classes_ names fewer than two classes');
  const outputs = multi_label || classes_.length > 2 ? classes_.length : 1;
  const hidden = intercepts_[0].length;
  if (hidden === 0) throw refused('intercepts_.0 is empty');
  checkMatrix('coefs_.0', coefs_[0], features, hidden);
  checkMatrix('coefs_.1', coefs_[1], hidden, outputs);
  checkVector('intercepts_.1', intercepts_[1], outputs);
  if ((json.thresholds !== null) !== multi_label)
    throw refused('thresholds are for several labels a row, and needed there');
  if (json.thresholds !== null) checkVector('thresholds', json.thresholds, classes_.length);
  return {
    type: 'mlp',
    classes: classes_,
    multiLabel: multi_label,
    features,
    hidden,
    coefs: [Float64Array.from(coefs_[0].flat()), Float64Array.from(coefs_[1].flat())],
    intercepts: [Float64Array.from(intercepts_[0]), Float64Array.from(intercepts_[1])],
    scaler: scalerFrom(json),
    thresholds: json.thresholds === null ? null : Float64Array.from(json.thresholds),
  };
}

function scalerFrom({
  scaler,
  n_features_in_: features,
}: MultiLabelHeadJson | MlpHeadJson): LinearHead['scaler'] {
  if (scaler === null) return null;
  checkVector('scaler.mean_', scaler.mean_, features);
  checkVector('scaler.scale_', scaler.scale_, features);
  if (scaler.scale_.some((scale) => scale === 0)) throw refused('a scale_ is 0');
  return { mean: Float64Array.from(scaler.mean_), scale: Float64Array.from(scaler.scale_) };
}

function rowsOf(matrix: Float64Array, columns: number): number[][] {
  return Array.from({ length: matrix.length / columns }, (_, row) => [
    ...matrix.subarray(row * columns, (row + 1) * columns),
  ]);
}

function checkMatrix(
  name: string,
  matrix: readonly (readonly number[])[],
  rows: number,
  columns: number,
): void {
  if (matrix.length !== rows || matrix.some((row) => row.length !== columns))
    throw refused(`${name} is not ${rows} x ${columns}`);
}

function checkVector(name: string, vector: readonly number[], length: number): void {
  if (vector.length !== length) throw refused(`${name} is not ${length} numbers`);
}

function parse<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw refused(`${v.getDotPath(issue) ?? 'the document'}: ${issue.message}`);
}

function refused(what: string): HeadlightError {
  return new HeadlightError('bad-model', `This is not a probe that can be used: ${what}.`, {
    hint: 'Choose a head.json that Headlight wrote.',
  });
}
