/**
 * A classifier in one HTML file, opened from the disk in Chromium and in Firefox as whoever was sent it does:
 * it computes what the engine computes, for every kind of classifier, and it can reach nothing.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, ElementHandle, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../src/base';
import {
  createEngine,
  FINETUNE_DEFAULTS,
  type Engine,
  type EncoderEntry,
  type ExportedFile,
  type FinetuneChoice,
  type ProjectView,
  type RunView,
} from '../../src/engine';
import { DEFAULT_LOGISTIC, DEFAULT_MLP } from '../../src/learning/heads';
import { createNodePlatform } from '../../src/platform/node';
import { standaloneFiles } from '../../tools/vite/standalone';
import { launchChromium, launchFirefox } from '../helpers/browser';
import { look } from '../helpers/page-scene';
import { serveFolder, type StaticServer } from '../helpers/static-server';
import { temporaryFolder } from '../helpers/temporary-folder';
import { tinyModelFiles } from '../helpers/tiny-model';

/** Names that would break out of the places they are written into. */
const CLASSES = ['“praise” & "thanks"', '</script><script>alert(1)</script>', "it's 🙂 <!--"];
const WORDS = [
  ['great', 'lovely', 'thanks'],
  ['broken', 'late', 'poor'],
  ['cat', 'dog', 'mat'],
];
const SECRET = 'Rumpelstiltskin';

let folder: string;
let engine: Engine;
let instant: EncoderEntry;
let tiny: EncoderEntry;
let chromium: Browser;
let firefox: Browser;
/** Anyone may read it: only the file's own policy keeps the page from reaching it. */
let foreign: StaticServer;

const source = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });
const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;

function rowsOf(count: number): { text: string; label: string; pair: string; has: boolean[] }[] {
  return Array.from({ length: count }, (_, row) => {
    const k = row % 3;
    const word = WORDS[k]?.[row % 7 < 3 ? 0 : row % 2 === 0 ? 1 : 2] ?? '';
    return {
      text: `the ${word} thing of ${SECRET} number ${row}`,
      pair: `a ${word} ${row}`,
      label: CLASSES[k] ?? '',
      has: [row % 2 === 0, row % 3 === 0],
    };
  });
}

const single = (): string =>
  `text,label\n${rowsOf(90)
    .map(({ text, label }) => `${cell(text)},${cell(label)}`)
    .join('\n')}\n`;
const paired = (): string =>
  `premise,hypothesis,label\n${rowsOf(60)
    .map(({ text, pair, label }) => `${cell(text)},${cell(pair)},${cell(label)}`)
    .join('\n')}\n`;
const several = (): string =>
  `comment,rude,kind\n${rowsOf(60)
    .map(({ text, has }) => `${cell(text)},${has.map(Number).join(',')}`)
    .join('\n')}\n`;
const tagged = (): string =>
  `${rowsOf(40)
    .map(({ text }) =>
      text
        .split(' ')
        .map((word) => `${word} ${word === SECRET ? 'B-PER' : 'O'}`)
        .join('\n'),
    )
    .join('\n\n')}\n`;

const FINETUNE: FinetuneChoice['settings'] = {
  ...FINETUNE_DEFAULTS,
  learning_rate: 2e-3,
  num_train_epochs: 1,
  per_device_train_batch_size: 8,
  max_length: 32,
};

interface Sent {
  readonly project: ProjectView;
  readonly run: RunView;
  readonly file: ExportedFile;
  readonly path: string;
}

async function probe(
  text: string,
  encoder: EncoderEntry,
  head: 'logistic' | 'mlp' = 'logistic',
): Promise<{ project: ProjectView; run: RunView }> {
  const project = await finish(engine.createProject([source('notes.csv', text)]));
  const run = await finish(
    engine.train(project.id, {
      encoder: encoder.info.reference,
      embed: encoder.info.defaults,
      device: 'cpu',
      head: head === 'mlp' ? { ...DEFAULT_MLP, max_iter: 20 } : { ...DEFAULT_LOGISTIC, C: 1 },
      baselines: false,
    }),
  );
  return { project, run };
}

async function tuned(
  name: string,
  text: string,
  pairColumn: string | null = null,
): Promise<{ project: ProjectView; run: RunView }> {
  let project = await finish(engine.createProject([source(name, text)]));
  if (pairColumn !== null && project.choice.textPairColumn !== pairColumn) {
    const choice = { ...project.choice, textColumn: 'premise', textPairColumn: pairColumn };
    project = await finish(engine.configureData(project.id, choice));
  }
  const run = await finish(
    engine.finetune(project.id, {
      encoder: tiny.info.reference,
      device: 'cpu',
      settings: FINETUNE,
      baselines: false,
    }),
  );
  return { project, run };
}

async function sent(
  made: { readonly project: ProjectView; readonly run: RunView },
  name: string,
  kind: 'standalone_html' | 'standalone_html_q8' = 'standalone_html',
): Promise<Sent> {
  const file = await finish(engine.export(made.project.id, made.run.id, kind));
  const path = join(folder, `${name}.html`);
  await writeFile(path, file.bytes);
  return { ...made, file, path };
}

interface Opened {
  readonly page: Page;
  /** Every address that was asked for, but the file itself and what it holds. */
  readonly reached: string[];
  readonly complaints: string[];
}

async function open(browser: Browser, path: string): Promise<Opened> {
  const page = await browser.newPage();
  const reached: string[] = [];
  const complaints: string[] = [];
  const own = pathToFileURL(path).href;
  page.on('request', (request) => {
    const url = request.url();
    if (url !== own && !/^(?:blob|data):/.test(url)) reached.push(url);
  });
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  if (browser === chromium) {
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    await page.evaluateOnNewDocument(await readFile(axe, 'utf8'));
    await page.setOfflineMode(true);
  }
  await page.goto(own);
  await page.waitForSelector('[data-testid="try-text"]');
  return { page, reached, complaints };
}

/** Types a text and waits for what the page says of it. */
async function typed(page: Page, text: string, pair: string | null = null): Promise<string> {
  await page.type('[data-testid="try-text"]', text);
  if (pair !== null) await page.type('[data-testid="try-pair"]', pair);
  await page.waitForSelector('[data-testid="prediction"][data-state="ready"]');
  return page.$eval('[data-testid="prediction"]', (place) => place.textContent);
}

/** The CSV that the page gives back for a file, as its link would save it. */
async function labelled(page: Page, path: string): Promise<string> {
  await page.evaluate(() => {
    const keep = window as unknown as { saved: Promise<string> };
    keep.saved = new Promise((resolve) => {
      const make = URL.createObjectURL.bind(URL);
      URL.createObjectURL = (blob: Blob) => {
        if (blob.type.startsWith('text/csv')) resolve(blob.text());
        return make(blob);
      };
    });
  });
  const input = (await page.$(
    '[data-testid="predict-file-input"]',
  )) as ElementHandle<HTMLInputElement> | null;
  await input?.uploadFile(path);
  await page.waitForSelector('[data-testid="download-predictions"]');
  await page.click('[data-testid="download-predictions"]');
  return page.evaluate(() => (window as unknown as { saved: Promise<string> }).saved);
}

const NEW_TEXTS = ['a lovely day, thanks', 'it came late and broken', 'the cat on the mat', 'hm'];

/** The engine's own answer to the same file. */
async function byEngine({ project, run }: Sent, path: string): Promise<string> {
  const file = { name: 'new.csv', bytes: new Uint8Array(await readFile(path)) };
  const { bytes } = await finish(engine.predictFile(project.id, run.id, file, null));
  return new TextDecoder().decode(bytes);
}

/** The same cells; numbers to a tolerance. */
function expectSame(found: string, wanted: string, tolerance: number): void {
  const cells = (csv: string): string[] => csv.trim().split(/\r\n|,/);
  const [a, b] = [cells(found), cells(wanted)];
  expect(a).toHaveLength(b.length);
  let numbers = 0;
  b.forEach((value, at) => {
    if (!/^\d?\.?\d+(?:e-\d+)?$/.test(value)) {
      expect(a[at]).toBe(value);
      return;
    }
    numbers++;
    expect(Math.abs(Number(a[at]) - Number(value)), `cell ${at}`).toBeLessThan(tolerance);
  });
  expect(numbers).toBeGreaterThan(0);
}

async function newFile(header: string, rows: readonly string[]): Promise<string> {
  const path = join(folder, 'new.csv');
  await writeFile(path, `${header}\n${rows.join('\n')}\n`);
  return path;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const { fileName, source: content } of await standaloneFiles()) {
    await mkdir(join(folder, 'standalone'), { recursive: true });
    await writeFile(join(folder, fileName), content);
  }
  const platform = await createNodePlatform({ home: join(folder, 'home'), builtDir: folder });
  engine = createEngine(platform);
  const found = (await engine.listEncoders()).find(({ info }) => info.architecture === 'static');
  if (found === undefined) throw new Error('no static encoder ships');
  instant = found;
  tiny = await finish(engine.addFolderEncoder('tiny', tinyModelFiles(), 'fp32'));
  foreign = await serveFolder(folder, {
    headers: {
      'Access-Control-Allow-Origin': '*',
      'Cross-Origin-Resource-Policy': 'cross-origin',
    },
  });
  chromium = await launchChromium();
  firefox = await launchFirefox();
});

afterAll(async () => {
  await chromium.close();
  await firefox.close();
  await foreign.close();
});

describe('a probe on word vectors', () => {
  let file: Sent;

  beforeAll(async () => {
    const made = await probe(single(), instant);
    await engine.renameProject(made.project.id, 'Notes </title><script>alert(2)</script> & co');
    file = await sent(made, 'instant');
  });

  it('is as large as was said, and small: no ONNX Runtime inside', async () => {
    const said = await engine.exportSize(file.project.id, file.run.id, 'standalone_html');
    expect(Math.abs((said ?? 0) / file.file.bytes.length - 1)).toBeLessThan(0.1);
    expect(file.file.bytes.length).toBeLessThan(12e6);
  });

  it('holds none of the texts, in the open or packed', async () => {
    expect(file.file.containsTexts).toBe(false);
    const html = new TextDecoder().decode(file.file.bytes);
    const packed = new Map<string, Buffer[]>();
    for (const [, name = '', text = ''] of html.matchAll(/data-file="([^"]+)">([^<]+)</g)) {
      packed.set(name, [...(packed.get(name) ?? []), Buffer.from(text, 'base64')]);
    }
    expect([...packed.keys()].sort()).toEqual([
      'config.json',
      'head.json',
      'onnx/model.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const { gunzipSync } = await import('node:zlib');
    const whole = [
      html,
      ...[...packed.values()].map((parts) => gunzipSync(Buffer.concat(parts)).toString('latin1')),
    ];
    for (const text of whole) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain('notes.csv');
    }
    // The search would find it: the file of the texts does hold it.
    expect(single()).toContain(SECRET);
  });

  it.each(['chromium', 'firefox'])('answers as the engine does, in %s', async (name) => {
    const browser = name === 'chromium' ? chromium : firefox;
    const { page, reached, complaints } = await open(browser, file.path);
    expect(await page.title()).toBe('Notes </title><script>alert(2)</script> & co');
    const shown = await typed(page, NEW_TEXTS[1] ?? '');
    const { probabilities } = await engine.predictTexts(file.project.id, file.run.id, [
      NEW_TEXTS[1] ?? '',
    ]);
    const classes = file.run.record.data.classes;
    expect([...classes].sort()).toEqual([...CLASSES].sort());
    classes.forEach((label, k) => {
      expect(shown).toContain(label);
      expect(shown).toContain(((probabilities[0]?.[k] ?? 0) * 100).toFixed(1));
    });
    const path = await newFile(
      'id,text',
      NEW_TEXTS.map((text, at) => `${at},${cell(text)}`),
    );
    expectSame(await labelled(page, path), await byEngine(file, path), 1e-6);
    expect(reached).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('says what it is and how far to trust it, in both colours and at both widths', async () => {
    const { page } = await open(chromium, file.path);
    await typed(page, 'a lovely day');
    const said = await page.$eval('body', (body) => body.innerText);
    for (const words of ['72 texts', '18 texts', 'Accuracy', '95 % interval', 'goes nowhere']) {
      expect(said).toContain(words);
    }
    expect(await look(page, 'standalone')).toEqual([]);
    await page.close();
  });

  it('can send nothing, though its scripts were made to try', async () => {
    const address = `${foreign.url}standalone/sizes.json`;
    // From outside it can be reached: otherwise the refusals would say nothing.
    expect((await fetch(address)).ok).toBe(true);
    const before = foreign.requests.length;
    for (const browser of [chromium, firefox]) {
      const { page } = await open(browser, file.path);
      if (browser === chromium) await page.setOfflineMode(false);
      const results = await page.evaluate(async (url) => {
        const tries: (() => Promise<unknown>)[] = [
          () => fetch(url),
          () =>
            new Promise((resolve, reject) => {
              const image = new Image();
              image.onload = resolve;
              image.onerror = reject;
              image.src = `${url}?image`;
            }),
          () =>
            new Promise((resolve, reject) => {
              const script = document.createElement('script');
              script.onload = resolve;
              script.onerror = reject;
              script.src = `${url}?script`;
              document.body.append(script);
            }),
          () =>
            new Promise((resolve, reject) => {
              const code = `fetch(${JSON.stringify(`${url}?worker`)}).then(() => postMessage(1), () => postMessage(0))`;
              const worker = new Worker(URL.createObjectURL(new Blob([code])));
              worker.onmessage = ({ data }) => (data === 1 ? resolve(1) : reject(new Error('no')));
              worker.onerror = reject;
            }),
        ];
        const ended: string[] = [];
        for (const attempt of tries) {
          ended.push(
            await attempt().then(
              () => 'reached',
              () => 'refused',
            ),
          );
        }
        return ended;
      }, address);
      expect(results).toEqual(['refused', 'refused', 'refused', 'refused']);
      await page.close();
    }
    expect(foreign.requests.length).toBe(before);
  });

  it('says so when the file was cut off on its way', async () => {
    const html = new TextDecoder().decode(file.file.bytes);
    const path = join(folder, 'cut.html');
    // Half of the table is gone, the page is there.
    const at = html.indexOf('data-file="onnx/model.onnx">') + 1000;
    await writeFile(path, html.slice(0, at) + html.slice(at + 400_000));
    const { page } = await open(chromium, path);
    await page.type('[data-testid="try-text"]', 'a');
    await page.waitForFunction(() => document.body.innerText.includes('This page is damaged'));
    await page.close();
  });
});

describe('classifiers that need ONNX Runtime', () => {
  const cases: readonly {
    readonly name: string;
    readonly make: () => Promise<{ project: ProjectView; run: RunView }>;
    readonly kind?: 'standalone_html_q8';
    readonly header: string;
    readonly rows: readonly string[];
    readonly tolerance: number;
  }[] = [
    {
      name: 'a probe with a hidden layer',
      make: () => probe(single(), tiny, 'mlp'),
      header: 'text',
      rows: NEW_TEXTS.map(cell),
      tolerance: 1e-4,
    },
    {
      name: 'a probe of several labels',
      make: () => probe(several(), tiny),
      header: 'comment',
      rows: NEW_TEXTS.map(cell),
      tolerance: 1e-4,
    },
    {
      name: 'a fine-tune of pairs',
      make: () => tuned('pairs.csv', paired(), 'hypothesis'),
      header: 'premise,hypothesis',
      rows: NEW_TEXTS.map((text) => `${cell(text)},a cat`),
      tolerance: 1e-4,
    },
    {
      name: 'a fine-tune of several labels, in 8 bits',
      make: () => tuned('several.csv', several()),
      kind: 'standalone_html_q8',
      header: 'comment',
      rows: NEW_TEXTS.map(cell),
      tolerance: 0.05,
    },
    {
      name: 'a fine-tune of words',
      make: () => tuned('words.conll', tagged()),
      header: 'id,text',
      rows: NEW_TEXTS.map((text, at) => `${at},${cell(text)}`),
      tolerance: 1e-4,
    },
  ];

  it.each(cases)('$name computes what the engine computes', async (one) => {
    const file = await sent(await one.make(), 'onnx', one.kind);
    const path = await newFile(one.header, one.rows);
    const wanted = await byEngine(file, path);
    for (const browser of [chromium, ...(one.name.includes('pairs') ? [firefox] : [])]) {
      const { page, reached, complaints } = await open(browser, file.path);
      await typed(page, 'a cat', file.run.record.data.text_pair === null ? null : 'a dog');
      expectSame(await labelled(page, path), wanted, one.tolerance);
      expect(reached).toEqual([]);
      expect(complaints).toEqual([]);
      await page.close();
    }
  });
});
