/**
 * A file without labels, as a person meets it: the classes named, labels proposed, some of them looked at by keyboard,
 * some drawn at random to measure by, a classifier trained on them. And what is kept of it over a reload.
 */
import { expect, it } from 'vitest';
import { look, PageScene } from '../helpers/page-scene';

const INSTANT = 'headlight-instant-en';
const scene = PageScene.ofThisFile('labels');

/** The page asks its own policy whether it holds; Chromium says so aloud. */
const isOurs = (line: string): boolean => !/data:,probe|cannot load data:/.test(line);

const SPORTS = ['The team won the football match', 'A goal in the last minute of the game'];
const COOKING = ['Stir the soup and add some salt', 'Bake the cake in the oven for an hour'];
const WHO = ['yesterday', 'today', 'on Sunday', 'again', 'at last', 'with a friend', 'in May'];

/** 40 texts, every other one of sports, none with a label. */
function texts(): string {
  const rows = Array.from({ length: 40 }, (_, i) => {
    const said = (i % 2 === 0 ? SPORTS : COOKING)[(i >> 1) % 2] ?? '';
    return `${said} ${WHO[i % WHO.length] ?? ''} number ${i}`;
  });
  return ['message', ...rows].join('\n');
}

it('labels a file without labels, and trains on it', async () => {
  const { context, driver, complaints } = await scene.device();
  const { page } = driver;
  const shown = (id: string, what: string): Promise<unknown> =>
    page.waitForFunction(
      (at, wanted) =>
        document.querySelector(`[data-testid="${at}"]`)?.textContent.includes(wanted) === true,
      {},
      id,
      what,
    );

  await driver.dropFiles(await scene.file('messages.csv', texts()));
  expect(await driver.text('no-labels')).toContain('No labels were found.');
  // Offered, not held against the file.
  expect(await driver.isThere('data-problem')).toBe(false);
  // The encoder that answers at once, for the teacher that will stand there and for the student.
  await driver.chooseEncoder(INSTANT);
  await driver.chooseDevice('wasm');
  await driver.click('make-labels');
  await driver.see('classes-editor');
  expect(await page.$$eval('.step h2', (all) => all.map((one) => one.textContent.trim()))).toEqual([
    'Data',
    'Labels',
    'Encoder',
    'Layers',
    'Train',
    'Report',
    'Use',
  ]);

  // One class is no choice; a name stands once.
  await driver.type('new-class', 'sports');
  await driver.press('add-class');
  await shown('classes-editor', 'One class is no choice');
  await driver.type('new-class', 'Sports');
  await driver.press('add-class');
  await shown('classes-editor', '“sports” is there already.');
  await driver.type('new-class', 'cooking');
  await driver.press('add-class');

  await driver.click('run-teacher');
  await driver.see('proposals');
  expect(await driver.text('taken')).toContain('40 proposals taken, 0 left');
  expect(await driver.text('unknown')).toContain('Nobody knows yet.');

  // By keyboard alone: accept, change, skip, undo, move; each is saved as it is made.
  await page.focus('[data-testid="review-grid"] [role="row"][tabindex="0"]');
  for (const key of ['Enter', '2', 's', 'u', 'j', '1'] as const) {
    await page.keyboard.press(key);
    await shown('saved', 'All saved.');
  }
  expect(await driver.text('hand-counts')).toMatch(/^3 texts labelled by you\./);
  const states = await page.$$eval('[data-testid="review-row"]', (rows) =>
    rows.slice(0, 5).map((row) => (row as HTMLElement).dataset['state']),
  );
  expect(states).toEqual(['labelled', 'labelled', 'open', 'labelled', 'open']);

  // Random texts, without what is proposed.
  await driver.click('label-random');
  await driver.see('pad-text');
  // Whatever is drawn: two of each class are labelled, and what more comes of a class is skipped.
  const wanted = { sports: 2, cooking: 2 };
  for (let count = 1; count <= 4;) {
    const text = await driver.text('pad-text');
    const topic = /match|game/.test(text) ? 'sports' : 'cooking';
    expect(await page.$('[data-testid="random-panel"] .chip')).toBeNull();
    if (wanted[topic] > 0) {
      wanted[topic]--;
      await page.keyboard.press(topic === 'sports' ? '1' : '2');
      await shown('random-progress', `${count++} of 50`);
    } else {
      await page.keyboard.press('s');
      await page.waitForFunction(
        (before) =>
          document.querySelector('[data-testid="pad-text"]')?.textContent.trim() !== before,
        {},
        text,
      );
    }
    await page.waitForSelector('[data-testid="random-panel"] [data-testid="pick-class"]:enabled');
  }
  expect(await look(page, 'labels-random', { within: '#step-labels' })).toEqual([]);
  await driver.click('random-stop');
  await driver.see('teacher-figures');
  expect(await driver.text('teacher-figures')).toMatch(/100\.0\s%.*4$/);

  // What was made is there after a reload.
  await page.reload();
  await driver.unfold('labels');
  await shown('hand-counts', '7 texts labelled by you');
  await driver.chooseEncoder(INSTANT);
  await driver.chooseDevice('wasm');
  await driver.train();
  expect(await driver.text('summary-report')).toContain('4 test texts');
  expect(complaints.filter(isOurs)).toEqual([]);
  await context.close();
});

it('offers labels for a file of texts beside a labelled test file, whose classes and truth it takes', async () => {
  const { context, driver, complaints } = await scene.device();
  const { page } = driver;
  const held = texts()
    .split('\n')
    .slice(1, 21)
    .map((text, i) => `${text} there,${i % 2 === 0 ? 'sports' : 'cooking'}`);
  await driver.dropFiles(
    await scene.file('train.csv', texts()),
    await scene.file('test.csv', ['message,topic', ...held].join('\n')),
  );
  expect(await driver.text('no-labels')).toContain('train.csv has no labels.');
  expect(await driver.isThere('data-problem')).toBe(false);
  await driver.chooseEncoder(INSTANT);
  await driver.chooseDevice('wasm');
  await driver.click('make-labels');
  await driver.see('classes-editor');
  expect(
    await page.$$eval('[data-testid="class-name"]', (all) =>
      all.map((one) => (one as HTMLInputElement).value),
    ),
  ).toEqual(['cooking', 'sports']);
  await driver.click('run-teacher');
  await driver.see('teacher-figures');
  expect(await driver.text('teacher-figures')).toMatch(/20$/);
  expect(complaints.filter(isOurs)).toEqual([]);
  await context.close();
});
