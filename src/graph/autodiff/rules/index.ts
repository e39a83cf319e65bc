/** All gradient rules, by operator. */
import type { GradientRules } from '../rule';
import { ACTIVATION } from './activation';
import { ARITHMETIC } from './arithmetic';
import { INDEXING } from './indexing';
import { MATRIX } from './matrix';
import { NORMALISATION } from './normalisation';
import { REDUCTIONS } from './reductions';
import { STRUCTURE } from './structure';

export const GRADIENT_RULES: GradientRules = new Map([
  ...ACTIVATION,
  ...ARITHMETIC,
  ...INDEXING,
  ...MATRIX,
  ...NORMALISATION,
  ...REDUCTIONS,
  ...STRUCTURE,
]);

/** Operators whose result is constant almost everywhere, or no number: no gradient passes. */
export const WITHOUT_GRADIENT: ReadonlySet<string> = new Set(
  'Floor Ceil Round Sign Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor Not IsNaN IsInf Shape ArgMax ArgMin OneHot Range Constant ConstantOfShape'
    .split(' ')
    .map((name) => `:${name}`),
);
