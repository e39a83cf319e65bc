/** Which text to label next, and what is said of it: plain data. */

/**
 * How the next text is chosen.
 * - `uncertainty`: its likeliest class is least likely (least confidence; Lewis & Gale 1994);
 * - `margin`: its two likeliest classes are closest (Scheffer et al. 2001);
 * - `entropy`: its probabilities are most even (Settles 2009, section 3.1);
 * - `diversity`: it stands for most texts that no labelled one stands for (facility location; Wei, Iyer & Bilmes 2015);
 * - `margin_diversity`: of the tenth with the smallest margins the one that stands for most others;
 * - `random`: what the others are to be measured by.
 */
export type ActiveStrategy =
  'uncertainty' | 'margin' | 'entropy' | 'diversity' | 'margin_diversity' | 'random';

export const ACTIVE_STRATEGIES: readonly ActiveStrategy[] = [
  'margin_diversity',
  'margin',
  'uncertainty',
  'entropy',
  'diversity',
  'random',
];

/** Why a text was chosen. */
export type ActiveReason =
  /** By how unsure the probe is: the likeliest classes (at most two), with their probabilities. */
  | {
      readonly kind: 'unsure';
      readonly strategy: Exclude<ActiveStrategy, 'diversity' | 'random'>;
      readonly likeliest: readonly { readonly class: number; readonly probability: number }[];
    }
  /** `isStart`: because there is no probe yet. */
  | { readonly kind: 'diverse'; readonly isStart: boolean }
  /** The teachers propose a class that has no label yet. */
  | { readonly kind: 'teacher'; readonly class: number; readonly confidence: number }
  | { readonly kind: 'random' };

export interface ChosenRow {
  /** In the pool. */
  readonly row: number;
  readonly why: ActiveReason;
}
