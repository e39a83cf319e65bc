/**
 * Models of 66 to 125 M parameters in a tab: loaded from a folder, embedding, trained with LoRA on WASM, beside the
 * same in Node and in PyTorch. Random weights: time and memory do not depend on them. Each measurement has a process
 * of its own, so that its peak memory is its own.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { securityHeaders } from '../../src/platform/web/policy';
import { buildHarness, removeHarnessBuilds } from '../../test/helpers/harness';
import { serveFolder } from '../../test/helpers/static-server';
import { peer } from '../python';
import type { BenchResult, Cell } from '../report';
import { LARGE_FILES, LARGE_NAMES, largeTexts, writeLargeModel, type LargeName } from './models';
import { ROWS, THREADS, TRAINING, WORDS, type LargeFigures } from './plan';
import { MB, openBenchPage } from './page';
import type { LargeTraining } from './work';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

async function inPage(url: string, folder: string): Promise<LargeFigures> {
  const page = await openBenchPage(url);
  try {
    const load = await page.call<number>('loadLargeFolder', folder, LARGE_FILES);
    const texts = largeTexts(ROWS, WORDS);
    const open = await page.call<number>('openLarge', texts[0], THREADS);
    const seconds = await page.call<number>('embedLarge', texts);
    const embedPeak = await page.peak();
    await page.call('closeLarge');
    const [batch, tokens, steps] = TRAINING;
    const trained = await page.call<LargeTraining>(
      'trainLarge',
      largeTexts(batch * steps, tokens),
      TRAINING,
      THREADS,
    );
    return {
      load,
      open,
      rowsPerSecond: ROWS / seconds,
      embedPeak,
      secondsPerStep: trained.secondsPerStep,
      trainPeak: await page.peak(),
      promised: trained.estimate.memoryBytes,
    };
  } finally {
    await page.close();
  }
}

async function inNode(folder: string): Promise<LargeFigures> {
  const script = join(import.meta.dirname, 'node.ts');
  const { stdout } = await run(process.execPath, ['--import', 'tsx', script, folder], {
    cwd: root,
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as LargeFigures;
}

export async function bench(): Promise<BenchResult> {
  const models = await mkdtemp(join(tmpdir(), 'headlight-large-'));
  const harness = await buildHarness();
  await symlink(models, join(harness, 'large'));
  const server = await serveFolder(harness, { headers: securityHeaders(null) });
  const rows: Cell[][] = [];
  const asked = process.env['HEADLIGHT_LARGE'];
  const names = LARGE_NAMES.filter((name) => asked === undefined || name === asked);
  try {
    for (const name of names) {
      const folder = name.toLowerCase().replaceAll(' ', '-');
      await writeLargeModel(join(models, folder), name);
      const file = await stat(join(models, folder, 'model.safetensors'));
      const add = (where: string, found: LargeFigures | null): void => {
        rows.push(rowOf(name, where, found, file.size));
        process.stderr.write(`${rows.at(-1)?.join(' | ') ?? ''}\n`);
      };
      add('page, WASM 2 threads', await inPage(server.url, `large/${folder}`));
      add('Node, CPU', await inNode(join(models, folder)));
      const [batch, tokens] = TRAINING;
      const script = new URL('./peer.py', import.meta.url);
      add(
        'PyTorch, CPU',
        await peer<LargeFigures>(script, join(models, folder), String(batch), String(tokens)),
      );
      await rm(join(models, folder), { recursive: true });
    }
  } finally {
    await server.close();
    await removeHarnessBuilds();
    await rm(models, { recursive: true, force: true });
  }
  const [batch, tokens] = TRAINING;
  return {
    name: 'large',
    tables: [
      {
        title: 'Large models in a tab',
        method: `Random weights of the real shape, fp32. Load: from the files to an open encoder, hashed and (in the page) kept in storage. First text: session and one embedding. Rows of about ${WORDS} words (cut at 128 tokens). A LoRA step: ${batch} x ${tokens} tokens, rank 8, forward, backward and AdamW. Peaks are resident memory of the whole process (the renderer, everything in it). Load of the machine at the end: ${loadavg()[0]?.toFixed(1) ?? ''} on 2 cores.`,
        columns: [
          'model, file',
          'where',
          'load, s',
          'first text, s',
          'rows/s',
          'peak embedding, MB',
          'x file',
          'LoRA step, s',
          'peak training, MB',
          'estimate said, MB',
        ],
        rows,
      },
    ],
  };
}

function rowOf(name: LargeName, where: string, found: LargeFigures | null, file: number): Cell[] {
  const mb = (bytes: number): Cell => (Number.isNaN(bytes) ? null : Math.round(bytes / MB));
  const what = `${name}, ${Math.round(file / MB)} MB`;
  if (found === null) return [what, where, ...Array<null>(8).fill(null)];
  return [
    what,
    where,
    found.load,
    found.open,
    found.rowsPerSecond,
    mb(found.embedPeak),
    found.embedPeak / file,
    found.secondsPerStep,
    mb(found.trainPeak),
    found.promised === null ? '' : mb(found.promised),
  ];
}
