/**
 * The map of the texts and mending through the real page, in Chromium, on the sample: a text under the pointer and by
 * arrow keys, its table, both pictures saved, a label mended from the map and another from the mistakes, trained again,
 * still there after a reload, undone.
 */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Page } from 'puppeteer-core';
import { look, PageScene } from '../helpers/page-scene';

const SAMPLE = join(import.meta.dirname, '../../public/samples/support-inbox.csv');
const INSTANT = 'headlight-instant-en';
const scene = PageScene.ofThisFile('map');

/** Where on the screen a text stands that was predicted wrong: the middle of a cross. */
async function aWrongOne(page: Page): Promise<{ x: number; y: number }> {
  return page.evaluate(() => {
    const picture = document.querySelector('[data-testid="text-map-picture"] svg');
    const crosses = picture?.querySelector('path[stroke="var(--bad)"]')?.getAttribute('d') ?? '';
    const [, left, top] = /^M([\d.]+) ([\d.]+)/.exec(crosses) ?? [];
    const box = picture?.getBoundingClientRect();
    if (box === undefined || left === undefined) throw new Error('nothing is wrong on the map');
    return { x: box.left + Number(left) + 3.5, y: box.top + Number(top) + 3.5 };
  });
}

/** Chooses another label than the row has, in the open form. @returns its name. */
async function mendTo(page: Page): Promise<string> {
  const name = await page.$eval(
    '[data-testid="mend"] form input[type="radio"]:not(:checked)',
    (input) => {
      input.click();
      return input.value;
    },
  );
  await page.waitForSelector('[data-testid="mend-save"]:not(:disabled)');
  await page.click('[data-testid="mend-save"]');
  await page.waitForSelector('[data-testid="mended"]');
  // Where it was opened from.
  await page.waitForFunction(
    () => document.activeElement?.getAttribute('data-testid') === 'mend-button',
  );
  return name;
}

it('shows the text under the pointer; a label is mended there, kept, trained on, undone', async () => {
  const { context, driver, complaints } = await scene.device();
  const { page } = driver;
  await driver.dropFiles(SAMPLE);
  await driver.chooseEncoder(INSTANT);
  await driver.chooseDevice('wasm');
  await driver.train();

  // Drawn when asked for; every text is on it.
  await driver.click('text-map-button');
  await driver.see('text-map-picture');
  const all = /All ([\d,]+) texts/.exec(await driver.text('text-map'))?.[1] ?? '';
  expect(await driver.text('text-map')).toContain(`${all} texts shown`);
  expect(await driver.text('text-map')).toMatch(/\d+ % are among its 10 nearest here too/);
  const dots = await page.$$eval('[data-testid="text-map-picture"] path', (paths) =>
    paths.reduce((sum, path) => sum + (path.getAttribute('d') ?? '').split('M').length - 1, 0),
  );
  expect(dots).toBe(Number(all.replace(',', '')));

  // Both files of it stand by themselves.
  await driver.click('text-map-svg');
  const svg = (await scene.saved('text-map.svg')).toString('utf8');
  expect(svg).toMatch(/^<\?xml version="1.0"/);
  expect(svg).not.toMatch(/var\(--|href=|light-dark/);
  await driver.click('text-map-png');
  expect((await scene.saved('text-map.png')).length).toBeGreaterThan(5000);

  // The text under the pointer, as its file has it.
  await page.select('[data-testid="text-map-colour"]', 'error');
  await page.select('[data-testid="text-map-part"]', 'test');
  await page.waitForSelector('path[stroke="var(--bad)"]');
  await (await driver.see('text-map-picture')).scrollIntoView();
  const place = await aWrongOne(page);
  await page.mouse.move(place.x, place.y);
  await driver.see('text-map-ring');
  const under = await driver.text('text-map-text');
  expect(under).toContain('wrongly predicted');
  expect(under).toMatch(/A test text · support-inbox\.csv, line \d+/);
  await page.mouse.move(2, 2);
  await page.waitForSelector('[data-testid="text-map-ring"]', { hidden: true });

  // A click stays there and opens mending.
  await page.mouse.click(place.x, place.y);
  const name = await mendTo(page);
  expect(await driver.text('text-map-text')).toContain(`Mended to “${name}”.`);
  expect(await driver.text('mended-labels')).toMatch(/1 label is mended.*1 label of the test part/);

  // Arrow keys go to another text; Enter mends; Escape leaves it.
  const before = await driver.text('text-map-text');
  await (await driver.see('text-map-picture')).focus();
  const gone: string[] = [];
  for (const arrow of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp'] as const) {
    await page.keyboard.press(arrow);
    gone.push(await driver.text('text-map-text'));
  }
  expect(new Set([before, ...gone]).size).toBeGreaterThan(2);
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-testid="mend"] form');
  expect(
    await page.evaluate(() => document.activeElement?.closest('[data-testid="mend"]') !== null),
  ).toBe(true);
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-testid="mend"] form', { hidden: true });

  // The table says the same, wrong ones first.
  await driver.click('text-map-as-table');
  expect(await driver.text('text-map-table')).toMatch(/Labelled.*Predicted.*test/);
  expect(await page.$$eval('[data-testid="text-map-table"] tbody tr', (rows) => rows.length)).toBe(
    15,
  );
  await driver.click('text-map-as-picture');
  expect(await look(page, 'map', { within: '[data-testid="text-map"]' })).toEqual([]);

  // Another one from the list of mistakes.
  await driver.click('full-report-button');
  await driver.see('mistakes');
  await page.waitForSelector('[data-testid="mistakes"] [data-testid="mend-button"]');
  const unmended = await page.$$('[data-testid="mistakes"] li:not(:has([data-testid="mended"]))');
  await (await unmended[0]?.$('[data-testid="mend-button"]'))?.click();
  await page.waitForSelector('[data-testid="mistakes"] form');
  await mendTo(page);
  await page.waitForFunction(() =>
    document.querySelector('[data-testid="mended-labels"]')?.textContent.includes('2 labels are'),
  );

  // Kept over a reload; then trained on, with the same settings.
  await page.reload();
  await driver.see('mended-labels');
  expect(await driver.text('mended-labels')).toContain('2 labels are mended');
  const runs = (): Promise<number> =>
    page.$$eval('[data-testid="runs"] tbody tr', (rows) => rows.length);
  const had = await page
    .$$eval('[data-testid="runs"] tbody tr', (rows) => rows.length)
    .catch(() => 1);
  await driver.click('retrain-button');
  await page.waitForFunction(() =>
    document
      .querySelector('[data-testid="mended-labels"]')
      ?.textContent.includes('made with 2 labels mended by hand'),
  );
  await driver.waitForReport();
  expect(await runs()).toBe(had + 1);
  expect(await driver.text('mended-labels')).toContain('2 of them are in the test part');

  // Undone: the run that has them is of other labels now.
  await driver.click('undo-mending');
  await page.waitForFunction(() =>
    document.querySelector('[data-testid="mended-labels"]')?.textContent.includes('are undone'),
  );
  // The hidden-layer probe, without baselines, from the same page.
  await driver.unfold('train');
  await (await page.waitForSelector('details ::-p-text(Details)'))?.click();
  await driver.click('head-mlp');
  const hidden = await driver.see('mlp-hidden');
  await hidden.click({ count: 3 });
  await hidden.type('16');
  await page.keyboard.press('Tab');
  await (await page.waitForSelector('label ::-p-text(Compare with simpler methods)'))?.click();
  expect(await look(page, 'head', { within: '#step-train' })).toEqual([]);
  await driver.train();
  await page.waitForFunction(
    () => document.querySelector('[data-testid="mended-labels"]') === null,
  );
  expect(await driver.testAccuracy()).toBeGreaterThan(0.3);
  expect(
    complaints.filter((line) => !/data:,probe|Fetch API cannot load data:/.test(line)),
  ).toEqual([]);
  await context.close();
});
