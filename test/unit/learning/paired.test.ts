/** Two classifiers on the same rows, held to a published example, statsmodels and numpy. */
import { describe, expect, test } from 'vitest';
import { mcnemar, type McNemar } from '../../../src/learning/evaluate';
import golden from '../../reference/learning/paired.json';

/** @param table rows that both got right, only the first, only the second, neither. */
function compared(table: readonly number[]): McNemar {
  const kinds = [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const;
  const rows = kinds.flatMap((kind, i) => Array.from({ length: table[i]! }, () => kind));
  return mcnemar(
    rows.map(([first]) => first),
    rows.map(([, second]) => second),
  );
}

test('the published example of Cavo et al. 2012 comes out to the digits in which it is printed', () => {
  const { table, p_value, interval } = golden.published;
  const result = compared(table);
  expect(result.p_value.toFixed(6)).toBe(p_value.toFixed(6));
  expect(result.interval.map((end) => end.toFixed(4))).toEqual(
    interval.map((end) => end.toFixed(4)),
  );
});

describe('exact p as statsmodels, interval of its Wilson intervals and numpy’s correlation', () => {
  test.each(golden.cases)('$table', ({ table, p_value, interval }) => {
    const result = compared(table);
    expect(result.p_value).toBeCloseTo(p_value, 10);
    expect(result.interval[0]).toBeCloseTo(interval[0]!, 10);
    expect(result.interval[1]).toBeCloseTo(interval[1]!, 10);
  });
});
