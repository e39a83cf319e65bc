import { describe, expect, test } from 'vitest';
import { entityScores, mcnemar } from '../../../../src/learning/finetune';
import { golden } from './golden';

describe('entities are counted as seqeval counts them', () => {
  test.each(golden.entities.map((one, i) => [i, one] as const))(
    'random tags, ill-formed ones among them (%i)',
    (_, { actual, predicted, report }) => {
      const { per_type, ...micro } = entityScores(actual, predicted);
      const { 'micro avg': expected, ...types } = report;
      expect(micro).toEqual(near(expected));
      expect(per_type.map(({ type }) => type)).toEqual(Object.keys(types).sort());
      for (const { type, ...scores } of per_type) expect(scores).toEqual(near(types[type]));
    },
  );

  test('without any entity all scores are 0', () => {
    expect(entityScores([['O', 'O']], [['O', 'O']])).toEqual({
      precision: 0,
      recall: 0,
      f1_score: 0,
      support: 0,
      per_type: [],
    });
  });

  test('tags of other words are refused', () => {
    expect(() => entityScores([['O', 'O']], [['O']])).toThrow('Sequence 1 has 2 words');
  });
});

describe('two classifiers on the same rows', () => {
  test.each(golden.paired.map((one) => [one.table, one] as const))(
    '%j (both right, only the first, only the second, neither): as scipy and as Newcombe writes it',
    (_, { table, p_value, interval }) => {
      const [both, onlyFirst, onlySecond, neither] = table;
      const rows = (count: number, first: boolean, second: boolean) =>
        Array.from({ length: count }, () => [first, second] as const);
      const all = [
        ...rows(both, true, true),
        ...rows(onlyFirst, true, false),
        ...rows(onlySecond, false, true),
        ...rows(neither, false, false),
      ];
      const result = mcnemar(
        all.map(([first]) => first),
        all.map(([, second]) => second),
      );
      expect(result.onlyFirst).toBe(onlyFirst);
      expect(result.onlySecond).toBe(onlySecond);
      expect(result.p_value).toBeCloseTo(p_value, 10);
      expect(result.difference).toBeCloseTo((onlyFirst - onlySecond) / all.length, 12);
      expect(result.interval[0]).toBeCloseTo(interval[0], 9);
      expect(result.interval[1]).toBeCloseTo(interval[1], 9);
    },
  );

  test('the interval where every row of disagreement is the first’s, as worked out by hand-written Python', () => {
    const first = Array.from({ length: 50 }, (_, row) => row < 48);
    const second = Array.from({ length: 50 }, (_, row) => row < 36 || row >= 48);
    const { difference, interval } = mcnemar(first, second);
    expect(difference).toBeCloseTo(0.2, 12);
    expect(interval[0]).toBeCloseTo(0.0569, 4);
    expect(interval[1]).toBeCloseTo(0.3404, 4);
  });

  test('the other way round gives the same p and the mirrored interval', () => {
    const a = [true, true, true, false, true, false, true, true];
    const b = [true, false, true, false, true, true, false, false];
    const one = mcnemar(a, b);
    const other = mcnemar(b, a);
    expect(other.p_value).toBe(one.p_value);
    expect(other.interval[0]).toBeCloseTo(-one.interval[1], 12);
  });

  test('thousands of differing rows neither overflow nor underflow', () => {
    const rows = 20_000;
    const first = Array.from({ length: rows }, (_, row) => row % 2 === 0);
    const same = mcnemar(
      first,
      first.map((right) => !right),
    );
    expect(same.p_value).toBe(1);
    const far = mcnemar(
      first.map(() => true),
      first.map(() => false),
    );
    expect(far.p_value).toBeLessThan(1e-300);
  });

  test('without rows there is nothing to compare', () => {
    expect(() => mcnemar([], [])).toThrow('no rows');
  });
});

function near(scores: object | undefined): object {
  return Object.fromEntries(
    Object.entries(scores ?? {}).map(([name, value]) => [name, expect.closeTo(Number(value), 12)]),
  );
}
