/** `headlight models search` finds what the page finds, and says what it costs. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { searchModelsCommand } from '../../../companion/models-search';
import { temporaryFolder } from '../../helpers/temporary-folder';

beforeAll(async () => {
  vi.stubEnv('HEADLIGHT_HOME', await temporaryFolder());
});
afterAll(() => {
  vi.unstubAllEnvs();
});

async function printed(words: readonly string[], options = {}): Promise<string> {
  let text = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  try {
    await searchModelsCommand(words, { quiet: true, ...options });
  } finally {
    write.mockRestore();
  }
  return text;
}

test('by words, the best first, with what each costs', async () => {
  const text = await printed(['german']);
  expect(text).toMatch(
    /^google-bert\/bert-base-german-cased\n {2}BERT for German.*\n {2}109\.1 M parameters, about 437 MB, German, 512 tokens, mit\n/,
  );
  expect(text).toMatch(/\n\d+ models\n$/);
});

test('by language, licence and size together, as JSON', async () => {
  const list = JSON.parse(
    await printed([], { language: 'fr', licence: 'mit', parameters: '150', json: true }),
  ) as { id: string; parameters: number; fit: { probe: { verdict: string } } }[];
  expect(list.map(({ id }) => id)).toContain('intfloat/multilingual-e5-small');
  for (const { parameters, fit } of list) {
    expect(parameters).toBeLessThanOrEqual(150e6);
    expect(['fits', 'tight']).toContain(fit.probe.verdict);
  }
});

test('a model that has a SentencePiece vocabulary alone is as good as any', async () => {
  expect(await printed(['deberta-v3-base'])).toMatch(
    /^microsoft\/deberta-v3-base\n.*\n {2}183\.8 M parameters, about 368 MB, English, 512 tokens, mit\n/,
  );
});

test('nothing found says how any other is fetched; a number that is none is refused', async () => {
  expect(await printed(['zzzz'])).toMatch(/models fetch owner\/name/);
  await expect(printed([], { parameters: 'many' })).rejects.toMatchObject({ code: 'bad-setting' });
});
