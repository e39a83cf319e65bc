/** What the report says beside its figures: intervals, curves for pictures, plain words, hints. */
import { describe, expect, it } from 'vitest';
import {
  bootstrapInterval,
  DEFAULT_BOOTSTRAP,
  leaveOneOutWords,
  mostSureAndWrong,
  rocCurve,
  summariseLearningCurve,
  summariseRepeats,
  thinPrecisionRecallCurve,
  precisionRecallCurve,
  thinRocCurve,
  ThresholdAnalysis,
  trainTestGap,
  wilsonInterval,
  type TextOrPair,
} from '../../../src/learning/evaluate';
import { seededRandom } from '../../../src/base';

describe('bootstrap', () => {
  const random = seededRandom(3);
  const right = Array.from({ length: 400 }, (): number => (random.next() < 0.8 ? 1 : 0));
  const accuracy = (rows: Int32Array): number =>
    rows.reduce((sum, row) => sum + right[row]!, 0) / rows.length;

  it('is near Wilson’s interval for an accuracy, and says method and resamples', () => {
    const [low, high] = wilsonInterval(
      right.reduce((a, b) => a + b, 0),
      400,
    );
    for (const method of ['percentile', 'bca'] as const) {
      const found = bootstrapInterval(400, accuracy, { ...DEFAULT_BOOTSTRAP, method });
      expect(found).toMatchObject({ method, resamples: 1000, undefined_resamples: 0 });
      expect(Math.abs(found!.interval[0] - low)).toBeLessThan(0.012);
      expect(Math.abs(found!.interval[1] - high)).toBeLessThan(0.012);
    }
  });

  it('gives the same interval for the same seed, another for another', () => {
    const at = (seed: number) => bootstrapInterval(400, accuracy, { ...DEFAULT_BOOTSTRAP, seed });
    expect(at(1)).toEqual(at(1));
    expect(at(1)!.standard_error).not.toBe(at(2)!.standard_error);
  });

  it('leaves blocks out, not rows, of many rows', () => {
    let calls = 0;
    const counted = (rows: Int32Array): number => {
      calls += 1;
      return rows[0]! / rows.length;
    };
    bootstrapInterval(5000, counted, { ...DEFAULT_BOOTSTRAP, resamples: 20 });
    expect(calls).toBe(1 + 20 + 200);
  });

  it('is null where the figure is undefined, and counts resamples on which it is', () => {
    expect(bootstrapInterval(0, () => 1)).toBeNull();
    expect(bootstrapInterval(5, () => null)).toBeNull();
    // Undefined on resamples without row 0: about 1/e of them
    const found = bootstrapInterval(50, (rows) => (rows.includes(0) ? rows[1]! : null));
    expect(found!.undefined_resamples).toBeGreaterThan(300);
    expect(found!.resamples + found!.undefined_resamples).toBe(1000);
    expect(() => bootstrapInterval(5, () => 1, { ...DEFAULT_BOOTSTRAP, resamples: 1 })).toThrow();
  });
});

describe('a million rows', () => {
  const rows = 1_000_000;
  const random = seededRandom(9);
  const positive = Uint8Array.from({ length: rows }, () => random.integer(2));
  const scores = Float64Array.from(
    positive,
    (yes) => 0.6 * random.next() + 0.4 * yes * random.next(),
  );

  it('give small pictures that lie on the curves, in seconds', () => {
    const curve = rocCurve(scores, positive)!;
    const thin = thinRocCurve(curve);
    expect(thin.fpr.length).toBeLessThan(5000);
    expect([thin.fpr[0], thin.fpr.at(-1), thin.tpr.at(-1)]).toEqual([0, 1, 1]);
    const area = (x: readonly number[], y: readonly number[]): number =>
      x.reduce(
        (sum, at, i) => (i === 0 ? 0 : sum + ((at - x[i - 1]!) * (y[i]! + y[i - 1]!)) / 2),
        0,
      );
    expect(Math.abs(area(thin.fpr, thin.tpr) - area(curve.fpr, curve.tpr))).toBeLessThan(1e-3);
    const precision = thinPrecisionRecallCurve(precisionRecallCurve(scores, positive)!);
    expect(precision.recall.length).toBeLessThan(10_000);
    expect([precision.recall[0], precision.recall.at(-1), precision.precision.at(-1)]).toEqual([
      1, 0, 1,
    ]);
  });

  it('are one look-up for the slider', () => {
    const analysis = ThresholdAnalysis.of(scores, positive)!;
    const { tp, fp, fn, tn } = analysis.at(0.5);
    let expected = 0;
    for (let i = 0; i < rows; i++) if (scores[i]! >= 0.5 && positive[i] === 1) expected += 1;
    expect(tp).toBe(expected);
    expect(tp + fp + fn + tn).toBe(rows);
    expect(analysis.points(100)).toHaveLength(100);
    const dear = analysis.withCosts({ false_positive: 100, false_negative: 1 }).cheapest();
    expect(dear.fp).toBeLessThan(analysis.cheapest().fp);
  });
});

it('a single repeat has no spread', () => {
  expect(summariseRepeats([0.5])).toMatchObject({
    mean: 0.5,
    standard_deviation: null,
    t_interval: null,
  });
});

describe('a learning curve in words', () => {
  const curve = (half: readonly number[], all: readonly number[]) =>
    summariseLearningCurve([
      { rows: 100, values: half },
      { rows: 200, values: all },
    ]);
  it.each([
    [[0.7, 0.71, 0.7], [0.8, 0.81, 0.8], 'more_rows_help', 'more rows would probably help.'],
    [[0.8, 0.801, 0.8], [0.801, 0.802, 0.8], 'more_rows_help_little', 'help little'],
    [[0.6, 0.8, 0.7], [0.65, 0.85, 0.72], 'unclear', 'too uncertain'],
    [[0.7], [0.8], 'unclear', 'measured once'],
  ])('%j then %j: %s', (half, all, verdict, words) => {
    const found = curve(half, all);
    expect(found.verdict).toBe(verdict);
    expect(found.sentence).toContain(words);
  });
  it('of one size says nothing', () => {
    expect(summariseLearningCurve([{ rows: 10, values: [0.5] }]).verdict).toBe('unclear');
    expect(summariseLearningCurve([]).gain_per_doubling).toBeNull();
  });
});

describe('training against test', () => {
  it.each([
    [0.9, 0.89, [0.87, 0.91], 'none'],
    [0.95, 0.8, [0.55, 0.96], 'none'],
    [0.9, 0.84, [0.82, 0.86], 'some'],
    [0.97, 0.8, [0.78, 0.82], 'large'],
    [1, 0.8, [0.78, 0.82], 'learnt_by_heart'],
    [0.8, 0.9, [0.88, 0.92], 'test_is_easier'],
  ] as const)('%f and %f in %j: %s', (train, test, interval, verdict) => {
    const found = trainTestGap(train, test, interval);
    expect(found.verdict).toBe(verdict);
    expect(found.sentence).toContain(`${(test * 100).toFixed(1)} %`);
    expect(found.sentence.includes('by heart')).toBe(verdict === 'learnt_by_heart');
  });

  it('does not compare agreement with teachers and true labels, however far apart they are', () => {
    for (const test of [0.6, 0.95, 1]) {
      for (const figure of ['accuracy', 'f1_micro'] as const) {
        const found = trainTestGap(0.97, test, [test - 0.02, test], figure, 'proposed');
        expect(found.verdict).toBe('other_labels');
        expect(found.sentence).toContain('The two do not compare');
        expect(found.sentence).not.toMatch(/easier|better|by heart|regularisation/);
      }
    }
  });
});

it('the most sure and wrong come first; right ones and broken ones are left out', () => {
  const p = Float64Array.of(0.9, 0.1, 0.4, 0.6, 0.05, 0.95, NaN, 1, 0.4, 0.6);
  const found = mostSureAndWrong(p, Int32Array.of(0, 0, 0, 0, 0), 2);
  expect(found.map(({ row }) => row)).toEqual([2, 1, 4]);
  expect(found[0]).toEqual({
    row: 2,
    actual: 0,
    predicted: 1,
    probability: 0.95,
    probability_of_actual: 0.05,
  });
  expect(mostSureAndWrong(p, Int32Array.of(0, 0, 0, 0, 0), 2, 1)).toHaveLength(1);
});

describe('leave-one-out words', () => {
  /** Speaks for class 1 by 0.3 for each "good", against it by 0.2 for each "bad". */
  const batches: number[] = [];
  const predict = (texts: TextOrPair[]): Float64Array => {
    batches.push(texts.length);
    return Float64Array.from(
      texts.flatMap((text) => {
        const whole = typeof text === 'string' ? text : text.join(' ');
        const count = (word: string): number => whole.split(word).length - 1;
        const p = 0.5 + 0.3 * count('good') - 0.2 * count('bad');
        return [1 - p, p];
      }),
    );
  };

  it('finds what each word is worth, in its place', async () => {
    const text = 'Ein good, bad Tag.';
    const hint = await leaveOneOutWords(text, predict, { batchSize: 3 });
    expect(hint.class_index).toBe(1);
    expect(hint.words.map(({ word }) => word)).toEqual(['Ein', 'good', 'bad', 'Tag']);
    [0, 0.3, -0.2, 0].forEach((effect, i) => {
      const { word, start, end } = hint.words[i]!;
      expect(hint.words[i]!.effect).toBeCloseTo(effect, 12);
      expect(text.slice(start, end)).toBe(word);
    });
    expect(batches.splice(0)).toEqual([1, 3, 1]);
  });

  it('works for pairs, for a chosen class, with a mask, and says what it left out', async () => {
    const seen: TextOrPair[] = [];
    const hint = await leaveOneOutWords(
      ['good', 'bad day'],
      (texts) => {
        seen.push(...texts);
        return predict(texts);
      },
      { classIndex: 0, replacement: '[MASK]', maxWords: 2 },
    );
    expect(seen).toEqual([
      ['good', 'bad day'],
      ['[MASK]', 'bad day'],
      ['good', '[MASK] day'],
    ]);
    expect(hint.words.map(({ part }) => part)).toEqual([0, 1]);
    expect(hint.words[0]!.effect).toBeCloseTo(-0.3, 12);
    expect(hint.truncated).toBe(true);
  });

  it('has nothing to say of a text without words', async () => {
    expect((await leaveOneOutWords('...', predict)).words).toEqual([]);
  });
});
