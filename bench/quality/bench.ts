/**
 * Test accuracy on five public sets: the page, the command line, and sentence-transformers + scikit-learn
 * on the same rows with the same fp32 weights; the two encoders that ship beside them. Needs the data
 * (HEADLIGHT_DATA, laid out as bench/quality/prepare.py expects), HEADLIGHT_PYTHON and HEADLIGHT_MINILM.
 */
import { classFigures } from '../../src/project';
import { execFile } from 'node:child_process';
import { access, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ProbeRecord } from '../../src/project';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium } from '../../test/helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds } from '../../test/helpers/harness';
import { serveFolder } from '../../test/helpers/static-server';
import { MINILM_FILES } from '../minilm';
import { MINILM, peer, PYTHON } from '../python';
import type { BenchResult, Cell } from '../report';

const run = promisify(execFile);
const SETS = ['sst2', 'trec', 'sms', 'banking77', 'ag_news'];
const root = join(import.meta.dirname, '../..');

interface Peer {
  readonly test_accuracy: number;
  readonly test_accuracy_converged: number;
  readonly train_rows: number;
  readonly test_rows: number;
  readonly C: number;
}

async function commandLine(folder: string, set: string, encoder: string): Promise<ProbeRecord> {
  const { stdout } = await run(
    process.execPath,
    [
      join(root, 'dist-node/headlight.js'),
      'train',
      join(folder, `${set}-train.csv`),
      '--test',
      join(folder, `${set}-test.csv`),
      '--text',
      'text',
      '--label',
      'label',
      '--encoder',
      encoder,
      '--json',
    ],
    { maxBuffer: 2 ** 26 },
  );
  return JSON.parse(stdout) as ProbeRecord;
}

/** What the Python peer gets; from HEADLIGHT_PEERS/peer-<set>.json where it was run before (it is slow). */
async function pythonPeer(set: string, files: readonly string[]): Promise<Peer | null> {
  const before = process.env['HEADLIGHT_PEERS'];
  if (before !== undefined) {
    return JSON.parse(await readFile(join(before, `peer-${set}.json`), 'utf8')) as Peer;
  }
  return peer<Peer>(new URL('./peers.py', import.meta.url), MINILM ?? '', ...files);
}

/** With HEADLIGHT_SETS, the other sets' rows of the last run stay in the table. */
async function earlierRows(rows: readonly Cell[][]): Promise<Cell[][]> {
  if (process.env['HEADLIGHT_SETS'] === undefined) return [];
  const file = new URL('../results/quality.json', import.meta.url);
  const before = await readFile(file, 'utf8').catch(() => null);
  if (before === null) return [];
  const [table] = (JSON.parse(before) as BenchResult).tables;
  const fresh = new Set(rows.map(([set]) => set));
  return (table?.rows ?? []).filter(([set]) => !fresh.has(set ?? '')).map((row) => [...row]);
}

export async function bench(): Promise<BenchResult> {
  if (PYTHON === null || MINILM === null) {
    throw new Error('quality needs HEADLIGHT_PYTHON and HEADLIGHT_MINILM; see bench/run.ts');
  }
  const data = process.env['HEADLIGHT_DATA'] ?? join(root, '../shared/data');
  await access(join(data, 'trec'));
  const folder = await mkdtemp(join(tmpdir(), 'headlight-quality-'));
  await peer(new URL('./prepare.py', import.meta.url), data, folder);
  const harness = await buildHarness();
  await symlink(folder, join(harness, 'data'));
  // The harness has a made-up model of its own there.
  await rm(join(harness, 'models'), { recursive: true, force: true });
  await symlink(join(root, 'public/models'), join(harness, 'models'));
  await symlink(MINILM, join(harness, 'minilm'));
  const server = await serveFolder(harness, { headers: securityHeaders(null) });
  const rows: Cell[][] = [];
  const percent = (share: number): string => (100 * share).toFixed(2);
  for (const set of process.env['HEADLIGHT_SETS']?.split(',') ?? SETS) {
    const files = ['train', 'test'].map((part) => join(folder, `${set}-${part}.csv`));
    const python = await pythonPeer(set, files);
    const fp32 = await commandLine(folder, set, MINILM);
    const q8 = await commandLine(folder, set, 'all-MiniLM-L6-v2');
    const instant = await commandLine(folder, set, 'headlight-instant-en');
    const browser = await launchChromium();
    let page: ProbeRecord;
    try {
      const opened = await openHarness(browser, server.url);
      const view = await opened.call<{ record: ProbeRecord }>(
        'trainInPage',
        [`data/${set}-train.csv`, `data/${set}-test.csv`],
        { folder: 'minilm', names: MINILM_FILES },
        'wasm',
      );
      page = view.record;
    } finally {
      await browser.close();
    }
    rows.push([
      set,
      `${page.split.train_rows} / ${page.split.test_rows}`,
      percent(python?.test_accuracy ?? NaN),
      percent(python?.test_accuracy_converged ?? NaN),
      percent(classFigures(page).test.accuracy),
      percent(classFigures(fp32).test.accuracy),
      (100 * (classFigures(page).test.accuracy - (python?.test_accuracy_converged ?? NaN))).toFixed(
        2,
      ),
      `${python?.C} / ${chosenC(page)} / ${chosenC(fp32)}`,
      percent(classFigures(q8).test.accuracy),
      percent(classFigures(instant).test.accuracy),
    ]);
    process.stderr.write(`${rows.at(-1)?.join(' | ')}\n`);
  }
  await server.close();
  await removeHarnessBuilds();
  rows.unshift(...(await earlierRows(rows)));
  return {
    name: 'quality',
    tables: [
      {
        title: 'Test accuracy, percent',
        method:
          'all-MiniLM-L6-v2 in fp32 (mean pooling, unit length), logistic regression with C by 5-fold cross-validation over 0.01 to 100; training rows whose text stands in the test part are dropped. The page is Chromium on WASM. The last two columns are the encoders that ship, by the command line.',
        columns: [
          'set',
          'train / test rows',
          'sentence-transformers + scikit-learn',
          'the same, converged (tol 1e-8)',
          'page',
          'headlight train',
          'page − Python converged',
          'C: Python / page / command line',
          'shipped all-MiniLM-L6-v2 (q8)',
          'shipped instant',
        ],
        rows,
      },
    ],
  };
}

function chosenC({ head }: ProbeRecord): number {
  return head.type === 'logistic_regression' && 'C' in head.fit ? head.fit.C : NaN;
}
