/**
 * `npm run bench -- labelling`: the zero-shot NLI teacher beside transformers.js' zero-shot-classification pipeline (and
 * transformers' where HEADLIGHT_PYTHON is) on the same weights, texts and labels, in turn, in one run.
 *
 * HEADLIGHT_NLI, a folder of an NLI model, and the data (HEADLIGHT_DATA or ../shared/data): how right it is as a
 * teacher. HEADLIGHT_LARGE=1: the shape of deberta-large-mnli against transformers, once (5 GB of memory).
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { finish } from '../../src/base';
import { Encoders } from '../../src/engine/encoders';
import { openNli } from '../../src/engine/labelling/nli-teacher';
import type { TeacherRun } from '../../src/engine/labelling/teacher';
import {
  DEFAULT_TEMPLATE,
  LABELLING_DEFAULTS,
  type NliTeacher,
} from '../../src/learning/labelling';
import type { Platform } from '../../src/platform';
import { createNodePlatform } from '../../src/platform/node';
import { securityHeaders } from '../../src/platform/web/policy';
import type { ZeroShotAnswer, ZeroShotAsked } from '../../test/browser/harness/functions/zero-shot';
import { launchChromium } from '../../test/helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds } from '../../test/helpers/harness';
import { serveFolder } from '../../test/helpers/static-server';
import { benchTexts } from '../embedding/texts';
import { peer } from '../python';
import { median, type BenchResult, type BenchTable, type Cell } from '../report';
import { largeTable } from './large';
import { benchModel, type BenchModel } from './models';
import { qualityTable } from './quality';

const MODELS = [
  ['distilbert', 'shape of distilbert-base-uncased-mnli'],
  ['deberta-v2', 'shape of nli-deberta-v3-small'],
] as const;
/** On a machine that is busy: HEADLIGHT_TEXTS fewer texts, HEADLIGHT_MODELS the first so many models, no page. */
const TEXTS = Number(process.env['HEADLIGHT_TEXTS'] ?? 48);
const COUNT = Number(process.env['HEADLIGHT_MODELS'] ?? MODELS.length);
const WITH_PAGE = process.env['HEADLIGHT_PAGE'] !== '0';
const ROUNDS = 3;
const LABELS = ['billing', 'a delivery', 'a technical problem', 'praise'];

interface Answer {
  readonly seconds: number;
  /** [texts][labels] */
  readonly scores: readonly (readonly number[])[];
}

export async function bench(): Promise<BenchResult> {
  const scratch = await mkdtemp(join(tmpdir(), 'headlight-labelling-'));
  const tables: BenchTable[] = [];
  try {
    const platform = await createNodePlatform({ home: join(scratch, 'home') });
    const rows: Cell[][] = [];
    for (const [architecture, name] of MODELS.slice(0, COUNT))
      rows.push(...(await speeds(platform, scratch, benchModel(architecture, name))));
    tables.push({
      title: 'Zero-shot NLI: texts a second',
      method: `${TEXTS} messages of the sample, ${LABELS.length} labels, one label a text, 32-bit floats, random weights; in Node the median of ${ROUNDS} rounds in turn, in a page the second asking. Largest difference of a score from transformers.js. Load of the machine (1 min): ${(loadavg()[0] ?? 0).toFixed(1)}.`,
      columns: ['Model', 'What', 'texts/s', 'pairs/s', 'score apart'],
      rows,
    });
    const quality = await qualityTable(platform);
    if (quality !== null) tables.push(quality);
    const large =
      process.env['HEADLIGHT_LARGE'] === '1' ? await largeTable(platform.runtime) : null;
    if (large !== null) tables.push(large);
    return { name: 'labelling', tables };
  } finally {
    await removeHarnessBuilds();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function speeds(platform: Platform, scratch: string, model: BenchModel): Promise<Cell[][]> {
  const texts = await benchTexts(TEXTS);
  const folder = join(scratch, 'nli');
  await rm(folder, { recursive: true, force: true });
  for (const { name, bytes } of [...model.files, { name: 'onnx/model.onnx', bytes: model.onnx }]) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  const own = await headlight(platform, model);
  const js = await transformersJs(scratch);
  const ways: {
    readonly name: string;
    readonly ask: () => Promise<Answer>;
    readonly times: number[];
  }[] = [
    { name: 'Headlight, Node CPU', ask: () => own(texts), times: [] },
    { name: 'transformers.js, Node CPU', ask: () => js(texts), times: [] },
  ];
  const answers = new Map<string, Answer>();
  for (let round = 0; round <= ROUNDS; round++)
    for (const { name, ask, times } of ways) {
      const answer = await ask();
      answers.set(name, answer);
      if (round > 0) times.push(answer.seconds);
      process.stderr.write(`  ${model.name}, ${name}: ${answer.seconds.toFixed(2)} s\n`);
    }
  const page = WITH_PAGE ? await inPage(folder, texts) : [];
  const python = await peer<{
    readonly seconds: readonly number[];
    readonly scores: Answer['scores'];
  }>(
    new URL('./peer.py', import.meta.url),
    folder,
    JSON.stringify({ texts, labels: LABELS, template: DEFAULT_TEMPLATE, rounds: ROUNDS }),
  );
  const reference = answers.get('transformers.js, Node CPU');
  const rowOf = (name: string, seconds: number, scores: Answer['scores']): Cell[] => [
    `${model.name} (${Math.round(model.weights / 1e6)} M)`,
    name,
    TEXTS / seconds,
    (TEXTS * LABELS.length) / seconds,
    apart(scores, reference?.scores ?? []).toExponential(1),
  ];
  return [
    ...ways.map(({ name, times }) => rowOf(name, median(times), answers.get(name)?.scores ?? [])),
    ...page.map(({ name, seconds, scores }) => rowOf(name, seconds, scores)),
    ...(python === null
      ? []
      : [
          rowOf(
            'transformers, CPU, pairs of a text at once',
            median(python.seconds),
            python.scores,
          ),
        ]),
  ];
}

/** Headlight and transformers.js on WASM, each in a browser of its own. */
async function inPage(
  folder: string,
  texts: readonly string[],
): Promise<(Answer & { readonly name: string })[]> {
  const harness = await buildHarness();
  await rm(join(harness, 'models'), { recursive: true, force: true });
  await symlink(join(import.meta.dirname, '../../public/models'), join(harness, 'models'));
  await rm(join(harness, 'nli'), { recursive: true, force: true });
  await symlink(folder, join(harness, 'nli'));
  await rm(join(harness, 'ort'), { recursive: true, force: true });
  await symlink(
    join(import.meta.dirname, '../../node_modules/onnxruntime-web/dist'),
    join(harness, 'ort'),
  );
  const server = await serveFolder(harness, { headers: securityHeaders(null) });
  const asked: ZeroShotAsked = {
    texts,
    labels: LABELS,
    templates: [DEFAULT_TEMPLATE],
    several: false,
    max_length: 512,
  };
  const ways = [
    ['Headlight, page, WASM', 'zeroShotWithHeadlight', 'nli', asked, 'wasm'],
    ['transformers.js, page, WASM', 'zeroShotWithTransformersJs', 'nli', 'ort', asked],
  ] as const;
  const answers: (Answer & { readonly name: string })[] = [];
  try {
    for (const [name, call, ...given] of ways) {
      const browser = await launchChromium();
      try {
        const opened = await openHarness(browser, server.url);
        answers.push({ name, ...(await opened.call<ZeroShotAnswer>(call, ...given)) });
      } finally {
        await browser.close();
      }
      process.stderr.write(`  ${name}: ${answers.at(-1)?.seconds.toFixed(2) ?? ''} s\n`);
    }
    return answers;
  } finally {
    await server.close();
  }
}

function apart(found: Answer['scores'], expected: Answer['scores']): number {
  return Math.max(
    ...expected.flatMap((row, r) =>
      row.map((value, k) => Math.abs(value - (found[r]?.[k] ?? NaN))),
    ),
  );
}

/** A teacher that is opened anew for each round: it remembers texts. */
async function headlight(
  platform: Platform,
  { name, files }: BenchModel,
): Promise<(texts: readonly string[]) => Promise<Answer>> {
  const encoders = new Encoders(platform);
  const { info } = await finish(encoders.addFolder(name, files, 'fp32'));
  const run: TeacherRun = {
    project: 'bench',
    platform,
    encoders,
    settings: {
      ...LABELLING_DEFAULTS,
      classes: LABELS.map((label) => ({ name: label, description: '', examples: [] })),
      several: false,
      teachers: [],
    },
    device: 'cpu',
  };
  const teacher: NliTeacher = {
    kind: 'nli',
    encoder: info.reference,
    templates: [DEFAULT_TEMPLATE],
    max_length: 512,
  };
  return async (texts) => {
    const open = await finish(openNli(run, teacher));
    try {
      await finish(open.open(texts));
      const started = performance.now();
      const votes = await finish(open.vote(texts));
      const seconds = (performance.now() - started) / 1000;
      const k = LABELS.length;
      return {
        seconds,
        scores: texts.map((_, row) => [...votes.subarray(row * k, (row + 1) * k)]),
      };
    } finally {
      await open.close();
    }
  };
}

async function transformersJs(
  folder: string,
): Promise<(texts: readonly string[]) => Promise<Answer>> {
  const { env, pipeline } = await import('@huggingface/transformers');
  env.allowRemoteModels = false;
  env.localModelPath = `${folder}/`;
  const classify = await pipeline('zero-shot-classification', 'nli', {
    dtype: 'fp32',
    device: 'cpu',
  });
  return async (texts) => {
    const started = performance.now();
    const found = await classify([...texts], LABELS, { hypothesis_template: DEFAULT_TEMPLATE });
    const seconds = (performance.now() - started) / 1000;
    const scores = found.map(({ labels, scores: own }) =>
      LABELS.map((label) => own[labels.indexOf(label)] ?? NaN),
    );
    return { seconds, scores };
  };
}
