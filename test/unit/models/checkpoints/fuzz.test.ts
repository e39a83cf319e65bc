/** Promise: no mutated checkpoint hangs, fills the memory, or breaks in words that are not the reader's own. */
import { expect, it } from 'vitest';
import { indexReader, pytorchReader, safetensorsReader } from '../../../helpers/fuzz-checkpoints';
import { fuzzModel, newCount } from '../../../helpers/model-fuzz';

it.each([
  ['safetensors', safetensorsReader],
  ['index', indexReader],
  ['pytorch', pytorchReader],
] as const)('%s: a share of what `npm run bench -- models-fuzz` does', async (_name, make) => {
  const inputs = 2000;
  const reader = make();
  const count = newCount();
  for (let seed = 1; seed <= inputs; seed++) await fuzzModel(reader, seed, count);
  // Both ways were gone: some are still read, and some are refused.
  expect(count.read).toBeGreaterThan(inputs / 100);
  expect(count.refused).toBeGreaterThan(inputs / 10);
});
