/**
 * A training step: Headlight in Node and in the page (WASM with two threads and one, WebGPU where there is a
 * real GPU) beside PyTorch + transformers (CPU, and CUDA where there is one), the same shapes in one run, in
 * turn. Peak memory is each process's own.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium } from '../../test/helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds } from '../../test/helpers/harness';
import { serveFolder } from '../../test/helpers/static-server';
import { peer } from '../python';
import { median, type BenchResult, type Cell } from '../report';
import type { StepConfig, StepTime } from './steps';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const PEER = new URL('./peer.py', import.meta.url);
const ROUNDS = 2;
const SIZES = [
  [8, 64],
  [8, 128],
  [16, 64],
  [16, 128],
] as const;
const METHODS = ['full', 'lora', 'lora-int8'] as const;
const SHAPES = ['MiniLM', 'DistilBERT'] as const;
const MIB = 2 ** 20;

type Measured = StepTime & { readonly peakBytes: number };
type Where = 'node' | 'python' | 'wasm2' | 'wasm1' | 'webgpu' | 'cuda';
type Config = Pick<StepConfig, 'shape' | 'method' | 'batch' | 'tokens'>;

async function inNode(config: Config): Promise<Measured> {
  const { stdout } = await run(
    process.execPath,
    [
      '--import',
      'tsx',
      join(import.meta.dirname, 'node-steps.ts'),
      JSON.stringify({ ...config, device: 'cpu' }),
    ],
    { cwd: root, maxBuffer: 2 ** 24 },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Measured;
}

/** PyTorch has no int8 base without further packages: LoRA over fp32 stands beside both. */
function inPython(config: Config, device: 'cpu' | 'cuda'): Promise<Measured | null> {
  const method = config.method === 'full' ? 'full' : 'lora';
  return peer<Measured>(
    PEER,
    config.shape,
    method,
    String(config.batch),
    String(config.tokens),
    device,
  );
}

/** Highest resident memory of the page's process, from /proc; null where there is none. */
async function peakOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, 'utf8').catch(() => '');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? NaN) * 1024;
}

export async function bench(): Promise<BenchResult> {
  const server = await serveFolder(await buildHarness(), { headers: securityHeaders(null) });

  /** A fresh browser each time: threads are fixed by a page's first session, and memory only grows. */
  async function inPage(
    config: Config,
    device: 'wasm' | 'webgpu',
    threads: number,
  ): Promise<Measured> {
    const browser = await launchChromium();
    try {
      const harness = await openHarness(browser, server.url);
      const time = await harness.call<StepTime>('timeTrainingSteps', {
        ...config,
        device,
        threads,
      });
      const session = await browser.target().createCDPSession();
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      const peaks = await Promise.all(
        processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => peakOf(id)),
      );
      return { ...time, peakBytes: Math.max(...peaks) };
    } finally {
      await browser.close();
    }
  }

  const realGpu = await hasRealGpu(server.url);
  const hasCuda =
    (await inPython({ shape: 'MiniLM', method: 'full', batch: 1, tokens: 8 }, 'cuda').catch(
      () => null,
    )) !== null;
  const ways: readonly (readonly [Where, (config: Config) => Promise<Measured | null>])[] = [
    ['python', (config) => inPython(config, 'cpu')],
    ['node', inNode],
    ['wasm2', (config) => inPage(config, 'wasm', 2)],
    ['wasm1', (config) => inPage(config, 'wasm', 1)],
    ...(realGpu ? [['webgpu', (config: Config) => inPage(config, 'webgpu', 2)] as const] : []),
    ...(hasCuda ? [['cuda', (config: Config) => inPython(config, 'cuda')] as const] : []),
  ];

  const speed: Cell[][] = [];
  const memory: Cell[][] = [];
  const loraPeers = new Map<string, number[]>();
  for (const shape of SHAPES) {
    for (const method of METHODS) {
      for (const [batch, tokens] of SIZES) {
        const config = { shape, method, batch, tokens };
        const times = new Map<Where, number[]>();
        const peaks = new Map<Where, number>();
        for (let round = 0; round < ROUNDS; round++) {
          for (const [where, measure] of ways) {
            // What lies far from its peer is seen in one round; the close pair is measured in each.
            if (round > 0 && where.startsWith('wasm')) continue;
            if (method === 'lora-int8' && (where === 'python' || where === 'wasm1')) continue;
            const measured = await measure(config);
            if (measured === null) continue;
            times.set(where, [...(times.get(where) ?? []), measured.milliseconds]);
            peaks.set(where, Math.max(peaks.get(where) ?? 0, measured.peakBytes));
          }
        }
        // PyTorch's LoRA over fp32, of the row above, stands beside the int8 base too.
        for (const where of ['python', 'cuda'] as const) {
          const above = method === 'lora' ? times.get(where) : undefined;
          if (above !== undefined) loraPeers.set(`${shape} ${batch} ${tokens} ${where}`, above);
          const peer = loraPeers.get(`${shape} ${batch} ${tokens} ${where}`);
          if (method === 'lora-int8' && peer !== undefined) times.set(where, peer);
        }
        const of = (where: Where): number | null => {
          const found = times.get(where);
          return found === undefined ? null : median(found);
        };
        const ratio = (a: Where, b: Where): Cell => {
          const [x, y] = [of(a), of(b)];
          return x === null || y === null ? null : x / y;
        };
        const name = `${shape}, ${method}, ${batch} x ${tokens}`;
        speed.push([
          name,
          of('python'),
          of('node'),
          ratio('node', 'python'),
          of('wasm2'),
          ratio('wasm2', 'python'),
          of('wasm1'),
          of('webgpu'),
          of('cuda'),
          ratio('webgpu', 'cuda'),
        ]);
        const mib = (where: Where): Cell => {
          const bytes = peaks.get(where);
          return bytes === undefined || Number.isNaN(bytes) ? null : Math.round(bytes / MIB);
        };
        memory.push([name, mib('python'), mib('node'), mib('wasm2'), mib('webgpu')]);
        process.stderr.write(`${speed.at(-1)?.join(' | ') ?? ''}\n`);
      }
    }
  }
  await server.close();
  await removeHarnessBuilds();
  return {
    name: 'finetune',
    tables: [
      {
        title: 'A training step, milliseconds',
        method: `Forward, backward and AdamW, fp32, dropout 0.1, batch x tokens; random weights of the real shape, the word table trained by “full”. Median of ${ROUNDS} rounds in turn (WASM: one round). Ratios: below 1, Headlight is faster. lora-int8 stands beside PyTorch's LoRA over fp32.`,
        columns: [
          'model, method, batch x tokens',
          'PyTorch CPU',
          'Node CPU',
          'Node / PyTorch',
          'page, WASM 2 threads',
          'WASM / PyTorch',
          'page, WASM 1 thread',
          'page, WebGPU',
          'PyTorch CUDA',
          'WebGPU / CUDA',
        ],
        rows: speed,
      },
      {
        title: 'Peak memory of the process, MiB',
        method:
          'Highest resident set of the whole process: Python, Node, or the page’s renderer with everything in it.',
        columns: [
          'model, method, batch x tokens',
          'PyTorch CPU',
          'Node CPU',
          'page, WASM 2 threads',
          'page, WebGPU',
        ],
        rows: memory,
      },
    ],
  };
}

async function hasRealGpu(url: string): Promise<boolean> {
  const browser = await launchChromium();
  try {
    const about = await (
      await openHarness(browser, url)
    ).call<{ devices: readonly { device: string; emulated?: true }[] }>('about');
    return about.devices.some(({ device, emulated }) => device === 'webgpu' && emulated !== true);
  } finally {
    await browser.close();
  }
}
