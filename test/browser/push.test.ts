/**
 * The upload to the Hub from a real page, under the egress policy: it reaches the model host that was chosen and
 * nothing else, its code is loaded when it is used, and the token stays nowhere.
 */
import { createHash } from 'node:crypto';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium } from '../helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds, type Harness } from '../helpers/harness';
import { startHubUploadServer, type HubUploadServer } from '../helpers/hub-upload-server';
import { serveFolder, type StaticServer } from '../helpers/static-server';
import type { Pushed } from './harness/functions/hub';

const TOKEN = 'hf_QzLkNvTqXwPmRsYbGdHjFcZa';
/** The largest is beyond what the browser's own SHA-256 is given at once. */
const SIZES = { 'README.md': 40, 'config.json': 300, 'model.safetensors': 10_500_000 };

let browser: Browser;
let folder: string;
const servers: (StaticServer | HubUploadServer)[] = [];

beforeAll(async () => {
  folder = await buildHarness();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  for (const server of servers) await server.close();
  await removeHarnessBuilds();
});

async function openWith(
  storageOnHub: boolean,
): Promise<{ hub: HubUploadServer; harness: Harness; scripts: string[] }> {
  const hub = await startHubUploadServer({ token: TOKEN, owner: 'ada', storageOnHub });
  const server = await serveFolder(folder, { headers: securityHeaders(hub.host) });
  servers.push(hub, server);
  return { hub, harness: await openHarness(browser, server.url), scripts: server.requests };
}

test.each(['basic', 'xet'] as const)('the whole upload, by %s', async (transfer) => {
  const { hub, harness, scripts } = await openWith(true);
  hub.transfer = transfer;
  await harness.call('about');
  const before = scripts.length;
  const result = await harness.call<Pushed>('pushFiles', hub.host, TOKEN, SIZES);
  expect(result).toMatchObject({ url: `${hub.host}/ada/inbox`, message: null });
  const files = hub.repositories.get('ada/inbox')?.files;
  expect([...(files?.keys() ?? [])]).toEqual(Object.keys(SIZES));
  if (transfer === 'basic') {
    const expected = Uint8Array.from({ length: 10_500_000 }, (_, at) => (at * at) % 251);
    const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
    expect(hash(files?.get('model.safetensors') ?? new Uint8Array())).toBe(hash(expected));
  } else {
    expect(hub.xet.shards.length).toBeGreaterThan(0);
  }
  expect(scripts.slice(before).filter((path) => path.endsWith('.js')).length).toBeGreaterThan(0);
  expect(result.kept).not.toContain(TOKEN);
  // The browser writes down that the repository was not there before.
  expect(harness.complaints.filter((line) => !line.includes('404'))).toEqual([]);
});

test('large files that the Hub wants elsewhere: refused by the policy, and the page says where', async () => {
  const { hub, harness } = await openWith(false);
  const result = await harness.call<Pushed>('pushFiles', hub.host, TOKEN, SIZES);
  expect(result.url).toBeNull();
  expect(result.message).toContain(hub.storageHost);
  expect(result.hint).toContain('save the folder');
  expect(hub.requests.filter(({ host }) => host === 'storage')).toEqual([]);
  expect(hub.repositories.get('ada/inbox')?.commits).toEqual([]);
  expect(JSON.stringify(result)).not.toContain(TOKEN);
});
