/**
 * What the page costs its user: bytes of the first load, gzipped, and the longest stall of the main thread
 * during each job, driven through the screen in Chromium.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'puppeteer-core';
import { servePage } from '../../companion/serve';
import { launchChromium } from '../../test/helpers/browser';
import { PageDriver } from '../../test/helpers/page-driver';
import type { BenchResult, Cell } from '../report';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');

/** Records every gap between two turns of the event loop that is longer than it should be. */
async function watchStalls(page: Page): Promise<void> {
  await page.evaluate(() => {
    const state = { longest: 0, last: performance.now() };
    Object.assign(window, { stalls: state });
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const now = performance.now();
      state.longest = Math.max(state.longest, now - state.last);
      state.last = now;
      setTimeout(() => channel.port2.postMessage(0), 1);
    };
    channel.port2.postMessage(0);
  });
}

async function longestStall(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { stalls } = window as unknown as { stalls: { longest: number; last: number } };
    const { longest } = stalls;
    stalls.longest = 0;
    return longest;
  });
}

export async function bench(): Promise<BenchResult> {
  const server = await servePage({ folder: dist, port: 0 });
  const browser = await launchChromium();
  const loaded: string[] = [];
  const rows: Cell[][] = [];
  try {
    const page = await browser.newPage();
    page.on('response', (response) => loaded.push(new URL(response.url()).pathname));
    const driver = new PageDriver(page, server.address);
    await driver.open();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const firstLoad = [...new Set(loaded)];
    await watchStalls(page);
    const measure = async (what: string, action: () => Promise<unknown>): Promise<void> => {
      await longestStall(page);
      const started = performance.now();
      await action();
      rows.push([what, await longestStall(page), (performance.now() - started) / 1000]);
    };
    await measure('sample loaded and read', () => driver.trySample());
    await measure('train: instant encoder, then all-MiniLM-L6-v2', () => driver.train());
    await measure('a text typed', () => driver.typeText('Where is my parcel?'));
    await measure('a file of 30 rows predicted', () =>
      driver.predictFile(join(root, 'public/samples/new-messages.csv')),
    );
    await measure('classifier saved', () => driver.export('onnx'));
    const sizes = await Promise.all(
      firstLoad.map(async (path) => {
        const bytes = await readFile(join(dist, path === '/' ? 'index.html' : path));
        return { path, raw: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
      }),
    );
    const sum = (kind: RegExp): Cell[] => {
      const chosen = sizes.filter(({ path }) => kind.test(path));
      return [
        chosen.length,
        chosen.reduce((total, { raw }) => total + raw, 0) / 1024,
        chosen.reduce((total, { gzipped }) => total + gzipped, 0) / 1024,
      ];
    };
    return {
      name: 'page',
      tables: [
        {
          title: 'First load, before a model is chosen',
          method:
            'Every response of a fresh Chromium within two seconds of the page being ready; gzip level 9.',
          columns: ['', 'files', 'KiB', 'KiB gzipped'],
          rows: [
            ['JavaScript (page and workers)', ...sum(/\.m?js$/)],
            ['everything', ...sum(/./)],
          ],
        },
        {
          title: 'Longest stall of the main thread',
          method:
            'Longest gap between two turns of a message loop in the page while each job runs, in milliseconds; the jobs driven through the screen.',
          columns: ['job', 'ms', 'job took, s'],
          rows,
        },
      ],
    };
  } finally {
    await browser.close();
    await server.close();
  }
}
