/**
 * The upload to the Hub, against a local server that speaks the Hub's API: what arrives is what was sent, in
 * one commit; what is refused is said in plain words; and the token goes to the Hub alone.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { finish, HeadlightError, seededRandom, type Progress } from '../../../src/base';
import { createNodePlatform } from '../../../src/platform/node';
import type { Network, Platform } from '../../../src/platform';
import { pushToHub, type HubDestination } from '../../../src/project';
import { startHubUploadServer, type HubUploadServer } from '../../helpers/hub-upload-server';
import { temporaryFolder } from '../../helpers/temporary-folder';

const TOKEN = 'hf_QzLkNvTqXwPmRsYbGdHjFcZa';

let server: HubUploadServer;
let platform: Platform;
let network: Network;
let home: string;
let said: unknown[];

beforeEach(async () => {
  server = await startHubUploadServer({ token: TOKEN, owner: 'ada' });
  home = await temporaryFolder();
  platform = await createNodePlatform({ home });
  network = platform.network;
  said = [];
  for (const method of ['log', 'warn', 'error', 'info', 'debug'] as const)
    vi.spyOn(console, method).mockImplementation((...words: unknown[]) => void said.push(words));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
});

function folder(): Map<string, Uint8Array> {
  const random = seededRandom(5);
  const bytes = (length: number): Uint8Array =>
    Uint8Array.from({ length }, () => random.integer(256));
  return new Map([
    ['README.md', new TextEncoder().encode('# A model\n')],
    ['config.json', new TextEncoder().encode('{"model_type":"bert"}\n')],
    ['model.safetensors', bytes(150_001)],
    ['onnx/model.onnx', bytes(90_000)],
  ]);
}

function push(
  files: ReadonlyMap<string, Uint8Array>,
  to: Partial<HubDestination> = {},
  signal?: AbortSignal,
): ReturnType<typeof pushToHub> {
  const destination = {
    repository: 'ada/inbox',
    token: TOKEN,
    private: true,
    hubUrl: server.host,
    ...to,
  };
  return pushToHub(files, destination, network, signal);
}

async function failure(promise: Promise<unknown>): Promise<HeadlightError> {
  const error = await promise.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof HeadlightError)) throw new Error(`no HeadlightError: ${String(error)}`);
  return error;
}

function published(name = 'ada/inbox'): Record<string, Buffer> {
  const files = server.repositories.get(name)?.files ?? new Map<string, Uint8Array>();
  return Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes)]));
}

const expected = (files: ReadonlyMap<string, Uint8Array>): Record<string, Buffer> =>
  Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes)]));

describe.each(['basic', 'multipart'] as const)('large files by LFS, %s', (transfer) => {
  beforeEach(() => void (server.transfer = transfer));

  it('makes the repository and publishes every file, byte for byte, in one commit', async () => {
    const events: Progress[] = [];
    const result = await finish(push(folder()), (event) => events.push(event));
    expect(result).toEqual({ url: `${server.host}/ada/inbox` });
    expect(published()).toEqual(expected(folder()));
    expect(server.repositories.get('ada/inbox')).toMatchObject({ visibility: 'private' });
    expect(server.repositories.get('ada/inbox')?.commits).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ done: 0.24, total: 0.24, unit: 'MB' });
  });

  it('an upload that breaks off publishes nothing; the next sends only what is missing', async () => {
    const hashes = Object.fromEntries(
      [...folder()].map(([path, bytes]) => [
        path,
        createHash('sha256').update(bytes).digest('hex'),
      ]),
    );
    const sent = (): string[] =>
      Object.keys(hashes).filter((path) =>
        server.requests.some(
          (one) => one.method === 'PUT' && one.path.includes(hashes[path] ?? '-'),
        ),
      );
    server.breakNext(1, hashes['model.safetensors']);
    const error = await failure(finish(push(folder())));
    expect(error.code).toBe('network');
    expect(error.hint).toContain('Nothing was published');
    expect(published()).toEqual({});
    expect(sent()).toEqual(['model.safetensors', 'onnx/model.onnx']);
    server.requests.length = 0;
    await finish(push(folder()));
    expect(published()).toEqual(expected(folder()));
    expect(sent()).toEqual(['model.safetensors']);
    expect(server.repositories.get('ada/inbox')?.commits).toHaveLength(1);
  });
});

it('by Xet, the Hub’s present storage: the weights go there with a token of their own', async () => {
  server.transfer = 'xet';
  await finish(push(folder()));
  const weights = server.xet.xorbs.reduce((sum, { length }) => sum + length, 0);
  expect(weights).toBeGreaterThan(240_000);
  expect(server.xet.shards.length).toBeGreaterThan(0);
  expect(Object.keys(published())).toEqual([...folder().keys()]);
});

it('a repository that is there takes another commit and stays as visible as it was', async () => {
  await finish(push(folder(), { private: false }));
  const files = folder().set('README.md', new TextEncoder().encode('# Better\n'));
  const events: Progress[] = [];
  await finish(push(files, { private: true }), (event) => events.push(event));
  expect(published()).toEqual(expected(files));
  expect(server.repositories.get('ada/inbox')).toMatchObject({ visibility: 'public' });
  expect(events.some(({ note }) => note?.includes('stays as it is'))).toBe(true);
});

describe('what is refused', () => {
  it('a token that the Hub does not know', async () => {
    const error = await failure(finish(push(folder(), { token: 'hf_somebodyElse' })));
    expect(error).toMatchObject({ code: 'bad-setting' });
    expect(error.message).toContain('does not know this access token');
    expect(error.hint).toContain('/settings/tokens');
  });

  it('a repository of somebody else', async () => {
    const error = await failure(finish(push(folder(), { repository: 'grace/inbox' })));
    expect(error).toMatchObject({ code: 'bad-setting' });
    expect(error.message).toContain('may not write to grace/inbox');
  });

  it.each(['inbox', 'ada/', 'ada/in box', 'ada/../x', 'ada/x/y', 'ada/x.git', ''])(
    'the name “%s”, before any request',
    async (repository) => {
      expect((await failure(finish(push(folder(), { repository })))).code).toBe('bad-setting');
      expect(server.requests).toEqual([]);
    },
  );

  it.each(['', 'hf_', 'secret', 'hf_a b', `hf_a\nX-Other: 1`])(
    'the token “%s”, before any request and without repeating it',
    async (token) => {
      const error = await failure(finish(push(folder(), { token })));
      expect(error.code).toBe('bad-setting');
      if (token.length > 3) expect(`${error.message}${error.hint}`).not.toContain(token);
      expect(server.requests).toEqual([]);
    },
  );

  it('a host that is not there', async () => {
    const hubUrl = server.host;
    await server.close();
    const error = await failure(finish(push(folder(), { hubUrl })));
    expect(error.code).toBe('network');
    expect(error.message).toContain(hubUrl);
  });
});

it('a storage that the page’s policy refuses: says which address, and what to do instead', async () => {
  const within: Pick<Network, 'fetch'> = {
    fetch: (url, init) =>
      url.startsWith(server.host)
        ? network.fetch(url, init)
        : Promise.reject(new HeadlightError('network', 'This page may not send anything there.')),
  };
  const destination = { repository: 'ada/inbox', token: TOKEN, private: true, hubUrl: server.host };
  const error = await failure(finish(pushToHub(folder(), destination, within)));
  expect(error.message).toContain(server.storageHost);
  expect(error.hint).toContain('hf upload');
  expect(published()).toEqual({});
});

it('stopping it publishes nothing', async () => {
  const stop = new AbortController();
  const error = await failure(
    finish(push(folder(), {}, stop.signal), ({ done }) => {
      if (done > 0) stop.abort();
    }),
  );
  expect(error.code).toBe('aborted');
  expect(published()).toEqual({});
});

describe('the token', () => {
  it.each(['basic', 'multipart', 'xet'] as const)(
    'goes to the Hub alone, and is in no storage, no log, no file and no error (%s)',
    async (transfer) => {
      server.transfer = transfer;
      const events: Progress[] = [];
      server.breakNext(20);
      const error = await failure(finish(push(folder()), (event) => events.push(event)));
      server.breakNext(0);
      const result = await finish(push(folder()), (event) => events.push(event));

      const toHub = server.requests.filter(({ host }) => host === 'hub');
      expect(toHub.every(({ authorization }) => authorization === `Bearer ${TOKEN}`)).toBe(true);
      const toStorage = server.requests.filter(({ host }) => host === 'storage');
      expect(toStorage.length).toBeGreaterThan(0);
      expect(toStorage.filter(({ authorization }) => authorization?.includes(TOKEN))).toEqual([]);
      expect(server.requests.filter(({ path }) => path.includes(TOKEN))).toEqual([]);

      const words = JSON.stringify([events, result, said, error.message, error.hint, error.stack]);
      expect(words).not.toContain(TOKEN);
      expect(String(error.cause)).not.toContain(TOKEN);
      for (const bytes of Object.values(published()))
        expect(bytes.includes(Buffer.from(TOKEN))).toBe(false);
      const kept = await readdir(home, { recursive: true, withFileTypes: true });
      for (const file of kept.filter((entry) => entry.isFile())) {
        const bytes = await readFile(join(file.parentPath, file.name));
        expect(bytes.includes(Buffer.from(TOKEN))).toBe(false);
      }
    },
  );
});
