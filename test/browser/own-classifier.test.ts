/**
 * Promise: a person drops the folder of a model that was fine-tuned elsewhere, its classes are matched with their
 * labels, and without any training they have the report, typed predictions and a classifier to take away; the
 * probabilities are those of transformers (test/reference/own/make_own.py).
 */
import { unzipSync } from 'fflate';
import Papa from 'papaparse';
import { beforeAll, describe, expect, it } from 'vitest';
import { ownFiles, ownGolden, sentimentCsv } from '../helpers/own-models';
import type { PageDriver } from '../helpers/page-driver';
import { look, PageScene } from '../helpers/page-scene';

const scene = PageScene.ofThisFile('own');
const { texts, classes, probabilities } = ownGolden.sentiment;
let model: string[];

beforeAll(async () => {
  model = await scene.folder('sentiment', ownFiles('sentiment'));
});

async function withModel(data: string, name: string): Promise<PageDriver> {
  const { driver } = await scene.device();
  await driver.pick(await scene.file(name, data));
  await driver.see('step-train');
  await driver.addEncoder(...model);
  await driver.chooseDevice('wasm');
  await driver.unfold('train');
  return driver;
}

async function evaluate(driver: PageDriver): Promise<void> {
  await driver.click('own-button');
  await driver.page.waitForFunction(
    () =>
      document.querySelector('[data-testid="own-button"]') !== null &&
      document.querySelector('[data-testid="report"]') !== null,
    { timeout: 120_000 },
  );
  expect(await driver.isThere('error')).toBe(false);
}

interface Predicted {
  readonly text: string;
  readonly prediction: string;
  readonly [column: string]: string;
}

async function predicted(driver: PageDriver): Promise<Predicted[]> {
  const file = await scene.file('new.csv', `text\n${texts.slice(0, 30).join('\n')}\n`);
  await driver.predictFile(file);
  const { bytes } = await driver.download(() => driver.click('download-predictions'));
  return Papa.parse<Predicted>(bytes.toString(), { header: true, skipEmptyLines: true }).data;
}

describe('a model that came with a classifier', () => {
  let driver: PageDriver;
  beforeAll(async () => {
    driver = await withModel(sentimentCsv(), 'reviews.csv');
  });

  it('is offered as it is, its classes matched by name, whatever the case', async () => {
    await driver.click('way-own');
    for (const [at, name] of classes.entries())
      expect(await driver.value(`own-class-${at}`)).toBe(`label:${name.toLowerCase()}`);
    expect(await driver.isThere('own-notes')).toBe(false);
    expect(await look(driver.page, 'own-classes', { within: '#step-train' })).toEqual([]);
  });

  it('is reported on as every other run, and says that it may have seen the texts', async () => {
    await evaluate(driver);
    expect(await driver.testAccuracy()).toBeGreaterThan(0.9);
    const report = await driver.text('report');
    expect(report).toContain('What the model was trained on is not known');
    expect(report).toContain('Words alone');
    expect(await look(driver.page, 'own-report', { within: '#step-report' })).toEqual([]);
  });

  it('answers as transformers does', async () => {
    const [text = ''] = texts;
    const [first = []] = probabilities;
    const likeliest = classes[first.indexOf(Math.max(...first))]?.toLowerCase();
    expect(await driver.typeText(text)).toBe(likeliest);
    const rows = await predicted(driver);
    rows.forEach((row, at) => {
      classes.forEach((name, k) => {
        const found = Number(row[`probability: ${name.toLowerCase()}`]);
        expect(found).toBeCloseTo(probabilities[at]?.[k] ?? NaN, 4);
      });
    });
    expect(rows).toHaveLength(30);
  });

  it('is taken away with the labels of the data', async () => {
    const { bytes } = await driver.export('huggingface');
    const files = unzipSync(new Uint8Array(bytes));
    const config = JSON.parse(new TextDecoder().decode(files['config.json'])) as {
      readonly id2label: Readonly<Record<string, string>>;
    };
    expect(Object.values(config.id2label)).toEqual(classes.map((name) => name.toLowerCase()));
    expect(Object.keys(files)).toContain('onnx/model.onnx');
    expect(await look(driver.page, 'own-use', { within: '#step-use' })).toEqual([]);
  });
});

describe('other names and fewer labels', () => {
  it('are for the person to match; what is unmatched is said', async () => {
    const short = sentimentCsv()
      .replaceAll(',positive', ',good')
      .replaceAll(/,(negative|neutral)/g, ',poor');
    const driver = await withModel(short, 'short.csv');
    await driver.click('way-own');
    expect(await driver.value('own-class-0')).toBe('');
    const button = await driver.see('own-button');
    expect(await button.evaluate((one) => (one as HTMLButtonElement).disabled)).toBe(true);
    expect(await look(driver.page, 'own-unmatched', { within: '#step-train' })).toEqual([]);
    for (const [at, label] of ['poor', 'poor', 'good'].entries())
      await driver.choose(`own-class-${at}`, `label:${label}`);
    expect(await driver.isThere('own-notes')).toBe(false);
    await evaluate(driver);
    expect(await driver.testAccuracy()).toBeGreaterThan(0.9);
    const rows = await predicted(driver);
    rows.forEach((row, at) => {
      const [negative = 0, neutral = 0] = probabilities[at] ?? [];
      expect(Number(row['probability: poor'])).toBeCloseTo(negative + neutral, 4);
    });
    expect(await driver.isThere('export-huggingface')).toBe(false);
    expect(await driver.text('no-folder')).toContain('The ONNX graphs and the page join them');
    expect(await driver.isThere('export-onnx-fp16')).toBe(true);
  });
});

describe('a mix of layers', () => {
  it('is chosen, weighed, and trained on', async () => {
    const driver = await withModel(sentimentCsv(), 'mixed.csv');
    await driver.unfold('encoder');
    await (await driver.page.waitForSelector('details ::-p-text(Features, device)'))?.click();
    await driver.page.select('#layer', 'mix');
    await driver.see('layer-weight-1');
    const weight = await driver.see('layer-weight-1');
    await weight.evaluate((input) => {
      (input as HTMLInputElement).value = '3';
      input.dispatchEvent(new Event('change', { bubbles: true }));
    });
    expect(await look(driver.page, 'layer-mix', { within: '#step-encoder' })).toEqual([]);
    await driver.train();
    await driver.unfold('report');
    expect(await driver.text('report')).toContain('a mix of 3 layers');
    const { bytes } = await driver.export('recipe');
    expect(JSON.parse(bytes.toString())).toMatchObject({
      embed: { layer: 2, layerWeights: [1, 3, 1] },
    });
  });
});
