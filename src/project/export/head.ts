/**
 * The probe as a JSON document: scikit-learn's names (`classes_`, `coef_`, `intercept_`, `scaler`) and
 * what it needs to be used: encoder, revision, precision, layer, pooling. docs/formats.md has the ten
 * lines of numpy that use it.
 */
import { headFromJson, headToJson, type LinearHead } from '../../learning/heads';
import type { EmbedSettings, EncoderReference } from '../../models';
import type { ProbeRecipe } from '../types';

export type HeadDocument = ReturnType<typeof headToJson> & {
  readonly encoder: EncoderReference;
  readonly embed: EmbedSettings;
};

export function headDocument(head: LinearHead, recipe: ProbeRecipe): HeadDocument {
  return { ...headToJson(head), encoder: recipe.encoder, embed: recipe.embed };
}

/** @throws HeadlightError when it is not a head document. */
export function readHeadDocument(value: unknown): LinearHead {
  return headFromJson(value);
}
