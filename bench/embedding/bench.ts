/**
 * Texts a second: Headlight in the page (WASM, one and two threads) and in Node, beside transformers.js'
 * own pipeline in the same browser and sentence-transformers on the same machine. One run, in turn.
 */
import { mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish } from '../../src/base';
import { addFolder, embedTexts, loadEncoder, type Encoder } from '../../src/models';
import { createNodePlatform } from '../../src/platform/node';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium } from '../../test/helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds } from '../../test/helpers/harness';
import { memoryStorage } from '../../test/helpers/memory-storage';
import { serveFolder } from '../../test/helpers/static-server';
import { readFile } from 'node:fs/promises';
import { MINILM, peer, PYTHON } from '../python';
import { median, type BenchResult, type Cell } from '../report';
import { benchTexts } from './texts';

const TEXTS = 600;
const INSTANT_TEXTS = 10_000;
const ROUNDS = 3;
const MODEL_FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json'];
const SENTENCE_FILES = ['modules.json', 'sentence_bert_config.json', '1_Pooling/config.json'];
const MINILM_ID = 'all-MiniLM-L6-v2';

interface Row {
  readonly what: string;
  readonly texts: number;
  /** Texts a second, one a round. */
  readonly rates: number[];
}

async function timeInNode(
  encoder: Encoder,
  texts: readonly string[],
  threads: number,
): Promise<number> {
  const { runtime } = await createNodePlatform({
    home: await mkdtemp(join(tmpdir(), 'headlight-bench-')),
  });
  const started = performance.now();
  await finish(
    embedTexts({
      texts,
      encoder,
      embed: encoder.info.defaults,
      device: 'cpu',
      runtime,
      storage: memoryStorage(),
      scope: 'bench',
      threads,
    }),
  );
  return (texts.length / (performance.now() - started)) * 1000;
}

async function folderFiles(folder: string): Promise<{ name: string; bytes: Uint8Array }[]> {
  const files = [];
  for (const name of [...MODEL_FILES, ...SENTENCE_FILES, 'model.safetensors']) {
    files.push({ name, bytes: new Uint8Array(await readFile(join(folder, name))) });
  }
  return files;
}

export async function bench(): Promise<BenchResult> {
  const texts = await benchTexts(TEXTS);
  const many = await benchTexts(INSTANT_TEXTS);
  const scratch = await mkdtemp(join(tmpdir(), 'headlight-bench-'));
  const harness = await buildHarness();
  await symlink(join(import.meta.dirname, '../../public/models'), join(harness, 'shipped'));
  const instant =
    (await readdir(join(harness, 'shipped'))).find((name) => name.includes('instant')) ?? '';
  if (MINILM !== null) {
    await symlink(MINILM, join(harness, 'minilm'));
    await symlink(
      join(import.meta.dirname, '../../node_modules/onnxruntime-web/dist'),
      join(harness, 'ort'),
    );
    if (PYTHON !== null) {
      await mkdir(join(scratch, 'peer'));
      await peer(new URL('./export_peer.py', import.meta.url), MINILM, join(scratch, 'peer')).catch(
        () => null,
      );
      await symlink(join(scratch, 'peer'), join(harness, 'peer'));
    }
  }
  const server = await serveFolder(harness, { headers: securityHeaders(null) });
  const rows: Row[] = [];
  const add = (what: string, count: number): Row => {
    const row = { what, texts: count, rates: [] };
    rows.push(row);
    return row;
  };
  const q8Files = [...MODEL_FILES, 'model_q8.safetensors'];
  const fp32Files = [...MODEL_FILES, ...SENTENCE_FILES, 'model.safetensors'];

  /** A fresh browser: the number of threads is fixed by the first session of a page. */
  async function inPage(
    row: Row,
    folder: string,
    names: readonly string[],
    precision: 'fp32' | 'q8',
    what: readonly string[],
    threads: number,
  ): Promise<void> {
    const browser = await launchChromium();
    try {
      const page = await openHarness(browser, server.url);
      const embed = (given: readonly string[]) =>
        page.call<{ seconds: number }>(
          'embedWithHeadlight',
          folder,
          names,
          precision,
          'wasm',
          given,
          { pooling: 'mean', normalize: true },
          false,
          threads,
        );
      await embed(what.slice(0, 32)); // loads the model and the runtime
      const { seconds } = await embed(what);
      row.rates.push(what.length / seconds);
    } finally {
      await browser.close();
    }
  }
  async function transformersJs(row: Row, batch: number, threads: number): Promise<void> {
    const browser = await launchChromium();
    try {
      const page = await openHarness(browser, server.url);
      const { seconds } = await page.call<{ seconds: number }>(
        'embedWithTransformersJs',
        'peer',
        'ort',
        texts,
        batch,
        threads,
      );
      row.rates.push(texts.length / seconds);
    } finally {
      await browser.close();
    }
  }

  const node = await createNodePlatform({ home: join(scratch, 'home') });
  const q8 = await finish(
    loadEncoder(node, { source: 'shipped', id: MINILM_ID, revision: null, precision: 'q8' }),
  );
  const fp32 =
    MINILM === null
      ? null
      : await finish(addFolder(null, 'minilm', await folderFiles(MINILM), 'fp32'));
  await writeFile(join(scratch, 'texts.json'), JSON.stringify(texts));

  const table = {
    page2: add('Headlight, page, WASM 2 threads, q8', TEXTS),
    page1: add('Headlight, page, WASM 1 thread, q8', TEXTS),
    pageFp32: add('Headlight, page, WASM 2 threads, fp32', TEXTS),
    one: add('transformers.js pipeline(), a row at a time, WASM 2 threads, fp32', TEXTS),
    batched: add('transformers.js pipeline(), batches of 32, WASM 2 threads, fp32', TEXTS),
    nodeQ8: add('Headlight, Node CPU, q8', TEXTS),
    nodeFp32: add('Headlight, Node CPU, fp32', TEXTS),
    python: add('sentence-transformers, PyTorch CPU, fp32', TEXTS),
    instantPage: add('Headlight, page, instant encoder, WASM 2 threads', INSTANT_TEXTS),
  };
  for (let round = 0; round < ROUNDS; round++) {
    await inPage(table.page2, `shipped/${MINILM_ID}`, q8Files, 'q8', texts, 2);
    await inPage(table.page1, `shipped/${MINILM_ID}`, q8Files, 'q8', texts, 1);
    await inPage(
      table.instantPage,
      `shipped/${instant}`,
      [...MODEL_FILES, 'model.onnx'],
      'q8',
      many,
      2,
    );
    table.nodeQ8.rates.push(await timeInNode(q8, texts, 2));
    if (fp32 !== null) {
      await inPage(table.pageFp32, 'minilm', fp32Files, 'fp32', texts, 2);
      table.nodeFp32.rates.push(await timeInNode(fp32, texts, 2));
    }
    if (MINILM !== null && PYTHON !== null) {
      await transformersJs(table.one, 1, 2);
      await transformersJs(table.batched, 32, 2);
      const timed = await peer<{ seconds: number }>(
        new URL('./peer.py', import.meta.url),
        MINILM,
        join(scratch, 'texts.json'),
      );
      if (timed !== null) table.python.rates.push(texts.length / timed.seconds);
    }
  }
  await server.close();
  await removeHarnessBuilds();

  const rate = ({ rates }: Row): number | null => (rates.length === 0 ? null : median(rates));
  const against = (row: Row, base: Row): Cell => {
    // Pairs of one round: the machine's speed drifts, the ratio less.
    const ratios = row.rates.flatMap((value, round) => {
      const other = base.rates[round];
      return other === undefined ? [] : [value / other];
    });
    return ratios.length === 0 || row.texts !== base.texts ? null : median(ratios);
  };
  return {
    name: 'embedding',
    tables: [
      {
        title: 'Embedding, texts a second',
        method: `${TEXTS} short texts of the sample (${INSTANT_TEXTS} for the instant encoder), all different, models loaded before; median of ${ROUNDS} rounds in turn, ratios pair by pair within a round. Tokenising is counted in every figure.`,
        columns: ['', 'texts/s', '÷ pipeline() a row at a time', '÷ sentence-transformers'],
        rows: rows.map((row) => [
          row.what,
          rate(row),
          against(row, table.one),
          against(row, table.python),
        ]),
      },
    ],
  };
}
