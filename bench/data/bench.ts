/**
 * What it takes to read a large table: in Node beside Papa Parse alone and DuckDB-wasm (where
 * HEADLIGHT_DUCKDB_WASM names a folder it is installed in: it is 150 MB, so no dependency), each in a process of
 * its own; and in the page's worker, in Chromium, with the longest stall of the page meanwhile.
 * HEADLIGHT_BENCH_ROWS sets another number of rows than 1,000,000.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'vite';
import { servePage } from '../../companion/serve';
import { launchChromium } from '../../test/helpers/browser';
import type { BenchResult, Cell } from '../report';
import type { PageFigures } from './page/main';
import { writeRows } from './rows';

const run = promisify(execFile);
const ROWS = Number(process.env['HEADLIGHT_BENCH_ROWS'] ?? 1_000_000);

interface PeerFigures {
  readonly rows: number;
  readonly seconds: number;
  readonly peakBytes: number;
}

async function peer(reader: string, path: string): Promise<PeerFigures | null> {
  if (reader === 'duckdb' && process.env['HEADLIGHT_DUCKDB_WASM'] === undefined) return null;
  try {
    const { stdout } = await run(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, 'peer.ts'), reader, path],
      { maxBuffer: 2 ** 20 },
    );
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') as PeerFigures | null;
  } catch (error) {
    // A peer that gives up (Papa Parse: a text longer than a string may be) is a result too.
    process.stderr.write(
      `${reader}: ${error instanceof Error ? error.message.slice(0, 400) : ''}\n`,
    );
    return null;
  }
}

/** Memory of this browser's processes, from Linux. */
async function browserBytes(parent: number): Promise<number> {
  let sum = 0;
  const children = new Map<number, number[]>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
    const of = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? -1);
    children.set(of, [...(children.get(of) ?? []), Number(name)]);
  }
  const queue = [parent];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    queue.push(...(children.get(id) ?? []));
    const line = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
    if (!line.includes('--type=renderer')) continue;
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
    sum += 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return sum;
}

async function inPage(folder: string): Promise<PageFigures & { peakBytes: number }> {
  const outDir = join(folder, 'page');
  await build({
    configFile: false,
    root: join(import.meta.dirname, 'page'),
    logLevel: 'warn',
    worker: { format: 'es' },
    build: { outDir, target: 'esnext', emptyOutDir: true },
  });
  await run('ln', [join(folder, 'rows.csv'), join(outDir, 'rows.csv')]);
  const server = await servePage({ folder: outDir, port: 0 });
  const browser = await launchChromium();
  const watch = { on: true, peak: 0 };
  try {
    const page = await browser.newPage();
    await page.goto(`${server.address}index.html`);
    await page.waitForFunction(() => 'measure' in window);
    const parent = browser.process()?.pid ?? -1;
    const before = await browserBytes(parent);
    const watching = (async () => {
      while (watch.on) {
        watch.peak = Math.max(watch.peak, await browserBytes(parent));
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    })();
    const figures = await page.evaluate(async () => {
      const { measure } = window as unknown as { measure: (a: string) => Promise<PageFigures> };
      return measure('rows.csv');
    });
    watch.on = false;
    await watching;
    return { ...figures, peakBytes: watch.peak - before };
  } finally {
    watch.on = false;
    await browser.close();
    await server.close();
  }
}

export async function bench(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'headlight-bench-data-'));
  try {
    const path = join(folder, 'rows.csv');
    await writeRows(path, ROWS);
    const { size } = await stat(path);
    const cells = (name: string, figures: PeerFigures | null, stall: number | null): Cell[] => [
      name,
      figures?.rows ?? null,
      figures?.seconds ?? null,
      figures === null ? null : figures.peakBytes / 1e6,
      figures === null ? null : figures.peakBytes / size,
      stall ?? '',
    ];
    const rows: Cell[][] = [
      cells('Headlight, Node', await peer('headlight', path), null),
      cells('Papa Parse alone, whole text, Node', await peer('papa', path), null),
      cells('DuckDB-wasm, Node', await peer('duckdb', path), null),
    ];
    const page = await inPage(folder);
    rows.push(cells('Headlight, worker of a page, Chromium', page, page.longestStallMs));
    return {
      name: 'data',
      tables: [
        {
          title: `Reading ${ROWS.toLocaleString('en')} rows, ${(size / 1e6).toFixed(0)} MB`,
          method:
            'A CSV of an id, a text with quotes, commas and line breaks, and a label. Peak memory is resident memory above what the process had before it read (in the page: of the renderer, Blob and worker included). The stall is the longest gap between two turns of a message loop in the page meanwhile.',
          columns: ['reader', 'rows', 'seconds', 'peak memory, MB', 'x file', 'longest stall, ms'],
          rows,
        },
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
