/**
 * Fine-tunes of the other kinds through the real page, on WASM with small seeded models: pairs of texts with
 * LoRA, and words with entities. Every model that can be taken away is loaded and computes what the page
 * computed, and the Hub gets the same folder, from the form.
 */
import {
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  AutoTokenizer,
  env,
  softmax,
  type PreTrainedModel,
} from '@huggingface/transformers';
import { unzipSync } from 'fflate';
import Papa from 'papaparse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { float32Values, readSafetensors } from '../../src/models';
import { startHubUploadServer } from '../helpers/hub-upload-server';
import type { PageDriver } from '../helpers/page-driver';
import { PageScene } from '../helpers/page-scene';
import { tinyModelFiles, tinyTexts } from '../helpers/tiny-model';

const PATIENCE = 240_000;
const TOKEN = 'hf_QzLkNvTqXwPmRsYbGdHjFcZa';

const scene = PageScene.ofThisFile('kinds');
let encoder: string[];

beforeAll(async () => {
  encoder = await scene.folder('tiny-encoder', tinyModelFiles({ seed: 4 }));
  env.allowRemoteModels = false;
  env.localModelPath = `${scene.scratch}/`;
});

async function open(data: string, settings: Readonly<Record<string, string>>) {
  const { context, driver } = await scene.device();
  await driver.pick(data);
  await driver.see('step-train');
  await driver.addEncoder(...encoder);
  await driver.chooseDevice('wasm');
  return {
    driver,
    context,
    async finetune(): Promise<void> {
      await driver.unfold('train');
      await driver.click('preset-quick');
      await driver.setFinetune({
        learning_rate: '1e-2',
        num_train_epochs: '6',
        per_device_train_batch_size: '16',
        max_length: '16',
        ...settings,
      });
      await driver.startFinetune();
      await driver.waitForFinetune();
    },
  };
}

async function exported(driver: PageDriver, kind: string): Promise<Map<string, Uint8Array>> {
  const { bytes } = await driver.export(kind);
  const folder = new Map(Object.entries(unzipSync(new Uint8Array(bytes))));
  await scene.folder(
    kind,
    [...folder].map(([name, content]) => ({ name, bytes: content })),
  );
  return folder;
}

function file(folder: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const bytes = folder.get(name);
  if (bytes === undefined) throw new Error(`no ${name} among ${[...folder.keys()].join(', ')}`);
  return bytes;
}

/** What people call a tensor of transformers.js by. */
interface Logits {
  readonly logits: { readonly data: Float32Array; readonly dims: readonly number[] };
}

function run(model: PreTrainedModel, inputs: unknown): Promise<Logits> {
  return (model as unknown as (inputs: unknown) => Promise<Logits>)(inputs);
}

describe('pairs of texts, with LoRA', () => {
  let page: Awaited<ReturnType<typeof open>>;
  let rows: readonly Record<string, string>[];

  beforeAll(async () => {
    // The second text alone tells: a model that reads only the first learns nothing.
    const [first, second] = [tinyTexts(240, 5, 5), tinyTexts(240, 6, 5)].map((texts) =>
      texts.map((text) => text.replaceAll(/\b(cat|dog)\b/g, 'the')),
    );
    const lines = Array.from({ length: 240 }, (_, at) => {
      const animal = at % 2 === 0 ? 'cat' : 'dog';
      return [first?.[at] ?? '', `${animal} ${second?.[at] ?? ''}`, animal];
    });
    const [data] = await scene.folder('data', [
      { name: 'pairs.csv', bytes: Papa.unparse([['one', 'two', 'animal'], ...lines]) },
    ]);
    page = await open(data ?? '', { method: 'lora', learning_rate: '2e-2' });
    await page.driver.unfold('data');
    await page.driver.choose('label-column', 'animal');
    await page.driver.choose('text-column', 'one');
    await page.driver.choose('pair-column', 'two');
    await page.finetune();
    const csv = (await page.driver.export('predictions')).bytes.toString();
    rows = Papa.parse<Record<string, string>>(csv.replace(/^\ufeff/, '').trim(), {
      header: true,
    }).data;
  }, PATIENCE);

  afterAll(() => page.context.close());

  it('learns from the second text, which stands beside its prediction', async () => {
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) expect(row['second text']).toMatch(/^(cat|dog) /);
    expect(await page.driver.testAccuracy()).toBeGreaterThan(0.9);
  });

  // 16-bit floats have 11 bits; 8-bit weights move a probability by a few hundredths.
  it.each([
    ['onnx', 'fp32', 1e-4],
    ['onnx-fp16', 'fp16', 1e-2],
    ['onnx-quantized', 'q8', 0.15],
    ['huggingface', 'fp32', 1e-4],
  ] as const)(
    '%s: transformers.js computes what the page computed',
    async (kind, dtype, within) => {
      await exported(page.driver, kind);
      const tokenizer = await AutoTokenizer.from_pretrained(kind);
      const model = await AutoModelForSequenceClassification.from_pretrained(kind, { dtype });
      const inputs: unknown = tokenizer(
        rows.map((row) => row['text'] ?? ''),
        { text_pair: rows.map((row) => row['second text'] ?? ''), padding: true },
      );
      const { logits } = await run(model, inputs);
      const { id2label } = model.config as unknown as { id2label: Record<string, string> };
      const classes = logits.dims[1] ?? 0;
      expect(logits.dims).toEqual([rows.length, 2]);
      rows.forEach((row, at) => {
        const values = softmax([...logits.data.slice(at * classes, (at + 1) * classes)]);
        values.forEach((value, label) => {
          const here = Number(row[`probability: ${id2label[label] ?? ''}`]);
          expect(Math.abs(value - here), `row ${at}`).toBeLessThan(within);
        });
      });
      await model.dispose();
    },
  );

  it('the adapter holds low-rank pairs and the head, by PEFT’s names, and merges to the folder', async () => {
    const adapter = await exported(page.driver, 'adapter');
    const folder = await exported(page.driver, 'huggingface');
    const config = JSON.parse(new TextDecoder().decode(file(adapter, 'adapter_config.json'))) as {
      r: number;
      lora_alpha: number;
      target_modules: string[];
    };
    const read = (bytes: Uint8Array): Map<string, Float32Array> =>
      new Map(
        [...readSafetensors(bytes).tensors].map(([name, tensor]) => [
          name,
          float32Values(tensor, name),
        ]),
      );
    const adapted = read(file(adapter, 'adapter_model.safetensors'));
    const merged = read(file(folder, 'model.safetensors'));
    const before = read(tinyModelFiles({ seed: 4 }).find(isWeights)?.bytes ?? new Uint8Array());
    const layer = 'encoder.layer.1.attention.self.query';
    const a = adapted.get(`base_model.model.bert.${layer}.lora_A.weight`);
    const b = adapted.get(`base_model.model.bert.${layer}.lora_B.weight`);
    const base = before.get(`${layer}.weight`) ?? before.get(`bert.${layer}.weight`);
    const whole = merged.get(`bert.${layer}.weight`);
    if (a === undefined || b === undefined || base === undefined || whole === undefined) {
      throw new Error([...adapted.keys(), ...before.keys(), ...merged.keys()].join('\n'));
    }
    // W + (alpha / r) B A, by hand.
    const { r } = config;
    const width = a.length / r;
    let worst = 0;
    let moved = 0;
    for (let row = 0; row < b.length / r; row++) {
      for (let column = 0; column < width; column++) {
        let sum = 0;
        for (let rank = 0; rank < r; rank++) sum += b[row * r + rank]! * a[rank * width + column]!;
        const at = row * width + column;
        const change = (config.lora_alpha / r) * sum;
        moved = Math.max(moved, Math.abs(change));
        worst = Math.max(worst, Math.abs(base[at]! + change - whole[at]!));
      }
    }
    expect(moved).toBeGreaterThan(1e-3);
    expect(worst).toBeLessThan(1e-5);
    expect([...adapted.keys()].some((name) => name.includes('classifier'))).toBe(true);
  });

  it('the form sends the same folder to the Hub, and the token stays nowhere', async () => {
    const hub = await startHubUploadServer({ token: TOKEN, owner: 'ada', storageOnHub: true });
    try {
      const { driver } = page;
      const folder = await exported(driver, 'huggingface');
      await (await driver.page.waitForSelector('nav ::-p-text(Settings)'))?.click();
      const host = await driver.page.waitForSelector('dialog[open] input[type="url"]');
      await host?.click({ count: 3 });
      await host?.type(hub.host);
      await Promise.all([
        driver.page.waitForNavigation(),
        (await driver.page.waitForSelector('dialog[open] ::-p-text(Allow and reload)'))?.click(),
      ]);
      await driver.unfold('use');
      await (await driver.page.waitForSelector('details ::-p-text(Push to the)'))?.click();
      await (await driver.see('hub-repository')).type('ada/pairs');
      await (await driver.see('hub-token')).type(TOKEN);
      await driver.click('hub-push');
      await driver.see('hub-done', PATIENCE);
      const sent = hub.repositories.get('ada/pairs');
      expect(sent?.visibility).toBe('private');
      const names = [...folder.keys()].filter((name) => !/^(recipe|run)\.json$/.test(name));
      expect([...(sent?.files.keys() ?? [])]).toEqual(expect.arrayContaining(names));
      expect(Buffer.from(sent?.files.get('model.safetensors') ?? [])).toEqual(
        Buffer.from(file(folder, 'model.safetensors')),
      );
      expect(await driver.text('hub-done')).toContain('ada/pairs');
      const left = await driver.page.evaluate(
        () => JSON.stringify(Object.entries(localStorage)) + document.documentElement.outerHTML,
      );
      expect(left).not.toContain(TOKEN);
      expect(await driver.value('hub-token')).toBe('');
    } finally {
      await hub.close();
    }
  });
});

describe('words with entities', () => {
  it(
    'of a CoNLL file: learned, reported by entity, marked in a typed text, and taken away',
    { timeout: PATIENCE },
    async () => {
      const fillers = tinyTexts(200, 7, 3).map((text) =>
        text
          .split(' ')
          .filter((word) => !/^(cat|dog|red|mat|book)$/.test(word))
          .map((word) => `${word} O\n`)
          .join(''),
      );
      const sentences = fillers.map((filler, at) => {
        const animal = at % 2 === 0 ? 'cat B-ANIMAL' : 'dog B-ANIMAL';
        const thing = at % 3 < 2 ? 'red B-THING\nmat I-THING' : 'book B-THING';
        return `${filler}the O\n${animal}\n${at % 4 < 2 ? 'sat' : 'ran'} O\non O\n${thing}\n. O\n`;
      });
      const [data] = await scene.folder('data', [
        { name: 'rooms.conll', bytes: sentences.join('\n') },
      ]);
      const page = await open(data ?? '', {
        method: 'full',
        num_train_epochs: '8',
      });
      const { driver } = page;
      await driver.see('tagging');
      await driver.see('only-finetune');
      await page.finetune();
      await driver.unfold('report');
      const table = await driver.text('entity-table');
      expect(table).toContain('ANIMAL');
      expect(table).toContain('THING');
      await driver.unfold('use');
      await (await driver.see('try-text')).type('the dog ran on red mat .');
      await driver.page.waitForSelector('[data-testid="prediction"] mark');
      const marked = await driver.page.$$eval('[data-testid="prediction"] mark', (marks) =>
        marks.map((mark) => mark.textContent.replace(/\s+/g, ' ').trim()),
      );
      expect(marked[0]).toContain('dog');
      expect(marked[1]).toMatch(/^red mat/);

      await exported(driver, 'onnx');
      const tokenizer = await AutoTokenizer.from_pretrained('onnx');
      const model = await AutoModelForTokenClassification.from_pretrained('onnx', {
        dtype: 'fp32',
      });
      const { logits } = await run(model, tokenizer('the dog ran on red mat .'));
      const { id2label } = model.config as unknown as { id2label: Record<string, string> };
      const classes = logits.dims[2] ?? 0;
      const said = Array.from({ length: logits.dims[1] ?? 0 }, (_, at) => {
        const values = [...logits.data.slice(at * classes, (at + 1) * classes)];
        return id2label[values.indexOf(Math.max(...values))];
      });
      // Without [CLS] and [SEP].
      expect(said.slice(1, -1)).toEqual(['O', 'B-ANIMAL', 'O', 'O', 'B-THING', 'I-THING', 'O']);
      await model.dispose();
      await page.context.close();
    },
  );
});

function isWeights({ name }: { readonly name: string }): boolean {
  return name === 'model.safetensors';
}
