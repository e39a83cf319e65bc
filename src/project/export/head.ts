/**
 * The probe as a JSON document: scikit-learn's names (`classes_`, `coef_`, `intercept_`, `scaler`; `coefs_` of
 * an MLP; `thresholds` for several labels a row) and what it needs to be used: encoder, revision, precision,
 * layer, pooling. docs/formats.md has the ten lines of numpy that use it.
 */
import { anyHeadFromJson, anyHeadToJson, type AnyHeadJson, type Head } from '../../learning/heads';
import type { EmbedSettings, EncoderReference } from '../../models';
import type { ProbeRecipe } from '../types';

export type HeadDocument = AnyHeadJson & {
  readonly encoder: EncoderReference;
  readonly embed: EmbedSettings;
};

export function headDocument(head: Head, recipe: ProbeRecipe): HeadDocument {
  return { ...anyHeadToJson(head), encoder: recipe.encoder, embed: recipe.embed };
}

/** @throws HeadlightError when it is not a head document. */
export function readHeadDocument(value: unknown): Head {
  return anyHeadFromJson(value);
}
