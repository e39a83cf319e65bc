/**
 * Promise: texts become the same vectors however they are batched, stopped and resumed; each different
 * text is embedded once; what was committed is never done again, and never trusted blindly.
 */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { finish, type Progress } from '../../../../src/base';
import {
  addFolder,
  embedTexts,
  openEmbedder,
  type EmbedRequest,
  type EmbedResult,
  type EmbedSettings,
  type Encoder,
} from '../../../../src/models';
import type { OnnxRuntime } from '../../../../src/platform';
import { createNodePlatform } from '../../../../src/platform/node';
import { memoryStorage, type MemoryStorage } from '../../../helpers/memory-storage';
import { tinyModelFiles, tinyTexts } from '../../../helpers/tiny-model';
import { temporaryFolder } from '../../../helpers/temporary-folder';

const settings: EmbedSettings = { layer: 2, pooling: 'mean', normalize: true, maxTokens: 64 };
const texts = tinyTexts(2400, 3, 8);

let encoder: Encoder;
let runtime: OnnxRuntime;
/** Runs of the graph so far: how the tests know what was computed. */
let runs = 0;
let storage: MemoryStorage;
beforeAll(async () => {
  const platform = await createNodePlatform({ home: await temporaryFolder() });
  encoder = await finish(addFolder(null, 'tiny', tinyModelFiles(), 'fp32'));
  runtime = counting(platform.runtime);
});
beforeEach(() => {
  storage = memoryStorage();
  runs = 0;
});

function counting(inner: OnnxRuntime): OnnxRuntime {
  return {
    version: inner.version,
    devices: () => inner.devices(),
    toDevice: (tensor, device) => inner.toDevice(tensor, device),
    async createSession(model, options) {
      const session = await inner.createSession(model, options);
      return {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        run(feeds) {
          runs += 1;
          return session.run(feeds);
        },
        runKeeping: (feeds) => session.runKeeping(feeds),
        release: () => session.release(),
      };
    },
  };
}

const request = (changes: Partial<EmbedRequest> = {}): EmbedRequest => ({
  texts,
  encoder,
  embed: settings,
  device: 'cpu',
  runtime,
  storage,
  scope: 'project-1',
  ...changes,
});
const embed = (changes: Partial<EmbedRequest> = {}, signal?: AbortSignal): Promise<EmbedResult> =>
  finish(embedTexts(request(changes), signal));

/** Runs until so many texts are done, then stops as a person does, or drops the job as a killed tab does. */
async function interrupted(after: number, how: 'stopped' | 'killed'): Promise<void> {
  const stop = new AbortController();
  const job = embedTexts(request(), stop.signal);
  for (;;) {
    const step = await job.next();
    if (step.done) throw new Error('it should have been interrupted');
    if (step.value.done < after) continue;
    // A killed tab runs no clean-up: the generator is simply never asked again.
    if (how === 'killed') return;
    stop.abort();
    await expect(job.next()).rejects.toMatchObject({ code: 'aborted' });
    return;
  }
}

describe('embedding texts', () => {
  it('gives each text the vector it has on its own', async () => {
    const { features } = await embed();
    const embedder = await openEmbedder({ encoder, embed: settings, device: 'cpu', runtime });
    for (const row of [0, 1, 500, 1499, 2399]) {
      const alone = await embedder.embed([texts[row] ?? '']);
      const inBatch = features.data.subarray(row * 32, (row + 1) * 32);
      alone.data.forEach((value, i) => expect(inBatch[i]).toBeCloseTo(value, 5));
    }
    await embedder.close();
  });

  it('embeds each different text once, and gives the repeats the same vector', async () => {
    const some = texts.slice(0, 100);
    const repeated = [...some, ...some, ...some];
    const result = await embed({ texts: repeated });
    expect(result).toMatchObject({ embedded: 100, fromCache: 0 });
    expect(result.features.rows).toBe(300);
    const third = 100 * result.features.columns;
    expect(result.features.data.subarray(third, 2 * third)).toEqual(
      result.features.data.subarray(0, third),
    );
  });

  it('counts the texts that were cut, repeats included', async () => {
    const long = 'good '.repeat(100);
    const result = await embed({ texts: ['short', long, long, 'bad movie'] });
    expect(result.truncated).toBe(2);
  });

  it('takes empty texts and no texts at all', async () => {
    const { features } = await embed({ texts: ['', 'good', ''] });
    expect(features.data.every(Number.isFinite)).toBe(true);
    expect((await embed({ texts: [] })).features.rows).toBe(0);
  });

  it('reports progress that only rises, and says when it is done', async () => {
    const seen: Progress[] = [];
    await finish(embedTexts(request()), (progress) => seen.push(progress));
    const embedding = seen.filter(({ phase }) => phase === 'Embedding texts');
    const done = embedding.map((progress) => progress.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(embedding.at(-1)).toMatchObject({ done: 2400, total: 2400, secondsLeft: 0 });
  });

  it('refuses a layer or a length that the encoder does not have', async () => {
    for (const wrong of [{ layer: 3 }, { layer: -1 }, { maxTokens: 65 }, { maxTokens: 2 }])
      await expect(embed({ embed: { ...settings, ...wrong } })).rejects.toMatchObject({
        code: 'bad-setting',
      });
  });
});

describe('what was committed', () => {
  it('is not computed again', async () => {
    const first = await embed();
    runs = 0;
    const second = await embed();
    expect(runs).toBe(0);
    expect(second).toMatchObject({ embedded: 0, fromCache: 2400, textsPerSecond: null });
    expect(second.features.data).toEqual(first.features.data);
  });

  it.each(['stopped', 'killed'] as const)(
    'lets a job that was %s go on, with the very same bits and at most one shard lost',
    async (how) => {
      const whole = await embed({ storage: memoryStorage() });
      await interrupted(1500, how);
      const resumed = await embed();
      expect(resumed.fromCache).toBeGreaterThanOrEqual(how === 'stopped' ? 1500 : 1024);
      expect(resumed.embedded + resumed.fromCache).toBe(2400);
      expect(resumed.features.data).toEqual(whole.features.data);
    },
  );

  it('of two tabs at once is all there afterwards, and whichever vector is found is the same', async () => {
    const half = texts.slice(0, 1200);
    const [one, two] = await Promise.all([embed({ texts: half }), embed({ texts: texts })]);
    expect([one.fromCache, two.fromCache]).toEqual([0, 0]);
    runs = 0;
    const again = await embed();
    expect(runs).toBe(0);
    expect(again.fromCache).toBe(2400);
    const keys = (await storage.entries('features')).map(({ key }) => key);
    // 1200 texts are two shards, 2400 three: none was overwritten.
    expect(keys.length).toBeGreaterThanOrEqual(5);
    again.features.data.forEach((value, i) => {
      if (Math.abs(value - (two.features.data[i] ?? NaN)) > 1e-5)
        throw new Error(`differs at ${i}`);
    });
  });

  it('serves other texts of the same project too, and only those are new', async () => {
    await embed({ texts: texts.slice(0, 1000) });
    const more = await embed({ texts: texts.slice(500, 1500) });
    expect(more).toMatchObject({ fromCache: 500, embedded: 500 });
    const fresh = await embed({ texts: texts.slice(500, 1500), storage: memoryStorage() });
    more.features.data.forEach((value, i) => {
      if (Math.abs(value - (fresh.features.data[i] ?? 0)) > 1e-5)
        throw new Error(`differs at ${i}`);
    });
  });

  it.each([
    ['layer', { layer: 1 }],
    ['pooling', { pooling: 'cls' }],
    ['normalisation', { normalize: false }],
    ['length', { maxTokens: 16 }],
  ] as const)('is not used for another %s', async (_what, change) => {
    await embed({ texts: texts.slice(0, 50) });
    const other = await embed({ texts: texts.slice(0, 50), embed: { ...settings, ...change } });
    expect(other).toMatchObject({ embedded: 50, fromCache: 0 });
  });

  it('is not used for other weights, another precision, another runtime or another project', async () => {
    const few = texts.slice(0, 50);
    await embed({ texts: few });
    const otherWeights = await finish(addFolder(null, 'tiny', tinyModelFiles({ seed: 2 }), 'fp32'));
    const otherPrecision = await finish(addFolder(null, 'tiny', tinyModelFiles(), 'q8'));
    for (const change of [
      { encoder: otherWeights },
      { encoder: otherPrecision },
      { runtime: { ...runtime, version: '0.0.1' } },
      { scope: 'project-2' },
    ])
      expect((await embed({ texts: few, ...change })).fromCache).toBe(0);
  });

  it('is deleted with its project', async () => {
    await embed({ texts: texts.slice(0, 50) });
    await storage.deleteAll('features', 'project-1/');
    expect(await storage.entries('features')).toEqual([]);
  });

  it.each([
    ['cut off', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 7)],
    ['cut off in its header', (bytes: Uint8Array) => bytes.subarray(0, 40)],
    ['empty', () => new Uint8Array()],
    ['of one flipped bit', flipBit],
    ['something else', () => new TextEncoder().encode('{"hello": "world"}'.repeat(9))],
  ])('is computed again, with a notice, when it is %s', async (_what, damage) => {
    const whole = await embed();
    const [entry] = await storage.entries('features');
    const key = entry?.key ?? '';
    await storage.write(
      'features',
      key,
      damage((await storage.read('features', key)) as Uint8Array),
    );
    const notes: string[] = [];
    const again = await finish(embedTexts(request()), ({ note }) => {
      if (note !== undefined) notes.push(note);
    });
    expect(again.embedded).toBeGreaterThan(0);
    expect(again.fromCache).toBeGreaterThan(0);
    expect(notes.join()).toContain(key);
    expect(again.features.data).toEqual(whole.features.data);
  });

  it('that belongs to other settings is not taken, even under this key', async () => {
    const few = texts.slice(0, 50);
    await embed({ texts: few, embed: { ...settings, layer: 1 } });
    const [foreign] = await storage.entries('features');
    await embed({ texts: few });
    const own = (await storage.entries('features')).find(({ key }) => key !== foreign?.key);
    const bytes = (await storage.read('features', foreign?.key ?? '')) as Uint8Array;
    await storage.write('features', own?.key ?? '', bytes);
    expect((await embed({ texts: few })).embedded).toBe(50);
  });

  it('stays when there is no room for the next shard, which is said with what is kept', async () => {
    storage.quota = 220_000;
    await expect(embed()).rejects.toMatchObject({
      code: 'storage-full',
      message: expect.stringMatching(/10\d\d of 2400 texts are kept/) as string,
    });
    storage.quota = Infinity;
    expect((await embed()).fromCache).toBeGreaterThanOrEqual(1024);
  });
});

function flipBit(bytes: Uint8Array): Uint8Array {
  const flipped = bytes.slice();
  const at = flipped.length - 1001;
  flipped[at] = (flipped[at] ?? 0) ^ 4;
  return flipped;
}
