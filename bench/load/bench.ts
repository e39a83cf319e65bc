/**
 * From nothing to the first embedding, beside transformers.js loading the same model in the same browser: with an empty
 * cache (download from a server on this machine, checking, storing, opening) and with what the first time left (a
 * browser started anew on the same profile). Headlight reads the checkpoint, transformers.js an ONNX export of it.
 */
import { mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish } from '../../src/base';
import { loadEncoder, type ModelFile } from '../../src/models';
import { createNodePlatform } from '../../src/platform/node';
import { securityHeaders } from '../../src/platform/web/policy';
import { buildHarness, removeHarnessBuilds } from '../../test/helpers/harness';
import { startHubServer } from '../../test/helpers/hub-server';
import { serveFolder } from '../../test/helpers/static-server';
import { LARGE_FILES, writeLargeModel } from '../large/models';
import { MB, openBenchPage } from '../large/page';
import { openLargeEmbedder } from '../large/work';
import { MINILM, peer, PYTHON } from '../python';
import type { BenchResult, Cell } from '../report';

const TEXT = 'The parcel came late and the box was open.';
const THREADS = 2;
const COMMIT = 'a'.repeat(40);

interface Figures {
  /** Until the encoder or pipeline is there. */
  readonly load: number;
  /** Session, where that is not counted yet, and one text. */
  readonly first: number;
  readonly peak: number;
}

interface Model {
  readonly name: string;
  /** Checkpoint with config.json and tokenizer. */
  readonly folder: string;
  /** Its export with them; null without a Python. */
  readonly exported: string | null;
}

export async function bench(): Promise<BenchResult> {
  const scratch = await mkdtemp(join(tmpdir(), 'headlight-load-'));
  const harness = await buildHarness();
  const hub = await startHubServer();
  const server = await serveFolder(harness, { headers: securityHeaders(hub.host) });
  await symlink(
    join(import.meta.dirname, '../../node_modules/onnxruntime-web/dist'),
    join(harness, 'ort'),
  );
  const rows: Cell[][] = [];
  try {
    for (const [at, model] of (await modelsIn(scratch)).entries()) {
      const id = `bench/model-${at}`;
      hub.put({ id, commit: COMMIT, files: await filesOf(model.folder) });
      const peerFolder = `peer-${at}`;
      if (model.exported !== null) await symlink(model.exported, join(harness, peerFolder));
      const { size } = await stat(join(model.folder, 'model.safetensors'));
      const profile = (name: string): string => join(scratch, `profile-${at}-${name}`);
      const headlight = (): Promise<Figures> =>
        inPage(server.url, profile('headlight'), async (page) => {
          const load = await page<number>('loadLargeFromHub', hub.host, id, COMMIT);
          return { load, first: await page<number>('openLarge', TEXT, THREADS) };
        });
      const transformersJs = (): Promise<Figures> =>
        inPage(server.url, profile('transformers-js'), (page) =>
          page('loadWithTransformersJs', peerFolder, 'ort', TEXT, THREADS),
        );
      const home = join(scratch, `home-${at}`);
      for (const cache of ['cold', 'warm']) {
        const ours = await headlight();
        const theirs = model.exported === null ? null : await transformersJs();
        const node = await inNode(home, hub.host, id);
        const what = `${model.name}, ${Math.round(size / MB)} MB, ${cache}`;
        rows.push(
          [what, 'Headlight, page', ...cells(ours, theirs, size)],
          [what, 'transformers.js, page', ...cells(theirs, theirs, size)],
          [what, 'Headlight, Node', ...cells(node, null, size)],
        );
        for (const row of rows.slice(-3)) process.stderr.write(`${row.join(' | ')}\n`);
      }
    }
  } finally {
    await server.close();
    await hub.close();
    await removeHarnessBuilds();
    await rm(scratch, { recursive: true, force: true });
  }
  return {
    name: 'load',
    tables: [
      {
        title: 'From nothing to the first embedding',
        method: `fp32, WASM with ${THREADS} threads; each figure of a browser (or process) of its own. Cold: nothing kept; warm: the same profile again. Load ends when the encoder (or pipeline) is there, “first text” adds what is still to be made and one embedding; for transformers.js the session is made while loading, for Headlight after it. Peak is resident memory of the renderer, everything in it. One round; load of the machine at the end ${loadavg()[0]?.toFixed(1) ?? ''} on 2 cores.`,
        columns: [
          'model, file, cache',
          'by',
          'load, s',
          'first text, s',
          'both, s',
          '÷ transformers.js',
          'peak, MB',
          'peak ÷ file',
          'peak ÷ transformers.js',
        ],
        rows,
      },
    ],
  };
}

async function modelsIn(scratch: string): Promise<Model[]> {
  const folders: [string, string][] = [];
  if (MINILM !== null && isAsked('all-MiniLM-L6-v2')) folders.push(['all-MiniLM-L6-v2', MINILM]);
  if (isAsked('BERT base')) {
    const bert = join(scratch, 'bert-base');
    await writeLargeModel(bert, 'BERT base');
    folders.push(['BERT base shape', bert]);
  }
  const models: Model[] = [];
  for (const [at, [name, folder]] of folders.entries()) {
    let exported: string | null = null;
    if (PYTHON !== null) {
      exported = join(scratch, `export-${at}`);
      await mkdir(exported);
      // Prints nothing of its own.
      await peer(new URL('../embedding/export_peer.py', import.meta.url), folder, exported).catch(
        () => null,
      );
    }
    models.push({ name, folder, exported });
  }
  return models;
}

/** HEADLIGHT_LARGE names one of them; absent: both. */
function isAsked(name: string): boolean {
  return [undefined, name].includes(process.env['HEADLIGHT_LARGE']);
}

async function filesOf(folder: string): Promise<ModelFile[]> {
  return Promise.all(
    LARGE_FILES.map(async (name) => ({
      name,
      bytes: new Uint8Array(await readFile(join(folder, name))),
    })),
  );
}

async function inPage(
  url: string,
  userDataDir: string,
  work: (
    call: <Result>(name: string, ...args: readonly unknown[]) => Promise<Result>,
  ) => Promise<Omit<Figures, 'peak'>>,
): Promise<Figures> {
  const page = await openBenchPage(url, { userDataDir });
  try {
    return { ...(await work(page.call)), peak: await page.peak() };
  } finally {
    await page.close();
  }
}

/** In this process, one after the other: without its peak. */
async function inNode(home: string, host: string, id: string): Promise<Figures> {
  const platform = await createNodePlatform({ home });
  const started = performance.now();
  const reference = { source: 'hub', id, revision: COMMIT, precision: 'fp32' } as const;
  const encoder = await finish(loadEncoder(platform, reference, { host }));
  const loaded = performance.now();
  const place = { runtime: platform.runtime, device: 'cpu', threads: THREADS } as const;
  const embedder = await openLargeEmbedder(place, encoder);
  await embedder.embed([TEXT]);
  const done = performance.now();
  await embedder.close();
  return { load: (loaded - started) / 1000, first: (done - loaded) / 1000, peak: NaN };
}

function cells(found: Figures | null, base: Figures | null, size: number): Cell[] {
  if (found === null) return Array<null>(7).fill(null);
  const both = found.load + found.first;
  const known = !Number.isNaN(found.peak);
  return [
    found.load,
    found.first,
    both,
    base === null ? null : both / (base.load + base.first),
    known ? Math.round(found.peak / MB) : null,
    known ? found.peak / size : null,
    base === null || !known ? null : found.peak / base.peak,
  ];
}
