/** Promise: every text is in exactly one batch, within budget, with little padding, always the same way. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/base';
import { makeBatches, padBatch } from '../../../../src/models/text';

const random = seededRandom(7);
const lengths = Array.from({ length: 1000 }, () => random.integer(200));

describe('makeBatches', () => {
  for (const options of [
    { tokenBudget: 1024, maxBatch: 32, multipleOf: 1 },
    { tokenBudget: 4096, maxBatch: 64, multipleOf: 16, evenRows: true },
    { tokenBudget: 10, maxBatch: 8, multipleOf: 1 },
  ]) {
    const batches = makeBatches(lengths, options);

    it(`puts every text into one batch (${JSON.stringify(options)})`, () => {
      const seen = batches.flatMap((batch) => batch.indices);
      expect([...seen].sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
    });

    it(`stays within budget, and pads no further than needed (${JSON.stringify(options)})`, () => {
      for (const { indices, rows, length } of batches) {
        const longest = Math.max(1, ...indices.map((i) => lengths[i] ?? 0));
        expect(length).toBe(Math.ceil(longest / options.multipleOf) * options.multipleOf);
        expect(rows).toBeGreaterThanOrEqual(indices.length);
        expect(rows).toBeLessThanOrEqual(options.maxBatch);
        if (rows > 1) expect(rows * length).toBeLessThanOrEqual(options.tokenBudget);
      }
    });
  }

  it('is stable: equal lengths stay in the order given', () => {
    const equal = makeBatches([5, 5, 5, 5, 5], { tokenBudget: 10, maxBatch: 8, multipleOf: 1 });
    expect(equal.map((batch) => batch.indices)).toEqual([[0, 1], [2, 3], [4]]);
  });

  it('makes few shapes when each costs a compile', () => {
    const batches = makeBatches(lengths, {
      tokenBudget: 4096,
      maxBatch: 64,
      multipleOf: 16,
      evenRows: true,
    });
    for (const { rows } of batches) expect(Math.log2(rows) % 1).toBe(0);
    expect(new Set(batches.map(({ rows, length }) => `${rows}x${length}`)).size).toBeLessThan(24);
  });

  it('keeps attention, which grows with the square of the length, within its own budget', () => {
    const options = { tokenBudget: 4096, maxBatch: 64, multipleOf: 16, evenRows: true };
    const batches = makeBatches(lengths, { ...options, squareBudget: 100_000 });
    for (const { rows, length } of batches)
      if (rows > 1) expect(rows * length ** 2).toBeLessThanOrEqual(100_000);
    expect(batches.length).toBeGreaterThan(makeBatches(lengths, options).length);
    expect(makeBatches(lengths, { ...options, squareBudget: 1e9 })).toEqual(
      makeBatches(lengths, options),
    );
  });

  it('wastes less than a tenth on padding where lengths are free', () => {
    const batches = makeBatches(lengths, { tokenBudget: 2048, maxBatch: 64, multipleOf: 1 });
    const run = batches.reduce((sum, { rows, length }) => sum + rows * length, 0);
    const real = lengths.reduce((sum, length) => sum + length, 0);
    expect(run / real).toBeLessThan(1.1);
  });

  it('of nothing is nothing', () => {
    expect(makeBatches([], { tokenBudget: 100, maxBatch: 8, multipleOf: 1 })).toEqual([]);
  });
});

describe('padBatch', () => {
  it('pads on the right, masks the padding, and gives filler rows one visible token', () => {
    const { inputIds, attentionMask } = padBatch([[101, 5, 102], [], [101, 102]], 4, 3, 9);
    expect([...inputIds].map(Number)).toEqual([101, 5, 102, 9, 9, 9, 101, 102, 9, 9, 9, 9]);
    expect([...attentionMask].map(Number)).toEqual([1, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0]);
  });
});
