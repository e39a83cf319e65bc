/** Active learning in the page's words. */
import type { ActiveStrategy, ActiveWhy } from '../../../../engine';
import { percent } from '../../../state/format';

export const STRATEGY_WORDS: readonly {
  readonly value: ActiveStrategy;
  readonly label: string;
  readonly explain: string;
}[] = [
  {
    value: 'margin_diversity',
    label: 'Close calls that stand for others',
    explain: 'Of the closest calls the one that is like most texts that nothing labelled is like.',
  },
  {
    value: 'margin',
    label: 'Close calls',
    explain: 'Where the two likeliest classes are closest (margin sampling).',
  },
  {
    value: 'uncertainty',
    label: 'Least sure',
    explain: 'Where the likeliest class is least likely (least confidence).',
  },
  {
    value: 'entropy',
    label: 'Most even',
    explain: 'Where the probabilities of all classes are most even (entropy).',
  },
  {
    value: 'diversity',
    label: 'Texts of every kind',
    explain:
      'The text that is like most others that nothing labelled is like; the probe is not asked.',
  },
  { value: 'random', label: 'At random', explain: 'What the others are to be compared with.' },
];

/** Why a text was chosen. */
export function whySaid(why: ActiveWhy): string {
  switch (why.kind) {
    case 'random':
      return 'Drawn at random.';
    case 'teacher':
      return `The teachers are surest of it as “${why.label}” (${percent(why.confidence, 0)}), which has no label yet.`;
    case 'diverse':
      return why.isStart
        ? 'It is like many other texts: a good one to begin with.'
        : 'It is like many texts that nothing labelled is like.';
    case 'unsure': {
      const [first, second] = why.likeliest;
      if (first === undefined) return 'The probe is unsure of it.';
      const one = `“${first.label}” ${percent(first.probability, 0)}`;
      if (second === undefined) return `The probe is unsure of it: ${one}.`;
      return `The probe is unsure: ${one}, “${second.label}” ${percent(second.probability, 0)}.`;
    }
  }
}
