/**
 * Promise: a repository is downloaded once, pinned to its commit, resumed where it was cut, published
 * only when whole and as the Hub says it is; and what goes wrong is said in plain words.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { finish, type Progress } from '../../../../src/base';
import {
  clearCached,
  listCached,
  listKept,
  loadEncoder,
  removeCached,
  type EncoderReference,
  type ModelFile,
  type ModelSources,
} from '../../../../src/models';
import { queueLocks } from '../../../../src/platform';
import { asUnknownArchitecture, exportedModelFiles } from '../../../helpers/exported-model';
import { startHubServer, type HubServer } from '../../../helpers/hub-server';
import { memoryStorage, type MemoryStorage } from '../../../helpers/memory-storage';
import { tinyModelFiles } from '../../../helpers/tiny-model';

const FIRST = 'a'.repeat(40);
const SECOND = 'b'.repeat(40);
const ID = 'lab/tiny-bert';
const first = tinyModelFiles({ seed: 1, sentenceTransformers: { pooling: 'cls', maxTokens: 32 } });
const weights = first.find(({ name }) => name === 'model.safetensors') as ModelFile;

let hub: HubServer;
let storage: MemoryStorage;
let sources: ModelSources;

beforeAll(async () => {
  hub = await startHubServer();
  hub.put({ id: ID, commit: FIRST, files: first, licence: 'mit' });
});
afterAll(() => hub.close());
beforeEach(() => {
  storage = memoryStorage();
  sources = {
    storage,
    locks: queueLocks(),
    network: { fetch: (url, init) => fetch(url, init), requests: () => [] },
    assets: { read: () => Promise.reject(new Error('nothing ships in this test')) },
  };
  hub.requests.length = 0;
});

const reference = (changes: Partial<EncoderReference> = {}): EncoderReference => ({
  source: 'hub',
  id: ID,
  revision: null,
  precision: 'fp32',
  ...changes,
});
const load = (changes: Partial<EncoderReference> = {}, onProgress?: (progress: Progress) => void) =>
  finish(loadEncoder(sources, reference(changes), { host: hub.host }), onProgress);

describe('an encoder from the Hub', () => {
  it('is loaded by its id, with what its own files recommend, and pinned to the commit', async () => {
    const encoder = await load();
    expect(encoder.info).toMatchObject({
      reference: { source: 'hub', id: ID, revision: FIRST, precision: 'fp32' },
      architecture: 'bert',
      layers: 2,
      hiddenSize: 32,
      licence: 'mit',
      defaults: { layer: 2, pooling: 'cls', normalize: true, maxTokens: 32 },
    });
    expect(encoder.files.map(({ name }) => name)).toEqual([
      'config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    // The large files came by redirect.
    expect(hub.requests.some(({ path }) => path.startsWith('/lfs/'))).toBe(true);
  });

  it('makes no request the second time, with the pinned revision', async () => {
    const pinned = (await load()).info.reference;
    hub.requests.length = 0;
    const again = await load(pinned);
    expect(hub.requests).toEqual([]);
    expect(again.info.reference).toEqual(pinned);
    expect(again.info.defaults.pooling).toBe('cls');
  });

  it('asks for the commit anew without a revision, and downloads only when it moved', async () => {
    await load();
    hub.requests.length = 0;
    await load();
    expect(hub.requests.map(({ path }) => path)).toEqual([`/api/models/${ID}/revision/main`]);
  });

  it('stays at the pinned commit after the repository has moved on', async () => {
    const moved = 'lab/moving';
    hub.put({ id: moved, commit: FIRST, files: first });
    const old = await load({ id: moved });
    hub.put({ id: moved, commit: SECOND, files: tinyModelFiles({ seed: 2 }) });
    expect((await load({ id: moved, revision: FIRST })).weightsHash).toBe(old.weightsHash);
    const newest = await load({ id: moved });
    expect(newest.info.reference.revision).toBe(SECOND);
    expect(newest.weightsHash).not.toBe(old.weightsHash);
  });

  it('uses the kept copy when the host cannot be reached, and says so', async () => {
    await load();
    const notes: string[] = [];
    const gone = loadEncoder(sources, reference(), { host: 'http://127.0.0.1:1' });
    const encoder = await finish(gone, ({ note }) => {
      if (note !== undefined) notes.push(note);
    });
    expect(encoder.info.reference.revision).toBe(FIRST);
    expect(notes.join()).toMatch(/copy kept on this device/);
  });
});

describe('a download that is cut', () => {
  it('goes on by a range request from where it was cut', async () => {
    hub.cut('model.safetensors', 50_000);
    const encoder = await load();
    const asked = hub.requests.filter(({ path }) => path.endsWith('model.safetensors'));
    expect(asked.some(({ range, status }) => range === 'bytes=50000-' && status === 206)).toBe(
      true,
    );
    expect(encoder.info.bytes).toBe(first.reduce((sum, { bytes }) => sum + bytes.length, 0));
  });

  it('stops with a clear message when it cannot go on, and the next job resumes there', async () => {
    hub.cut('model.safetensors', 30_000, 1);
    const stop = new AbortController();
    const job = loadEncoder(sources, reference(), { host: hub.host }, stop.signal);
    await expect(
      finish(job, ({ done }) => {
        // Small files first: past 30 kB it is the weights that come.
        if (done > 0.03) stop.abort();
      }),
    ).rejects.toMatchObject({ code: 'aborted' });
    expect(await listCached(storage)).toEqual([]);
    hub.requests.length = 0;
    await load();
    const asked = hub.requests.filter(({ path }) => path.startsWith('/lfs/'));
    expect(asked.filter(({ path }) => path.endsWith('model.safetensors'))).toHaveLength(1);
    expect(Number(/bytes=(\d+)-/.exec(asked[0]?.range ?? '')?.[1])).toBeGreaterThan(0);
    expect(await listCached(storage)).toHaveLength(1);
    expect(await listKept(storage)).toMatchObject([{ id: ID, state: 'whole' }]);
  });

  it('says where it stopped when the host keeps cutting without a byte', async () => {
    hub.cut('model.safetensors', 0, 10);
    await expect(load()).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/model\.safetensors .* stopped at 0\.0 of 0\.1 MB/) as string,
      hint: expect.stringMatching(/goes on from there/) as string,
    });
    hub.cut('model.safetensors', 0, 0);
  });

  it('is refused when the content is not what the Hub says, and nothing is kept of it', async () => {
    const damaged = weights.bytes.slice();
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    hub.corrupt('model.safetensors', damaged);
    await expect(load()).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/SHA-256/) as string,
    });
    hub.corrupt('model.safetensors', weights.bytes);
    expect(await listCached(storage)).toEqual([]);
    expect((await load()).info.layers).toBe(2);
  });
});

describe('a repository with an exported ONNX', () => {
  it('and no safetensors is loaded from it, only that file downloaded, and read from storage again', async () => {
    const id = 'lab/exported';
    const files = exportedModelFiles('fused', 'onnx/model.onnx');
    const other = { name: 'onnx/model_quantized.onnx', bytes: new Uint8Array(9) };
    hub.put({ id, commit: FIRST, files: [...files, other] });
    const { info } = await load({ id });
    expect(info).toMatchObject({ architecture: 'bert', layers: 2, hiddenSize: 32 });
    expect(hub.requests.some(({ path }) => path.includes('quantized'))).toBe(false);
    hub.requests.length = 0;
    expect((await load({ id, revision: FIRST })).info).toEqual(info);
    expect(hub.requests).toEqual([]);
  });

  it('of another architecture is loaded too, where its safetensors would be refused', async () => {
    const id = 'lab/exported-funnel';
    hub.put({ id, commit: FIRST, files: asUnknownArchitecture(exportedModelFiles('plain')) });
    expect((await load({ id })).info.architecture).toBe('exported');
    hub.put({ id: 'lab/funnel', commit: FIRST, files: asUnknownArchitecture(tinyModelFiles()) });
    await expect(load({ id: 'lab/funnel' })).rejects.toMatchObject({ code: 'bad-model' });
  });
});

describe('what goes wrong is said plainly', () => {
  it.each([
    ['no such repository', { id: 'lab/nowhere' }, 'not-found', /no public model lab\/nowhere/],
    ['no such revision', { revision: 'v9' }, 'not-found', /no revision “v9”/],
    ['not an id', { id: '../etc/passwd' }, 'bad-setting', /not the id/],
    ['not an id either', { id: 'a/b/c' }, 'bad-setting', /not the id/],
  ] as const)('%s', async (_what, changes, code, message) => {
    await expect(load(changes)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([
    ['gated', { gated: true, files: first }, 'not-found', /gated/],
    [
      'a pytorch_model.bin that is none',
      {
        files: first.map((file) =>
          file === weights ? { name: 'pytorch_model.bin', bytes: file.bytes } : file,
        ),
      },
      'bad-model',
      /pytorch_model\.bin is not a file that torch\.save wrote/,
    ],
    [
      'no tokenizer',
      { files: first.filter(({ name }) => name !== 'tokenizer.json') },
      'bad-model',
      /no tokenizer\.json/,
    ],
  ] as const)('%s', async (what, changes, code, message) => {
    const id = `lab/${what.replaceAll(/\W/g, '-')}`;
    hub.put({ id, commit: FIRST, ...changes });
    await expect(load({ id })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses an unsupported architecture before its weights are downloaded', async () => {
    const config = {
      name: 'config.json',
      bytes: new TextEncoder().encode('{"model_type":"mamba"}'),
    };
    const files = first.map((file) => (file.name === 'config.json' ? config : file));
    hub.put({ id: 'lab/mamba', commit: FIRST, files });
    await expect(load({ id: 'lab/mamba' })).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/mamba/) as string,
    });
    expect(hub.requests.some(({ path }) => path.endsWith('model.safetensors'))).toBe(false);
    // Nothing of it waits to go on.
    expect((await listKept(storage)).filter(({ id }) => id === 'lab/mamba')).toEqual([]);
  });

  it('a gated model leaves nothing behind', async () => {
    hub.put({ id: 'lab/closed', commit: FIRST, files: first, gated: true });
    await expect(load({ id: 'lab/closed' })).rejects.toThrow(/gated/);
    expect((await listKept(storage)).filter(({ id }) => id === 'lab/closed')).toEqual([]);
  });

  it('no network', async () => {
    const job = loadEncoder(sources, reference(), { host: 'http://127.0.0.1:1' });
    await expect(finish(job)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/127\.0\.0\.1:1 cannot be reached/) as string,
    });
  });

  it('a host that is no Hub', async () => {
    const network = { ...sources.network, fetch: () => Promise.resolve(new Response('<html>')) };
    const job = loadEncoder({ ...sources, network }, reference(), { host: 'http://example.test' });
    await expect(finish(job)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/does not answer as the Hugging Face Hub/) as string,
    });
  });

  it('no room, and the pieces that came are kept', async () => {
    storage.quota = 60_000;
    await expect(load()).rejects.toMatchObject({ code: 'storage-full' });
    expect(await listCached(storage)).toEqual([]);
  });
});

describe('kept models', () => {
  it('are listed with their size, and removed one by one or all', async () => {
    await load();
    const [model] = await listCached(storage);
    expect(model).toMatchObject({ source: 'hub', id: ID, revision: FIRST, licence: 'mit' });
    expect(model?.bytes).toBe(first.reduce((sum, { bytes }) => sum + bytes.length, 0));
    await removeCached(storage, reference({ revision: FIRST }));
    expect(await storage.entries('models')).toEqual([]);
    await load();
    await clearCached(storage);
    expect(await storage.entries('models')).toEqual([]);
  });

  it('leave out what is no model, which is listed beside them and cleared too', async () => {
    await load();
    // A download of an older Headlight that was stopped, and a model whose manifest is damaged.
    const lost = `hub/someone/lost/${'a'.repeat(40)}/`;
    await storage.write('models', `${lost}parts/model.safetensors/000000`, new Uint8Array(70));
    await storage.write('models', `${lost}parts/model.safetensors/000001`, new Uint8Array(30));
    const torn = `folder/torn/${'b'.repeat(64)}/`;
    await storage.write('models', `${torn}model.safetensors`, new Uint8Array(40));
    await storage.write('models', `${torn}headlight-model.json`, new Uint8Array(2));
    const all = await listKept(storage);
    expect(all.map(({ id, bytes, state }) => [id, bytes, state]).sort()).toEqual([
      [ID, first.reduce((sum, { bytes }) => sum + bytes.length, 0), 'whole'],
      ['someone/lost', 100, 'unfinished'],
      ['torn', 40, 'unfinished'],
    ]);
    expect(all.every(({ lastUsed }) => lastUsed > 0)).toBe(true);
    expect(await listCached(storage)).toHaveLength(1);
    await clearCached(storage);
    expect(await listKept(storage)).toEqual([]);
    expect(await storage.entries('models')).toEqual([]);
  });
});
