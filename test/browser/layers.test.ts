/**
 * The probing lab in the real page, with the real engine: from a dropped file to the heat map, on a desk and on a phone, in
 * light and dark, by keyboard, after a reload, and from a file that has no labels.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { PageDriver } from '../helpers/page-driver';
import { look, PageScene, type Device } from '../helpers/page-scene';

/** On a quiet machine seconds; where others work too, minutes. */
const STUDY_MS = 280_000;
const isOurs = (line: string): boolean => !/data:,probe|cannot load data:/.test(line);
const scene = PageScene.ofThisFile('layers');

/** Two topics that share no words, so that even a table of words tells them apart. */
function inbox(rows: number): string {
  const topics = [
    ['refund', 'my money back for the broken kettle please'],
    ['delivery', 'where is the parcel that should have come'],
  ] as const;
  const lines = Array.from({ length: rows }, (_, at) => {
    const [label, words] = topics[at % 2] ?? topics[0];
    return `"${words} number ${at}, it is the ${at % 7}th time I ask",${label}`;
  });
  return ['text,topic', ...lines].join('\n');
}

async function study(driver: PageDriver): Promise<void> {
  await driver.click('study-button');
  await driver.see('layer-study', STUDY_MS);
}

/** The heat map as a screen reader has it: its caption, headers, and the figures under them. */
function readTable(driver: PageDriver) {
  return driver.page.$eval('table[data-testid="heat-map"]', (table) => {
    const text = (node: Element) => node.textContent.replace(/\s+/g, ' ').trim();
    return {
      role: table.getAttribute('role'),
      caption: table.caption === null ? '' : text(table.caption),
      columns: [...table.querySelectorAll('thead tr:last-child th[scope="col"]')].map(text),
      groups: [...table.querySelectorAll('thead th[scope="colgroup"]')].map(text),
      rows: [...table.querySelectorAll('tbody tr')].map((row) => ({
        header: text(row.querySelector('th[scope="row"]') ?? row),
        cells: [...row.querySelectorAll('td')].map(text),
      })),
    };
  });
}

describe('from a dropped file to the heat map', () => {
  let device: Device;
  let driver: PageDriver;

  beforeAll(async () => {
    device = await scene.device();
    ({ driver } = device);
    await driver.dropFiles(await scene.file('inbox.csv', inbox(60)));
    await driver.chooseDevice('wasm');
  });

  it('in two strokes of a key, with what is chosen by itself, and the keyboard stays in the step', async () => {
    const { page } = driver;
    for (const [id, then] of [
      ['step-layers', 'study-cost'],
      ['study-button', 'layer-study'],
    ] as const) {
      await page.focus(`[data-testid="${id}"]`);
      await page.keyboard.press('Enter');
      await driver.see(then, STUDY_MS);
    }
    // The button is not there while it runs: what it was in has the focus.
    expect(await page.$eval('#step-layers', (step) => step.contains(document.activeElement))).toBe(
      true,
    );
    expect(await driver.text('study-cost')).toContain('21 cells');
    expect(await driver.text('layers-best')).toMatch(/layer|Layer/);
    expect(await driver.text('layers-best')).toContain('of the test texts right');
  });

  it('which is a table: caption, headers of rows and columns, a figure in every cell', async () => {
    const { role, caption, columns, groups, rows } = await readTable(driver);
    expect(role).toBeNull();
    expect(caption).toContain('Validation accuracy');
    expect(groups).toEqual(['all-MiniLM-L6-v2']);
    expect(columns).toEqual(['Layer', 'mean', 'CLS', 'max']);
    expect(rows.map(({ header }) => parseInt(header))).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const { cells } of rows) {
      expect(cells).toHaveLength(3);
      for (const cell of cells) expect(parseFloat(cell)).toBeGreaterThanOrEqual(0);
    }
    const marked = rows
      .flatMap(({ cells }) => cells)
      .filter((cell) => /best by validation/.test(cell));
    expect(marked).toHaveLength(1);
    const figures = rows.flatMap(({ cells }) => cells.map((cell) => parseFloat(cell)));
    expect(parseFloat(marked[0] ?? '')).toBe(Math.max(...figures));
  });

  it('says whether the layers differ, whether the probe found it, and whether less would do', async () => {
    for (const name of ['layers', 'control', 'words'])
      expect((await driver.text(`verdict-${name}`)).length).toBeGreaterThan(40);
  });

  it('moves from cell to cell with the arrow keys, one tab stop for all', async () => {
    const { page } = driver;
    await driver.see('heat-map-0-0');
    await page.focus('[data-testid="heat-map"] [tabindex="0"]');
    await page.keyboard.press('Home');
    for (let up = 0; up < 7; up++) await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    expect(
      await page.$eval('[data-testid="heat-map-1-1"]', (cell) => [
        cell === document.activeElement,
        cell.getAttribute('aria-pressed'),
      ]),
    ).toEqual([true, 'true']);
    expect(await driver.text('cell-facts')).toContain('Layer 1 of all-MiniLM-L6-v2, CLS pooling');
    expect(await page.$$('[data-testid="heat-map"] [tabindex="0"]')).toHaveLength(1);
  });

  it('breaks no rule of axe-core, wide and narrow, light and dark, and fits the window', async () => {
    for (const details of await driver.page.$$('#step-layers details:not([open]) > summary'))
      await details.click();
    expect(await look(driver.page, 'layers', { within: '#step-layers' })).toEqual([]);
  });

  it('is there again after a reload', async () => {
    const before = await readTable(driver);
    await driver.page.reload();
    await driver.see('step-layers');
    await driver.unfold('layers');
    await driver.see('layer-study');
    expect(await readTable(driver)).toEqual(before);
  });

  it('takes a layer into the classifier', async () => {
    await driver.click('heat-map-2-2');
    await driver.click('use-layer');
    await driver.page.waitForFunction(
      () => document.activeElement?.getAttribute('data-testid') === 'step-encoder',
    );
    expect(await driver.text('summary-encoder')).toContain('layer 2 of 6, max pooling');
  });

  it('is saved as figures, report and recipe, none with a text inside', async () => {
    await driver.unfold('layers');
    for (const kind of ['csv', 'json', 'svg', 'html', 'recipe']) {
      const { name, bytes } = await driver.download(() => driver.click(`layers-file-${kind}`));
      const text = bytes.toString('utf8');
      expect(bytes.length, name).toBeGreaterThan(200);
      expect(text).not.toContain('kettle');
    }
  });

  it('has complained of nothing', () => {
    expect(device.complaints.filter(isOurs)).toEqual([]);
  });
});

describe('a study that is stopped', () => {
  it('waits in the list, and goes on after a reload to the same table', async () => {
    const { driver } = await scene.device();
    await driver.dropFiles(await scene.file('inbox-2.csv', inbox(64)));
    await driver.chooseDevice('wasm');
    await driver.unfold('layers');
    await driver.click('study-button');
    // Before its first texts there is nothing to go on with.
    await driver.page.waitForFunction(() =>
      /\d of \d/.test(document.querySelector('[data-testid="progress"]')?.textContent ?? ''),
    );
    await driver.click('stop-button');
    await driver.see('resume-study', STUDY_MS);
    await driver.page.reload();
    await driver.see('step-layers');
    await driver.unfold('layers');
    await driver.click('resume-study');
    await driver.see('layer-study', STUDY_MS);
    expect((await readTable(driver)).rows).toHaveLength(7);
  });
});

describe('a file without labels', () => {
  it('is studied by a task that is computed from its texts', async () => {
    const { driver } = await scene.device(390);
    const words = 'the parcel came late and nobody could say why it was so'.split(' ');
    const lines = Array.from({ length: 240 }, (_, at) =>
      [at, ...Array.from({ length: 4 + (at % 24) }, (__, word) => words[word % 12])].join(' '),
    );
    await driver.pick(await scene.file('texts.csv', ['text', ...lines].join('\n')));
    await driver.see('step-encoder');
    await driver.chooseEncoder('headlight-instant-en');
    await driver.chooseDevice('wasm');
    await driver.unfold('layers');
    expect(await driver.value('layers-task')).toBe('length');
    await study(driver);
    const { rows, columns } = await readTable(driver);
    expect(columns).toEqual(['Layer', 'mean']);
    expect(rows).toHaveLength(1);
    expect(await driver.text('verdict-layers')).toContain('Only one layer');
  });
});
