/** What the curve of active learning says, in a plain sentence with its figures. */
import type { ActiveAdvice } from '../../learning/labelling';

/**
 * @param heldOut texts to measure by.
 * @param least labels from which on it says more than “too early”.
 */
export function adviceSentence(
  { verdict, gain }: ActiveAdvice,
  heldOut: number,
  labelled: number,
  least: number,
): string {
  if (verdict === 'no_hold_out') {
    return 'Nothing is known of the accuracy: no labelled text is held out to measure by. Label 50 random texts for that first.';
  }
  if (gain === null || verdict === 'too_early') {
    const missing = least - labelled;
    return missing > 0
      ? `Too early to say whether more labels help: ${missing} more, then it can be looked at.`
      : 'Too early to say whether more labels help.';
  }
  const points = (share: number): string => {
    const rounded = (share * 100).toFixed(1);
    return rounded === '-0.0' ? '0.0' : rounded.replace('-', '−');
  };
  const measured =
    `From ${gain.from} to ${gain.to} labels accuracy changed by ${points(gain.value)} points ` +
    `(95 % interval ${points(gain.low)} to ${points(gain.high)}, ${heldOut} held-out texts)`;
  if (verdict === 'go_on') return `${measured}: go on, more labels help.`;
  if (verdict === 'stop')
    return `${measured}: you can stop, more labels of this kind no longer help.`;
  return `${measured}: that is too uncertain to say whether more labels help. More held-out texts would tell.`;
}
