/** The main job once in Firefox, on the sample: from one click to a report, a typed text and an export. */
import { classFigures } from '../../src/project';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { securityHeaders } from '../../src/platform/web/policy';
import type { RunRecord } from '../../src/project';
import { launchFirefox } from '../helpers/browser';
import { PageDriver } from '../helpers/page-driver';
import { serveFolder, type StaticServer } from '../helpers/static-server';

const root = join(import.meta.dirname, '../..');

let browser: Browser;
let server: StaticServer;
let foreign: StaticServer;
let driver: PageDriver;

beforeAll(async () => {
  server = await serveFolder(join(root, 'dist'), { headers: securityHeaders(null) });
  // It allows everyone: only the page's own policy can keep the page from reaching it.
  foreign = await serveFolder(join(root, 'dist'), {
    headers: {
      'Access-Control-Allow-Origin': '*',
      'Cross-Origin-Resource-Policy': 'cross-origin',
    },
  });
  browser = await launchFirefox();
  driver = new PageDriver(await browser.newPage(), server.url);
  await driver.open();
});

afterAll(async () => {
  await browser.close();
  await server.close();
  await foreign.close();
});

describe('Firefox', () => {
  let record: RunRecord;

  it('trains on the sample with the encoder that is chosen by default', async () => {
    await driver.trySample();
    await driver.train();
    record = JSON.parse((await driver.export('run')).bytes.toString()) as RunRecord;
    expect(record.encoder.id).toBe('all-MiniLM-L6-v2');
    expect(classFigures(record).test.accuracy_interval[0]).toBeGreaterThan(
      classFigures(record).baseline.test.accuracy + 0.2,
    );
    expect(await driver.testAccuracy()).toBeCloseTo(classFigures(record).test.accuracy, 3);
  });

  it('ran on WebAssembly, and says so', async () => {
    expect(record.encoder.device).toBe('wasm');
    expect(record.encoder.notes.join(' ')).toMatch(/WebAssembly|WASM/);
  });

  it('takes files that are picked', async () => {
    expect(await driver.predictFile(join(root, 'public/samples/new-messages.csv'))).toContain('30');
  });

  it('labels a typed text', async () => {
    expect(record.data.classes).toContain(
      (await driver.typeText('My parcel has not arrived, where is it?')).trim(),
    );
  });

  it('gives the classifier to take away', async () => {
    const files = unzipSync(new Uint8Array((await driver.export('onnx')).bytes));
    const names = Object.keys(files).map((name) => name.replace(/^[^/]+\//, ''));
    expect(names).toEqual(expect.arrayContaining(['config.json', 'tokenizer.json']));
    expect(names.some((name) => name.endsWith('.onnx'))).toBe(true);
  });

  it('lets nothing out', async () => {
    const address = `${foreign.url}samples/support-inbox.csv`;
    const reached = await driver.page.evaluate(
      (url) =>
        fetch(url).then(
          () => 'reached',
          () => 'refused',
        ),
      address,
    );
    expect(reached).toBe('refused');
    expect(foreign.requests).toEqual([]);
    // From outside the page it can be reached: otherwise the refusal would say nothing.
    expect((await fetch(address)).ok).toBe(true);
    await driver.click('egress-line');
    expect(await driver.text('egress-line')).toContain('Enforced');
  });
});
