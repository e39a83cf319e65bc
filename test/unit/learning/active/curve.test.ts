/** The curve is what counting by hand gives, and “stop” is said only where the figures say it. */
import { describe, expect, it } from 'vitest';
import {
  adviseActive,
  curveSizes,
  isCurveSize,
  pointOf,
  type CurveMeasure,
} from '../../../../src/learning/labelling';

/** The first `right` of so many texts are right, but for `swapped` of them, which are wrong, and as many others right. */
function measure(labels: number, right: number, of: number, swapped = 0): CurveMeasure {
  return {
    labels,
    right: Array.from({ length: of }, (_, row) =>
      row < right ? row >= swapped : row < right + swapped,
    ),
  };
}

describe('a point', () => {
  it('is the share that is right, with Wilson’s interval', () => {
    // statsmodels.stats.proportion.proportion_confint(42, 50, method='wilson')
    const { labels, value, low, high } = pointOf(measure(30, 42, 50));
    expect([labels, value]).toEqual([30, 0.84]);
    expect(low).toBeCloseTo(0.7148578, 6);
    expect(high).toBeCloseTo(0.9166258, 6);
  });
});

describe('where points stand', () => {
  it('every few labels, ever farther apart, the last one where it is now', () => {
    expect(curveSizes(1)).toEqual([]);
    expect(curveSizes(3)).toEqual([3]);
    expect(curveSizes(23)).toEqual([5, 10, 15, 20, 23]);
    expect(curveSizes(1000).length).toBeLessThan(40);
    expect(curveSizes(1000).at(-1)).toBe(1000);
    for (const size of curveSizes(1000)) expect(curveSizes(1001)).toContain(size);
  });
  it('those that stay are those of any longer curve', () => {
    for (let labels = 2; labels < 700; labels++)
      expect(isCurveSize(labels)).toBe(curveSizes(5000).includes(labels));
  });
});

describe('whether more labels help', () => {
  const two = (before: CurveMeasure, last: CurveMeasure) =>
    adviseActive([before, last], 2, last.right.length);

  it('nothing is known without held-out texts', () => {
    expect(adviseActive([], 2, 0)).toEqual({ verdict: 'no_hold_out', gain: null });
  });
  it('it is too early with few labels, whatever the figures', () => {
    expect(two(measure(20, 500, 1000), measure(40, 900, 1000)).verdict).toBe('too_early');
    expect(adviseActive([measure(60, 900, 1000)], 2, 1000).verdict).toBe('too_early');
    // Five a class: 77 classes take 385.
    const many = [measure(200, 900, 1000), measure(350, 900, 1000)];
    expect(adviseActive(many, 77, 1000).verdict).toBe('too_early');
    expect(adviseActive(many, 10, 1000).verdict).not.toBe('too_early');
  });
  it('compares with the latest point of at most two thirds of the labels', () => {
    const measures = [40, 60, 80, 100].map((labels) => measure(labels, labels * 5, 1000));
    expect(adviseActive(measures, 2, 1000).gain).toMatchObject({ from: 60, to: 100, value: 0.2 });
  });
  it('a gain that is not chance: go on', () => {
    expect(two(measure(60, 800, 1000), measure(100, 850, 1000)).verdict).toBe('go_on');
  });
  it('the same answers on many texts: stop', () => {
    const { verdict, gain } = two(measure(60, 900, 1000, 5), measure(100, 902, 1000));
    expect(verdict).toBe('stop');
    expect(gain!.value).toBeCloseTo(0.002, 9);
    expect(gain!.high).toBeLessThan(0.03);
  });
  it('no better than the point before, but than the ones before that: a step of the curve, no stop', () => {
    const steps = [measure(40, 800, 1000), measure(50, 900, 1000), measure(66, 902, 1000)];
    expect(adviseActive([...steps, measure(100, 903, 1000)], 2, 1000).verdict).toBe('unclear');
    const flat = [measure(40, 901, 1000), measure(50, 900, 1000), measure(66, 902, 1000)];
    expect(adviseActive([...flat, measure(100, 903, 1000)], 2, 1000).verdict).toBe('stop');
    // What was long ago does not count: the first third may have been steep.
    const early = [measure(20, 300, 1000), ...flat];
    expect(adviseActive([...early, measure(100, 903, 1000)], 2, 1000).verdict).toBe('stop');
  });
  it('the same answers on 50 texts: that shows nothing', () => {
    expect(two(measure(60, 45, 50), measure(100, 45, 50)).verdict).toBe('unclear');
  });
  it('a small gain that may be a large one: unclear', () => {
    expect(two(measure(60, 240, 300, 20), measure(100, 245, 300)).verdict).toBe('unclear');
  });
  it('the interval is that of the paired differences, not of two shares by themselves', () => {
    const alike = two(measure(60, 800, 1000), measure(100, 800, 1000)).gain!;
    const unlike = two(measure(60, 800, 1000, 150), measure(100, 800, 1000)).gain!;
    expect(unlike.value).toBe(alike.value);
    expect(unlike.high - unlike.low).toBeGreaterThan(2 * (alike.high - alike.low));
  });
});
