/**
 * Promise: in the page a model comes from picked files, a zip, a folder on the web and a gated repository of a mirror
 * under a path; the policy lets exactly that through, and the token goes to the model host alone.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostManifest } from '../../src/models';
import { startGatedHub, type GatedHub } from '../helpers/gated-hub';
import type { PageDriver } from '../helpers/page-driver';
import { look, PageScene } from '../helpers/page-scene';
import { serveFolder, type StaticServer } from '../helpers/static-server';
import { tinyModelFiles } from '../helpers/tiny-model';

const scene = PageScene.ofThisFile('sources');
const files = tinyModelFiles();
const ID = 'ada/private-bert';
const TOKEN = 'hf_QzLkNvTqXwPmRsYbGdHjFcZa';
let web: StaticServer;
let closed: StaticServer;
let hub: GatedHub;

beforeAll(async () => {
  const listed = files.map(({ name, bytes }) => ({
    name,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }));
  const about = { name: 'School BERT', description: 'For the lab course.', licence: 'MIT' };
  const manifest = { name: 'headlight-model.json', bytes: hostManifest(about, listed) };
  await scene.folder('web/models/tiny', [...files, manifest]);
  await scene.folder('web/elsewhere', [{ name: 'secret.json', bytes: '{}' }]);
  web = await serveFolder(join(scene.scratch, 'web'), {
    headers: { 'Access-Control-Allow-Origin': '*' },
  });
  closed = await serveFolder(join(scene.scratch, 'web'));
  hub = await startGatedHub({
    ...{ id: ID, commit: 'c0ffee'.padEnd(40, '0'), files, token: TOKEN, path: '/hf' },
  });
});
afterAll(async () => {
  await Promise.all([web.close(), closed.close(), hub.close()]);
});

/** A project with the encoder's own sources unfolded. */
async function open(driver: PageDriver): Promise<void> {
  await driver.trySample();
  await unfold(driver);
}

async function unfold(driver: PageDriver): Promise<void> {
  await driver.unfold('encoder');
  await driver.openDetails('bring');
  await driver.see('folder-address');
}

async function pick(driver: PageDriver, paths: readonly string[]): Promise<void> {
  const input = await driver.page.waitForSelector(
    'input[data-testid="encoder-file-input"]:not(:disabled)',
  );
  await input?.uploadFile(...paths);
}

/** The service worker rewrites the policy: until it is there the page says that it cannot. */
async function settled(driver: PageDriver): Promise<void> {
  await driver.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
}

async function type(driver: PageDriver, id: string, text: string): Promise<void> {
  const field = await driver.see(id);
  await field.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  await field.click({ count: 3 });
  await field.type(text);
}

/** Presses what reloads the page, and waits for the page that comes. */
async function reloadBy(driver: PageDriver, press: () => Promise<void>): Promise<void> {
  const reloaded = driver.page.waitForNavigation();
  await press();
  await reloaded;
}

test('files picked one by one: what is missing is named, what was picked stays', async () => {
  const { driver, context, complaints } = await scene.device();
  await open(driver);
  const paths = await scene.folder('one-by-one', files);
  const path = (name: string): string => paths.find((one) => one.endsWith(`/${name}`)) ?? '';
  await pick(driver, [path('config.json')]);
  await driver.page.waitForSelector('[data-testid="error"]');
  expect(await driver.text('error')).toMatch(/Missing here: tokenizer\.json and weights/);
  expect(await driver.text('error')).toContain('Files and versions');
  expect(await driver.text('gathered')).toContain('Chosen so far: config.json.');
  expect(await look(driver.page, 'sources-missing', { within: '[data-testid="bring"]' })).toEqual(
    [],
  );
  await pick(driver, [
    path('tokenizer.json'),
    path('tokenizer_config.json'),
    path('model.safetensors'),
  ]);
  await driver.see('encoder-picked files');
  expect(await driver.isThere('gathered')).toBe(false);
  expect(complaints.filter((line) => !line.includes('data:,probe'))).toEqual([]);
  await context.close();
});

test('a zip of another program; a table and a project here, and a model among the data, get a clear word', async () => {
  const { driver, context } = await scene.device();
  const model = zipSync(
    Object.fromEntries(files.map(({ name, bytes }) => [`tiny-zip/${name}`, bytes])),
  );
  const zip = await scene.file('download.zip', model);
  await driver.pick(zip);
  await driver.page.waitForSelector('[data-testid="error"]');
  expect(await driver.text('error')).toMatch(/holds a model, not data.*“Encoder”/);
  await open(driver);
  await pick(driver, [await scene.file('reviews.csv', 'text,label\na,b\n')]);
  await driver.page.waitForSelector('[data-testid="bring"] [data-testid="error"]');
  expect(await driver.text('error')).toMatch(/reviews\.csv is a table.*“Data”/);
  // What was refused is not kept for the next model.
  expect(await driver.page.$('[data-testid="gathered"]')).toBeNull();
  await pick(driver, [zip]);
  await driver.see('encoder-tiny-zip');
  await context.close();
});

test('a folder on the web: let through exactly, and added', async () => {
  const { driver, context, complaints } = await scene.device();
  await open(driver);
  await settled(driver);
  const address = `${web.url}models/tiny/`;
  await type(driver, 'folder-address', 'http://example.org/model');
  expect(
    await driver.page.$eval('[data-testid="bring"] .problem', (one) => one.textContent),
  ).toContain('must begin with https://');
  await type(driver, 'folder-address', address);
  expect(await driver.text('add-folder-address')).toMatch(/^Allow 127\.0\.0\.1:\d+ and reload$/);
  await reloadBy(driver, () => driver.click('add-folder-address'));
  await driver.unfold('encoder');
  // The page that comes back has the panel open and the address in it.
  await driver.see('add-folder-address');
  expect(await driver.text('add-folder-address')).toBe('Download and add');
  expect(complaints.filter((line) => !line.includes('data:,probe'))).toEqual([]);
  await driver.click('add-folder-address');
  const card = await driver.see(`encoder-${address}`);
  const words = await card.evaluate((one) => one.closest('.card')?.textContent ?? '');
  expect(words).toContain('School BERT');
  expect(words).toMatch(/For the lab course\. From 127\.0\.0\.1.*from a web folder/s);
  // Beside the folder nothing of the same server can be reached.
  const reached = await driver.page.evaluate(
    (at) =>
      fetch(at).then(
        (answer) => answer.ok,
        () => false,
      ),
    `${web.url}elsewhere/secret.json`,
  );
  expect(reached).toBe(false);
  expect(web.requests).not.toContain('/elsewhere/secret.json');

  // It leaves as a zip, and is the same model on a device that may reach nothing.
  await (await driver.page.waitForSelector('button ::-p-text(Models on this device)'))?.click();
  await (await driver.page.waitForSelector('dialog[open] ::-p-text(Save as zip)'))?.click();
  const name = `${new URL(address).host.replace(':', '_')}_models_tiny-`;
  const zip = await savedAs(name);
  await context.close();
  const other = await scene.device();
  await open(other.driver);
  await pick(other.driver, [zip]);
  const again = await other.driver.see(`encoder-${address}`);
  const said = await again.evaluate((one) => one.closest('.card')?.textContent ?? '');
  expect(said).toMatch(/School BERT.*by way of a zip file.*from a web folder/s);
  await other.context.close();
});

test('a host that lets no page read: said in words, with the header that is missing', async () => {
  const { driver, context } = await scene.device();
  await open(driver);
  await settled(driver);
  await type(driver, 'folder-address', `${closed.url}models/tiny/`);
  await reloadBy(driver, () => driver.click('add-folder-address'));
  await driver.unfold('encoder');
  await driver.click('add-folder-address');
  await driver.page.waitForSelector('[data-testid="error"]');
  expect(await driver.text('error')).toContain('Access-Control-Allow-Origin');
  await context.close();
});

test('a gated model from a mirror under a path: the token is set, used, and shown nowhere', async () => {
  const { driver, context } = await scene.device();
  await open(driver);
  await settled(driver);
  // Its large files lie elsewhere: the policy names both, as it does for huggingface.co.
  await reloadBy(driver, async () => {
    await driver.page.evaluate(async (host) => {
      const worker = (await navigator.serviceWorker.ready).active;
      const { port1, port2 } = new MessageChannel();
      const answered = new Promise((resolve) => (port1.onmessage = resolve));
      worker?.postMessage({ kind: 'set-folder', folder: host }, [port2]);
      await answered;
    }, hub.storage);
    await (await driver.page.waitForSelector('button ::-p-text(Settings)'))?.click();
    const host = await driver.page.waitForSelector('input[aria-label="Address of the model host"]');
    await host?.click({ count: 3 });
    await host?.type(hub.host);
    await (await driver.page.waitForSelector('dialog[open] ::-p-text(Allow and reload)'))?.click();
  });
  await unfold(driver);
  await type(driver, 'access-token', TOKEN);
  await driver.click('set-token');
  await driver.page.waitForFunction(() =>
    document.querySelector('[data-testid="hub-token-panel"]')?.textContent.includes('is set'),
  );
  expect(await driver.isThere('access-token')).toBe(false);
  expect(await look(driver.page, 'sources-token', { within: '[data-testid="bring"]' })).toEqual([]);
  hub.seen.length = 0;
  const search = await driver.page.waitForSelector('[data-testid="find"] input[type="search"]');
  await search?.type(ID);
  await search?.press('Enter');
  await driver.page.waitForSelector('[data-testid="download"]:not(:disabled)');
  await driver.click('download');
  await driver.see(`encoder-${ID}`);
  const headers = (at: string): (string | null)[] => [
    ...new Set(hub.seen.filter((one) => one.at === at).map((one) => one.authorization)),
  ];
  expect(headers('hub')).toEqual([`Bearer ${TOKEN}`]);
  expect(headers('storage')).toEqual([null]);
  // Neither on the screen nor in what is stored.
  expect(await driver.page.evaluate(() => document.documentElement.outerHTML)).not.toContain(TOKEN);
  expect(await stored(driver)).not.toContain(TOKEN);
  await context.close();
});

/** The path of a download whose name begins so, once it is whole. */
async function savedAs(start: string): Promise<string> {
  for (let left = 200; left > 0; left--) {
    const name = (await readdir(scene.scratch)).find((one) => one.startsWith(start));
    if (name?.endsWith('.zip') === true && (await scene.saved(name)).length > 0)
      return join(scene.scratch, name);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${start} was not saved`);
}

/** All small things of the browser's storage, as text. */
async function stored(driver: PageDriver): Promise<string> {
  return driver.page.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const asked = indexedDB.open('headlight');
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error ?? new Error('no database'));
    });
    const values = await new Promise<unknown[]>((resolve, reject) => {
      const asked = database.transaction('settings').objectStore('settings').getAll();
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error ?? new Error('nothing read'));
    });
    database.close();
    const texts = values.map((value) =>
      value instanceof Uint8Array ? new TextDecoder().decode(value) : JSON.stringify(value),
    );
    return `${texts.join('\n')}\n${JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])}`;
  });
}
