/** Probabilities at another temperature, as a distillation takes them: softmax(log p / T). (Hinton et al. 2015.) */
import { HeadlightError } from '../../base';

/**
 * Shares of one row: p^(1/T), normalised. 0 stays 0, so a label that is sure stays sure.
 * @throws HeadlightError `bad-table` when all are 0.
 */
export function softened(shares: ArrayLike<number>, temperature: number): number[] {
  const powers = Array.from(shares, (share) => share ** (1 / temperature));
  const sum = powers.reduce((all, power) => all + power, 0);
  if (!(sum > 0))
    throw new HeadlightError('bad-table', 'A row’s soft labels are all 0.', {
      hint: 'Give each row probabilities that add up to 1.',
    });
  return powers.map((power) => power / sum);
}

/** One of several labels, a yes or no for itself: sigmoid(logit(p) / T). */
export function softenedYes(probability: number, temperature: number): number {
  if (temperature === 1) return probability;
  const yes = probability ** (1 / temperature);
  const no = (1 - probability) ** (1 / temperature);
  return yes / (yes + no);
}
