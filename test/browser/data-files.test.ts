/**
 * The files of a project through the real page, in Chromium: any table, pasted text, what each file is used for,
 * how it is read, what could not be read, files that make no sense, and a large one that is stopped.
 */
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import Papa from 'papaparse';
import type { Page } from 'puppeteer-core';
import { describe, expect, it } from 'vitest';
import type { PageDriver } from '../helpers/page-driver';
import { look, PageScene } from '../helpers/page-scene';

const fixtures = join(import.meta.dirname, '../fixtures/data');
const scene = PageScene.ofThisFile('data-files');

const SAID = {
  delivery: ['Das Paket ist nicht angekommen', 'Der Bote war schon wieder nicht da'],
  payment: ['Die Rechnung enthält Müller zweimal', 'Bitte überweisen Sie zurück'],
} as const;
/** Texts with umlauts, two classes, every text another. */
function rows(count: number, from = 0): { text: string; topic: string }[] {
  return Array.from({ length: count }, (_, at) => {
    const topic = at % 2 === 0 ? ('delivery' as const) : ('payment' as const);
    return { text: `${SAID[topic][at % 3 === 0 ? 0 : 1]}, Fall ${from + at}`, topic };
  });
}
const csv = (count: number, from = 0): string => `${Papa.unparse(rows(count, from))}\n`;

/** The cells of the open preview, row by row. */
const preview = (page: Page): Promise<string[][]> =>
  page.$$eval('[data-testid="file-preview"] tbody tr', (all) =>
    all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent.trim())),
  );

/** The message of the page, once there is one; then dismissed. */
async function refusal(driver: PageDriver): Promise<string> {
  await driver.page.waitForSelector('[data-testid="error"]');
  const said = await driver.text('error');
  await (await driver.page.$('[data-testid="error"] button'))?.click();
  await driver.page.waitForSelector('[data-testid="error"]', { hidden: true });
  return said;
}

describe('what can be given', () => {
  it('a workbook, a list of objects, a pasted table', async () => {
    const { context, driver } = await scene.device();
    const { page } = driver;
    expect(await driver.text('drop-zone')).toMatch(/Excel, JSON, Parquet/);

    await driver.dropFiles(join(fixtures, 'small.xlsx'));
    expect(await driver.text('file-facts')).toContain('an Excel workbook');

    await driver.newProject();
    await driver.dropFiles(await scene.file('inbox.json', JSON.stringify(rows(40))));
    expect(await driver.text('file-facts')).toMatch(/^40 rows · .*JSON/);

    // Cells of a spreadsheet, by the keys that everyone uses; nothing else has focus.
    await driver.newProject();
    await context.setPermission(new URL(page.url()).origin, {
      permission: { name: 'clipboard-write', allowWithoutSanitization: false },
      state: 'granted',
    });
    const cells = Papa.unparse(rows(30), { delimiter: '\t' });
    await page.evaluate((text) => navigator.clipboard.writeText(text), cells);
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.down('Control');
    await page.keyboard.press('KeyV');
    await page.keyboard.up('Control');
    await driver.see('label-column');
    expect(await driver.fileNames(1)).toEqual(['pasted.tsv']);
    expect(await driver.text('file-facts')).toMatch(/^30 rows · .*tab between cells/);
    expect((await preview(page))[0]).toEqual([rows(1)[0]?.text, 'delivery']);

    // The same by the field, without a mouse: a second paste is another file.
    await (await driver.see('paste-button')).focus();
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('TEXTAREA');
    await page.keyboard.down('Control');
    await page.keyboard.press('KeyV');
    await page.keyboard.up('Control');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await driver.fileNames(2)).toEqual(['pasted.tsv', 'pasted-2.tsv']);
    await context.close();
  });
});

describe('the files of a project', () => {
  it('have roles that say what they do, come and go', async () => {
    const { context, driver, complaints } = await scene.device();
    const { page } = driver;
    const paths = [
      await scene.file('first.csv', csv(60)),
      await scene.file('second.csv', csv(30, 100)),
      await scene.file('third.csv', csv(20, 200)),
    ];
    await driver.dropFiles(...paths);
    expect(await driver.fileNames(3)).toEqual(['first.csv', 'second.csv', 'third.csv']);

    // No choice of roles ends in a blind alley: each says what to do next.
    await driver.chooseRole('third.csv', 'validation');
    expect(await driver.text('data-problem')).toMatch(/No file is the test part.*third\.csv/);
    await driver.chooseRole('second.csv', 'test');
    expect(await driver.isThere('data-problem')).toBe(false);
    expect(await driver.text('files')).toMatch(/Only tested with/);
    await driver.chooseRole('first.csv', 'unused');
    expect(await driver.text('data-problem')).toMatch(/No file is the training part.*to train on/);
    await driver.chooseRole('first.csv', 'train');
    expect(await driver.isThere('data-problem')).toBe(false);
    expect(await look(page, 'files', { within: '[data-testid="files"]' })).toEqual([]);

    // Removed by keyboard, asked first; the test part is a share again.
    for (const name of ['third.csv', 'second.csv']) {
      await (await page.waitForSelector(`[aria-label="Remove ${name}"]:not(:disabled)`))?.focus();
      await page.keyboard.press('Enter');
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel');
      await page.keyboard.down('Shift');
      await page.keyboard.press('Tab');
      await page.keyboard.up('Shift');
      await page.keyboard.press('Enter');
      await page.waitForFunction(
        (gone) => document.querySelector(`[data-file="${gone}"]`) === null,
        {},
        name,
      );
    }
    expect(await driver.isThere('file-role')).toBe(false);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('files-title');

    // And a file that comes later is tested with, since its name says so.
    await driver.addFiles(await scene.file('test.csv', csv(20, 300)));
    expect(await driver.fileNames(2)).toEqual(['first.csv', 'test.csv']);
    expect(await driver.roleOf('test.csv')).toBe('test');
    expect(complaints.filter((line) => !/data:,probe|cannot load data:/.test(line))).toEqual([]);
    await context.close();
  });

  it('are read otherwise at once, and back', async () => {
    const { context, driver } = await scene.device();
    const { page } = driver;
    // As a spreadsheet of the nineties writes it.
    const latin = Uint8Array.from(Buffer.from(csv(40).replaceAll(',', ';'), 'latin1'));
    await driver.dropFiles(await scene.file('latin.csv', latin));
    const umlauts = (text: string): boolean => text.includes('enthält') || text.includes('überw');
    await driver.openDetails('file-reading');
    expect(await driver.text('header-reason')).toContain('“text”');
    expect((await preview(page)).flat().some(umlauts)).toBe(true);

    await driver.chooseReading('parse-encoding', 'utf-16le');
    const said = await refusal(driver);
    expect(said).toContain('latin.csv');
    // What was refused is not shown as if it held.
    expect(await driver.value('parse-encoding')).toBe('');
    expect((await preview(page)).flat().some(umlauts)).toBe(true);

    await (await driver.see('parse-header')).focus();
    await driver.chooseReading('parse-header', 'no');
    expect((await preview(page))[0]?.[1]).toContain('topic');
    // The keyboard is where it was.
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-testid'))).toBe(
      'parse-header',
    );
    await driver.click('parse-reset');
    await page.waitForSelector('[data-testid="parse-reset"]', { hidden: true });
    expect((await preview(page))[0]).toEqual([
      rows(1)[0]?.text.replaceAll(',', ';'),
      rows(1)[0]?.topic,
    ]);
    await context.close();
  });

  it('give back what could not be read', async () => {
    const { context, driver } = await scene.device();
    const { page } = driver;
    const wrong = ['one,payment,too,many', 'two,delivery,more'];
    const lines = csv(40)
      .trim()
      .split(/\r?\n/)
      .map((line) => line.replace(/^"?(.*?), Fall (\d+)"?/, '$1 Fall $2'));
    lines.splice(5, 0, wrong[0] ?? '');
    lines.splice(9, 0, wrong[1] ?? '');
    await driver.dropFiles(await scene.file('ragged.csv', `${lines.join('\n')}\n`));
    expect(await driver.text('file-problems')).toMatch(
      /^2 rows could not be read and were left out/,
    );
    await driver.openDetails('file-problems');
    expect(await driver.text('file-problem-list')).toMatch(/Line 6: 4 cells.*Line 10: 3 cells/);
    expect(await look(page, 'left-out', { within: '[data-testid="files"]' })).toEqual([]);
    await driver.click('save-left-out');
    const saved = (await scene.saved('ragged-left-out.csv')).toString('utf8').replace('\ufeff', '');
    const kept = Papa.parse<string[]>(saved, { skipEmptyLines: true }).data.slice(1);
    expect(kept.map(([line]) => line)).toEqual(['6', '10']);
    for (const [at, row] of wrong.entries()) expect(kept[at]).toContain(row);

    // A quote that never closes: what it swallowed comes back when quotes are plain characters.
    await driver.newProject();
    const open = [...lines.filter((line) => !wrong.includes(line))];
    open.splice(20, 0, '"never closed,payment');
    await driver.dropFiles(await scene.file('open.csv', `${open.join('\n')}\n`));
    const before = await driver.text('file-facts');
    await driver.openDetails('file-problems');
    await driver.click('quotes-plain');
    await page.waitForSelector('[data-testid="file-problems"]', { hidden: true });
    expect(before).toMatch(/^19 rows/);
    expect(await driver.text('file-facts')).toMatch(/^41 rows/);
    await context.close();
  });
});

it('files that make no sense are named, and nothing is lost', async () => {
  const { context, driver } = await scene.device();
  const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]);
  const picture = await scene.file('cat.png', png);
  const empty = await scene.file('empty.csv', '');
  const zip = await scene.file('photos.zip', zipSync({ 'a.txt': strToU8('hello') }));
  const cases = [
    [[picture], /cat\.png seems to be a picture.*Drop/],
    [[empty], /empty\.csv is empty.*Check/],
    [[zip], /photos\.zip is not a project.*unpack it/i],
    [[zip, empty], /photos\.zip is a zip among other files.*by itself/],
  ] as const;
  for (const [paths, words] of cases) {
    await driver.pick(...paths);
    expect(await refusal(driver)).toMatch(words);
    await driver.see('drop-zone');
  }
  await driver.dropFiles(await scene.file('good.csv', csv(40)));
  for (const [path, words] of [
    [picture, /cat\.png seems to be a picture/],
    [join(scene.scratch, 'good.csv'), /has a file called good\.csv.*Remove that one/],
  ] as const) {
    await driver.pickMore(path);
    expect(await refusal(driver)).toMatch(words);
    expect(await driver.fileNames(1)).toEqual(['good.csv']);
    expect(await driver.text('file-facts')).toMatch(/^40 rows/);
  }
  // A file that misses its place does not take the page's place.
  const isLeft = await driver.page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['x'], 'x.csv'));
    const dropped = { dataTransfer, bubbles: true, cancelable: true };
    return document.body.dispatchEvent(new DragEvent('drop', dropped));
  });
  expect(isLeft).toBe(false);
  await context.close();
});

it('a large file shows how far it is, and stops', async () => {
  const { context, driver } = await scene.device();
  const { page } = driver;
  const path = await scene.file('large.csv', 'text,topic\n');
  const block = csv(20_000).split(/\r?\n/).slice(1).join('\n');
  for (let size = 0; size < 60e6; size += Buffer.byteLength(block)) await appendFile(path, block);
  await page.evaluate(() => {
    const seen = window as unknown as { longest: number };
    seen.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration);
    }).observe({ type: 'longtask' });
  });
  await driver.pick(path);
  await page.waitForFunction(
    () =>
      /^[\d.,]+\s(MB|kB) of [\d.]+\sMB/.test(
        document.querySelector('[data-testid="progress"] .figures span')?.textContent ?? '',
      ) &&
      /left|done/.test(
        document.querySelector('[data-testid="progress"] .figures .left')?.textContent ?? '',
      ),
  );
  await driver.click('stop-button');
  await driver.see('drop-zone');
  expect(await driver.isThere('error')).toBe(false);
  const longest = await page.evaluate(() => (window as unknown as { longest: number }).longest);
  console.info(`Longest task of the page while 60 MB were read: ${longest} ms`);
  // Nothing is left of it, and the page works on.
  expect(await driver.isThere('label-column')).toBe(false);
  await driver.dropFiles(await scene.file('small.csv', csv(40)));
  await context.close();
});
