/** Drawing rows: as many as asked, every class in its share, the same each time. */
import { describe, expect, it } from 'vitest';
import { drawPerClass, drawRows } from '../../../src/data';

/** 60 rows of class 0, 30 of 1, 10 of 2; numbered from 5 on. */
const rows = Int32Array.from({ length: 100 }, (_, at) => at + 5);
const labelOf = (row: number): number => (row < 65 ? 0 : row < 95 ? 1 : 2);
const counts = (drawn: Int32Array): number[] =>
  [0, 1, 2].map((label) => drawn.filter((row) => labelOf(row) === label).length);

describe('drawing rows', () => {
  it.each([
    [50, [30, 15, 5]],
    [10, [6, 3, 1]],
    [3, [1, 1, 1]],
    [100, [60, 30, 10]],
    [0, [0, 0, 0]],
  ])('takes %i of 100 in the shares of their classes', (count, shares) => {
    const { drawn, rest } = drawRows(rows, labelOf, count, 7);
    expect(counts(drawn)).toEqual(shares);
    expect([...drawn, ...rest].sort((a, b) => a - b)).toEqual([...rows]);
    expect([...drawn]).toEqual([...drawn].sort((a, b) => a - b));
  });

  it('is seeded: the same again, others with another seed', () => {
    const of = (seed: number): string => drawRows(rows, labelOf, 20, seed).drawn.join();
    expect(of(1)).toBe(of(1));
    expect(of(1)).not.toBe(of(2));
  });

  it('keeps copies of a text on one side', () => {
    const keyOf = (row: number): string => String(row % 40);
    const { drawn, rest } = drawRows(rows, labelOf, 20, 3, keyOf);
    const keys = new Set(Array.from(drawn, keyOf));
    expect(drawn.length).toBeGreaterThanOrEqual(20);
    for (const row of rest) expect(keys.has(keyOf(row))).toBe(false);
  });
});

describe('so many rows a class', () => {
  const of = (count: number, seed = 3): Int32Array =>
    drawPerClass(rows, (row) => [labelOf(row)], count, seed);

  it('takes exactly so many of each, or all that a class has', () => {
    expect(counts(of(8))).toEqual([8, 8, 8]);
    expect(counts(of(20))).toEqual([20, 20, 10]);
    expect([...of(100)]).toEqual([...rows]);
  });

  it('is seeded, and more of them contain the fewer', () => {
    expect([...of(8)]).toEqual([...of(8)]);
    expect([...of(8)]).not.toEqual([...of(8, 4)]);
    const more = new Set(of(16));
    expect([...of(8)].every((row) => more.has(row))).toBe(true);
  });

  it('of several labels takes rows while one of theirs has fewer; rows without any are a class too', () => {
    const labelsOf = (row: number): number[] => (row % 5 === 0 ? [] : row % 2 === 0 ? [0] : [0, 1]);
    const drawn = drawPerClass(rows, labelsOf, 4, 1);
    const having = (label: number): number =>
      [...drawn].filter((row) => labelsOf(row).includes(label)).length;
    expect(having(0)).toBeGreaterThanOrEqual(4);
    expect(having(1)).toBe(4);
    expect([...drawn].filter((row) => labelsOf(row).length === 0)).toHaveLength(4);
  });
});
