/**
 * Texts that teach most, labelled one after another by keyboard alone: each is saved and learned from at once, one is
 * taken back, one skipped; a curve on random texts; all of it there after a reload.
 */
import { expect, it } from 'vitest';
import { look, PageScene } from '../helpers/page-scene';

const INSTANT = 'headlight-instant-en';
const scene = PageScene.ofThisFile('active');

/** The page asks its own policy whether it holds; Chromium says so aloud. */
const isOurs = (line: string): boolean => !/data:,probe|cannot load data:/.test(line);

const SPORTS = ['The team won the football match', 'A goal in the last minute of the game'];
const COOKING = ['Stir the soup and add some salt', 'Bake the cake in the oven for an hour'];

/** 80 texts, every other one of sports, none with a label. */
function texts(): string {
  const rows = Array.from(
    { length: 80 },
    (_, i) => `${(i % 2 === 0 ? SPORTS : COOKING)[(i >> 1) % 2] ?? ''} number ${i}`,
  );
  return ['message', ...rows].join('\n');
}

it('labels ten texts by keyboard alone', async () => {
  const { context, driver, complaints } = await scene.device();
  const { page } = driver;
  const shown = (id: string, what: string): Promise<unknown> =>
    page.waitForFunction(
      (at, wanted) =>
        document
          .querySelector(`[data-testid="${at}"]`)
          ?.textContent.replace(/\s+/g, ' ')
          .includes(wanted) === true,
      {},
      id,
      what,
    );
  const panel = '[data-testid="active-panel"]';
  const text = () => page.$eval(`${panel} [data-testid="pad-text"]`, (one) => one.textContent);
  /** The keyboard is at the text that is shown, and it can be labelled. */
  const ready = () =>
    page.waitForFunction(
      (at) =>
        document.activeElement?.closest(at) !== null &&
        document.activeElement?.hasAttribute('data-pad') === true &&
        document.querySelector(`${at} [data-testid="pick-class"]:enabled`) !== null,
      {},
      panel,
    );
  const keyOf = (said: string): '1' | '2' => (/match|game/.test(said) ? '1' : '2');

  await driver.dropFiles(await scene.file('messages.csv', texts()));
  await driver.click('make-labels');
  for (const name of ['sports', 'cooking']) {
    await driver.type('new-class', name);
    await driver.press('add-class');
  }
  await driver.chooseEncoder(INSTANT);
  await driver.chooseDevice('wasm');

  // From the button on, no mouse.
  await driver.see('active-start');
  await page.focus('[data-testid="active-start"]');
  await page.keyboard.press('Enter');
  await driver.see('active-why');
  expect(await driver.text('active-why')).toContain('a good one to begin with');
  expect(await driver.text('active-advice')).toContain('Label 50 random texts');
  const seen = new Set<string>();
  for (let count = 1; count <= 10; count++) {
    await ready();
    const said = await text();
    expect(seen).not.toContain(said);
    seen.add(said);
    await page.keyboard.press(keyOf(said));
    await shown('active-counts', `${count} label${count === 1 ? '' : 's'} to learn from`);
  }
  expect(await driver.text('active-why')).toMatch(/The probe is unsure: “\w+” \d+\s%/);

  // One is taken back and comes again; one is skipped.
  await ready();
  await page.keyboard.press('u');
  await shown('active-counts', '9 labels to learn from');
  await ready();
  const again = await text();
  expect(seen).toContain(again);
  await page.keyboard.press(keyOf(again));
  await shown('active-counts', '10 labels to learn from');
  await ready();
  const skipped = await text();
  await page.keyboard.press('s');
  await page.waitForFunction(
    (at, before) =>
      document.querySelector(`${at} [data-testid="pad-text"]`)?.textContent !== before,
    {},
    panel,
    skipped,
  );
  expect(await driver.text('active-counts')).toContain('69 of 80 texts left');

  // Random texts to measure by, and the curve is there.
  await driver.click('active-measure');
  for (let count = 1; count <= 6; count++) {
    const random = '[data-testid="random-panel"]';
    await page.waitForSelector(`${random} [data-testid="pick-class"]:enabled`);
    const said = await page.$eval(`${random} [data-testid="pad-text"]`, (one) => one.textContent);
    await page.focus(`${random} [data-pad]`);
    await page.keyboard.press(keyOf(said));
    await shown('random-progress', `${count} of 50`);
  }
  await driver.click('random-stop');
  await shown('active-curve', 'Right on 6 held-out texts');
  expect(await driver.text('active-advice')).toContain('Too early');
  expect(await look(page, 'active', { within: panel })).toEqual([]);

  // After a reload it goes on where it was.
  await page.reload();
  await driver.chooseEncoder(INSTANT);
  await driver.chooseDevice('wasm');
  await driver.unfold('labels');
  await driver.click('active-start');
  await shown('active-counts', '10 labels to learn from');
  await shown('active-curve', 'Right on 6 held-out texts');
  expect(complaints.filter(isOurs)).toEqual([]);
  await context.close();
});
