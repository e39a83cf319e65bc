/**
 * `npm run bench -- active`: the time between a label and the next text, in Node and in the page's worker; and what
 * active learning brings against random labelling on TREC and Banking77. The second part needs HEADLIGHT_MINILM and
 * the data (see sets.ts), and takes half an hour; HEADLIGHT_SETS names some of `speed`, `trec`, `banking77`; the others' tables of the last run stay.
 * What was simulated is kept in HEADLIGHT_HOME, where that is set.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser } from 'puppeteer-core';
import { OnnxKernels } from '../../src/learning/heads';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import { securityHeaders } from '../../src/platform/web/policy';
import {
  ACTIVE_STRATEGIES,
  type ActiveStrategy,
  type CurveMeasure,
} from '../../src/learning/labelling';
import { launchChromium } from '../../test/helpers/browser';
import {
  buildHarness,
  openHarness,
  removeHarnessBuilds,
  type Harness,
} from '../../test/helpers/harness';
import { serveFolder } from '../../test/helpers/static-server';
import { MINILM } from '../python';
import { median, type BenchResult, type BenchTable, type Cell } from '../report';
import { curvesPicture } from './picture';
import { activeSet, type ActiveSet, type SetName } from './sets';
import { accuracyAt, firstStop, simulate, type SimulationSettings } from './simulate';
import { answerTimes } from './answers';
import type { RefitConfig, RefitTime } from './speed';

const kernels = new OnnxKernels(createNodeRuntime());
const POOL = { pool: 10_000, columns: 384, rounds: 12 };
const CONFIGS: readonly RefitConfig[] = [2, 4, 6, 20, 77].flatMap((classes) =>
  [200, 1000].map((labels) => ({ ...POOL, classes, labels })),
);
const PASSES = 3;
/** HEADLIGHT_SEEDS says fewer. */
const SEEDS = (process.env['HEADLIGHT_SEEDS'] ?? '0,1,2,3,4').split(',').map(Number);
interface CurveSettings {
  readonly strategies: readonly ActiveStrategy[];
  readonly batch: number;
  readonly most: number;
  /** Numbers of labels that the table tells of. */
  readonly sizes: readonly number[];
}

const SETS: Readonly<Record<SetName, CurveSettings>> = {
  trec: {
    strategies: ACTIVE_STRATEGIES,
    batch: 10,
    most: 400,
    sizes: [20, 50, 100, 150, 200, 300, 400],
  },
  banking77: {
    strategies: ['margin_diversity', 'margin', 'random'],
    batch: 20,
    most: 800,
    sizes: [80, 160, 300, 400, 600, 800],
  },
};

export async function bench(): Promise<BenchResult> {
  const asked = process.env['HEADLIGHT_SETS']?.split(',') ?? ['speed', ...Object.keys(SETS)];
  const tables = asked.includes('speed') ? [await speed()] : [];
  if (asked.includes('speed') && MINILM !== null) tables.push(await realSpeed());
  if (MINILM === null) process.stderr.write('The curves need HEADLIGHT_MINILM: left out.\n');
  else {
    for (const name of ['trec', 'banking77'] as const)
      if (asked.includes(name)) tables.push(...(await curves(name)));
  }
  return { name: 'active', tables: inOrder([...tables, ...(await earlier(tables))]) };
}

/** Speed, then set by set. */
function inOrder(tables: readonly BenchTable[]): BenchTable[] {
  const place = ({ title }: BenchTable): number =>
    Object.keys(SETS).findIndex((name) => title.startsWith(name));
  return [...tables].sort((a, b) => place(a) - place(b));
}

async function speed(): Promise<BenchTable> {
  const rows: Cell[][] = [];
  await inHarness(async ({ call }, browser) => {
    const session = await browser.target().createCDPSession();
    /** Milliseconds of processor that the page's process has taken so far, all of its threads. */
    const pageTime = async (): Promise<number> => {
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      const renderers = processInfo.filter(({ type }) => type === 'renderer');
      return 1000 * renderers.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    };
    const passes: Pass[][] = CONFIGS.map(() => []);
    for (let pass = 1; pass <= PASSES; pass++)
      for (const [at, config] of CONFIGS.entries()) {
        const node = await refitsInNode(config);
        await call('prepareRefitsInPage', config);
        const before = await pageTime();
        const page = await call<RefitTime>('runRefitsInPage');
        const inPage = ((await pageTime()) - before) / config.rounds;
        passes[at]?.push({ node, page, inPage });
        process.stderr.write(`pass ${pass}: ${config.classes}, ${config.labels}\n`);
      }
    for (const [at, { classes, labels }] of CONFIGS.entries())
      rows.push([classes, labels, ...figuresOf(passes[at] ?? []).map(Math.round)]);
  });
  return {
    title: 'From a label to the next text, milliseconds',
    method:
      'Twelve labels, one after another, three times some minutes apart, since machines have slow moments: the logistic regression is fitted again on all labels from where it was, and 10,000 x 384 features are scored by it; in Node on ONNX Runtime, in the page on tfjs WASM. Milliseconds of processor time, so that other work on the machine does not count: in Node (a process of its own, the thread that computes; elsewhere than on Linux all threads) the median of fit, score and both, and the most of both; in the page (Chromium, all threads of its process) the mean of both, the median of the three, beside it the fastest label by the clock. Features: mixtures with the spectrum of sentence embeddings. The preconditioner is made anew once the answer is there, after the first fit and each time the labels have grown by 20 %: the last column, once in Node, by the clock.',
    columns: [
      'classes',
      'labels',
      'Node: fit',
      'score',
      'both',
      'most',
      'page: both',
      'page: fastest by the clock',
      'afterwards, now and then',
    ],
    rows,
  };
}

async function realSpeed(): Promise<BenchTable> {
  const rows: Cell[][] = [];
  await inHarness(async ({ call }) => {
    for (const name of ['trec', 'banking77'] as const) {
      const { train, classes } = await activeSet(name);
      const { buffer, byteOffset, byteLength } = train.features.data;
      const features = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
      for (const count of [200, 1000]) {
        const inNode = await answerTimes({ ...train, classes }, count, {
          kernels,
          onKernels: (work) => work(),
        });
        const asked = [features, [...train.labels], classes, count];
        const inPage = await call<number[]>('answerTimesInPage', ...asked);
        const times = [inNode, inPage].flatMap((own) => [median(own), Math.max(...own)]);
        rows.push([name, classes.length, train.labels.length, count, ...times.map(Math.round)]);
      }
    }
  });
  return {
    title: 'From a label to the next text on real texts, milliseconds',
    method:
      'Embeddings of all-MiniLM-L6-v2, labels given in random order, thirty of them one after another: from the label to the next text that margin sampling chooses (fitted, all texts scored, chosen), by the clock, in Node on ONNX Runtime and in the page on tfjs WASM.',
    columns: ['set', 'classes', 'texts', 'labels', 'Node', 'most', 'page', 'page: most'],
    rows,
  };
}

/** In a page that has been built for it, which is closed in the end. */
async function inHarness(
  work: (harness: Harness, browser: Browser) => Promise<void>,
): Promise<void> {
  const server = await serveFolder(await buildHarness(), { headers: securityHeaders(null) });
  const browser = await launchChromium();
  try {
    await work(await openHarness(browser, server.url), browser);
  } finally {
    await browser.close();
    await server.close();
    await removeHarnessBuilds();
  }
}

async function refitsInNode(config: RefitConfig): Promise<RefitTime> {
  const script = fileURLToPath(new URL('refits.ts', import.meta.url));
  const asked = ['--import', 'tsx', script, JSON.stringify(config)];
  const { stdout } = await promisify(execFile)(process.execPath, asked);
  return JSON.parse(stdout) as RefitTime;
}

interface Pass {
  readonly node: RefitTime;
  readonly page: RefitTime;
  /** Milliseconds of processor a label. */
  readonly inPage: number;
}

function figuresOf(passes: readonly Pass[]): number[] {
  const nodes = passes.map(({ node }) => node);
  const both = nodes.flatMap(bothOf);
  return [
    median(nodes.flatMap(({ fit }) => fit)),
    median(nodes.flatMap(({ score }) => score)),
    median(both),
    Math.max(...both),
    median(passes.map(({ inPage }) => inPage)),
    Math.min(...passes.flatMap(({ page }) => bothOf(page))),
    median(nodes.map(({ prepared }) => prepared)),
  ];
}

function bothOf({ fit, score }: RefitTime): number[] {
  return fit.map((time, at) => time + (score[at] ?? 0));
}

async function curves(name: SetName): Promise<BenchTable[]> {
  const set = await activeSet(name);
  const { strategies, sizes, batch, most } = SETS[name];
  const found = new Map<ActiveStrategy, CurveMeasure[][]>();
  for (const strategy of strategies) found.set(strategy, []);
  for (const seed of SEEDS)
    for (const strategy of strategies) {
      found.get(strategy)?.push(await simulated(set, { strategy, seed, batch, most }));
      process.stderr.write(`${name}, ${strategy}, seed ${seed}\n`);
    }
  await writeFile(
    new URL(`../../docs/images/active-${name}.svg`, import.meta.url),
    curvesPicture(
      `${name}: test accuracy against labels made, mean of ${SEEDS.length} seeds`,
      found,
      batch,
      most,
    ),
  );
  const random = found.get('random') ?? [];
  const accuracy: BenchTable = {
    title: `${name}: test accuracy after so many labels, percent`,
    method: `all-MiniLM-L6-v2 (fp32), ${set.train.labels.length} texts to choose from, ${set.test.labels.length} held out, ${set.classes.length} classes, no teacher; ${batch} texts at a time, ${SEEDS.length} seeds: mean ± standard deviation. Bold: better than random for every seed.`,
    columns: ['strategy', ...sizes.map(String)],
    rows: [...found].map(([strategy, runs]) => [
      strategy,
      ...sizes.map((size) => cellOf(at(runs, size), at(random, size), strategy === 'random')),
    ]),
  };
  const stops: BenchTable = {
    title: `${name}: when it said “stop”`,
    method: `Labels made when the rule first said that more no longer help (against every point between a third and two thirds of the labels less than 1 point was gained, and more than 3 can be ruled out), and what was still to be had: accuracy at ${most} labels less that at the stop, in points; a value a seed.`,
    columns: ['strategy', 'labels at the stop', 'points missed'],
    rows: [...found].map(([strategy, runs]) => {
      const stopped = runs.map((run) => firstStop(run, set.classes.length, batch));
      const missed = runs.map((run, seed) => {
        const labels = stopped[seed] ?? null;
        if (labels === null) return '–';
        return (100 * (accuracyAt(run, most) - accuracyAt(run, labels))).toFixed(1);
      });
      return [strategy, stopped.map((labels) => labels ?? 'never').join(', '), missed.join(', ')];
    }),
  };
  return [accuracy, stops];
}

/** From HEADLIGHT_HOME where it was run before. */
async function simulated(set: ActiveSet, settings: SimulationSettings): Promise<CurveMeasure[]> {
  const home = process.env['HEADLIGHT_HOME'];
  if (home === undefined) return simulate(set, settings);
  const { strategy, seed, batch, most } = settings;
  const path = join(home, `active-${[set.name, strategy, seed, batch, most].join('-')}.json`);
  const before = await readFile(path, 'utf8').catch(() => null);
  if (before !== null) {
    const kept = JSON.parse(before) as [number, string][];
    return kept.map(([labels, right]) => ({
      labels,
      right: Array.from({ length: right.length }, (_, row) => right[row] === '1'),
    }));
  }
  const found = await simulate(set, settings);
  const kept = found.map(({ labels, right }) => [labels, right.map(Number).join('')]);
  await writeFile(path, JSON.stringify(kept));
  return found;
}

function at(runs: readonly (readonly CurveMeasure[])[], size: number): number[] {
  return runs.map((measures) => accuracyAt(measures, size));
}

function cellOf(own: readonly number[], random: readonly number[], isRandom: boolean): string {
  const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
  const squares = own.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (own.length - 1));
  const said = `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)}`;
  const beats = !isRandom && own.every((value, seed) => value > (random[seed] ?? Infinity));
  return beats ? `**${said}**` : said;
}

/** The tables of the last run that were not measured now. */
async function earlier(fresh: readonly BenchTable[]): Promise<BenchTable[]> {
  if (process.env['HEADLIGHT_SETS'] === undefined) return [];
  const file = new URL('../results/active.json', import.meta.url);
  const before = await readFile(file, 'utf8').catch(() => null);
  if (before === null) return [];
  const titles = new Set(fresh.map(({ title }) => title));
  const { tables, when, machine } = JSON.parse(before) as BenchResult & {
    readonly when: string;
    readonly machine: string;
  };
  return tables.flatMap((table) =>
    titles.has(table.title) ? [] : [{ earlier: `${when}, ${machine}`, ...table }],
  );
}
