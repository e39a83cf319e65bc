/**
 * The page in Chromium and a real companion, `headlight serve` as a process: the page is let in by a pasted link, and
 * the main job, a fine-tune and a labelling job run there. The companion is killed in the middle of the fine-tune and
 * started again, the page reloaded in the middle of the labelling: nothing that was done is lost.
 */
import { join } from 'node:path';
import Papa from 'papaparse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/project';
import { CompanionProcess } from '../helpers/companion-process';
import type { PageDriver } from '../helpers/page-driver';
import { look, PageScene } from '../helpers/page-scene';
import { tinyModelFiles, tinyTexts } from '../helpers/tiny-model';

const INSTANT = 'headlight-instant-en';
const PATIENCE = 120_000;
/** So many that labelling them outlasts a reload. */
const ROWS = 1500;
const scene = PageScene.ofThisFile('companion');

/** The page asks its own policy whether it holds, and Chromium says aloud when nothing answers: both are meant. */
const isOurs = (line: string): boolean =>
  !/data:,probe|cannot load data:|WebSocket connection to .* failed/.test(line);

let companion: CompanionProcess;
let link: string;
/** Of the companion that was started again. */
let secondLink: string;
let driver: PageDriver;
let complaints: readonly string[];

beforeAll(async () => {
  companion = await CompanionProcess.create(
    join(scene.scratch, 'companion-home'),
    new URL(scene.server.url).origin,
  );
  link = await companion.start();
  ({ driver, complaints } = await scene.device());
  // What runs there goes on: leaving asks nothing. What it would ask is answered.
  driver.page.on('dialog', (dialog) => void dialog.accept());
}, PATIENCE);

afterAll(async () => {
  await companion.kill();
});

/** Waits until an element says something. */
async function says(id: string, what: RegExp): Promise<void> {
  await driver.page.waitForFunction(
    (at, wanted) => {
      const text = document.querySelector(`[data-testid="${at}"]`)?.textContent ?? '';
      return new RegExp(wanted).test(text.replace(/\s+/g, ' '));
    },
    { timeout: PATIENCE },
    id,
    what.source,
  );
}

async function record(): Promise<RunRecord> {
  return JSON.parse((await driver.export('run')).bytes.toString()) as RunRecord;
}

/** Texts with `good` or `bad` in them, and which. */
function goodAndBad(rows: number): string {
  const lines = tinyTexts(rows, 5, 4).map((text, at) => {
    const label = at % 2 === 0 ? 'good' : 'bad';
    return [`${label} ${text.replaceAll(/\b(good|bad)\b/g, 'the')}`, label];
  });
  return Papa.unparse([['text', 'label'], ...lines]);
}

describe('a companion', () => {
  it('lets a page in by its link, once, and says what it is', { timeout: PATIENCE }, async () => {
    const { page } = driver;
    await (await page.waitForSelector('nav ::-p-text(Settings)'))?.click();
    await driver.click('settings-companions');
    await driver.type('companion-link', link);
    await driver.click('connect-button');
    await page.waitForSelector('[data-testid="companion"][data-state="connected"]');
    expect(await driver.text('companion')).toMatch(/connected.*GB/);
    // The link is worth nothing any more.
    await driver.type('companion-link', link);
    await driver.click('connect-button');
    await page.waitForSelector('[data-testid="error"][data-code="refused"]');
    expect(await look(page, 'companions', { within: 'dialog[open]' })).toEqual([]);
    await page.keyboard.press('Escape');
    await driver.see('companions-button');
  });

  it('does the main job, after saying what is sent', { timeout: PATIENCE }, async () => {
    await driver.dropFiles(await scene.file('reviews.csv', goodAndBad(160)));
    await driver.chooseEncoder(INSTANT);
    await driver.workThere('encoder');
    expect(await driver.text('sending')).toContain('reviews.csv');
    expect(await look(driver.page, 'place', { within: '#step-encoder' })).toEqual([]);
    await driver.train();
    const { encoder } = await record();
    // The page has WASM; native kernels are the companion’s.
    expect(encoder.device).toBe('cpu');
    expect(await driver.testAccuracy()).toBeGreaterThan(0.9);
    expect(await driver.text('egress-line')).toContain('only what you sent to your companion');
  });

  it('fine-tunes; killed in the middle, it goes on', { timeout: PATIENCE }, async () => {
    await driver.addEncoder(...(await scene.folder('tiny', tinyModelFiles({ seed: 4 }))));
    await driver.unfold('train');
    await driver.chooseFinetune('quick');
    await driver.setFinetune({
      method: 'full',
      learning_rate: '3e-3',
      num_train_epochs: '8',
      per_device_train_batch_size: '4',
      max_length: '16',
    });
    // Its weights are nowhere else: they are sent, and that is said.
    await says('sending', /sent from here once, 123 kB/);
    await driver.startFinetune();
    const { steps } = await driver.finetuneReaches(({ step }) => step > 20);
    await driver.click('pause-button');
    await driver.see('unfinished', PATIENCE);
    const kept = await driver.unfinishedStep();
    expect(kept).toBeGreaterThan(20);
    await driver.click('resume-button');
    await driver.finetuneReaches(({ step }) => step > kept);
    await companion.kill();
    await says('place-lost', /goes on there/);
    expect(await driver.isThere('error')).toBe(false);
    secondLink = await companion.start();
    await driver.waitForFinetune();
    const finetuned = await record();
    if (finetuned.method !== 'finetune') throw new Error('The shown run is a probe’s.');
    expect(finetuned.encoder.device).toBe('cpu');
    expect(finetuned.finetune.fit.step).toBe(steps);
    expect(finetuned.finetune.fit.resumed_at_step).toBeGreaterThanOrEqual(kept);
    // What was there before is there still.
    expect((await driver.page.$$('[data-testid="runs"] tbody tr')).length).toBe(2);
  });

  it('labels; the page finds the job again after a reload', { timeout: PATIENCE }, async () => {
    await driver.newProject();
    const texts = goodAndBad(ROWS)
      .replaceAll(/,(good|bad)$/gm, '')
      .replace('text,label', 'text');
    await driver.dropFiles(await scene.file('unlabelled.csv', texts));
    await driver.chooseEncoder('all-MiniLM-L6-v2');
    await driver.click('make-labels');
    for (const name of ['good', 'bad']) {
      await driver.type('new-class', name);
      await driver.press('add-class');
    }
    await driver.see('run-teacher');
    await driver.workThere('labels');
    await driver.page.waitForSelector('[data-testid="run-teacher"]:enabled');
    await driver.click('run-teacher');
    await driver.see('place-runs');
    await driver.page.reload();
    await driver.see('followed');
    await driver.see('proposals', PATIENCE);
    expect(await driver.text('taken')).toMatch(/[1-9][\d,]* proposals taken/);
    expect(await driver.isThere('run-teacher')).toBe(false);
    expect(complaints.filter(isOurs)).toEqual([]);
  });

  it(
    'serves the page itself, and says that projects do not follow',
    { timeout: PATIENCE },
    async () => {
      const { page } = (await scene.device()).driver;
      await page.goto(secondLink);
      await page.waitForSelector('[data-testid="served-by"]');
      // A token stays in no address.
      expect(await page.evaluate(() => location.hash)).toBe('');
      expect(await look(page, 'served', { within: 'dialog[open]' })).toEqual([]);
    },
  );
});
