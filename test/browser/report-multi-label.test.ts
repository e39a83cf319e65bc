/**
 * The report of several labels a text, in the real page in Chromium: the same shell as of one class, with micro-F1
 * and its interval, label by label, counts that open their texts, curves, thresholds, studies; two runs compared.
 */
import { expect, it } from 'vitest';
import type { PageDriver } from '../helpers/page-driver';
import { look, PageScene } from '../helpers/page-scene';

const INSTANT = 'headlight-instant-en';
const scene = PageScene.ofThisFile('report-multi-label');

const SAYINGS = {
  delivery: ['the parcel is late', 'my courier never came', 'the shipment got lost'],
  payment: ['my card was charged twice', 'the invoice is wrong', 'I want my money back'],
  quality: ['the screen is cracked', 'it broke after a day', 'the fabric has a hole'],
} as const;
const TOPICS = ['delivery', 'payment', 'quality'] as const;

/** Each text says something of one or two topics, or of none; every ninth label is wrong on purpose. */
function table(): string {
  const lines = ['text,delivery,payment,quality'];
  for (let row = 0; row < 240; row++) {
    const has = TOPICS.map((_, at) => ((row >> at) & 1) === 1);
    const parts = TOPICS.flatMap((topic, at) =>
      has[at] === true ? [SAYINGS[topic][(row + at) % 3] ?? ''] : [],
    );
    const flipped = row % 9 === 0 ? row % 3 : -1;
    const labels = has.map((one, at) => (one !== (at === flipped) ? 1 : 0));
    lines.push(
      `order ${row * 7}: ${parts.join(' and ') || 'thank you for all'},${labels.join(',')}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

const number = (text: string): number => Number(text.replace(/[^\d.]/g, ''));

/** The cells of a table's row, by its test id and the name of the row. */
async function row({ page }: PageDriver, id: string, name: string): Promise<string[]> {
  return page.$$eval(
    `[data-testid="${id}"] tbody tr`,
    (rows, wanted) =>
      rows
        .filter((one) => one.querySelector('th')?.textContent.includes(wanted) === true)
        .flatMap((one) => [...one.querySelectorAll('td')].map((cell) => cell.textContent.trim())),
    name,
  );
}

it('says of several labels what it says of one class', async () => {
  const { context, driver, complaints } = await scene.device();
  const { page } = driver;
  await driver.dropFiles(await scene.file('topics.csv', table()));
  await driver.chooseEncoder(INSTANT);
  await driver.chooseDevice('wasm');
  await driver.train();

  // The headline, its interval around it, and what it is held against.
  const micro = number(await driver.text('micro-f1'));
  const said = await driver.text('report');
  const [, low, high] = /95 % interval ([\d.]+)–([\d.]+) \(bootstrap\)/.exec(said) ?? [];
  expect(Number(low)).toBeLessThan(micro);
  expect(Number(high)).toBeGreaterThanOrEqual(micro);
  // Without a validation part no threshold was tuned, and it says how one would be.
  expect(await driver.text('untuned')).toContain('validation part');
  const comparison = await driver.text('comparison');
  for (const name of ['Words alone', 'Nearest neighbours', 'Always “']) {
    expect(comparison).toContain(name);
  }
  expect(await driver.text('baseline-verdict')).toContain('test micro-F1');

  // Label by label: the counts are those behind precision and recall, and open as many texts.
  const [precision, recall] = (await row(driver, 'per-label', 'payment')).map(number);
  const counts = (await row(driver, 'label-counts', 'payment')).map(number);
  const [found = 0, missed = 0, wrongly = 0, left = 0] = counts;
  expect(found / (found + wrongly)).toBeCloseTo(precision ?? 0, 3);
  expect(found / (found + missed)).toBeCloseTo(recall ?? 0, 3);
  expect(found + missed + wrongly + left).toBe(48);
  await page.click('[data-testid="label-counts"] [aria-label^="payment, found"]');
  await page.waitForFunction(
    (all) => document.querySelector('[data-testid="rows"]')?.textContent.includes(`${all} texts`),
    {},
    found,
  );
  expect(await driver.text('rows')).toMatch(/labelled “payment”, given it/);
  // Sorting by a column that one class does not have.
  const sort = await page.waitForSelector('[data-testid="per-label"] ::-p-text(Threshold)');
  await sort?.click();
  await page.waitForSelector(
    '[data-testid="per-label"] th[aria-sort="ascending"] [title*="given"]',
  );

  // In depth.
  await driver.click('full-report-button');
  await driver.see('report-figures');
  const figure = await page.$eval('[data-figure="f1_micro"] td', (cell) => cell.textContent);
  expect(number(figure)).toBe(micro);
  for (const name of ['subset_accuracy', 'hamming_loss', 'roc_auc_macro', 'f1_samples']) {
    await page.waitForSelector(`[data-figure="${name}"]`);
  }
  expect(await driver.text('gap')).toMatch(/^Micro-F1 [\d.]+ on the training texts/);
  await page.waitForSelector('[data-testid="picture-roc-curve"] .frame svg');
  await driver.choose('curve-class', '2');
  await page.waitForFunction(() =>
    document
      .querySelector('[data-testid="picture-reliability"]')
      ?.textContent.includes('“quality”: below the dotted line'),
  );
  // The slider starts where the classifier draws its line, so its counts are those of the label.
  await driver.choose('threshold-class', '1');
  const shown = await page.$$eval('[data-testid="threshold-counts"] dd', (all) =>
    all.slice(0, 4).map((one) => Number(one.textContent)),
  );
  expect(shown).toEqual([found, missed, wrongly, left]);
  expect(await driver.text('mistakes')).toMatch(/Labelled .*; given .*topics\.csv, line \d+/);

  // Studies: random splits as many as are asked for, and the curve.
  await page.select('[data-testid="repeats-method"]', 'seeds');
  const splits = await driver.see('repeats-number');
  await splits.click({ count: 3 });
  await splits.type('3');
  await driver.click('repeats-button');
  await driver.see('repeats-summary');
  expect(await driver.text('repeats-summary')).toContain('mean of 3 random splits');
  expect(await page.$$eval('[data-testid="repeats"] tbody tr', (all) => all.length)).toBe(3);
  await driver.click('learning-curve-button');
  await page.waitForSelector('[data-testid="picture-learning-curve"] svg circle');

  // A second run, otherwise fitted: any two are compared on the same texts, in the order they are ticked.
  await driver.unfold('train');
  await (await page.waitForSelector('::-p-text(Details)'))?.click();
  await (await page.waitForSelector('label ::-p-text(Standardise each number)'))?.click();
  await driver.train();
  await page.waitForFunction(
    () => document.querySelectorAll('[data-testid="runs"] tbody tr').length === 2,
  );
  const boxes = await page.$$('[data-testid="runs"] input[type="checkbox"]');
  for (const box of boxes) {
    await box.focus();
    await page.keyboard.press('Space');
  }
  await page.waitForSelector('[data-testid="pair"] [data-testid="verdict"]');
  const pair = await driver.text('pair');
  expect(pair).toMatch(/the (first|second)/i);
  expect(pair).toMatch(/p [=<] 0|p = 1/);
  expect(pair).toContain('on 48 test texts. Paired bootstrap of 5,000 draws');
  expect(pair).toContain('McNemar’s exact test');
  // By the keyboard alone they were ticked; by it they are sorted.
  const sortRuns = await page.waitForSelector('[data-testid="runs"] ::-p-text(Micro-F1)');
  await sortRuns?.press('Enter');
  const order = await page.$$eval('[data-testid="runs"] tbody tr', (all) =>
    all.map((one) => parseFloat(one.querySelector('td')?.textContent ?? '')),
  );
  expect(order).toEqual([...order].sort((a, b) => b - a));

  await (await page.waitForSelector('[data-testid="runs"] [title="Newest first"]'))?.click();

  // Light and dark, desk and phone: nothing wider than the window, axe content.
  expect(await look(page, 'several', { within: '[data-testid="report"]' })).toEqual([]);

  // Rows drawn anew: that run is compared with none of the former.
  await driver.unfold('data');
  const seed = await page.waitForSelector('#split-seed');
  await seed?.click({ count: 3 });
  await seed?.type('5');
  await page.keyboard.press('Tab');
  await page.waitForSelector('[data-testid="report"] ::-p-text(The data has been changed)');
  await driver.train();
  await page.waitForFunction(
    () => document.querySelectorAll('[data-testid="runs"] tbody tr').length === 3,
  );
  await (await page.waitForSelector('[data-testid="pair"] ::-p-text(Close)'))?.click();
  const [newest, ...former] = await page.$$('[data-testid="runs"] tbody tr');
  await newest?.$eval('input', (box) => {
    box.click();
  });
  for (const one of former) {
    expect(await one.evaluate((line) => line.textContent)).toContain(
      'other rows or labels, not comparable',
    );
    expect(await one.$eval('input', (box) => box.disabled)).toBe(true);
  }
  expect(await driver.text('tick-hint')).toBe(
    'No other run was tested on the same rows with the same labels.',
  );
  expect(
    complaints.filter((line) => !/data:,probe|Fetch API cannot load data:/.test(line)),
  ).toEqual([]);
  await context.close();
});
