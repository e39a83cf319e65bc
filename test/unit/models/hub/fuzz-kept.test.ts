/** A share of what `npm run bench -- models-fuzz hub | config | tokenizer | sentencepiece | kept` does a hundred thousand times. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { configReader, hubReader, keptReader, tokenizerReader } from '../../../helpers/fuzz-kept';
import { sentencePieceReader } from '../../../helpers/fuzz-sentencepiece';
import { fuzzModel, newCount } from '../../../helpers/model-fuzz';

// The tokenizer's library warns of patterns that it does not know.
beforeAll(() => void vi.spyOn(console, 'warn').mockImplementation(() => undefined));
afterAll(() => void vi.restoreAllMocks());

const READERS = [
  hubReader(),
  configReader(),
  tokenizerReader(),
  sentencePieceReader(),
  keptReader(),
];

test.each(READERS)('$name: damaged, it is read or refused by name, soon', async (reader) => {
  const count = newCount();
  for (let seed = 1; seed <= 400; seed++) await fuzzModel(reader, seed, count);
  expect(count.inputs).toBe(400);
  expect(count.read).toBeGreaterThan(20);
  // What stands beside kept models is passed over where it cannot be read: the listing itself never fails.
  if (reader.name !== 'kept') expect(count.refused).toBeGreaterThan(20);
});
