/**
 * The service worker's part in the page's honesty: its own requests and those of thread workers are
 * counted, what it keeps is listed and can be cleared, and a page that cannot run says why.
 */
import type { Browser } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchChromium } from '../helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds } from '../helpers/harness';
import { serveFolder, type StaticServer } from '../helpers/static-server';

let browser: Browser;
let server: StaticServer;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
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

describe('requests that no page’s record holds', () => {
  test('what the service worker downloads by itself is counted, once, as it reaches the host', async () => {
    const { page } = await open();
    // The runtimes, which it fetches in the background, would come in between.
    await page.evaluate(() => window.harness.shell.keepForOffline());
    const count = () =>
      page.evaluate(() =>
        window.harness.shell
          .backgroundRequests()
          .reduce((sum, { by, count }) => (by === 'service worker' ? sum + count : sum), 0),
      );
    const before = { counted: await count(), served: server.requests.length };
    await page.evaluate(() => window.harness.shell.keepForOffline(['models/tiny/']));
    const served = server.requests.length - before.served;
    expect(served).toBeGreaterThan(0);
    await expect.poll(count).toBe(before.counted + served);
    // Kept now: asking again downloads nothing.
    await page.evaluate(() => window.harness.shell.keepForOffline(['models/tiny/']));
    expect(await count()).toBe(before.counted + served);
  });

  test('what a worker asks for that the engine’s worker has started is counted', async () => {
    const { page, call } = await open();
    await call('blobWorkerFetch', `${server.url}models/tiny/vocab.txt`);
    await expect
      .poll(() => page.evaluate(() => window.harness.shell.backgroundRequests()))
      .toContainEqual({ by: 'threads', origin: 'self', count: 1 });
  });
});

describe('what the service worker keeps', () => {
  test('is listed with its size, and cleared without the page itself', async () => {
    const { page } = await open();
    await page.evaluate(() => window.harness.shell.keepForOffline(['models/tiny/']));
    const kept = await page.evaluate(() => window.harness.shell.keptFiles());
    expect(kept).toContainEqual({ path: 'models/tiny/vocab.txt', bytes: 44 });
    expect(kept.some(({ path }) => path.startsWith('runtime/'))).toBe(true);
    expect(kept.every(({ path }) => /^(models|runtime)\//.test(path))).toBe(true);
    await page.evaluate(() => window.harness.shell.clearKeptFiles());
    expect(await page.evaluate(() => window.harness.shell.keptFiles())).toEqual([]);
    const left = await page.evaluate(async () => {
      const cache = await caches.open('headlight-files');
      return (await cache.keys()).map(({ url }) => new URL(url).pathname);
    });
    expect(left).toContain('/some/path/index.html');
  });
});

describe('where the page cannot run', () => {
  test('nothing stands in its way on this machine', async () => {
    const { page } = await openHarness(browser, server.url);
    expect(await page.evaluate(() => window.harness.shell.obstacle())).toBeNull();
  });

  test('storage that is blocked is told, with what to do', async () => {
    const { page } = await openHarness(browser, server.url);
    const said = await page.evaluate(async () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      };
      const found = await window.harness.shell.obstacle();
      return found === null ? null : { code: found.code, hint: found.hint };
    });
    expect(said).toMatchObject({ code: 'storage' });
    expect(said?.hint).toMatch(/cookies and site data/);
  });
});
