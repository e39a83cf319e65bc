import { describe, expect, it } from 'vitest';
import { span, thin, ticks } from '../../../src/app/parts/scales';
import {
  differenceOf,
  disagreement,
  points,
  pValue,
  verdict,
} from '../../../src/app/steps/report/verdict';
import type { McNemar, PairedMicroF1 } from '../../../src/learning/evaluate';

describe('axes', () => {
  it('are labelled with round numbers within what is shown', () => {
    expect(ticks(0, 60, 6)).toEqual([0, 10, 20, 30, 40, 50, 60]);
    expect(ticks(0.31, 1.72, 4)).toEqual([0.5, 1, 1.5]);
    expect(ticks(0.1, 0.4, 3)).toEqual([0.1, 0.2, 0.3, 0.4]);
  });
  it('have a span even for a single value, and leave out what is no number', () => {
    const [low, high] = span([0.5, NaN, Infinity]);
    expect(low).toBeLessThan(0.5);
    expect(high).toBeGreaterThan(0.5);
    expect(Number.isFinite(high)).toBe(true);
    expect(span([])).toEqual([0, 1]);
  });
});

describe('a long curve', () => {
  const long = Array.from({ length: 20_000 }, (_, x) => ({ x, y: Math.sin(x / 900) }));
  it('is thinned to what can be drawn, and keeps its peaks and its ends', () => {
    const spike = { x: 12_345, y: 50 };
    const drawn = thin(
      long.map((point) => (point.x === spike.x ? spike : point)),
      400,
    );
    expect(drawn.length).toBeLessThanOrEqual(402);
    expect(drawn).toContain(spike);
    expect(drawn[0]?.x).toBe(0);
    expect(drawn.at(-1)?.x).toBe(19_999);
    expect(drawn.every(({ x }, at) => at === 0 || x > (drawn[at - 1]?.x ?? 0))).toBe(true);
  });
  it('is drawn whole when it is short', () => {
    expect(thin(long.slice(0, 300), 400)).toHaveLength(300);
  });
});

describe('the paired test in words', () => {
  const test = {
    onlyFirst: 71,
    onlySecond: 24,
    p_value: 1.6e-6,
    difference: 0.047,
    interval: [0.028, 0.066] as const,
  };
  const said = (mcnemar: McNemar, micro_f1: PairedMicroF1 | null = null): string =>
    verdict(
      differenceOf({ first: 'a', second: 'b', rows: 1000, test: mcnemar, micro_f1 }),
      'A',
      'B',
      1000,
      'text',
    );
  it('of several labels it is micro-F1 that is compared', () => {
    const micro: PairedMicroF1 = {
      first: 0.6,
      second: 0.65,
      difference: -0.05,
      interval: [-0.08, -0.02],
      p_value: 0.002,
      resamples: 5000,
    };
    expect(said(test, micro)).toBe(
      'B is better than A by 0.050 micro-F1: more than chance explains (p = 0.002).',
    );
    expect(said(test, { ...micro, p_value: 0.4 })).toContain(
      'these 1,000 test texts cannot tell which of the two is better',
    );
  });
  it('a difference beyond chance names the better one and by how much', () => {
    expect(said(test)).toBe(
      'A is better than B by 4.7 points: more than chance explains (p < 0.001).',
    );
    expect(said({ ...test, onlyFirst: 24, onlySecond: 71, difference: -0.047 })).toMatch(
      /^B is better than A by 4.7 points/,
    );
  });
  it('one that chance explains is not called better', () => {
    const close = { ...test, onlyFirst: 12, onlySecond: 9, p_value: 0.66, difference: 0.003 };
    expect(said(close)).toContain('cannot tell');
    expect(said(close)).not.toContain('A is better');
  });
  it('no difference is said so', () => {
    const same = { ...test, onlyFirst: 9, onlySecond: 9, p_value: 1, difference: 0 };
    expect(said(same)).toContain('equally many');
  });
  it('figures', () => {
    expect([points(0.0472), points(-0.003), points(-0.0001)]).toEqual(['+4.7', '−0.3', '+0.0']);
    expect([pValue(0.0004), pValue(0.0412), pValue(0.66)]).toEqual([
      'p < 0.001',
      'p = 0.041',
      'p = 0.66',
    ]);
    expect(disagreement(test, 'A', 'B')).toBe('Only A is right on 71, only B on 24.');
  });
});
