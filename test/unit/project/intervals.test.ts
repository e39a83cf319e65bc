/** Intervals on a model card against what resampling the same rows gives. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base';
import { entityIntervals, macroF1Interval } from '../../../src/project';

function macroF1(confusion: readonly (readonly number[])[]): number {
  const scores = confusion.map((row, k) => {
    const answered = confusion.reduce((sum, other) => sum + other[k]!, 0);
    const support = row.reduce((sum, count) => sum + count, 0);
    return answered + support === 0 ? 0 : (2 * row[k]!) / (answered + support);
  });
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** The 2.5 and 97.5 percentiles of a statistic over resamples of the rows. */
function bootstrap(
  confusion: readonly (readonly number[])[],
  statistic: (confusion: readonly (readonly number[])[]) => number,
): [number, number] {
  const random = seededRandom(9);
  const cells = confusion.flatMap((row, i) =>
    row.flatMap((count, j) => Array.from({ length: count }, () => [i, j] as const)),
  );
  const values = Array.from({ length: 4000 }, () => {
    const drawn = confusion.map((row) => row.map(() => 0));
    for (let at = 0; at < cells.length; at++) {
      const [i, j] = cells[random.integer(cells.length)]!;
      drawn[i]![j]!++;
    }
    return statistic(drawn);
  }).sort((a, b) => a - b);
  return [values[100]!, values[3900]!];
}

describe('macro-F1', () => {
  it.each([
    ['three classes', [[90, 8, 2], [12, 60, 8], [5, 5, 30]]], // prettier-ignore
    ['a rare class', [[180, 5], [9, 11]]], // prettier-ignore
  ])('%s: the interval of a bootstrap, to two hundredths', (_, confusion) => {
    const expected = bootstrap(confusion, macroF1);
    const found = macroF1Interval(confusion);
    expect(Math.abs(found[0] - expected[0])).toBeLessThan(0.02);
    expect(Math.abs(found[1] - expected[1])).toBeLessThan(0.02);
  });

  it('lies around the value, within 0 and 1', () => {
    const confusion = [[3, 0], [0, 2]]; // prettier-ignore
    // scipy.stats.binomtest(5, 5).proportion_ci(method='wilson')
    expect(macroF1Interval(confusion)[0]).toBeCloseTo(0.5655, 4);
    expect(macroF1Interval(confusion)[1]).toBe(1);
    const [low, high] = macroF1Interval([[2, 1], [1, 1]]); // prettier-ignore
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThanOrEqual(1);
  });
});

describe('entities', () => {
  it('the intervals hold what resampling entities gives', () => {
    // 80 found, 20 missed, 10 answered wrongly.
    const counts = [[80, 20, 10]];
    const share = (f: (found: number, missed: number, wrong: number) => number) =>
      bootstrap(counts, ([row]) => f(row![0]!, row![1]!, row![2]!));
    const found = entityIntervals({ precision: 80 / 90, recall: 0.8, support: 100 })!;
    const expected = {
      precision: share((a, _, c) => a / (a + c)),
      recall: share((a, b) => a / (a + b)),
      f1_score: share((a, b, c) => (2 * a) / (2 * a + b + c)),
    };
    for (const key of ['precision', 'recall', 'f1_score'] as const)
      for (const end of [0, 1] as const)
        expect(Math.abs(found[key][end] - expected[key][end])).toBeLessThan(0.02);
  });

  it('are not stated without one right answer', () => {
    expect(entityIntervals({ precision: 0, recall: 0, support: 10 })).toBeNull();
  });
});
