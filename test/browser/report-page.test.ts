/**
 * The report in depth through the real page, in Chromium, on a two-class version of the sample: pictures and
 * their tables, what is saved of them, the threshold by keyboard, the surest mistakes, words left out, studies.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Papa from 'papaparse';
import { expect, it } from 'vitest';
import { look, PageScene } from '../helpers/page-scene';

const root = join(import.meta.dirname, '../..');
const INSTANT = 'headlight-instant-en';
const scene = PageScene.ofThisFile('report');

/** Deliveries against everything else. */
async function twoClasses(): Promise<string> {
  const text = await readFile(join(root, 'public/samples/support-inbox.csv'), 'utf8');
  const { data } = Papa.parse<{ message: string; topic: string }>(text, {
    header: true,
    skipEmptyLines: true,
  });
  const rows = data.map(({ message, topic }) => ({
    message,
    topic: topic === 'delivery' ? 'delivery' : 'another',
  }));
  return scene.file('two-classes.csv', Papa.unparse(rows));
}

const cells = (text: string): number => Number(text.replace(/[^\d.]/g, ''));

it('shows, saves and explains', async () => {
  const { context, driver, complaints } = await scene.device();
  const { page } = driver;
  await driver.dropFiles(await twoClasses());
  await driver.chooseEncoder(INSTANT);
  await driver.chooseDevice('wasm');
  await driver.train();

  await driver.click('full-report-button');
  await driver.see('report-figures');
  // The same accuracy as at the top of the report.
  const accuracy = await page.$eval('[data-figure="accuracy"] td', (cell) => cell.textContent);
  const top = cells(await driver.text('test-accuracy'));
  expect(Math.abs(100 * Number(accuracy.trim()) - top)).toBeLessThan(0.06);
  expect(await driver.text('report-figures')).toContain('bootstrap, BCa');
  expect(await driver.text('gap')).toContain('on the test texts');

  // A picture, its table by keyboard, and both files of it.
  await page.waitForSelector('[data-testid="picture-roc-curve"] svg[role="img"][aria-label]');
  await page.waitForSelector('[data-testid="picture-reliability"] svg circle');
  const toTable = await driver.see('roc-curve-as-table');
  await toTable.focus();
  await page.keyboard.press('Enter');
  await driver.see('roc-curve-table');
  expect(
    await page.$$eval('[data-testid="roc-curve-table"] tbody tr', (all) => all.length),
  ).toBeGreaterThan(2);
  await driver.click('roc-curve-as-picture');
  await page.waitForSelector('[data-testid="roc-curve-svg"]:not(:disabled)');
  await page.waitForSelector('[data-testid="picture-roc-curve"] .frame svg');
  await driver.click('roc-curve-svg');
  const svg = (await scene.saved('roc-curve.svg')).toString('utf8');
  expect(svg).toMatch(/^<\?xml version="1.0"/);
  expect(svg).toContain('xmlns="http://www.w3.org/2000/svg"');
  // It stands by itself: no variable of the page, nothing to load.
  expect(svg).not.toMatch(/var\(--|href=|<style|currentColor"/);
  await driver.click('roc-curve-png');
  const png = await scene.saved('roc-curve.png');
  expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const width = await page.$eval('[data-testid="picture-roc-curve"] .frame svg', (one) =>
    Number(one.getAttribute('width')),
  );
  expect(png.readUInt32BE(16)).toBe(2 * width);
  // Not one flat colour: the file would be tiny.
  expect(png.length).toBeGreaterThan(5000);

  // The threshold, by keyboard: missing one costs ten.
  const missed = await driver.see('cost-false-negative');
  await missed.click({ count: 3 });
  await missed.type('10');
  const before = await driver.text('threshold-counts');
  const slider = await driver.see('threshold-slider');
  await slider.focus();
  for (let press = 0; press < 30; press++) await page.keyboard.press('ArrowLeft');
  expect(await driver.text('threshold-value')).toBe('0.20');
  const counts = await page.$$eval('[data-testid="threshold-counts"] dd', (all) =>
    all.map((one) => one.textContent),
  );
  const [found, lost, wrongly, left] = counts.map(cells);
  expect(await driver.text('threshold-counts')).not.toBe(before);
  expect(cells(await driver.text('threshold-cost'))).toBe((wrongly ?? 0) + 10 * (lost ?? 0));
  const rows = /from ([\d,]+) texts/.exec(await driver.text('report'))?.[1] ?? '';
  expect((found ?? 0) + (lost ?? 0) + (wrongly ?? 0) + (left ?? 0)).toBe(cells(rows));
  await driver.click('threshold-cheapest');
  expect(cells(await driver.text('threshold-cost'))).toBeLessThanOrEqual(
    (wrongly ?? 0) + 10 * (lost ?? 0),
  );

  // The surest mistakes say where they stand, and which words mattered.
  expect(await driver.text('mistakes')).toMatch(/two-classes\.csv, line \d+/);
  await driver.click('explain-row');
  await page.waitForSelector('[data-testid="word-hint"] ol li');
  expect(await driver.text('word-hint')).toContain('a hint');

  // Studies on the kept embeddings.
  await driver.click('repeats-button');
  await driver.see('repeats-summary');
  expect(await page.$$eval('[data-testid="repeats"] tbody tr', (all) => all.length)).toBe(5);
  await driver.click('learning-curve-button');
  await driver.see('picture-learning-curve');
  await page.waitForSelector('[data-testid="picture-learning-curve"] svg circle');

  // Light and dark, desk and phone: nothing wider than the window, axe content.
  const drawnAnew = (): Promise<unknown> =>
    page.waitForFunction(() => {
      const one = document.querySelector('[data-testid="picture-roc-curve"] .frame svg');
      const frame = one?.closest('.frame');
      return (
        one !== null &&
        Math.abs(Number(one.getAttribute('width')) - Math.min(560, frame?.clientWidth ?? 0)) < 1
      );
    });
  expect(
    await look(page, 'full', { within: '[data-testid="full-report"]', settled: drawnAnew }),
  ).toEqual([]);

  // A typed text has its hint too.
  await driver.unfold('use');
  const typed = await driver.see('try-text');
  await typed.type('My parcel has not arrived and the courier lost it');
  await page.waitForSelector('[data-testid="prediction"][data-state="ready"]');
  await driver.click('explain-button');
  await page.waitForFunction(
    () =>
      document.querySelectorAll('[data-testid="word-hint"]').length > 1 &&
      [...document.querySelectorAll('[data-testid="word-hint"]')].at(-1)?.querySelector('li') !==
        null,
  );
  // The page asks its own policy whether it holds; that is the one refusal it makes on purpose.
  expect(
    complaints.filter((line) => !/data:,probe|Fetch API cannot load data:/.test(line)),
  ).toEqual([]);
  await context.close();
});
