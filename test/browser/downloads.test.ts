/**
 * Promise: in the page a download from another origin goes on after cuts, a pause and a reload without a preflight,
 * two tabs download once, and what rots in storage is found and fetched again.
 */
import type { Browser, BrowserContext } from 'puppeteer-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium } from '../helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds, type Harness } from '../helpers/harness';
import { startHubServer, type Behaviour, type HubServer } from '../helpers/hub-server';
import { serveFolder, type StaticServer } from '../helpers/static-server';
import { tinyModelFiles } from '../helpers/tiny-model';
import type { KeptModel } from '../../src/models';
import type { Fetched } from './harness/functions/downloads';

const ID = 'lab/tiny-bert';
const COMMIT = 'a'.repeat(40);
const WEIGHTS = 'model.safetensors';
const files = tinyModelFiles({ seed: 1 });
const size = files.find(({ name }) => name === WEIGHTS)?.bytes.length ?? 0;

let hub: HubServer;
let server: StaticServer;
let browser: Browser;
let context: BrowserContext;
let one: Harness;

beforeAll(async () => {
  hub = await startHubServer();
  hub.put({ id: ID, commit: COMMIT, files });
  // As the page is served once the person has let it through to this host, and to no other.
  server = await serveFolder(await buildHarness(), { headers: securityHeaders(hub.host) });
  browser = await launchChromium();
  context = await browser.createBrowserContext();
  one = await tab();
});
afterAll(async () => {
  await browser.close();
  await server.close();
  await hub.close();
  await removeHarnessBuilds();
});
beforeEach(async () => {
  await one.call('forgetKept');
  hub.behave(WEIGHTS, null);
  hub.requests.length = 0;
});

/** Another tab of the same person: storage and locks are shared. */
function tab(): Promise<Harness> {
  return openHarness(context, server.url);
}
const fetched = (of: Harness, stopAfter: number | null = null): Promise<Fetched> =>
  of.call<Fetched>('fetchModel', hub.host, ID, stopAfter);
const asked = () =>
  hub.requests.filter(({ path }) => path.startsWith('/lfs/') && path.endsWith(WEIGHTS));
const preflights = () => hub.requests.filter(({ method }) => method === 'OPTIONS');

const cutAfter =
  (length: number): Behaviour =>
  ({ bytes, etag, start, response }) => {
    const from = start ?? 0;
    response.writeHead(start === null ? 200 : 206, {
      etag,
      'content-length': bytes.length - from,
      ...(start === null
        ? {}
        : { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.write(bytes.subarray(from, from + length), () =>
      setTimeout(() => response.destroy(), 50),
    );
  };

async function isWhole(): Promise<void> {
  expect(await one.call<KeptModel[]>('keptModels')).toMatchObject([
    { id: ID, revision: COMMIT, state: 'whole' },
  ]);
  expect(await one.call('checkKept', ID)).toEqual([]);
}

test('cut ten times, it ends whole, each time from where it was, and without a preflight', async () => {
  hub.behave(WEIGHTS, (asking) => {
    if (asking.times < 10) cutAfter(Math.ceil(size / 12))(asking);
    else asking.usual();
  });
  expect(await fetched(one)).toMatchObject({ ended: 'ok', layers: 2 });
  await isWhole();
  const starts = asked().map(({ range }) => Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0));
  expect(starts).toHaveLength(11);
  // What a browser has not handed over when the line breaks is asked for again; what it has, never.
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  expect(starts.slice(1).every((start) => start > 0)).toBe(true);
  expect(new Set(starts).size).toBeGreaterThan(6);
  // The range requests went to another origin, by way of a redirect.
  expect(new URL(server.url).origin).not.toBe(hub.host);
  expect(preflights()).toEqual([]);
  expect(one.complaints.filter((line) => /CORS|preflight|Content Security/.test(line))).toEqual([]);
});

test('paused, and the page reloaded in the middle: it is listed, and goes on from there', async () => {
  hub.behave(WEIGHTS, cutAfter(60_000));
  expect(await fetched(one, 10_000)).toMatchObject({ ended: 'aborted' });
  const [paused] = await one.call<KeptModel[]>('keptModels');
  expect(paused).toMatchObject({ id: ID, state: 'unfinished', precision: 'fp32' });
  const kept = paused?.files.find(({ name }) => name === WEIGHTS);
  expect(kept?.bytes).toBeGreaterThan(10_000);
  expect(kept?.totalBytes).toBe(size);

  // Now the tab is closed in the middle of a download, with nothing said.
  const other = await tab();
  hub.behave(WEIGHTS, ({ bytes, etag, start, response }) => {
    const from = start ?? 0;
    response.writeHead(206, {
      etag,
      'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    });
    // And then nothing more: the line stays open.
    response.write(bytes.subarray(from, from + 10_000));
  });
  const before = asked().length;
  await other.call('beginFetch', hub.host, ID);
  while (asked().length === before) await new Promise((resolve) => setTimeout(resolve, 20));
  await other.page.close();

  hub.behave(WEIGHTS, null);
  hub.requests.length = 0;
  await one.page.reload();
  await one.page.waitForFunction(() => 'harness' in window);
  expect(await fetched(one)).toMatchObject({ ended: 'ok' });
  await isWhole();
  const starts = asked().map(({ range }) => Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0));
  expect(starts.length).toBeGreaterThan(0);
  for (const start of starts) expect(start).toBeGreaterThanOrEqual(kept?.bytes ?? Infinity);
});

test('two tabs at once: the server counts one download, and the second says that it waits', async () => {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  hub.behave(WEIGHTS, ({ usual }) => void gate.then(usual));
  const two = await tab();
  await one.call('beginFetch', hub.host, ID);
  while (asked().length < 1) await new Promise((resolve) => setTimeout(resolve, 20));
  await two.call('beginFetch', hub.host, ID);
  while (hub.requests.filter(({ path }) => path.startsWith('/api/')).length < 2)
    await new Promise((resolve) => setTimeout(resolve, 20));
  setTimeout(open, 800);
  const [first, second] = [
    await one.call<Fetched>('awaitFetch'),
    await two.call<Fetched>('awaitFetch'),
  ];
  expect([first.ended, second.ended]).toEqual(['ok', 'ok']);
  expect(second.phases[0]).toBe(`Waiting for another download of ${ID}`);
  expect(second.notes.join()).toMatch(/downloaded already, in another tab or program/);
  expect(asked().map(({ range, status }) => [range, status])).toEqual([[null, 200]]);
  await isWhole();
  await two.page.close();
});

test('a bit that flips on the wire or in storage is found, and the file fetched again', async () => {
  hub.behave(WEIGHTS, (asking) => {
    if (asking.times > 0) {
      asking.usual();
      return;
    }
    const bytes = asking.bytes.slice();
    bytes[50_000] = (bytes[50_000] ?? 0) ^ 1;
    asking.response.writeHead(200, { etag: asking.etag, 'content-length': bytes.length });
    asking.response.end(bytes);
  });
  expect(await fetched(one)).toMatchObject({ ended: 'ok' });
  expect(asked()).toHaveLength(2);
  await isWhole();

  await one.call('flipKeptBit');
  expect(await one.call('checkKept', ID)).toEqual([WEIGHTS]);
  hub.requests.length = 0;
  const again = await fetched(one);
  expect(again.ended).toBe('ok');
  expect(again.notes.join()).toMatch(
    /model\.safetensors is not what was kept\. It is fetched again/,
  );
  expect(asked()).toHaveLength(1);
  await isWhole();
});

test('a host that the page was not let through to is refused by the page’s policy, in words', async () => {
  const other = hub.host.replace('127.0.0.1', 'localhost');
  const refused = await one.call<Fetched>('fetchModel', other, ID);
  expect(refused.ended).toBe('network');
  expect(refused.message).toMatch(/may not send anything to localhost.*its policy allows/);
});
