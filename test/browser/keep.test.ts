/**
 * What the page keeps and what it says when something is wrong: projects of older versions, projects of
 * another device, files that are no tables, a full disk, and the count of requests.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import type { BrowserContext } from 'puppeteer-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base';
import type { PageDriver } from '../helpers/page-driver';
import { PageScene } from '../helpers/page-scene';

const root = join(import.meta.dirname, '../..');
const SAMPLE = join(root, 'public/samples/support-inbox.csv');

const scene = PageScene.ofThisFile('keep');
let device: BrowserContext;
let driver: PageDriver;

/** A browser profile with nothing in it, as on another device. */
async function anotherDevice(): Promise<PageDriver> {
  ({ context: device, driver } = await scene.device());
  return driver;
}

beforeEach(async () => {
  await anotherDevice();
});

afterEach(async () => {
  await device.close();
});

/** Drops files of which the page is to say something. */
async function refused(name: string, bytes: Uint8Array): Promise<string> {
  await driver.pick(await scene.file(name, bytes));
  await driver.see('error');
  return driver.text('error');
}

describe('a project', () => {
  it('of the first version opens, with the split it was made with', async () => {
    const csv = new Uint8Array(await readFile(SAMPLE));
    const old = JSON.parse(
      await readFile(join(root, 'test/fixtures/documents/project-v0.json'), 'utf8'),
    ) as Record<string, unknown> & { choice: object };
    const record = {
      ...old,
      files: [{ name: 'train.csv', sha256: await sha256(csv), bytes: csv.byteLength }],
      choice: { ...old.choice, textColumn: 'message', labelColumn: 'topic' },
    };
    const entries: Record<string, Uint8Array> = {
      'project.json': new TextEncoder().encode(JSON.stringify(record)),
      'files/train.csv': csv,
    };
    const files: Record<string, string> = {};
    for (const [name, bytes] of Object.entries(entries)) files[name] = await sha256(bytes);
    const manifest = { kind: 'headlight.archive', schemaVersion: 1, files };
    const path = await scene.file(
      'old.zip',
      zipSync({ ...entries, 'headlight.json': new TextEncoder().encode(JSON.stringify(manifest)) }),
    );
    await driver.dropFiles(path);
    expect(await driver.value('text-column')).toBe('message');
    expect(await driver.value('label-column')).toBe('topic');
    // Version 0 said `share: 0.25`, `seed: 7`.
    const rows = (await readFile(SAMPLE, 'utf8')).trim().split('\n').length - 1;
    const summary = await driver.text('summary-data');
    const test = Number(/([\d,]+) to test with/.exec(summary)?.[1]);
    expect(Math.abs(test / rows - 0.25), summary).toBeLessThan(0.02);
  });

  it('saved whole opens on another device just as it was', async () => {
    await driver.trySample();
    await driver.chooseEncoder('headlight-instant-en');
    await driver.chooseDevice('wasm');
    await driver.train();
    const headline = await driver.text('test-accuracy');
    const run = (await driver.export('run')).bytes;
    const zip = await driver.export('project');
    const path = await scene.file(zip.name, zip.bytes);
    expect(Object.keys(unzipSync(new Uint8Array(zip.bytes)))).toContain('project.json');
    await device.close();

    await anotherDevice();
    await driver.pick(path);
    await driver.see('test-accuracy');
    expect(await driver.text('test-accuracy')).toBe(headline);
    expect((await driver.export('run')).bytes.equals(run)).toBe(true);
    await driver.click('confusion-cell-0-0');
    await driver.page.waitForSelector('[data-testid="rows"] li');
    expect(await driver.typeText('Where is my parcel?')).not.toBe('');
  });
});

describe('a file that cannot be used is named, with what to do', () => {
  it('a picture called .csv', async () => {
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    const said = await refused('scores.csv', png);
    expect(said).toContain('scores.csv');
    expect(said).toMatch(/picture|image|PNG|not (a )?(table|text)/i);
    expect(said).not.toContain('defect of Headlight');
  });

  it('an empty file', async () => {
    const said = await refused('empty.csv', new Uint8Array(0));
    expect(said).toContain('empty.csv');
    expect(said).not.toContain('defect of Headlight');
  });

  it('a zip that is not a project', async () => {
    const said = await refused('photos.zip', zipSync({ 'a.txt': new Uint8Array([65]) }));
    expect(said).toContain('photos.zip is not a project that Headlight saved.');
  });
});

it('a full disk is said, and the page goes on', async () => {
  const session = await driver.page.createCDPSession();
  const { origin } = new URL(scene.server.url);
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
  await driver.pick(SAMPLE);
  await driver.see('error');
  const code = await driver.page.$eval('[data-testid="error"]', (panel) =>
    panel.getAttribute('data-code'),
  );
  expect(code).toBe('storage-full');
  expect(await driver.text('error')).toMatch(/full|space|room/i);
  // With room again, the same file is taken.
  await session.send('Storage.overrideQuotaForOrigin', { origin });
  await driver.dropFiles(SAMPLE);
  expect(await driver.value('label-column')).toBe('topic');
});

it('every request that reached the server is counted, the workers’ included', async () => {
  await device.close();
  const before = scene.server.requests.length;
  await anotherDevice();
  await driver.trySample();
  await driver.chooseEncoder('headlight-instant-en');
  await driver.chooseDevice('wasm');
  await driver.train();
  await driver.click('egress-line');
  const counted = async (): Promise<Map<string, number>> => {
    const rows = await driver.page.$$eval('[data-testid="egress-line"] tbody tr', (lines) =>
      lines.map((line) => [...line.querySelectorAll('td')].map((cell) => cell.textContent.trim())),
    );
    const by = new Map<string, number>();
    for (const [who = '', , count] of rows) by.set(who, (by.get(who) ?? 0) + Number(count));
    return by;
  };
  const sum = (by: ReadonlyMap<string, number>): number =>
    [...by.values()].reduce((total, count) => total + count, 0);
  // The line is brought up to date every few seconds.
  await expect
    .poll(async () => sum(await counted()), { timeout: 60_000, interval: 500 })
    .toBeGreaterThanOrEqual(scene.server.requests.length - before);
  const by = await counted();
  // The model, its tokenizer and the runtimes are fetched by the worker.
  expect(by.get('Engine’s worker')).toBeGreaterThanOrEqual(4);
  expect(by.get('Page')).toBeGreaterThanOrEqual(3);
  const said = await driver.text('egress-line');
  expect(said).toMatch(/nothing — \d+ requests since load, all to this page’s own address/);
  expect(Number(/(\d+) requests since load/.exec(said)?.[1])).toBe(sum(by));
});
