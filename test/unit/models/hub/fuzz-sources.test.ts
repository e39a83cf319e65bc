/** Promise: no mutated zip or manifest hangs, fills the memory, leaves its folder or breaks in words of its own. */
import { expect, it } from 'vitest';
import { fuzzModel, newCount } from '../../../helpers/model-fuzz';
import { manifestReader, zipReader } from '../../../helpers/fuzz-sources';

it.each([
  ['zip', zipReader, 600],
  ['manifest', manifestReader, 2000],
] as const)(
  '%s: a share of what `npm run bench -- models-fuzz` does',
  async (_name, make, inputs) => {
    const reader = make();
    const count = newCount();
    for (let seed = 1; seed <= inputs; seed++) await fuzzModel(reader, seed, count);
    // Both ways were gone: some are still read, and some are refused.
    expect(count.read).toBeGreaterThan(inputs / 100);
    expect(count.refused).toBeGreaterThan(inputs / 10);
  },
);
