/**
 * A foundation model in the page, from its name to the zip that takes it along: searched, planned, downloaded from a
 * server that answers as the Hub does, cut, gone on with, chosen, checked, saved, deleted; and nothing of it breaks
 * axe-core's rules.
 */
import { readdir, readFile } from 'node:fs/promises';
import type { ElementHandle } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unzipSync } from 'fflate';
import type { PageDriver } from '../helpers/page-driver';
import { startHubServer, type HubServer } from '../helpers/hub-server';
import { look, PageScene, type Device } from '../helpers/page-scene';
import { tinyModelFiles } from '../helpers/tiny-model';

const scene = PageScene.ofThisFile('models');
const COMMIT = '7'.repeat(40);
let hub: HubServer;
let device: Device;
let driver: PageDriver;

beforeAll(async () => {
  hub = await startHubServer();
  hub.put({
    id: 'ada/tiny',
    commit: COMMIT,
    files: tinyModelFiles({ hidden: 256 }),
    licence: 'mit',
  });
  hub.put({ id: 'ada/cut', commit: COMMIT, files: tinyModelFiles({ hidden: 256, seed: 2 }) });
  device = await scene.device();
  driver = device.driver;
  await driver.trySample();
});
afterAll(() => hub.close());

const find = (): Promise<string> => driver.text('find');
const has = (words: string): Promise<unknown> =>
  expect.poll(find, { timeout: 60_000 }).toContain(words);

/** Types into the one field. */
async function type(text: string): Promise<void> {
  const field = await driver.page.waitForSelector('[data-testid="find"] input[type="search"]');
  await field?.click({ count: 3 });
  await field?.press('Backspace');
  await field?.type(text);
}

/** A button by its name: the last that is there, so the one of a dialog before the page's. */
async function press(name: string): Promise<void> {
  const found = await driver.page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll<HTMLButtonElement>('button:not(:disabled)')]
        .filter((one) => {
          const said = one.getAttribute('aria-label') ?? one.textContent;
          return said.replace(/\s+/g, ' ').trim() === wanted && one.checkVisibility();
        })
        .at(-1),
    { timeout: 120_000 },
    name,
  );
  const button = found.asElement();
  if (button === null) throw new Error(`no button ${name}`);
  await (button as ElementHandle).scrollIntoView();
  await (button as ElementHandle).click();
}

/** By the settings, as a person with a mirror does; the page reloads. */
async function allowHost(): Promise<void> {
  await press('Settings');
  const host = await driver.page.waitForSelector('dialog[open] input[type="url"]');
  await host?.click({ count: 3 });
  await host?.type(hub.host);
  await Promise.all([driver.page.waitForNavigation(), press('Allow and reload')]);
  await driver.see('step-encoder');
}

/** Models of the bundled catalogue. */
async function catalogueSize(): Promise<number> {
  const bytes = await readFile(new URL('../../public/models/hub.json', import.meta.url), 'utf8');
  return (JSON.parse(bytes) as { readonly models: readonly unknown[] }).models.length;
}

describe('finding a model', () => {
  it('a word shows what there is, the best first, each with what it costs and whether it fits', async () => {
    await driver.unfold('encoder');
    const listed = await catalogueSize();
    await has(`${listed} models that people use are listed here.`);
    await type('german');
    await has('google-bert/bert-base-german-cased');
    const first = await driver.page.$eval('[data-testid="result"]', (row) => row.textContent);
    expect(first.replace(/\s+/g, ' ')).toMatch(
      /google-bert\/bert-base-german-cased fits this device .*109 M parameters · about 436 MB · German · 512 tokens · mit/,
    );
    expect(await look(driver.page, 'find', { within: '#step-encoder' })).toEqual([]);
  });

  it('arrows go through the list, Enter opens, Escape goes back to the field', async () => {
    await type('electra');
    for (const key of ['ArrowDown', 'ArrowDown', 'Enter'] as const)
      await driver.page.keyboard.press(key);
    await driver.see('fetch');
    const opened = await driver.page.$eval(
      '[data-testid="result"][aria-expanded="true"]',
      (row) => row.textContent,
    );
    expect(opened).toContain('electra-base-discriminator');
    await driver.page.keyboard.press('Escape');
    await expect.poll(() => driver.isThere('fetch')).toBe(false);
    expect(await driver.page.evaluate(() => document.activeElement?.getAttribute('type'))).toBe(
      'search',
    );
  });

  it('before anything is fetched it says from where, how large, and that the page must be let through', async () => {
    await type('deberta-v3-base');
    await driver.page.keyboard.press('Enter');
    await has('About 368 MB would come from huggingface.co.');
    await type('roberta-large');
    await driver.page.keyboard.press('Enter');
    await has('About 1.4 GB would come from huggingface.co.');
    expect(await find()).toMatch(/Fine-tuning all of it does not fit It needs about \d+\.\d GB/);
    expect(await look(driver.page, 'fetch', { within: '#step-encoder' })).toEqual([]);
    expect(await driver.text('egress-line')).toMatch(/^What has left this device: nothing/);
  });
});

describe('fetching it', () => {
  it('any id at any revision: the host is asked what it is, and only then it is downloaded', async () => {
    await allowHost();
    await driver.unfold('encoder');
    const before = hub.requests.length;
    await type(`ada/tiny@${COMMIT}`);
    await driver.page.keyboard.press('Enter');
    await has(`from ${hub.host.replace('http://', '')}`);
    expect(await find()).toMatch(
      /4 files, \d\.\d MB from 127\.0\.0\.1:\d+\..*free for this page\. Only the model’s name goes/,
    );
    // One question, no file.
    expect(hub.requests.slice(before).map(({ path }) => path)).toEqual([
      `/api/models/ada/tiny/revision/${COMMIT}`,
    ]);
    expect(await look(driver.page, 'plan', { within: '#step-encoder' })).toEqual([]);
    await driver.click('download');
    await driver.see('encoder-ada/tiny');
    const chosen = await driver.page.$eval('input[name="encoder"]:checked', (input) =>
      input.getAttribute('data-testid'),
    );
    expect(chosen).toBe('encoder-ada/tiny');
    await expect
      .poll(() => driver.text('egress-line'), { timeout: 60_000 })
      .toMatch(/none of your texts.* to 127\.0\.0\.1/);
  });

  it('one that is paused stands there after a reload, and goes on where it was', async () => {
    // Cut again and again, so that there is time to pause it.
    hub.cut('model.safetensors', 300_000, 1000);
    await type('ada/cut');
    await driver.page.keyboard.press('Enter');
    // The button waits until the host has said what comes.
    await has('Only the model’s name goes');
    await driver.click('download');
    await expect
      .poll(() => driver.text('downloading'), { timeout: 60_000 })
      .toMatch(/File 4 of 4: model\.safetensors, \d+ kB of \d\.\d MB/);
    await press('Pause');
    await driver.see('unfinished');
    hub.cut('model.safetensors', 1e9, 1);
    await driver.page.reload();
    await driver.see('step-encoder');
    await driver.unfold('encoder');
    await driver.see('unfinished');
    expect(await driver.text('unfinished')).toMatch(/ada\/cut .* of 6\.\d MB here/);
    expect(await look(driver.page, 'unfinished', { within: '#step-encoder' })).toEqual([]);
    const before = hub.requests.length;
    await press('Go on with ada/cut');
    await driver.see('encoder-ada/cut');
    const ranges = hub.requests.slice(before).map(({ range }) => range);
    expect(ranges.some((range) => /^bytes=[1-9]/.test(range ?? ''))).toBe(true);
    await expect.poll(() => driver.isThere('unfinished')).toBe(false);
  });
});

describe('the models on this device', () => {
  it('are listed with what they take; checked; saved as a zip that has every file', async () => {
    await press('Models on this device');
    await driver.see('kept-models');
    await expect
      .poll(() => driver.text('kept-models'))
      .toMatch(/2 models, 13 MB, .* free for this page/);
    expect(await driver.text('kept-models')).toMatch(/ada\/tiny .*last used .* from the Hub · mit/);
    expect(await look(driver.page, 'kept', { within: 'dialog[open]' })).toEqual([]);
    await press('Check the files of ada/tiny');
    await expect
      .poll(() => driver.text('kept-models'))
      .toContain('Every file is what was downloaded.');
    await press('Save as zip: ada/tiny');
    const zip = unzipSync(new Uint8Array(await scene.saved('ada_tiny-77777777.zip')));
    for (const { name, bytes } of tinyModelFiles({ hidden: 256 })) {
      const kept = Object.entries(zip).find(([path]) => path.endsWith(name))?.[1];
      expect(Buffer.from(kept ?? new Uint8Array()).equals(Buffer.from(bytes))).toBe(true);
    }
  });

  it('and what ships is saved as a zip too', async () => {
    await press('Save as zip: Instant (static embeddings)');
    const named = async (): Promise<string> =>
      (await readdir(scene.scratch)).find((name) => /instant.*\.zip$/.test(name)) ?? '';
    await expect.poll(named, { timeout: 60_000 }).not.toBe('');
    const zip = unzipSync(new Uint8Array(await scene.saved(await named())));
    expect(Object.keys(zip).some((path) => path.endsWith('config.json'))).toBe(true);
  });

  it('are deleted one by one, with the encoder that was made of them', async () => {
    await press('Delete ada/tiny');
    await press('Delete');
    await expect.poll(() => driver.text('kept-models')).toMatch(/^1 model,/);
    await press('Close');
    await expect.poll(() => driver.isThere('encoder-ada/tiny')).toBe(false);
    expect(await driver.isThere('encoder-ada/cut')).toBe(true);
    expect(
      device.complaints.filter(
        (line) => !/Content Security Policy|data:,probe|503|ERR_/.test(line),
      ),
    ).toEqual([]);
  });
});

it('texts in another language than the encoder’s are pointed out, with where to look', async () => {
  const german = await scene.device();
  const rows = Array.from({ length: 40 }, (_, at) =>
    at % 2 === 0
      ? `Das Paket ist nicht angekommen und ich möchte wissen wo es ist Nummer ${at},Lieferung`
      : `Die Rechnung ist nicht richtig und ich habe das Geld noch nicht bekommen Nummer ${at},Zahlung`,
  );
  const path = await scene.file('post.csv', ['text,label', ...rows].join('\n'));
  await german.driver.dropFiles(path);
  await german.driver.unfold('encoder');
  await german.driver.see('language-notice');
  expect(await german.driver.text('language-notice')).toMatch(
    /^Your texts look German, and all-MiniLM-L6-v2 was trained on English\./,
  );
  expect(await look(german.driver.page, 'language', { within: '#step-encoder' })).toEqual([]);
  const button = await german.driver.page.waitForSelector('[data-testid="language-notice"] button');
  await button?.click();
  await expect.poll(() => german.driver.text('find')).toMatch(/\d+ models that read German\./);
  await german.context.close();
});
