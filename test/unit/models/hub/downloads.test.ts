/**
 * Promise: a download ends whole and as the Hub says it is, or stops with what came kept and words that say what to
 * do: whatever the line, the host, the disk or another job does in the middle of it.
 */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { finish, seededRandom, type HeadlightError, type Progress } from '../../../../src/base';
import {
  checkCached,
  findCached,
  listKept,
  loadEncoder,
  planDownload,
  removeCached,
  type EncoderReference,
  type ModelFile,
  type ModelSources,
} from '../../../../src/models';
import { dropDamaged } from '../../../../src/models/hub/cache';
import { writeManifest } from '../../../../src/models/hub/kept-manifest';
import { PieceWriter } from '../../../../src/models/hub/pieces';
import { DamagedFile } from '../../../../src/models/hub/reading';
import { queueLocks } from '../../../../src/platform';
import { startHubServer, type Behaviour, type HubServer } from '../../../helpers/hub-server';
import { memoryStorage, type MemoryStorage } from '../../../helpers/memory-storage';
import { tinyModelFiles } from '../../../helpers/tiny-model';

const COMMIT = 'a'.repeat(40);
const ID = 'lab/tiny-bert';
const WEIGHTS = 'model.safetensors';
const files = tinyModelFiles({ seed: 1, sentenceTransformers: { pooling: 'cls', maxTokens: 32 } });
const weights = files.find(({ name }) => name === WEIGHTS) as ModelFile;
const total = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
const REFERENCE: EncoderReference = {
  ...{ source: 'hub', id: ID, revision: COMMIT, precision: 'fp32' },
};

let hub: HubServer;
let storage: MemoryStorage;
let sources: ModelSources;

beforeAll(async () => {
  hub = await startHubServer();
  hub.put({ id: ID, commit: COMMIT, files, licence: 'mit' });
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
  hub.behave(WEIGHTS, null);
  hub.behave('config.json', null);
});

const load = (onProgress?: (progress: Progress) => void, signal?: AbortSignal) =>
  finish(loadEncoder(sources, REFERENCE, { host: hub.host }, signal), onProgress);
const failure = async (work: Promise<unknown>): Promise<HeadlightError> =>
  work.then(
    () => Promise.reject(new Error('it should have failed')),
    (error: unknown) => error as HeadlightError,
  );
/** Requests for the weights' bytes. */
const asked = () =>
  hub.requests.filter(({ path }) => path.startsWith('/lfs/') && path.endsWith(WEIGHTS));

/** Whole, listed as such, and every byte what the Hub has. */
async function isWhole(): Promise<void> {
  expect(await listKept(storage)).toMatchObject([
    { source: 'hub', id: ID, revision: COMMIT, state: 'whole', bytes: total, totalBytes: total },
  ]);
  const kept = await findCached(storage, 'hub', ID, COMMIT);
  expect(kept?.files.map(({ name, bytes }) => [name, bytes]).sort()).toEqual(
    files.map(({ name, bytes }) => [name, bytes.length]).sort(),
  );
  expect(await finish(checkCached(storage, kept as NonNullable<typeof kept>))).toEqual([]);
}

/** Sends so many bytes from where it was asked and breaks the connection. */
const cutAfter =
  (size: number): Behaviour =>
  ({ bytes, etag, start, response }) => {
    const from = start ?? 0;
    response.writeHead(start === null ? 200 : 206, {
      etag,
      'content-length': bytes.length - from,
      ...(start === null
        ? {}
        : { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.write(bytes.subarray(from, from + size), () =>
      setTimeout(() => response.destroy(), 10),
    );
  };

describe('a line that breaks', () => {
  it('ten times at random places ends whole and hashed, and no byte is asked for twice', async () => {
    const random = seededRandom(5);
    hub.behave(WEIGHTS, (asking) => {
      if (asking.times >= 10) asking.usual();
      else cutAfter(1 + random.integer(weights.bytes.length / 12))(asking);
    });
    await load();
    await isWhole();
    const starts = asked().map(({ range }) => Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0));
    expect(starts).toHaveLength(11);
    for (const [at, start] of starts.entries())
      if (at > 0) expect(start).toBeGreaterThan(starts[at - 1] ?? 0);
  });

  it('and one so fast that a large file comes at once: what is kept is found again', async () => {
    const large = { name: WEIGHTS, bytes: new Uint8Array(20 * 2 ** 20) };
    large.bytes.set(weights.bytes);
    const key = 'hub/lab/large/x/parts/w';
    const writer = await PieceWriter.open(storage, key, () => undefined);
    await writer.add(large.bytes);
    await writer.flush();
    const about = { source: 'hub', id: 'lab/large', revision: COMMIT, licence: null } as const;
    const sha256 = '0'.repeat(64);
    const file = { name: WEIGHTS, bytes: large.bytes.length, sha256, pieces: [...writer.pieces] };
    await writeManifest(storage, about, [file]);
    expect((await findCached(storage, 'hub', 'lab/large', COMMIT))?.files).toEqual([file]);
  });

  it('is told a file and over all', async () => {
    const told: Progress[] = [];
    await load((progress) => told.push(progress));
    const coming = told.filter(({ file }) => file !== undefined);
    expect(new Set(coming.map(({ file }) => file?.name))).toEqual(
      new Set(files.map(({ name }) => name)),
    );
    const last = coming.at(-1);
    expect(last?.file).toEqual({
      ...{ name: WEIGHTS, bytes: weights.bytes.length, totalBytes: weights.bytes.length },
      ...{ number: files.length, count: files.length },
    });
    expect(last?.done).toBeCloseTo(total / 1e6);
    expect(last?.total).toBeCloseTo(total / 1e6);
  });

  it('without a byte for four tries stops, says where, and goes on from there later', async () => {
    hub.behave(WEIGHTS, (asking) =>
      asking.times === 0 ? cutAfter(40_000)(asking) : asking.response.destroy(),
    );
    const error = await failure(load());
    expect(error).toMatchObject({ code: 'network' });
    expect(error.message).toMatch(
      /model\.safetensors \(lab\/tiny-bert\).* stopped at 0\.0 of 0\.1 MB/,
    );
    expect(error.hint).toMatch(/kept.*goes on from there/);
    expect(await listKept(storage)).toMatchObject([
      { id: ID, state: 'unfinished', precision: 'fp32', totalBytes: total },
    ]);
    hub.behave(WEIGHTS, null);
    hub.requests.length = 0;
    await load();
    await isWhole();
    expect(asked().map(({ range }) => range)).toEqual(['bytes=40000-']);
  });

  it('paused by the person and taken up in another session goes on from there', async () => {
    const stop = new AbortController();
    hub.behave(WEIGHTS, cutAfter(50_000));
    const error = await failure(
      load(({ file }) => {
        if (file?.name === WEIGHTS && file.bytes > 0) stop.abort();
      }, stop.signal),
    );
    expect(error.code).toBe('aborted');
    const [paused] = await listKept(storage);
    expect(paused).toMatchObject({ state: 'unfinished', precision: 'fp32', revision: COMMIT });
    const kept = paused?.files.find(({ name }) => name === WEIGHTS);
    expect(kept?.bytes).toBeGreaterThan(0);
    expect(kept?.totalBytes).toBe(weights.bytes.length);
    hub.behave(WEIGHTS, null);
    hub.requests.length = 0;
    // Another tab: nothing is left in memory.
    sources = { ...sources, locks: queueLocks() };
    await load();
    await isWhole();
    expect(asked().map(({ range }) => range)).toEqual([`bytes=${kept?.bytes}-`]);
    // The small files were there.
    expect(hub.requests.some(({ path }) => path.endsWith('/config.json'))).toBe(false);
  });
});

describe('a host that misbehaves', () => {
  const part =
    (headers: (start: number, size: number) => Record<string, string>): Behaviour =>
    (asking) => {
      const { bytes, etag, start, response, times } = asking;
      if (times === 0) {
        cutAfter(30_000)(asking);
        return;
      }
      if (start === null) {
        asking.usual();
        return;
      }
      response.writeHead(206, { etag, ...headers(start, bytes.length) });
      response.end(bytes.subarray(start));
    };
  const ENDS_WHOLE: readonly (readonly [string, Behaviour])[] = [
    [
      'knows no ranges and sends the whole file',
      (asking) => {
        const { times, bytes, etag, response } = asking;
        if (times === 0) {
          cutAfter(30_000)(asking);
          return;
        }
        response.writeHead(200, { etag, 'content-length': bytes.length });
        response.end(bytes);
      },
    ],
    [
      'sends another part than was asked for',
      part((start, size) => ({ 'content-range': `bytes ${start + 1}-${size - 1}/${size}` })),
    ],
    [
      'says another size of the part',
      part((start, size) => ({ 'content-range': `bytes ${start}-${size}/${size + 1}` })),
    ],
    ['names a part in other units', part(() => ({ 'content-range': 'lines 1-2/3' }))],
    ['hides which part it is', part(() => ({}))],
    [
      'compresses parts',
      part((start, size) => ({
        'content-range': `bytes ${start}-${size - 1}/${size}`,
        'content-encoding': 'br',
      })),
    ],
    [
      'answers 416 to what it has',
      (asking) => {
        if (asking.times === 0) {
          cutAfter(30_000)(asking);
          return;
        }
        if (asking.start === null) {
          asking.usual();
          return;
        }
        asking.response.writeHead(416, { 'content-range': 'bytes */7' });
        asking.response.end();
      },
    ],
    [
      'gives only a piece at a time',
      ({ bytes, etag, start, response }) => {
        const from = start ?? 0;
        const to = Math.min(from + 30_000, bytes.length);
        response.writeHead(206, {
          etag,
          'content-range': `bytes ${from}-${to - 1}/${bytes.length}`,
        });
        response.end(bytes.subarray(from, to));
      },
    ],
    [
      'is overloaded for a moment',
      (asking) => {
        if (asking.times !== 1) {
          (asking.times === 0 ? cutAfter(30_000) : asking.usual)(asking);
          return;
        }
        asking.response.writeHead(503, { 'retry-after': '0' });
        asking.response.end();
      },
    ],
    [
      'answers 502 once',
      (asking) => {
        if (asking.times > 0) {
          asking.usual();
          return;
        }
        asking.response.writeHead(502);
        asking.response.end();
      },
    ],
    [
      'ends early without saying so',
      (asking) => {
        if (asking.times > 0) {
          asking.usual();
          return;
        }
        asking.response.writeHead(200, { etag: asking.etag });
        asking.response.end(asking.bytes.subarray(0, 20_000));
      },
    ],
    [
      'changes the ETag midway, as another copy of its storage may',
      (asking) => {
        if (asking.times === 0) {
          cutAfter(30_000)(asking);
          return;
        }
        asking.response.setHeader('x-linked-etag', `"other-${asking.times}"`);
        asking.usual();
      },
    ],
    [
      'flips one bit on the wire, once',
      (asking) => {
        if (asking.times > 0) {
          asking.usual();
          return;
        }
        const flipped = asking.bytes.slice();
        flipped[60_000] = (flipped[60_000] ?? 0) ^ 4;
        asking.response.writeHead(200, { etag: asking.etag });
        asking.response.end(flipped);
      },
    ],
    [
      'sends more than there is, once',
      (asking) => {
        if (asking.times > 0) {
          asking.usual();
          return;
        }
        asking.response.writeHead(200, { etag: asking.etag });
        asking.response.end(Buffer.concat([asking.bytes, asking.bytes]));
      },
    ],
    [
      'sends something compressed as a whole',
      ({ bytes, etag, response, start }) => {
        expect(start).toBeNull();
        response.writeHead(200, { etag, 'content-encoding': 'gzip' });
        response.end(gzipSync(bytes));
      },
    ],
  ];
  it.each(ENDS_WHOLE)('and %s: it ends whole', async (_what, behaviour) => {
    hub.behave(WEIGHTS, behaviour);
    await load();
    await isWhole();
  });

  const flipped = weights.bytes.slice();
  flipped[70_000] = (flipped[70_000] ?? 0) ^ 1;
  it.each([
    [
      'always flips a bit',
      flipped,
      /model\.safetensors of lab\/tiny-bert came damaged: its SHA-256/,
    ],
    ['has a shorter file now', weights.bytes.slice(0, -1000), /model\.safetensors/],
    [
      'has a longer file now',
      new Uint8Array(weights.bytes.length + 9),
      /model\.safetensors.*bytes/,
    ],
  ])('and %s: it ends by name, and nothing of the file is kept', async (_what, bytes, message) => {
    hub.behave(WEIGHTS, (asking) => {
      const { etag, start, response } = asking;
      const from = Math.min(start ?? 0, bytes.length);
      response.writeHead(start === null ? 200 : 206, {
        etag,
        ...(start === null
          ? {}
          : { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
      });
      response.end(bytes.subarray(from));
    });
    const error = await failure(load());
    expect(error.message).toMatch(message);
    expect(['bad-model', 'network']).toContain(error.code);
    expect(error.hint).toMatch(/again/);
    const [left] = await listKept(storage);
    expect(left?.state).toBe('unfinished');
    if (error.code === 'bad-model')
      expect(left?.files.find(({ name }) => name === WEIGHTS)?.bytes).toBe(0);
  });

  it('and has another small file than git names: it is found', async () => {
    const other = new TextEncoder().encode('{"model_type": "bert" }');
    const config = files.find(({ name }) => name === 'config.json') as ModelFile;
    const padded = config.bytes.slice();
    padded.set(other.subarray(0, 5));
    padded[2] = (padded[2] ?? 0) ^ 32;
    hub.behave('config.json', ({ response }) => {
      response.writeHead(200);
      response.end(padded);
    });
    await expect(load()).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/config\.json .* came damaged: its git SHA-1/) as string,
    });
  });
});

describe('a refusal without end', () => {
  it('is not listened to for ever, and is said as it is', async () => {
    let sent = 0;
    sources = {
      ...sources,
      network: {
        requests: () => [],
        fetch: () => {
          const body = new ReadableStream<Uint8Array>({
            pull(controller) {
              sent += 65_536;
              // So that the test ends where the promise is broken.
              if (sent > 64e6) controller.error(new Error('listened to for ever'));
              else controller.enqueue(new Uint8Array(65_536));
            },
          });
          return Promise.resolve(new Response(body, { status: 404 }));
        },
      },
    };
    await expect(load()).rejects.toMatchObject({ code: 'not-found' });
    expect(sent).toBeLessThan(2e6);
  });
});

describe('the disk', () => {
  it('that is too small is known before the first byte, with what would help', async () => {
    await load();
    storage.quota = total + 4_100_000;
    hub.put({ id: 'lab/other', commit: COMMIT, files: tinyModelFiles({ seed: 2 }) });
    hub.requests.length = 0;
    const other = { ...REFERENCE, id: 'lab/other' };
    const error = await failure(finish(loadEncoder(sources, other, { host: hub.host })));
    expect(error.code).toBe('storage-full');
    expect(error.message).toMatch(
      /^lab\/other needs 4\.2 MB more, but there is room for 4\.\d MB only\.$/,
    );
    expect(error.hint).toMatch(/remove models .* such as lab\/tiny-bert \(0\.2 MB\)/);
    expect(hub.requests.map(({ path }) => path)).toEqual([
      `/api/models/lab/other/revision/${COMMIT}`,
    ]);
    const plan = await planDownload(sources, hub.host, 'lab/other', null, 'fp32');
    expect(plan).toMatchObject({ revision: COMMIT, bytesKept: 0, fits: false });
    expect(plan.freeBytes).toBeLessThan(plan.bytes + 4e6);
    await removeCached(storage, REFERENCE);
    expect(await planDownload(sources, hub.host, 'lab/other', null, 'fp32')).toMatchObject({
      fits: true,
    });
  });

  it('that fills up in the middle keeps what came, and it goes on once there is room', async () => {
    hub.behave(WEIGHTS, cutAfter(30_000));
    const usual = storage.write.bind(storage);
    let pieces = 0;
    // The estimate was right a moment ago; now another program has written.
    storage.write = async (area, key, bytes) => {
      if (key.includes(`parts/${WEIGHTS}/`) && !key.endsWith('etag') && ++pieces === 3)
        storage.quota = 1;
      await usual(area, key, bytes);
    };
    const error = await failure(load());
    expect(error.code).toBe('storage-full');
    expect(error.message).toMatch(
      /no room left for model\.safetensors of lab\/tiny-bert: 0\.1 of 0\.1 MB/,
    );
    expect(error.hint).toMatch(/kept.*start again; it goes on from there/i);
    const [left] = await listKept(storage);
    expect(left?.files.find(({ name }) => name === WEIGHTS)?.bytes).toBe(60_000);
    storage.quota = Infinity;
    storage.write = usual;
    hub.behave(WEIGHTS, null);
    hub.requests.length = 0;
    await load();
    await isWhole();
    expect(asked().map(({ range }) => range)).toEqual(['bytes=60000-']);
  });

  it('that had flipped a bit: who hears of it late does not take the mended copy away', async () => {
    await load();
    const kept = await findCached(storage, 'hub', ID, COMMIT);
    const file = kept?.files.find(({ name }) => name === WEIGHTS);
    if (!kept || !file) throw new Error('nothing is kept');
    const late = new DamagedFile(kept, file, 0, false);
    await dropDamaged(sources, kept, late);
    await isWhole();
  });

  it('that flips a bit of a kept file: it is found, named, and fetched again from there on', async () => {
    hub.behave(WEIGHTS, (asking) =>
      asking.times === 0 ? cutAfter(40_000)(asking) : asking.usual(),
    );
    await load();
    const key = `hub/${ID}/${COMMIT}/parts/${WEIGHTS}/000001`;
    const piece = (await storage.read('models', key)) as Uint8Array;
    piece[5] = (piece[5] ?? 0) ^ 1;
    await storage.write('models', key, piece);
    const kept = await findCached(storage, 'hub', ID, COMMIT);
    expect(await finish(checkCached(storage, kept as NonNullable<typeof kept>))).toEqual([WEIGHTS]);
    hub.requests.length = 0;
    const notes: string[] = [];
    await load(({ note }) => {
      if (note !== undefined) notes.push(note);
    });
    expect(notes.join()).toMatch(
      /kept copy of lab\/tiny-bert is damaged: model\.safetensors is not what was kept\. It is fetched again/,
    );
    expect(asked().map(({ range }) => range)).toEqual(['bytes=40000-']);
    await isWhole();
  });

  it('that flips a bit while the host is away: it is named, and what to do is said', async () => {
    await load();
    const key = `hub/${ID}/${COMMIT}/parts/${WEIGHTS}/000000`;
    const piece = (await storage.read('models', key)) as Uint8Array;
    await storage.write('models', key, piece.fill(0, 9, 10));
    const job = loadEncoder(sources, REFERENCE, { host: 'http://127.0.0.1:1' });
    const error = await failure(finish(job));
    expect(error.code).toBe('storage');
    expect(error.message).toMatch(/model\.safetensors is not what was kept.*cannot be reached/);
    expect(error.hint).toMatch(/fetched again as soon as the model host can be reached/);
    // And then it is.
    await load();
    await isWhole();
  });

  it('with models of an older Headlight, whole files without pieces, is read as before', async () => {
    const prefix = `hub/${ID}/${COMMIT}/`;
    const hashes = await Promise.all(
      files.map(async ({ name, bytes }) => {
        await storage.write('models', prefix + name, bytes);
        const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
        return { name, bytes: bytes.length, sha256: Buffer.from(digest).toString('hex') };
      }),
    );
    const manifest = {
      ...{ format: 'headlight.model', version: 1, source: 'hub', id: ID, revision: COMMIT },
      ...{ licence: 'mit', added: 5, files: hashes },
    };
    const text = new TextEncoder().encode(JSON.stringify(manifest));
    await storage.write('models', `${prefix}headlight-model.json`, text);
    await load();
    expect(hub.requests).toEqual([]);
    await isWhole();
    // One that is damaged is fetched again, and only that.
    await storage.write('models', prefix + WEIGHTS, weights.bytes.slice(0, -4));
    await load();
    await isWhole();
    const fetched = hub.requests.filter(({ path }) => path.includes('/resolve/'));
    expect(fetched.map(({ path }) => path.split('/').at(-1))).toEqual([WEIGHTS]);
  });
});

describe('two jobs that want one model', () => {
  it('download it once: the second waits, says so, and finds it kept', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    hub.behave(WEIGHTS, ({ usual }) => void gate.then(usual));
    const one = load();
    const told: Progress[] = [];
    const two = load((progress) => {
      told.push(progress);
      if (progress.phase.startsWith('Waiting')) open();
    });
    await Promise.all([one, two]);
    expect(asked()).toHaveLength(1);
    expect(told[0]?.phase).toBe('Waiting for another download of lab/tiny-bert');
    expect(told[0]?.note).toMatch(/downloaded already, in another tab or program/);
    await isWhole();
  });

  it('and the first is stopped: the second goes on from there', async () => {
    const stop = new AbortController();
    hub.behave(WEIGHTS, (asking) =>
      asking.times === 0 ? cutAfter(50_000)(asking) : asking.usual(),
    );
    const one = failure(
      load(({ file }) => {
        if (file?.name === WEIGHTS && file.bytes > 0) stop.abort();
      }, stop.signal),
    );
    await load();
    expect((await one).code).toBe('aborted');
    await isWhole();
    expect(
      asked()
        .slice(1)
        .every(({ range }) => range !== null),
    ).toBe(true);
  });

  it('and the second is stopped while it waits: it stops at once, the first ends', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    hub.behave(WEIGHTS, ({ usual }) => void gate.then(usual));
    const one = load();
    const stop = new AbortController();
    const two = failure(
      load(({ phase }) => {
        if (phase.startsWith('Waiting')) stop.abort();
      }, stop.signal),
    );
    expect((await two).code).toBe('aborted');
    open();
    await one;
    await isWhole();
    // Nobody holds the lock any more.
    await removeCached(storage, REFERENCE);
    hub.behave(WEIGHTS, null);
    await load();
    await isWhole();
  });
});
