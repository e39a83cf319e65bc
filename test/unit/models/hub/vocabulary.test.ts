/** A repository or a folder that has only a vocabulary loads, and embeds as the one with tokenizer.json does. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finish } from '../../../../src/base';
import { addFolder, loadEncoder, type ModelFile } from '../../../../src/models';
import { queueLocks } from '../../../../src/platform';
import { startHubServer, type HubServer } from '../../../helpers/hub-server';
import { memoryStorage } from '../../../helpers/memory-storage';
import { TINY_WORDS, tinyModelFiles } from '../../../helpers/tiny-model';

const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...TINY_WORDS];
const TEXTS = ['The movie was GOOD, not bad!', 'where?', '', 'unknown words'];
let hub: HubServer;

beforeAll(async () => {
  hub = await startHubServer();
});
afterAll(() => hub.close());

/** As SciBERT, FinBERT and many others are published. */
function withVocabularyAlone(): readonly ModelFile[] {
  const files = tinyModelFiles().filter(({ name }) => name !== 'tokenizer.json');
  const vocabulary = new TextEncoder().encode(VOCABULARY.join('\n') + '\n');
  return [...files, { name: 'vocab.txt', bytes: vocabulary }];
}

const from = (storage = memoryStorage()) => ({
  storage,
  locks: queueLocks(),
  network: { fetch: (url: string, init?: RequestInit) => fetch(url, init), requests: () => [] },
  assets: { read: () => Promise.reject(new Error('nothing ships in this test')) },
});

test('from the Hub: the vocabulary is downloaded in its place, and found again without a network', async () => {
  const id = 'ada/old-bert';
  hub.put({ id, commit: 'a'.repeat(40), files: withVocabularyAlone() });
  const sources = from();
  const reference = { source: 'hub', id, revision: null, precision: 'fp32' } as const;
  const encoder = await finish(loadEncoder(sources, reference, { host: hub.host }));
  const whole = await finish(addFolder(null, 'whole', tinyModelFiles(), 'fp32'));
  for (const text of TEXTS)
    expect(encoder.tokenizer.encode(text, 64)).toEqual(whole.tokenizer.encode(text, 64));
  // What leaves with a classifier has a tokenizer.json.
  expect(encoder.files.map(({ name }) => name)).toContain('tokenizer.json');
  const asked = hub.requests.length;
  const again = await finish(loadEncoder(sources, encoder.info.reference, { host: hub.host }));
  expect(again.tokenizer.encode(TEXTS[0] ?? '', 64)).toEqual(
    encoder.tokenizer.encode(TEXTS[0] ?? '', 64),
  );
  expect(hub.requests.length).toBe(asked);
});

test('from a folder: another vocabulary is another revision', async () => {
  const revisionOf = async (files: readonly ModelFile[]): Promise<string | null> =>
    (await finish(addFolder(memoryStorage(), 'old', files, 'fp32'))).info.reference.revision;
  const first = await revisionOf(withVocabularyAlone());
  const changed = withVocabularyAlone().map((file) =>
    file.name === 'vocab.txt'
      ? { name: file.name, bytes: new TextEncoder().encode([...VOCABULARY].reverse().join('\n')) }
      : file,
  );
  expect(await revisionOf(changed)).not.toBe(first);
  // Beside tokenizer.json a vocabulary says nothing: the revision of such a folder stays what it was.
  const both = [
    ...tinyModelFiles(),
    ...withVocabularyAlone().filter(({ name }) => name === 'vocab.txt'),
  ];
  expect(await revisionOf(both)).toBe(await revisionOf(tinyModelFiles()));
});

test('without either it says what is missing', async () => {
  const none = tinyModelFiles().filter(({ name }) => name !== 'tokenizer.json');
  await expect(finish(addFolder(null, 'none', none, 'fp32'))).rejects.toMatchObject({
    code: 'bad-model',
    message: 'none has no tokenizer.json.',
  });
});
