/**
 * A whole fine-tune through the real page, in Chromium: on WASM with the encoder that ships (some of TREC
 * where the shared data are present, else the sample), and a small one on the software WebGPU adapter with a seeded
 * model. The tab is killed in the middle and the fine-tune goes on from its checkpoint; what is taken away
 * is run by transformers.js. Beside a probe, the report says whether the difference is chance.
 */
import { classFigures } from '../../src/project';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { unzipSync } from 'fflate';
import Papa from 'papaparse';
import type { BrowserContext } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { float32Values, readSafetensors } from '../../src/models';
import type { FinetuneRecord, RunRecord } from '../../src/project';
import { WITHOUT_ZEROS } from '../helpers/browser';
import { PageDriver } from '../helpers/page-driver';
import { PageScene } from '../helpers/page-scene';
import { tinyModelFiles, tinyTexts } from '../helpers/tiny-model';

const root = join(import.meta.dirname, '../..');
const TREC = join(root, '../shared/data/trec');
const PATIENCE = 600_000;

const scene = PageScene.ofThisFile('finetune', { extraArguments: WITHOUT_ZEROS });

beforeAll(() => {
  env.allowRemoteModels = false;
  env.localModelPath = `${scene.scratch}/`;
});

interface Variant {
  readonly name: string;
  readonly device: 'wasm' | 'webgpu';
  readonly settings: Readonly<Record<string, string>>;
  /** What is taken away to compare trained values by, and the file in it: of LoRA the base is not among them. */
  readonly trained: readonly [kind: string, file: string];
  /** Largest difference of a value to the undisturbed run's. */
  readonly tolerance: number;
  /** Data and encoder; the project is then ready to train. */
  readonly prepare: (driver: PageDriver) => Promise<void>;
}

const VARIANTS: readonly Variant[] = [
  {
    name: 'the encoder that ships, with LoRA, on WASM',
    device: 'wasm',
    settings: {
      method: 'lora',
      learning_rate: '3e-3',
      num_train_epochs: '2',
      per_device_train_batch_size: '16',
      max_length: '16',
      train_rows: '96',
      eval_strategy: 'steps',
      eval_steps: '4',
    },
    trained: ['adapter', 'adapter_model.safetensors'],
    tolerance: 0,
    prepare: async (driver) => {
      if (existsSync(TREC)) {
        await driver.dropFiles(await someOf('train', 160), await someOf('test', 60));
        await driver.choose('text-column', 'text');
        await driver.choose('label-column', 'coarse');
      } else await driver.trySample();
    },
  },
  {
    name: 'a seeded model, every weight, on the software WebGPU adapter',
    device: 'webgpu',
    settings: {
      method: 'full',
      learning_rate: '1e-2',
      num_train_epochs: '2',
      per_device_train_batch_size: '8',
      max_length: '16',
      eval_strategy: 'steps',
      eval_steps: '4',
    },
    trained: ['huggingface', 'model.safetensors'],
    tolerance: 1e-5,
    prepare: async (driver) => {
      await driver.dropFiles(await goodAndBad());
      await driver.addEncoder(...(await tinyEncoder()));
    },
  },
];

/** The first rows of a part of TREC, which stand there in no order, of three of its six classes: few steps tell them apart. */
async function someOf(part: 'train' | 'test', rows: number): Promise<string> {
  const { data } = Papa.parse<Record<string, string>>(
    await readFile(join(TREC, `${part}.csv`), 'utf8'),
    { header: true },
  );
  const three = data.filter(({ coarse }) => ['HUM', 'LOC', 'NUM'].includes(coarse ?? ''));
  return scene.file(`${part}.csv`, Papa.unparse(three.slice(0, rows)));
}

/** Texts with `good` or `bad` in them, and which. */
async function goodAndBad(): Promise<string> {
  const rows = tinyTexts(64, 5, 4).map((text, at) => {
    const label = at % 2 === 0 ? 'good' : 'bad';
    const plain = text.replaceAll(/\b(good|bad)\b/g, 'the');
    return [`${label} ${plain}`, label];
  });
  return scene.file('good-and-bad.csv', Papa.unparse([['text', 'label'], ...rows]));
}

async function tinyEncoder(): Promise<string[]> {
  return scene.folder('tiny-encoder', tinyModelFiles({ seed: 4 }));
}

/** Kills the tab as a crash does: nothing of it runs any more, not even to say goodbye. */
async function kill({ page }: PageDriver): Promise<void> {
  const crashed = new Promise((resolve) => page.once('error', resolve));
  const session = await page.createCDPSession();
  // Never answered: what would answer is gone.
  session.send('Page.crash').catch(() => undefined);
  await crashed;
  await page.close();
}

async function finetunedRecord(driver: PageDriver): Promise<FinetuneRecord> {
  const record = JSON.parse((await driver.export('run')).bytes.toString()) as RunRecord;
  if (record.method !== 'finetune') throw new Error('The run that is shown is a probe’s.');
  return record;
}

async function exportedFolder(driver: PageDriver, kind: string): Promise<Map<string, Uint8Array>> {
  const { bytes } = await driver.export(kind);
  return new Map(Object.entries(unzipSync(new Uint8Array(bytes))));
}

function weights(folder: ReadonlyMap<string, Uint8Array>, name: string): Map<string, Float32Array> {
  const file = folder.get(name);
  if (file === undefined) throw new Error(`no weights among ${[...folder.keys()].join(', ')}`);
  const { tensors } = readSafetensors(file);
  return new Map([...tensors].map(([name, tensor]) => [name, float32Values(tensor, name)]));
}

describe.each(VARIANTS)('$name', ({ device, settings, trained, tolerance, prepare }) => {
  const [kind, file] = trained;
  let context: BrowserContext;
  let driver: PageDriver;
  let undisturbed: Map<string, Float32Array>;
  let record: FinetuneRecord;

  beforeAll(async () => {
    ({ context, driver } = await scene.device());
    await prepare(driver);
    await driver.chooseDevice(device);
    await driver.chooseFinetune('quick');
    await driver.setFinetune(settings);
    await driver.click('estimate-button');
    await driver.see('estimate', PATIENCE);
    await driver.startFinetune();
    await driver.waitForFinetune();
    record = await finetunedRecord(driver);
    undisturbed = weights(await exportedFolder(driver, kind), file);
    expect(undisturbed.size).toBeGreaterThan(0);
  }, PATIENCE);

  afterAll(async () => {
    await context.close();
  });

  it('learns, on the device that was chosen, and shows its curves', async () => {
    const { history } = record.finetune.fit;
    const losses = history.flatMap(({ loss }) => (loss === null ? [] : [loss]));
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);
    expect(history.filter(({ evaluation }) => evaluation !== null).length).toBeGreaterThan(1);
    expect(record.encoder.device).toBe(device);
    const { test, baseline } = classFigures(record);
    expect(test.accuracy).toBeGreaterThan(baseline.test.accuracy + 0.1);
    expect(await driver.testAccuracy()).toBeCloseTo(test.accuracy, 3);
    await driver.unfold('report');
    expect(await driver.isThere('curves')).toBe(true);
    expect(await driver.text('curves-table')).toContain('best');
  });

  it(
    'paused, resumed and killed in the middle, it ends with the same weights',
    { timeout: PATIENCE },
    async () => {
      await driver.startFinetune();
      const { steps } = await driver.finetuneReaches(({ step }) => step > 3);
      await driver.click('pause-button');
      await driver.see('unfinished', PATIENCE);
      expect(await driver.isThere('error')).toBe(false);
      const kept = await driver.unfinishedStep();
      expect(kept).toBeGreaterThan(3);
      expect(kept).toBeLessThan(steps);

      await driver.click('resume-button');
      await driver.finetuneReaches(({ step }) => step > kept + 1);
      await kill(driver);

      driver = new PageDriver(await context.newPage(), scene.server.url);
      await driver.page.goto(scene.server.url);
      // The page opens with what was left: its curves, and the way on.
      await driver.see('unfinished');
      expect(await driver.isThere('curves')).toBe(true);
      expect(await driver.unfinishedStep()).toBeGreaterThanOrEqual(kept);
      await driver.click('resume-button');
      await driver.waitForFinetune();
      const resumed = await finetunedRecord(driver);
      expect(resumed.finetune.fit.resumed_at_step).toBeGreaterThanOrEqual(kept);
      expect(resumed.finetune.fit.step).toBe(record.finetune.fit.step);
      const again = weights(await exportedFolder(driver, kind), file);
      expect([...again.keys()].sort()).toEqual([...undisturbed.keys()].sort());
      let worst = 0;
      for (const [name, values] of undisturbed) {
        const others = again.get(name);
        values.forEach((value, at) => {
          worst = Math.max(worst, Math.abs(value - (others?.[at] ?? NaN)));
        });
      }
      expect(worst).toBeLessThanOrEqual(tolerance);
    },
  );

  // Which device the fine-tune ran on is nothing to the comparison.
  if (device === 'wasm')
    it('says beside a probe whether the difference is chance', { timeout: PATIENCE }, async () => {
      await driver.unfold('train');
      await driver.click('way-probe');
      await driver.train();
      await driver.see('advice', PATIENCE);
      await driver.unfold('report');
      await driver.see('verdict');
      expect(await driver.text('verdict')).toMatch(/\(p [=<] [\d.]+\)/);
    });

  it('what is taken away computes in transformers.js what the page computes', async () => {
    await driver.unfold('report');
    await driver.showRun('Fine-tuned');
    const folder = await exportedFolder(driver, 'onnx');
    for (const [path, bytes] of folder) {
      await scene.file(join(device, path), bytes);
    }
    const csv = (await driver.export('predictions')).bytes.toString();
    const rows = Papa.parse<Record<string, string>>(csv.replace(/^\ufeff/, '').trim(), {
      header: true,
    }).data.slice(0, 40);
    const texts = rows.map((row) => (row['text'] ?? '').replace(/^'(?=\s*[=+\-@])/, ''));
    const classify = await pipeline('text-classification', device, { dtype: 'fp32' });
    const options = { top_k: null } as unknown as { top_k: number };
    const answers = (await classify(texts, options)) as unknown as {
      label: string;
      score: number;
    }[][];
    await classify.dispose();
    expect(answers).toHaveLength(rows.length);
    rows.forEach((row, at) => {
      const { classes } = record.data;
      for (const label of classes) {
        const there = answers[at]?.find((one) => one.label === label)?.score ?? NaN;
        expect(Math.abs(there - Number(row[`probability: ${label}`]))).toBeLessThan(1e-4);
      }
    });
  });
});
