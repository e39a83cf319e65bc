/**
 * What every test of the page needs around it: a browser, the built page served with its real headers, a scratch
 * folder that downloads are saved to; all gone when the file's tests are over.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium, type LaunchSettings } from './browser';
import { PageDriver } from './page-driver';
import { serveFolder, type StaticServer } from './static-server';

const SAVED_WITHIN_MS = 60_000;
const WIDTHS = [1280, 390];
const SCHEMES = ['light', 'dark'] as const;
/** What the tests look at: both colours and both widths, each once. No colour of the page hangs on its width. */
const LOOKED_AT = ['light 1280', 'dark 390'];
/** The page that is served: the one that was built for the tests, or another that someone looks at. */
const DIST = process.env['HEADLIGHT_DIST'] ?? join(import.meta.dirname, '../../dist');
/** Where pictures of the page are left for a person to look at; not set in the tests. */
const LOOK = process.env['HEADLIGHT_LOOK'] ?? null;

/** A browser profile with nothing in it, as on another device. */
export interface Device {
  readonly context: BrowserContext;
  readonly driver: PageDriver;
  /** Console errors and uncaught ones so far. */
  readonly complaints: readonly string[];
}

export class PageScene {
  browser!: Browser;
  server!: StaticServer;
  scratch!: string;

  /** Registers its hooks with Vitest: call it at the top of a test file. */
  static ofThisFile(name: string, settings: LaunchSettings = {}): PageScene {
    const scene = new PageScene();
    beforeAll(async () => {
      scene.scratch = await mkdtemp(join(tmpdir(), `headlight-${name}-`));
      scene.server = await serveFolder(DIST, {
        headers: securityHeaders(null),
      });
      scene.browser = await launchChromium(settings);
    });
    afterAll(async () => {
      await scene.browser.close();
      await scene.server.close();
      await rm(scene.scratch, { recursive: true, force: true });
    });
    return scene;
  }

  /** The page open in a new profile. Downloads land in the scratch folder; axe is at hand in the page. */
  async device(width = 1280, height = 900): Promise<Device> {
    const context = await this.browser.createBrowserContext();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    await page.evaluateOnNewDocument(await readFile(axe, 'utf8'));
    await page.setViewport({ width, height });
    const client = await page.createCDPSession();
    await client.send('Browser.setDownloadBehavior', {
      behavior: 'allow',
      downloadPath: this.scratch,
      ...(context.id === undefined ? {} : { browserContextId: context.id }),
    });
    const driver = new PageDriver(page, this.server.url);
    await driver.open();
    return { context, driver, complaints };
  }

  /** @returns the path of a file that was written into the scratch folder; the name may have folders in it. */
  async file(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.scratch, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  }

  /** @returns the paths of files that were written into a folder of the scratch folder. */
  async folder(
    name: string,
    files: readonly { readonly name: string; readonly bytes: Uint8Array | string }[],
  ): Promise<string[]> {
    return Promise.all(files.map((file) => this.file(join(name, file.name), file.bytes)));
  }

  /** The bytes of a download, once it is there. @throws when it has not come within a minute. */
  async saved(name: string): Promise<Buffer> {
    const deadline = Date.now() + SAVED_WITHIN_MS;
    for (;;) {
      if ((await readdir(this.scratch)).includes(name)) {
        const bytes = await readFile(join(this.scratch, name));
        if (bytes.length > 0) return bytes;
      }
      if (Date.now() > deadline) throw new Error(`${name} was not saved`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Each rule of axe-core that is broken within a selector, as one line, with the first element that breaks it. */
export async function violations(page: Page, within = 'html'): Promise<string[]> {
  const results = await page.evaluate(
    (at) =>
      (
        window as unknown as { axe: { run: (at: string, how: object) => Promise<AxeResults> } }
      ).axe.run(at, { resultTypes: ['violations'] }),
    within,
  );
  // Something was looked at: an empty page breaks no rule.
  expect(results.passes.length).toBeGreaterThan(5);
  return results.violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html)[0] ?? ''}`,
  );
}

/**
 * What the page breaks in light on a desk and in dark on a phone: axe-core's rules, and being wider than the window. With
 * HEADLIGHT_LOOK set to a folder, all four of light and dark, desk and phone, and leaves a picture of each there.
 * @param settled resolves when the page has taken its new width.
 */
export async function look(
  page: Page,
  where: string,
  { within = 'html', settled }: { within?: string; settled?: () => Promise<unknown> } = {},
): Promise<string[]> {
  const found: string[] = [];
  for (const scheme of SCHEMES) {
    await page.emulateMediaFeatures([
      { name: 'prefers-color-scheme', value: scheme },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ]);
    for (const width of WIDTHS) {
      if (LOOK === null && !LOOKED_AT.includes(`${scheme} ${width}`)) continue;
      await page.setViewport({ width, height: 900 });
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
      await settled?.();
      for (const line of await violations(page, within)) {
        found.push(`${where}, ${scheme}, ${width} px: ${line}`);
      }
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (over > 0) found.push(`${where}, ${width} px: ${over} px wider than the window`);
      if (LOOK !== null) {
        await mkdir(LOOK, { recursive: true });
        const part = await page.$(within === 'html' ? 'body' : within);
        await part?.screenshot({ path: join(LOOK, `${where}-${scheme}-${width}.png`) });
      }
    }
  }
  await page.setViewport({ width: WIDTHS[0] ?? 1280, height: 900 });
  return found;
}
