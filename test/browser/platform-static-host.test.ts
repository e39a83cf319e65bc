/**
 * A static host that sends no headers, at a sub-path, as GitHub Pages is: what the service worker makes
 * of it, offline, under another policy, and across releases.
 */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { tfjsThreads, tfjsWasmFile } from '../../src/platform/web/files';
import { launchChromium } from '../helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds } from '../helpers/harness';
import { serveFolder, type StaticServer } from '../helpers/static-server';

const golden = JSON.parse(
  readFileSync(new URL('../reference/golden/small-graph.json', import.meta.url), 'utf8'),
) as { model: string; x: unknown; logits: { data: number[] } };

let browser: Browser;
let foreign: StaticServer;
/** A fresh origin for each test, so that no service worker is left from the one before. */
let server: StaticServer;

beforeAll(async () => {
  foreign = await serveFolder(await buildHarness(), {
    headers: {
      'Access-Control-Allow-Origin': '*',
      'Cross-Origin-Resource-Policy': 'cross-origin',
    },
  });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  await foreign.close();
  await removeHarnessBuilds();
});

beforeEach(async () => {
  server = await serveFolder(await buildHarness(), { base: '/some/path/' });
});

afterEach(async () => {
  for (const page of await browser.pages()) await page.close();
  await browser.newPage(); // the browser stays while it has a page
  await server.close();
});

const open = () => openHarness(browser, `${server.url}?shell`);

async function reachFromPage(page: Page, url: string): Promise<string> {
  return page.evaluate(
    (address) => fetch(address, { mode: 'no-cors' }).then(() => 'reached', String),
    url,
  );
}

/** How often the page is loaded from here on. */
function countLoads(page: Page): () => number {
  let loads = 0;
  page.on('load', () => loads++);
  return () => loads;
}

describe('a host without headers', () => {
  test('the bare page knows that nothing is enforced', async () => {
    const { page, call } = await openHarness(browser, server.url);
    expect(await page.evaluate(() => window.harness.shell.egressStatus())).toBe('not enforced');
    expect(await call<{ isolated: boolean }>('about')).toMatchObject({
      isolated: false,
      devices: expect.arrayContaining([
        expect.objectContaining({
          device: 'wasm',
          threads: 1,
          notice: expect.any(String) as string,
        }),
      ]) as unknown,
    });
    // And the address is one that can be reached: otherwise the tests of refusal would say nothing.
    expect(await reachFromPage(page, foreign.url)).toBe('reached');
    expect(await call('rawFetch', foreign.url)).toMatch(/^reached/);
  });

  test('the service worker isolates page and worker, and both cannot reach a foreign address', async () => {
    const { page, call } = await open();
    expect(await page.evaluate(() => self.crossOriginIsolated)).toBe(true);
    expect(await call<{ isolated: boolean }>('about')).toMatchObject({ isolated: true });
    expect(await page.evaluate(() => window.harness.shell.egressStatus())).toBe('enforced');
    const before = foreign.requests.length;
    expect(await reachFromPage(page, foreign.url)).toMatch(/Failed to fetch/);
    expect(await call('rawFetch', foreign.url)).toMatch(/^refused/);
    expect(await call('blobWorkerFetch', foreign.url)).toMatch(/^refused/);
    expect(foreign.requests.length).toBe(before);
  });

  test('threads run: isolation is real', async () => {
    const { call } = await open();
    const outputs = await call<Record<string, { data: number[] }>>(
      'runGraph',
      golden.model,
      'wasm',
      {
        x: golden.x,
      },
    );
    golden.logits.data.forEach((value, i) => {
      expect(outputs['logits']?.data[i]).toBeCloseTo(value, 4);
    });
    const about = await call<{ devices: { device: string; threads: number }[] }>('about');
    expect(about.devices.find(({ device }) => device === 'wasm')?.threads).toBeGreaterThan(1);
  });

  test('the page reloads once where the service worker does not help, and never again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headlight-idle-'));
    await cp(await buildHarness(), folder, { recursive: true });
    await writeFile(join(folder, 'sw.js'), '// adds nothing');
    server.folder = folder;
    const page = await browser.newPage();
    const loads = countLoads(page);
    await page.goto(`${server.url}?shell`);
    await page.waitForFunction(() => 'harness' in window);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(loads()).toBe(2);
    expect(await page.evaluate(() => window.harness.shell.egressStatus())).toBe('not enforced');
    await rm(folder, { recursive: true, force: true });
  });
});

describe('offline', () => {
  test('after the first load the page works without the host: its runtimes and its files are at hand', async () => {
    const { page, call } = await open();
    expect(await page.evaluate(() => window.harness.shell.keepForOffline(['models/tiny/']))).toBe(
      true,
    );
    await server.close();
    // As the person does it: the driver's own reload may bring back the document of before the worker.
    const loaded = page.waitForNavigation();
    await page.evaluate(() => location.reload());
    await loaded;
    await page.waitForFunction(() => 'harness' in window);
    expect(await page.evaluate(() => self.crossOriginIsolated)).toBe(true);
    const outputs = await call<Record<string, { data: number[] }>>(
      'runGraph',
      golden.model,
      'wasm',
      {
        x: golden.x,
      },
    );
    expect(outputs['logits']?.data[0]).toBeCloseTo(golden.logits.data[0] ?? NaN, 4);
    expect(await call('tensorMatMul', 'wasm', [[2]], [[4]])).toMatchObject({ data: [8] });
    expect(await call('asset', 'models/tiny/vocab.txt')).toEqual({ bytes: 44, progress: 44 });
    expect(await page.evaluate(() => window.harness.shell.egressStatus())).toBe('enforced');
  });

  test('the runtimes come in the background, and a file that was used once stays', async () => {
    const { page, call } = await open();
    await call('asset', 'models/tiny/vocab.txt');
    const cores = await page.evaluate(() => navigator.hardwareConcurrency);
    const tfjs = tfjsWasmFile(tfjsThreads(cores, await browser.userAgent()));
    const kept = (): Promise<string[]> =>
      page.evaluate(async () => {
        const cache = await caches.open('headlight-files');
        return (await cache.keys()).map(({ url }) => new URL(url).pathname.replace(/^.*\//, ''));
      });
    await expect
      .poll(kept, { timeout: 60_000 })
      .toEqual(
        expect.arrayContaining([
          'vocab.txt',
          'ort-wasm-simd-threaded.jspi.mjs',
          'ort-wasm-simd-threaded.jspi.wasm',
          tfjs,
        ]),
      );
    // Of the three builds of ONNX Runtime only the one that this browser uses.
    expect((await kept()).filter((name) => name.startsWith('ort-wasm'))).toHaveLength(2);
  });

  test('a file that is no part of the build cannot be kept, and that is said', async () => {
    const { page } = await open();
    const said = await page.evaluate(() =>
      window.harness.shell.keepForOffline(['models/none/']).then(() => 'kept', String),
    );
    expect(said).toMatch(/models\/none\/ is not part of this build/);
  });
});

describe('the model host', () => {
  async function choose(page: Page, host: string | null): Promise<void> {
    const loaded = page.waitForNavigation();
    await page.evaluate((chosen) => {
      void window.harness.shell.setModelHost(chosen);
    }, host);
    await loaded;
    await page.waitForFunction(() => 'harness' in window);
  }

  test('choosing one rewrites the policy and reloads; taking it back closes it again', async () => {
    const { page, call } = await open();
    expect(await reachFromPage(page, foreign.url)).toMatch(/Failed to fetch/);

    await choose(page, foreign.url);
    expect(await page.evaluate(() => window.harness.shell.allowedModelHost())).toBe(foreign.url);
    expect(await reachFromPage(page, foreign.url)).toBe('reached');
    expect(await call('platformFetch', foreign.url)).toBe('200');
    const counts = await call<{ origin: string; count: number }[]>('requests');
    expect(counts.find(({ origin }) => origin !== 'self')).toEqual({
      origin: new URL(foreign.url).origin,
      count: 1,
    });
    // That host and no other.
    const another = await serveFolder(await buildHarness());
    expect(await reachFromPage(page, another.url)).toMatch(/Failed to fetch/);
    expect(await call('rawFetch', another.url)).toMatch(/^refused/);
    await another.close();

    await choose(page, null);
    expect(await reachFromPage(page, foreign.url)).toMatch(/Failed to fetch/);
    expect(await call('rawFetch', foreign.url)).toMatch(/^refused/);
  });

  test('what is no address is refused, and nothing changes', async () => {
    const { page } = await open();
    for (const wrong of [
      'not an address',
      'ftp://models.example',
      'https://x.example; script-src *',
    ]) {
      const said = await page.evaluate(
        (host) => window.harness.shell.setModelHost(host).then(() => 'taken', String),
        wrong,
      );
      expect(said).toMatch(/is not the address of a model host/);
    }
    expect(await page.evaluate(() => window.harness.shell.allowedModelHost())).toBeNull();
  });
});

describe('a new release', () => {
  async function waitForNewRelease(page: Page): Promise<void> {
    await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
    });
    await page.waitForFunction(() => window.reloadForUpdate !== undefined);
  }

  test('never breaks an open tab: its scripts stay, though the host has them no more', async () => {
    const old = await open();
    server.folder = await buildHarness('two');
    await waitForNewRelease(old.page);
    // Loaded for the first time now, from a name that the host no longer has.
    expect(await old.call('lazyRelease')).toBe('one');

    // A second tab is offered the new release, and takes it at once.
    const second = await open();
    expect(await second.call('lazyRelease')).toBe('one');
    await second.page.waitForFunction(() => window.reloadForUpdate !== undefined);
    const loaded = second.page.waitForNavigation();
    await second.page.evaluate(() => {
      void window.reloadForUpdate?.();
    });
    await loaded;
    await second.page.waitForFunction(() => 'harness' in window);
    expect(await second.call('lazyRelease')).toBe('two');

    // The first one is still whole, even to a worker that it starts only now.
    await old.page.evaluate(() => window.harness.restart());
    expect(await old.call('lazyRelease')).toBe('one');
    expect(await old.page.evaluate(() => window.harness.shell.egressStatus())).toBe('enforced');
  });

  test('comes by itself once no tab of the old one is left', async () => {
    const old = await open();
    server.folder = await buildHarness('two');
    await waitForNewRelease(old.page);
    await browser.newPage();
    await old.page.close();
    await expect
      .poll(
        async () => {
          const next = await open();
          const release = await next.call('lazyRelease');
          await next.page.close();
          return release;
        },
        { timeout: 60_000, interval: 500 },
      )
      .toBe('two');
  });
});
