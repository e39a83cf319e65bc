/**
 * What the page makes of a messy table, as a person meets it: columns and why, the audit and its repairs, every way
 * to split, the parts as files. By mouse and by keyboard.
 */
import Papa from 'papaparse';
import { expect, it } from 'vitest';
import { look, PageScene } from '../helpers/page-scene';

const scene = PageScene.ofThisFile('data-step');

/** The page asks its own policy whether it holds; Chromium says so aloud. */
const isOurs = (line: string): boolean => !/data:,probe|cannot load data:/.test(line);

const TOPICS = ['delivery', 'billing', 'account', 'returns'];

/** 200 messages with one wrong thing of each kind. */
function messy(): string {
  const rows = Array.from({ length: 200 }, (_, i) => ({
    message: `message number ${i} about ${['a parcel', 'an invoice', 'a password', 'a refund'][i % 4] ?? ''}`,
    topic: TOPICS[(i * 7 + (i >> 3)) % 4] ?? '',
    author: `u${i % 40}`,
    batch: ['first', 'second', 'third'][i % 3] ?? '',
  }));
  const set = (at: number, change: Partial<(typeof rows)[number]>): void => {
    rows[at] = { ...(rows[at] ?? { message: '', topic: '', author: '', batch: '' }), ...change };
  };
  const copy = rows[3];
  if (copy !== undefined) set(50, { message: copy.message.toUpperCase(), topic: copy.topic });
  if (copy !== undefined) set(51, { message: copy.message, topic: copy.topic });
  for (let i = 60; i < 72; i++) set(i, { topic: 'Delivery ' });
  set(80, { topic: 'once' });
  set(90, { message: '  ' });
  return Papa.unparse(rows);
}

/** Four columns of which exactly one is 1; and two topics a row in a cell. */
function severalWays(): string {
  return Papa.unparse(
    Array.from({ length: 80 }, (_, i) => ({
      text: `a piece of news number ${i} with some words in it`,
      sports: Number(i % 3 === 0),
      politics: Number(i % 3 === 1),
      culture: Number(i % 3 === 2),
      colour: i % 2 === 0 ? `red;${i % 3 === 0 ? 'round' : 'square'}` : 'blue',
    })),
  );
}

it('audits, repairs and undoes', async () => {
  const { context, driver, complaints } = await scene.device();
  const { page } = driver;
  await driver.dropFiles(await scene.file('messy.csv', messy()));

  // What stops comes first, and has a repair; no report can be made before.
  await driver.see('data-problem');
  const kinds = await driver.findings();
  expect(kinds[0]).toEqual({ id: 'small_class', severity: 'stop' });
  expect(kinds.map(({ id }) => id)).toContain('label_spelling');
  expect(await look(page, 'data-audit', { within: '#step-data' })).toEqual([]);

  // The rows of a finding, with their texts, by keyboard.
  await driver.press('finding-rows');
  await driver.see('finding-table');
  expect(await driver.text('finding-table')).toContain('message number 80');
  expect(await driver.text('finding-table')).toContain('82');
  await driver.press('finding-rows');

  await driver.press('repair');
  await driver.settled();
  // The button is gone with what it mended: the keyboard goes on from the list that it stood in.
  await page.waitForFunction(
    () => document.activeElement?.getAttribute('aria-labelledby') === 'audit-title',
  );
  expect(await driver.isThere('data-problem')).toBe(false);
  expect(await driver.text('repairs')).toContain('Class “once” was left out');

  // All safe ones at once: labels joined in all parts, copies dropped from training only.
  await driver.click('repair-safe');
  await driver.settled();
  const repairs = await driver.text('repairs');
  expect(repairs).toContain('3 repairs made');
  expect(repairs).toMatch(/joined to “delivery” in all parts: 12 rows/);
  expect(repairs).toMatch(/dropped: their text and label stand in an earlier row/);
  expect(repairs).toContain('Changed the training part only.');
  const left = (await driver.findings()).map(({ id }) => id);
  expect(left).not.toContain('label_spelling');
  expect(left).not.toContain('exact_duplicates');
  expect(await page.$$eval('[data-testid="split"] ~ section tbody th', (all) => all.length)).toBe(
    6,
  );

  // One back, then all.
  await driver.press('undo-repair');
  await driver.settled();
  await driver.see('data-problem');
  expect(await driver.text('repairs')).toContain('2 repairs made');
  await driver.click('undo-all');
  await driver.settled();
  expect(await driver.isThere('repairs')).toBe(false);
  expect(complaints.filter(isOurs)).toEqual([]);
  await context.close();
});

it('splits as it is told, refuses what cannot be, and saves the parts', async () => {
  const { context, driver, complaints } = await scene.device();
  const { page } = driver;
  const rows = Papa.unparse(
    Array.from({ length: 120 }, (_, i) => ({
      message: `message number ${i} and some more words`,
      topic: TOPICS[i % 4] ?? '',
      author: `u${i % 30}`,
      batch: ['one', 'two', 'three'][i % 3] ?? '',
    })),
  );
  await driver.dropFiles(await scene.file('clean.csv', rows));
  expect(await driver.text('audit')).toContain('Nothing to mend. Looked at 120 rows');
  expect(await driver.partRows()).toEqual({ train: 96, test: 24 });

  // Wrong values stay where they were typed, with the reason, and change nothing.
  await driver.type('test-share', '120');
  expect(await driver.text('test-share-problem')).toMatch(/less than 100 %/);
  expect(await driver.partRows()).toEqual({ train: 96, test: 24 });
  await driver.type('test-share', '25');
  await driver.settled();
  expect(await driver.text('test-share-problem')).toBe('');
  expect(await driver.partRows()).toEqual({ train: 90, test: 30 });

  // A validation part is a setting of its own, and only there when it is on.
  expect(await driver.isThere('validation-share')).toBe(false);
  await driver.tick('A validation part too');
  await driver.type('validation-share', '15');
  await driver.settled();
  expect(await driver.partRows()).toEqual({ train: 72, validation: 18, test: 30 });
  expect(await look(page, 'data-split', { within: '#step-data' })).toEqual([]);

  const { name, bytes } = await driver.download(() => driver.click('save-validation'));
  expect(name).toBe('clean-validation.csv');
  const saved = Papa.parse<Record<string, string>>(bytes.toString('utf8').replace('\ufeff', ''), {
    header: true,
    skipEmptyLines: true,
  });
  expect(saved.data).toHaveLength(18);
  expect(saved.data[0]).toHaveProperty('author');
  expect(await driver.text('parts')).toContain('The files hold your texts.');

  // Without chance there is no seed.
  await driver.tick('Draw at random');
  await driver.settled();
  expect(await driver.isThere('split-seed')).toBe(false);
  await driver.tick('Draw at random');
  await driver.settled();

  // A field that was locked while the data was read has the keyboard again.
  await page.focus('[data-testid="split-groups"]');
  await page.keyboard.press('ArrowDown');
  await driver.settled();
  await page.waitForFunction(() => document.activeElement?.id === 'split-groups');

  // Rows of one author on one side.
  await driver.choose('split-groups', 'author');
  const { bytes: test } = await driver.download(() => driver.click('save-test'));
  const { bytes: train } = await driver.download(() => driver.click('save-train'));
  const authors = (file: Buffer): Set<string> =>
    new Set(
      Papa.parse<Record<string, string>>(file.toString('utf8').replace('\ufeff', ''), {
        header: true,
        skipEmptyLines: true,
      }).data.map((row) => row['author'] ?? ''),
    );
  expect(authors(test).size).toBeGreaterThan(2);
  expect([...authors(test)].filter((author) => authors(train).has(author))).toEqual([]);

  // By a column, value by value.
  await driver.choose('split-method', 'column');
  await driver.choose('split-column', 'batch');
  await driver.see('split-values');
  await driver.choose('part-of-one', 'train');
  await driver.choose('part-of-two', 'test');
  await driver.choose('part-of-three', 'unused');
  expect(await driver.partRows()).toEqual({ train: 40, test: 40 });
  expect(await driver.text('split-notes')).toContain('40 rows are in no part');

  // Fewer rows; and what was chosen is there again after a reload of the shares.
  await driver.choose('split-method', 'stratified');
  await driver.type('use-rows', '1.5');
  expect(await driver.text('use-rows-problem')).toMatch(/whole number/);
  await driver.type('use-rows', '80');
  await driver.settled();
  const parts = await driver.partRows();
  expect((parts['train'] ?? 0) + (parts['validation'] ?? 0) + (parts['test'] ?? 0)).toBe(80);
  expect(complaints.filter(isOurs)).toEqual([]);
  await context.close();
});

it(
  'takes labels as they stand: one of several columns, several of them, several in a cell',
  {
    timeout: 120_000,
  },
  async () => {
    const { context, driver, complaints } = await scene.device();
    const { page } = driver;
    await driver.dropFiles(await scene.file('news.csv', severalWays()));
    await driver.see('label-columns');
    expect(await driver.value('label-exclusive')).toBe('one');
    expect(await page.$eval('#label-column-why', (element) => element.textContent)).toContain(
      'exactly one of them says yes in every row',
    );
    expect(await driver.text('summary-data')).toContain('3 classes');
    expect(await look(page, 'data-labels', { within: '#step-data' })).toEqual([]);

    // One is not ticked any more, and a text can have several or none.
    await driver.choose('label-exclusive', 'several');
    await driver.tick('politics');
    await driver.settled();
    expect(await driver.text('summary-data')).toContain('2 ');
    expect(await page.$eval('#label-column-why', (element) => element.textContent)).toContain(
      'Chosen by you.',
    );

    // Several labels in one cell, with the sign between them.
    await driver.choose('label-column', 'colour');
    await driver.choose('label-delimiter', ';');
    expect(await driver.text('summary-data')).toContain('4 ');
    await driver.choose('label-delimiter', '');
    expect(await driver.text('summary-data')).toContain('3 classes');
    // And back to the columns.
    await driver.choose('label-column', '\0several');
    await driver.see('label-columns');
    expect(complaints.filter(isOurs)).toEqual([]);
    await context.close();
  },
);
