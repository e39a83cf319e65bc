/**
 * The page for everyone: every step, on a wide and a narrow screen, light and dark, passes an automated
 * accessibility check, never scrolls sideways, and works by keyboard alone. Over an engine in memory.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'puppeteer-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium } from '../helpers/browser';
import { serveFolder, type StaticServer } from '../helpers/static-server';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
let folder: string;
let server: StaticServer;
let browser: Browser;
let axe: string;

beforeAll(async () => {
  axe = await readFile(AXE, 'utf8');
  folder = await mkdtemp(join(tmpdir(), 'headlight-page-'));
  const { NODE_ENV } = process.env;
  await build({
    configFile: join(import.meta.dirname, 'page/vite.config.ts'),
    logLevel: 'error',
    mode: 'production',
    build: { outDir: folder, emptyOutDir: true },
  });
  process.env['NODE_ENV'] = NODE_ENV; // the build makes it `production`
  server = await serveFolder(folder, { headers: securityHeaders(null) });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser.close();
  await server.close();
  await rm(folder, { recursive: true });
});

async function open(query = '', width = 1280, scheme = 'light'): Promise<Page> {
  const page = await browser.newPage();
  await page.setBypassCSP(true); // for the checker's own script, which is put into the page
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([
    { name: 'prefers-color-scheme', value: scheme },
    { name: 'prefers-reduced-motion', value: 'reduce' },
  ]);
  await page.goto(`${server.url}${query}`);
  await see(page, 'drop-zone');
  return page;
}

async function see(page: Page, id: string) {
  const element = await page.waitForSelector(`[data-testid="${id}"]`, { timeout: 120_000 });
  if (element === null) throw new Error(`no ${id}`);
  return element;
}

async function press(page: Page, id: string): Promise<void> {
  await see(page, id);
  await page.$eval(`[data-testid="${id}"]`, (element) => (element as HTMLElement).click());
}

/** What the checker finds, as lines that say what and where; and how far the page is too wide. */
async function faults(page: Page, within = 'html'): Promise<string[]> {
  await page.evaluate(axe);
  const found = await page.evaluate(async (at) => {
    const checker = globalThis as unknown as {
      axe: { run(at: string, how: object): Promise<AxeResults> };
    };
    const { violations } = await checker.axe.run(at, { resultTypes: ['violations'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200) ?? ''}`);
  }, within);
  const tooWide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  return tooWide > 0 ? [...found, `${tooWide} pixels too wide`] : found;
}

async function unfoldAll(page: Page): Promise<void> {
  await page.$$eval('details', (all) => {
    for (const one of all) one.open = true;
  });
}

async function unfoldStep(page: Page, step: string): Promise<void> {
  const button = await see(page, `step-${step}`);
  const open = await button.evaluate((element) => element.getAttribute('aria-expanded'));
  if (open !== 'true') await press(page, `step-${step}`);
}

function isChecked(element: Element): boolean {
  return (element as HTMLInputElement).checked;
}

async function trained(page: Page): Promise<void> {
  await page.waitForFunction(
    () =>
      document.querySelectorAll('[data-testid=runs] tbody tr').length === 2 &&
      document.querySelector('[data-testid=stop-button]') === null,
    { timeout: 120_000 },
  );
}

describe('companions are accessible', () => {
  for (const [width, scheme, query] of [
    [1280, 'light', '?companion=two'],
    [360, 'dark', '?companion=lost'],
  ] as const) {
    it(`${width} pixels wide, ${scheme}, ${query.slice('?companion='.length)}`, async () => {
      const page = await open(query, width, scheme);
      await press(page, 'companions-button');
      await see(page, query.endsWith('two') ? 'companion-job' : 'companion');
      expect(await faults(page), 'the companions and their jobs').toEqual([]);
      await page.keyboard.press('Escape');
      await press(page, 'sample-button');
      await see(page, 'train-button');
      // By keyboard: one stop for all places, arrows choose.
      await page.focus('#step-train [data-testid="place-here"]');
      await page.keyboard.press('ArrowDown');
      await see(page, query.endsWith('two') ? 'sending' : 'place-lost');
      expect(await faults(page), 'where work runs').toEqual([]);
      // What would be sent is not known, so nothing can begin.
      const canTrain = await page.$('[data-testid="train-button"]:enabled');
      expect(canTrain !== null).toBe(query.endsWith('two'));
      if (canTrain !== null) {
        // One that is damaged is listed with the others, but nothing can run there.
        expect((await page.$$('#step-train [data-testid="place-companion"]')).length).toBe(2);
      }
      await page.close();
    });
  }
});

describe('every step is accessible', () => {
  for (const [width, scheme, query] of [
    // With few classes, and in the other colours: accessibility.test.ts, over the real engine.
    [1280, 'dark', '?delay=20&classes=77'],
    [360, 'light', '?delay=20&classes=77&evicted'],
  ] as const) {
    it(`${width} pixels wide, ${scheme}, 77 classes`, async () => {
      const page = await open(query, width, scheme);
      expect(await faults(page), 'start').toEqual([]);

      await press(page, 'sample-button');
      await see(page, 'train-button');
      await unfoldAll(page);
      expect(await faults(page), 'data, encoder, train').toEqual([]);

      await press(page, 'train-button');
      await see(page, 'progress');
      expect(await faults(page), 'while training').toEqual([]);

      await trained(page);
      await press(page, 'confusion-cell-0-1');
      await see(page, 'rows');
      await (await see(page, 'try-text')).type('Where is my parcel?');
      await page.waitForSelector('[data-testid=prediction][data-state=ready]');
      await unfoldAll(page);
      expect(await faults(page), 'report and use').toEqual([]);

      for (const title of ['Settings', 'New project']) {
        await page.$$eval(
          'header nav button',
          (buttons, index) => buttons[index]?.click(),
          title === 'Settings' ? 1 : 0,
        );
        await page.waitForSelector('dialog[open]');
        // What is behind it cannot be reached, and has been looked at.
        expect(await faults(page, 'dialog[open]'), title).toEqual([]);
        await page.keyboard.press('Escape');
        await page.waitForFunction(() => document.querySelector('dialog[open]') === null);
      }
      await page.close();
    });
  }
});

/** Sets a field as typing and leaving it does. */
async function fill(page: Page, id: string, value: string): Promise<void> {
  await see(page, id);
  await page.$eval(
    `[data-testid="${id}"]`,
    (element, text) => {
      (element as HTMLInputElement).value = text;
      element.dispatchEvent(new Event('change', { bubbles: true }));
    },
    value,
  );
}

describe('fine-tuning is accessible', () => {
  for (const [width, scheme] of [
    [1280, 'light'],
    [360, 'dark'],
  ] as const) {
    it(`${width} pixels wide, ${scheme}: settings, estimate, curves, unfinished, report`, async () => {
      const page = await open('?delay=5&finetune=40&advice', width, scheme);
      await press(page, 'sample-button');
      await press(page, 'train-button');
      await see(page, 'advice');
      expect(await faults(page), 'advice').toEqual([]);

      await press(page, 'advice-finetune');
      await see(page, 'finetune-button');
      await unfoldAll(page);
      await see(page, 'finetune-settings');
      await fill(page, 'setting-method', 'lora');
      await fill(page, 'setting-learning_rate', 'fast');
      await page.waitForSelector('[aria-invalid=true]');
      expect(await faults(page), 'settings, one of them wrong').toEqual([]);

      await press(page, 'preset-quick');
      await press(page, 'finetune-button');
      await see(page, 'estimate');
      expect(await faults(page), 'estimate').toEqual([]);

      await press(page, 'finetune-button');
      await page.waitForSelector('[data-testid=stop-and-keep-button]:not(:disabled)');
      expect(await faults(page), 'while it learns').toEqual([]);

      await press(page, 'pause-button');
      await see(page, 'unfinished');
      await unfoldAll(page);
      expect(await faults(page), 'unfinished').toEqual([]);

      // Other settings: said which, before anything is lost, and one press goes back and on.
      await unfoldStep(page, 'encoder');
      await press(page, 'encoder-instant');
      const said = await (
        await see(page, 'other-settings')
      ).evaluate(({ textContent }) => textContent);
      expect(said).toMatch(/Encoder: begun with\s+all-MiniLM-L6-v2, now\s+instant/);
      expect(await faults(page), 'unfinished, of other settings').toEqual([]);

      await press(page, 'resume-button');
      await see(page, 'finetune-progress');
      await unfoldStep(page, 'encoder');
      expect(await page.$eval('[data-testid="encoder-instant"]', isChecked)).toBe(false);
      await see(page, 'finetune-button');
      await see(page, 'verdict');
      await unfoldAll(page);
      expect(await faults(page), 'report beside the probe').toEqual([]);
      await page.close();
    });
  }
});

describe('labelled words are accessible', () => {
  it('data, report and a typed text', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headlight-words-'));
    try {
      const path = join(folder, 'people.conll');
      const sentence = 'Ada B-PER\nLovelace I-PER\nlived O\nin O\nLondon B-LOC\n. O\n';
      await writeFile(path, Array.from({ length: 30 }, () => sentence).join('\n'));
      for (const [width, scheme] of [
        [1280, 'dark'],
        [360, 'light'],
      ] as const) {
        const page = await open('?delay=5', width, scheme);
        const input = await page.$('input[data-testid="file-input"]');
        await input?.uploadFile(path);
        await see(page, 'tagging');
        await see(page, 'only-finetune');
        expect(await faults(page), 'data').toEqual([]);
        await press(page, 'finetune-button');
        await see(page, 'entity-table');
        await page.waitForSelector('[data-testid=sentences] mark.right');
        await (await see(page, 'try-text')).type('Ada Lovelace lived here');
        await page.waitForSelector('[data-testid=prediction] mark');
        expect(await faults(page), 'report and use').toEqual([]);
        await page.close();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('by keyboard alone', () => {
  it('from the sample to the rows of a cell of the confusion matrix', async () => {
    const page = await open();
    const focusedId = () =>
      page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset['testid'] ?? '');
    const tabTo = async (id: string): Promise<void> => {
      for (let presses = 0; presses < 120; presses++) {
        if ((await focusedId()) === id) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`Tab does not reach ${id}`);
    };
    await tabTo('sample-button');
    await page.keyboard.press('Enter');
    await see(page, 'train-button');
    await tabTo('train-button');
    await page.keyboard.press('Enter');
    await trained(page);
    await tabTo('confusion-cell-0-0');
    await page.keyboard.press('ArrowRight');
    expect(await focusedId()).toBe('confusion-cell-0-1');
    await page.keyboard.press('Enter');
    await see(page, 'rows');
    await page.close();
  });
});

describe('a long piece of work', () => {
  it('is stopped by its button, and the page says that training goes on from there', async () => {
    const page = await open('?delay=60');
    await press(page, 'sample-button');
    await press(page, 'train-button');
    await press(page, 'stop-button');
    await see(page, 'train-button');
    const said = await page.$eval('#step-train', (step) => step.textContent);
    expect(said).toContain('training goes on from there');
    expect(await page.$('[data-testid=error]')).toBeNull();
    await page.close();
  });
});
