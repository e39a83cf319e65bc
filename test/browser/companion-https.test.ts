/**
 * A companion on another machine as its owner opens it to a network: `headlight serve --host` with a certificate. Its page
 * comes by https and its socket is wss://, in Chromium, under a name that is not localhost; and a page that came by https
 * from a static host elsewhere connects to it by a pasted link.
 */
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { Browser } from 'puppeteer-core';
import Papa from 'papaparse';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunRecord } from '../../src/project';
import { launchChromium } from '../helpers/browser';
import { runHeadlight } from '../helpers/command';
import { CompanionProcess } from '../helpers/companion-process';
import { PageDriver } from '../helpers/page-driver';
import { serveFolder, type StaticServer } from '../helpers/static-server';
import { temporaryFolder } from '../helpers/temporary-folder';
import { acceptedBy, CERT, KEY } from '../helpers/test-certificate';
import { tinyTexts } from '../helpers/tiny-model';

const DIST = process.env['HEADLIGHT_DIST'] ?? join(import.meta.dirname, '../../dist');
const PATIENCE = 120_000;

let folder: string;
let companion: CompanionProcess;
let link: string;
let elsewhere: StaticServer;
let browser: Browser;

beforeAll(async () => {
  folder = await temporaryFolder();
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await writeFile(cert, CERT);
  await writeFile(key, KEY);
  // A host that sends no headers, such as GitHub Pages: the service worker makes the policy there.
  elsewhere = await serveFolder(DIST, { secure: { name: 'pages.lan', cert: CERT, key: KEY } });
  companion = await CompanionProcess.create(
    join(folder, 'home'),
    new URL(elsewhere.url).origin,
    ...['--host', '127.0.0.1', '--cert', cert, '--key', key],
  );
  link = await companion.start();
  browser = await launchChromium({
    extraArguments: ['--host-resolver-rules=MAP *.lan 127.0.0.1', acceptedBy()],
  });
}, PATIENCE);

afterAll(async () => {
  await browser.close();
  await companion.kill();
  await elsewhere.close();
});

async function reviews(): Promise<string> {
  const rows = tinyTexts(160, 5, 4).map((text, at) => {
    const label = at % 2 === 0 ? 'good' : 'bad';
    return [`${label} ${text.replaceAll(/\b(good|bad)\b/g, 'the')}`, label];
  });
  const path = join(folder, 'reviews.csv');
  await writeFile(path, Papa.unparse([['text', 'label'], ...rows]));
  return path;
}

it('serves its page by https and does the main job over wss', { timeout: PATIENCE }, async () => {
  expect(link).toMatch(/^https:\/\/gpu\.lan:\d+\/#companion=/);
  const driver = new PageDriver(await browser.newPage(), link);
  const { page } = driver;
  await driver.open();
  await page.waitForSelector('[data-testid="companion"][data-state="connected"]');
  expect(await page.evaluate(() => [location.protocol, isSecureContext, location.hash])).toEqual([
    'https:',
    true,
    '',
  ]);
  await page.keyboard.press('Escape');
  await driver.dropFiles(await reviews());
  await driver.chooseEncoder('headlight-instant-en');
  await driver.workThere('encoder');
  await driver.train();
  const record = JSON.parse((await driver.export('run')).bytes.toString()) as RunRecord;
  // The page has WASM; native kernels are the companion’s.
  expect(record.encoder.device).toBe('cpu');
  expect(await driver.testAccuracy()).toBeGreaterThan(0.9);
  await page.close();
});

it('lets in a page that came by https from elsewhere', { timeout: PATIENCE }, async () => {
  const { origin } = new URL(elsewhere.url);
  const printed = await runHeadlight(folder, ['serve', '--link', '--origin', origin]);
  const [, forPage = ''] = printed.stdout.trim().split('\n');
  expect(forPage.startsWith(`${origin}/#companion=`), printed.stderr).toBe(true);
  expect(forPage).toContain(encodeURIComponent('wss://gpu.lan:'));
  const driver = new PageDriver(await browser.newPage(), elsewhere.url);
  const { page } = driver;
  await driver.open();
  await (await page.waitForSelector('nav ::-p-text(Settings)'))?.click();
  await driver.click('settings-companions');
  await driver.type('companion-link', forPage);
  await driver.click('connect-button');
  // Its policy knows no other machine: the service worker adds this one, and the page is loaded anew.
  await page.waitForSelector('[data-testid="companion"][data-state="connected"]');
  expect(await driver.text('companion')).toContain('GB');
  await page.close();
});
