/** microsoft/deberta-v3-base as it is published, config.json, spm.model and weights alone, made small: it loads and embeds. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finish } from '../../../../src/base';
import { addFolder, loadEncoder, openEmbedder, type ModelFile } from '../../../../src/models';
import { wantedOf } from '../../../../src/models/hub/picked';
import { queueLocks } from '../../../../src/platform';
import { createNodeRuntime } from '../../../../src/platform/node/runtime';
import { startHubServer, type HubServer } from '../../../helpers/hub-server';
import { memoryStorage } from '../../../helpers/memory-storage';

const root = new URL('../../../reference/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('golden/sentencepiece.json', root), 'utf8')) as {
  texts: string[];
  cases: { config: { model_type: string }; name: string; model: string; ids: number[][] }[];
};
let hub: HubServer;
beforeAll(async () => {
  hub = await startHubServer();
});
afterAll(() => hub.close());

const KINDS = ['deberta-v2', 'albert', 'xlm-roberta'];
const vocabularyOf = (kind: string) => {
  const found = golden.cases.find(({ config }) => config.model_type === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
};

function published(kind: string): readonly ModelFile[] {
  const read = (name: string): Uint8Array =>
    new Uint8Array(readFileSync(new URL(`architectures/${kind}.${name}`, root)));
  const { name, model } = vocabularyOf(kind);
  return [
    { name: 'config.json', bytes: read('config.json') },
    { name, bytes: new Uint8Array(Buffer.from(model, 'base64')) },
    { name: 'model.safetensors', bytes: read('safetensors') },
  ];
}

describe.each(KINDS)('%s', (kind) => {
  const { ids, name } = vocabularyOf(kind);

  test('from the Hub, and found again without a network', async () => {
    const storage = memoryStorage();
    const id = `ada/${kind}`;
    hub.put({ id, commit: 'a'.repeat(40), files: published(kind) });
    const sources = {
      storage,
      locks: queueLocks(),
      network: { fetch: (url: string, init?: RequestInit) => fetch(url, init), requests: () => [] },
      assets: { read: () => Promise.reject(new Error('nothing ships in this test')) },
    };
    const reference = { source: 'hub', id, revision: null, precision: 'fp32' } as const;
    const encoder = await finish(loadEncoder(sources, reference, { host: hub.host }));
    expect(golden.texts.map((text) => encoder.tokenizer.encode(text, 512))).toEqual(ids);
    // What leaves with a classifier has the tokenizer.json that was made.
    expect(encoder.files.map((file) => file.name)).toContain('tokenizer.json');
    const asked = hub.requests.length;
    const again = await finish(loadEncoder(sources, encoder.info.reference, { host: hub.host }));
    expect(again.tokenizer.encode(golden.texts[0] ?? '', 512)).toEqual(ids[0]);
    expect(hub.requests.length).toBe(asked);
  });

  test('from a folder: it embeds, and another vocabulary is another revision', async () => {
    const files = published(kind);
    const encoder = await finish(addFolder(memoryStorage(), kind, files, 'fp32'));
    expect(encoder.tokenizer.encode(golden.texts[0] ?? '', 512)).toEqual(ids[0]);
    const other = Buffer.from(golden.cases[1]?.model ?? '', 'base64');
    const changed = files.map((file) =>
      file.name === name ? { name, bytes: new Uint8Array(other) } : file,
    );
    const { info } = await finish(addFolder(memoryStorage(), kind, changed, 'fp32'));
    expect(info.reference.revision).not.toBe(encoder.info.reference.revision);
  });

  test('picked files: the vocabulary is among those that are wanted', () => {
    const names = published(kind).map((file) => file.name);
    expect(wantedOf([...names, 'README.md'], 'fp32', kind, 'here')).toEqual(names);
  });
});

test('a text of it goes through the graph', async () => {
  const runtime = createNodeRuntime();
  const encoder = await finish(addFolder(null, 'small', published('deberta-v2'), 'fp32'));
  const embed = {
    layer: encoder.info.layers,
    pooling: 'mean',
    normalize: true,
    maxTokens: 16,
  } as const;
  const embedder = await openEmbedder({ encoder, embed, device: 'cpu', runtime });
  // Pieces beyond the 40 rows of this small graph's table are left out.
  const { data } = await embedder.embed(['a', ' ']);
  await embedder.close();
  expect(data.every(Number.isFinite)).toBe(true);
});

test('a folder whose vocabulary is cut off says which file it is', async () => {
  const files = published('deberta-v2').map((file) =>
    file.name === 'spm.model' ? { ...file, bytes: file.bytes.subarray(0, 5000) } : file,
  );
  await expect(finish(addFolder(null, 'cut', files, 'fp32'))).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(/^spm\.model cannot be used: it is cut off/) as string,
  });
});
