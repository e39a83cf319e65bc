/**
 * The report as one HTML file, and on paper: saved in the real page, opened from the disk with nothing beside it,
 * with no text in it unless asked, and printed on A4 without what can only be pressed.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'puppeteer-core';
import { expect, it } from 'vitest';
import { look, PageScene } from '../helpers/page-scene';

const INSTANT = 'headlight-instant-en';
const LOOK = process.env['HEADLIGHT_LOOK'] ?? null;
const scene = PageScene.ofThisFile('report-file');

/** Rows that a simple classifier gets wrong now and then; a class has a name that HTML would swallow. */
function table(): string {
  const said = ['lovely day', 'broken lamp', 'red train'];
  const classes = ['<b>good</b> & "fine"', 'bad', 'travel 🚂'];
  const rows = Array.from({ length: 120 }, (_, row) => {
    const k = row % 3;
    const other = row % 7 === 0 ? (k + 1) % 3 : k;
    return `"a ${said[other] ?? ''} as Quentin told number ${row}","${(classes[k] ?? '').replaceAll('"', '""')}"`;
  });
  return `text,label\n${rows.join('\n')}\n`;
}

async function opened(html: Buffer): Promise<{ readonly page: Page; readonly reached: string[] }> {
  const path = join(scene.scratch, 'opened.html');
  await writeFile(path, html);
  const page = await scene.browser.newPage();
  const reached: string[] = [];
  const own = pathToFileURL(path).href;
  page.on('request', (request) => {
    if (request.url() !== own) reached.push(request.url());
  });
  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
  await page.evaluateOnNewDocument(await readFile(axe, 'utf8'));
  await page.goto(own);
  return { page, reached };
}

/** Pages of a PDF. */
const pagesOf = (pdf: Uint8Array): number =>
  [
    ...Buffer.from(pdf)
      .toString('latin1')
      .matchAll(/\/Type\s*\/Page\b/g),
  ].length;

it('saves, opens from the disk, and prints', async () => {
  const { context, driver, complaints } = await scene.device();
  const { page } = driver;
  await driver.dropFiles(await scene.file('notes.csv', table()));
  await driver.chooseEncoder(INSTANT);
  await driver.chooseDevice('wasm');
  await driver.train();
  const accuracy = (await driver.text('test-accuracy')).trim();

  await driver.click('report-save');
  const html = await scene.saved('notes-report.html');
  const text = html.toString('utf8');
  expect(text).not.toContain('Quentin');
  expect(text).toContain('holds none of the texts');
  expect(text).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|url\(|@import|\son\w+="/);
  const file = await opened(html);
  expect(file.reached).toEqual([]);
  const said = await file.page.$eval('body', (body) => body.innerText);
  for (const words of [
    accuracy,
    'ROC AUC',
    'Confusion matrix',
    'bootstrap, BCa',
    'TF-IDF',
    '<b>good</b> & "fine"',
    'travel 🚂',
    'notes.csv',
    '"headlight.recipe"',
  ]) {
    expect(said).toContain(words);
  }
  expect(await file.page.$$eval('figure svg path', (all) => all.length)).toBeGreaterThan(5);
  expect(await look(file.page, 'report-file')).toEqual([]);
  const pdf = await file.page.pdf({ preferCSSPageSize: true, printBackground: false });
  expect(pagesOf(pdf)).toBeGreaterThan(1);
  if (LOOK !== null) await writeFile(join(LOOK, 'report-file.pdf'), pdf);
  // On paper nothing is wider than the sheet: it would be cut off.
  await file.page.emulateMediaType('print');
  await file.page.setViewport({ width: 673, height: 1000 });
  expect(
    await file.page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
  ).toBeLessThanOrEqual(0);
  await file.page.close();

  // With texts only where they are asked for, and then it says so; the learning curve once it has been drawn.
  expect(text).not.toContain('Learning curve');
  // Saving has opened the report in depth, which the file is made of.
  await driver.see('report-figures');
  await driver.click('learning-curve-button');
  await driver.see('picture-learning-curve');
  await rm(join(scene.scratch, 'notes-report.html'));
  await page.click('[data-testid="report-file"] input[type="checkbox"]');
  await driver.click('report-save');
  const withTexts = (await scene.saved('notes-report.html')).toString('utf8');
  expect(withTexts).toContain('Quentin');
  expect(withTexts).toContain('holds some of the texts');
  expect(withTexts).toContain('Learning curve');

  // The page itself on paper: the report alone, its folds open, no control, nothing cut off.
  const printed = await page.pdf({ format: 'A4' });
  if (LOOK !== null) await writeFile(join(LOOK, 'page-report.pdf'), printed);
  await page.emulateMediaType('print');
  await page.setViewport({ width: 673, height: 1000 });
  await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  const paper = await page.evaluate(() => {
    const shown = (one: Element): boolean => (one as HTMLElement).offsetParent !== null;
    return {
      buttons: [...document.querySelectorAll('#step-report button.button')].filter(shown).length,
      inputs: [...document.querySelectorAll('input, select, textarea')].filter(shown).length,
      folded: document.querySelectorAll('#step-report details:not([open])').length,
      over: Math.max(0, document.documentElement.scrollWidth - innerWidth),
      cut: [...document.querySelectorAll('#step-report .scroll')].filter(
        (one) => shown(one) && one.scrollHeight > one.clientHeight + 2,
      ).length,
      others: ['data', 'encoder', 'train', 'use'].filter((step) => {
        const place = document.getElementById(`step-${step}`);
        return place !== null && shown(place);
      }),
    };
  });
  expect(paper).toEqual({ buttons: 0, inputs: 0, folded: 0, over: 0, cut: 0, others: [] });
  await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
  await page.emulateMediaType('screen');
  expect(
    await page.$$eval('#step-report details:not([open])', (all) => all.length),
  ).toBeGreaterThan(0);

  // The classifier as a file: its size is said first, and it opens from the disk.
  await page.setViewport({ width: 1280, height: 900 });
  await page.waitForFunction(() =>
    /about \d+\sMB/.test(
      document.getElementById('export-standalone_html-title')?.textContent ?? '',
    ),
  );
  const size = await page.$eval('#export-standalone_html-title', (place) => place.textContent);
  if (LOOK !== null) {
    const take = await page.$('section[aria-labelledby="keep-title"]');
    await take?.screenshot({ path: join(LOOK, 'take-away.png') });
  }
  const stated = Number(/about (\d+)\sMB/.exec(size)?.[1]);
  await driver.click('export-standalone_html');
  const classifier = await scene.saved('notes-classifier.html');
  expect(Math.abs(classifier.length / 1e6 / stated - 1)).toBeLessThan(0.15);
  const alone = await opened(classifier);
  await alone.page.type('[data-testid="try-text"]', 'a red train');
  await alone.page.waitForSelector('[data-testid="prediction"][data-state="ready"]');
  expect(
    await alone.page.$eval('[data-testid="prediction"] .best', (one) => one.textContent),
  ).toContain('travel 🚂');
  expect(alone.reached.filter((url) => !url.startsWith('blob:'))).toEqual([]);
  // The page tries once that its own policy holds.
  expect(complaints.filter((line) => !/data:,probe|cannot load data:/.test(line))).toEqual([]);
  await context.close();
});
