/**
 * Promise: a gated model comes with the person's token, which goes to the model host and to nobody else, and stands in
 * nothing that is kept or said; what the host has against it is told apart.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish, HeadlightError } from '../../../../src/base';
import { createEngine, type Engine } from '../../../../src/engine';
import { queueLocks, type Network, type Platform } from '../../../../src/platform';
import { createNodeNetwork } from '../../../../src/platform/node/network';
import { startGatedHub, type GatedHub } from '../../../helpers/gated-hub';
import { memoryStorage, type MemoryStorage } from '../../../helpers/memory-storage';
import { tinyModelFiles } from '../../../helpers/tiny-model';

const ID = 'ada/private-bert';
const TOKEN = 'hf_QzLkNvTqXwPmRsYbGdHjFcZa';
const NOT_AGREED = 'hf_notAgreedNotAgreedNotAgreed';
const FINE_GRAINED = 'hf_fineGrainedFineGrainedFine';
const files = tinyModelFiles();
let hub: GatedHub;

beforeAll(async () => {
  hub = await startGatedHub({
    ...{ id: ID, commit: 'c0ffee'.padEnd(40, '0'), files, token: TOKEN, path: '/hf' },
    ...{ notAgreed: NOT_AGREED, fineGrained: FINE_GRAINED },
  });
});
afterAll(() => hub.close());

interface Scene {
  readonly engine: Engine;
  readonly storage: MemoryStorage;
  readonly network: Network;
}

async function scene(storage = memoryStorage()): Promise<Scene> {
  const network = createNodeNetwork();
  const assets = {
    read: async () =>
      new TextEncoder().encode('{"format":"headlight.catalogue","version":1,"encoders":[]}'),
  };
  const locks = queueLocks();
  const rest = { kind: 'node', versions: {} } as unknown as Platform;
  const engine = createEngine({ ...rest, storage, locks, network, assets });
  await engine.setModelHost(hub.host);
  return { engine, storage, network };
}

async function errorOf(engine: Engine): Promise<HeadlightError> {
  const said: unknown[] = [];
  try {
    await finish(engine.addHubEncoder(ID, null, 'fp32'), (progress) => said.push(progress));
  } catch (error) {
    if (!(error instanceof HeadlightError)) throw error;
    const whole = JSON.stringify([
      said,
      error.message,
      error.hint,
      error.stack,
      String(error.cause),
    ]);
    expect(whole).not.toMatch(/hf_\w{10}/);
    return error;
  }
  throw new Error('it was added');
}

describe('with a token that may read', () => {
  it('the model comes; the token went to the host alone, in a header alone', async () => {
    const { engine, storage } = await scene();
    hub.seen.length = 0;
    await engine.setHubToken(`  ${TOKEN}\n`, 'session');
    const said: unknown[] = [];
    const added = await finish(engine.addHubEncoder(ID, null, 'fp32'), (step) => said.push(step));
    expect(added.info.reference).toMatchObject({ source: 'hub', id: ID });
    const atHub = hub.seen.filter(({ at }) => at === 'hub');
    const atStorage = hub.seen.filter(({ at }) => at === 'storage');
    expect(atHub.length).toBeGreaterThan(3);
    expect(new Set(atHub.map(({ authorization }) => authorization))).toEqual(
      new Set([`Bearer ${TOKEN}`]),
    );
    // The weights came from the other server, which was told nothing.
    expect(atStorage.map(({ path }) => path)).toContain('/model.safetensors');
    expect(new Set(atStorage.map(({ authorization }) => authorization))).toEqual(new Set([null]));
    expect(hub.seen.map(({ path }) => path).join()).not.toContain(TOKEN);
    // A token for this session is in no storage, no event and no answer of the engine.
    expect(
      JSON.stringify([said, added, await engine.listEncoders(), await engine.kept()]),
    ).not.toContain(TOKEN);
    for (const { key } of await storage.entries('settings'))
      expect(
        new TextDecoder().decode((await storage.read('settings', key)) ?? undefined),
      ).not.toContain(TOKEN);
    expect(await engine.hasHubToken()).toBe('session');
  });

  it('kept on this device it is there for the next start, and gone when it is removed', async () => {
    const first = await scene();
    await first.engine.setHubToken(TOKEN, 'device');
    const again = await scene(first.storage);
    expect(await again.engine.hasHubToken()).toBe('device');
    await finish(again.engine.addHubEncoder(ID, null, 'fp32'));
    await again.engine.setHubToken(null);
    expect(await again.engine.hasHubToken()).toBeNull();
    expect((await again.storage.entries('settings')).map(({ key }) => key)).not.toContain(
      'hub-token',
    );
    await again.engine.setHubToken(TOKEN, 'session');
    await again.engine.forgetEverything();
    expect(await again.engine.hasHubToken()).toBeNull();
  });

  it('it is not sent to another host, should that be set later', async () => {
    const { engine } = await scene();
    await engine.setHubToken(TOKEN, 'device');
    hub.seen.length = 0;
    // The same server by another name: another origin.
    await engine.setModelHost(hub.host.replace('127.0.0.1', 'localhost'));
    expect(await engine.hasHubToken()).toBeNull();
    await expect(finish(engine.addHubEncoder(ID, null, 'fp32'))).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(hub.seen.map(({ authorization }) => authorization)).toEqual([null]);
    await engine.setModelHost(hub.host);
    expect(await engine.hasHubToken()).toBe('device');
  });
});

describe('what the host has against it is told apart', () => {
  it('no token: what to do about a gated model', async () => {
    const { engine } = await scene();
    const error = await errorOf(engine);
    expect(error.message).toContain('gated');
    expect(error.hint).toMatch(/Agree.*token/);
  });

  it('a wrong or expired one', async () => {
    const { engine } = await scene();
    await engine.setHubToken('hf_wrongWrongWrongWrong', 'session');
    const error = await errorOf(engine);
    expect(error.message).toContain('does not accept the token');
    expect(error.hint).toContain('expired');
  });

  it('one that has not agreed yet', async () => {
    const { engine } = await scene();
    await engine.setHubToken(NOT_AGREED, 'session');
    const error = await errorOf(engine);
    expect(error.message).toContain('not open to your account');
    expect(error.hint).toContain(`${hub.host}/${ID}`);
  });

  it('one of the fine-grained kind without the right', async () => {
    const { engine } = await scene();
    await engine.setHubToken(FINE_GRAINED, 'session');
    expect((await errorOf(engine)).hint).toContain('gated repos');
  });

  it.each(['', 'a b', 'hf_x\nHost: evil', 'ключ', 'x'.repeat(501)])(
    'what cannot be one: %j',
    async (text) => {
      const { engine } = await scene();
      const error: unknown = await engine
        .setHubToken(text, 'device')
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'bad-setting' });
      if (text.length > 3)
        expect(JSON.stringify([String(error), (error as HeadlightError).hint])).not.toContain(text);
      expect(await engine.hasHubToken()).toBeNull();
    },
  );
});

it('a host with a path is one; what is more than an address is not', async () => {
  const { engine } = await scene();
  await engine.setModelHost('https://mirror.example/hf/');
  expect(await engine.modelHost()).toBe('https://mirror.example/hf');
  for (const wrong of [
    'mirror',
    'http://mirror.example',
    'https://u:p@mirror.example',
    'https://m.example/?a',
    'https://m.example/a;b',
  ])
    await expect(engine.setModelHost(wrong)).rejects.toMatchObject({ code: 'bad-setting' });
});
