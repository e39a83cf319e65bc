/**
 * Precisions in the page: compared on the person's texts, told in a sentence and a table, taken with one button; and
 * nothing of it breaks axe-core's rules, on a desk and on a phone.
 */
import { expect, test } from 'vitest';
import { look, PageScene } from '../helpers/page-scene';
import { tinyModelFiles } from '../helpers/tiny-model';

const scene = PageScene.ofThisFile('precision');
const TABLE = '[data-testid="precisions"] table';

test('an encoder in four precisions, on the sample', async () => {
  const { driver, complaints } = await scene.device();
  const { page } = driver;
  await driver.trySample();
  await driver.addEncoder(...(await scene.folder('tiny', tinyModelFiles({ hidden: 64 }))));
  await (await page.waitForSelector('summary ::-p-text(device and precision)'))?.click();
  await driver.chooseDevice('wasm');
  await driver.click('precisions-button');
  await page.waitForSelector(TABLE, { timeout: 120_000 });
  expect(await driver.text('precisions-advice')).toMatch(/^(Take|Keep) /);
  const rows = await page.$$eval(`${TABLE} tbody tr`, (found) =>
    found.map((row) => [...row.querySelectorAll('th, td')].map((cell) => cell.textContent.trim())),
  );
  expect(rows.map(([name]) => name?.split(/\s/)[0])).toEqual(['fp32', 'fp16', 'q8', 'q4']);
  // Less memory each time, and a cosine to the first of all but itself.
  expect(rows.map((row) => row[2])).toEqual(['–', ...rows.slice(1).map((row) => row[2])]);
  for (const [, , cosine] of rows.slice(1))
    expect(Number.parseFloat(cosine ?? '')).toBeGreaterThan(0.5);
  expect(await look(page, 'precisions', { within: '[data-testid="precisions"]' })).toEqual([]);

  await (await page.waitForSelector(`${TABLE} tbody tr:last-child button`))?.click();
  await page.waitForFunction(
    () =>
      document.querySelectorAll('input[name="encoder"]:checked').length === 1 &&
      document.body.textContent.includes('4-bit weights'),
  );
  // The comparison stays: it is of the same files.
  expect(await page.$eval(`${TABLE} tbody tr:last-child`, (row) => row.textContent)).toContain(
    'chosen',
  );
  // The page tries an address that its own policy forbids, to see that it holds.
  expect(complaints.filter((line) => !line.includes('Content Security Policy'))).toEqual([]);
});
