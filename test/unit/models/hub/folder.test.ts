/** Promise: a dropped folder works as it lies there, is found again later, and is refused with a reason. */
import { beforeEach, describe, expect, it } from 'vitest';
import { finish } from '../../../../src/base';
import { addFolder, listCached, loadEncoder, type ModelFile } from '../../../../src/models';
import { queueLocks } from '../../../../src/platform';
import { memoryStorage, type MemoryStorage } from '../../../helpers/memory-storage';
import { tinyModelFiles } from '../../../helpers/tiny-model';

let storage: MemoryStorage;
beforeEach(() => {
  storage = memoryStorage();
});
const nothing = {
  locks: queueLocks(),
  network: {
    fetch: () => Promise.reject(new Error('no network in this test')),
    requests: () => [],
  },
  assets: { read: () => Promise.reject(new Error('nothing ships in this test')) },
};

const add = (files: readonly ModelFile[], name = '/home/me/my-bert/') =>
  finish(addFolder(storage, name, files, 'fp32'));

describe('a folder', () => {
  it('is an encoder called by its last name, its revision a hash', async () => {
    const encoder = await add(
      tinyModelFiles({ sentenceTransformers: { pooling: 'max', maxTokens: 48 } }),
    );
    expect(encoder.info).toMatchObject({
      name: 'my-bert',
      reference: {
        source: 'folder',
        id: 'my-bert',
        revision: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      },
      defaults: { layer: 2, pooling: 'max', normalize: true, maxTokens: 48 },
    });
  });

  it.each(['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'])(
    'with another %s is another revision, and the same files are the same one',
    async (name) => {
      const files = tinyModelFiles();
      const before = (await add(files)).info.reference.revision;
      expect((await add([...files].reverse())).info.reference.revision).toBe(before);
      // A space in JSON; a tensor's last bit.
      const changed = files.map((file) => {
        if (file.name !== name) return file;
        if (!name.endsWith('.json')) {
          const bytes = file.bytes.slice();
          bytes[bytes.length - 2] = (bytes.at(-2) ?? 0) ^ 1;
          return { name, bytes };
        }
        return { name, bytes: Uint8Array.of(...file.bytes, 0x20) };
      });
      expect((await add(changed)).info.reference.revision).not.toBe(before);
    },
  );

  it.each([
    ['pytorch_model.bin', 'pytorch_model.bin is not a file that torch.save wrote'],
    ['model.safetensors.index.json', 'model.safetensors.index.json is'],
    ['model-00001-of-00002.safetensors', 'of another name'],
    ['flax_model.msgpack', 'flax_model.msgpack, for Flax'],
    ['adapter_model.safetensors', 'an adapter'],
  ])('with %s instead of its weights says so', async (name, words) => {
    const files = tinyModelFiles().map((file) =>
      file.name === 'model.safetensors' ? { name, bytes: file.bytes } : file,
    );
    await expect(add(files)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining(words) as string,
    });
  });

  it('may come with its own name before each file, and with files of no concern', async () => {
    const files = tinyModelFiles({ sentenceTransformers: { pooling: 'cls', maxTokens: 48 } });
    const dropped = [
      { name: 'my-bert/README.md', bytes: new Uint8Array(9) },
      ...files.map(({ name, bytes }) => ({ name: `my-bert/${name}`, bytes })),
    ].reverse();
    expect((await add(dropped)).info.defaults.pooling).toBe('cls');
    const [kept] = await listCached(storage);
    expect(kept?.files.map(({ name }) => name)).not.toContain('README.md');
  });

  it('without the files of sentence-transformers is mean-pooled at its last layer', async () => {
    const { defaults } = (await add(tinyModelFiles({ layers: 3 }))).info;
    expect(defaults).toEqual({ layer: 3, pooling: 'mean', normalize: false, maxTokens: 64 });
  });

  it('is found again by its reference, also in 8 bits, and without network', async () => {
    const { reference } = (await add(tinyModelFiles())).info;
    const again = await finish(loadEncoder({ storage, ...nothing }, reference));
    expect(again.info.reference).toEqual(reference);
    const small = await finish(
      loadEncoder({ storage, ...nothing }, { ...reference, precision: 'q8' }),
    );
    expect(small.model.precision).toBe('q8');
    expect(small.weightsHash).toBe(again.weightsHash);
  });

  it('that does not fit is known before its first byte is kept, and leaves nothing', async () => {
    storage.quota = 5000;
    await expect(add(tinyModelFiles())).rejects.toMatchObject({ code: 'storage-full' });
    expect(storage.writes).toEqual([]);
    storage.quota = Infinity;
    const usual = storage.write.bind(storage);
    // The estimate was right a moment ago.
    storage.write = async (area, key, bytes) => {
      storage.quota = 5000;
      await usual(area, key, bytes);
    };
    await expect(add(tinyModelFiles())).rejects.toMatchObject({ code: 'storage-full' });
    expect(await storage.entries('models')).toEqual([]);
  });

  it('is not kept when told so', async () => {
    await finish(addFolder(null, 'my-bert', tinyModelFiles(), 'fp32'));
    expect(await listCached(storage)).toEqual([]);
  });

  it.each(['config.json', 'tokenizer.json', 'model.safetensors'])(
    'without %s is refused by that name, and nothing is kept',
    async (missing) => {
      const files = tinyModelFiles().filter(({ name }) => name !== missing);
      await expect(add(files)).rejects.toMatchObject({
        code: 'bad-model',
        message: expect.stringContaining(`no ${missing}`) as string,
      });
      expect(await storage.entries('models')).toEqual([]);
    },
  );
});
