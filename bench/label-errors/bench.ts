/**
 * Likely label errors: 5 % of Banking77's training labels are flipped with a seed; how many of the listed rows are
 * flipped ones and how many of the flipped ones are listed, beside cleanlab on the same features with scikit-learn's
 * probabilities, and on the same probabilities. Then how many rows are listed of data as they are. Needs the data
 * (HEADLIGHT_DATA, as in ../shared/data) and, for the peer, HEADLIGHT_PYTHON with cleanlab. HEADLIGHT_QUICK=1: the flipped
 * labels alone, and cleanlab on the same probabilities alone.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish, seededRandom } from '../../src/base';
import { fileOfBytes, groupTexts, labelTexts, readTable, type LabelledTexts } from '../../src/data';
import { Encoders } from '../../src/engine/encoders';
import {
  OnnxKernels,
  DEFAULT_OUT_OF_FOLD,
  outOfFold,
  type Matrix,
  type OutOfFold,
} from '../../src/learning/heads';
import {
  DEFAULT_NEAR,
  findLabelIssues,
  nearPairs,
  type LabelIssue,
} from '../../src/learning/label-errors';
import { stratifiedGroupFolds } from '../../src/learning/studies';
import { embedTexts } from '../../src/models';
import { createNodePlatform } from '../../src/platform/node';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import { peer } from '../python';
import type { BenchResult, BenchTable, Cell } from '../report';

const ENCODER = 'all-MiniLM-L6-v2';
const SHARE = 0.05;
const SEEDS = (process.env['HEADLIGHT_SEEDS'] ?? '0,1,2').split(',').map(Number);
const FOLDS = 5;
const QUICK = process.env['HEADLIGHT_QUICK'] === '1';
/** Of the real sets: file, text, label, rows at most. */
const REAL = [
  ['banking77', 'banking77/train.csv', 'text', 'category', Infinity],
  ['trec', 'trec/train.csv', 'text', 'coarse', Infinity],
  ['sst2', 'sst2/train.tsv', 'sentence', 'label', 10_000],
] as const;

interface Peer {
  readonly same: readonly number[];
  /** null where it was not asked for. */
  readonly own: readonly number[] | null;
  readonly C: number | null;
  readonly seconds: number;
}

interface Embedded {
  readonly data: LabelledTexts;
  readonly features: Matrix;
}

const CONTEXT = { backend: 'wasm', kernels: new OnnxKernels(createNodeRuntime()) } as const;

export async function bench(): Promise<BenchResult> {
  const folder = process.env['HEADLIGHT_DATA'];
  if (folder === undefined) throw new Error('HEADLIGHT_DATA names the data.');
  const scratch = await mkdtemp(join(tmpdir(), 'headlight-label-errors-'));
  try {
    const platform = await createNodePlatform({ home: join(scratch, 'home') });
    await platform.tensors.use('wasm');
    const encoders = new Encoders(platform);
    const entry = (await encoders.list()).find(({ info }) => info.reference.id === ENCODER);
    if (entry === undefined) throw new Error(`${ENCODER} does not ship here.`);
    const encoder = await finish(encoders.load(entry.info.reference));
    const embedded = async (set: (typeof REAL)[number]): Promise<Embedded> => {
      const [name, path, text, label, most] = set;
      const bytes = await readFile(join(folder, path));
      const table = await finish(readTable(fileOfBytes(path, bytes), {}));
      const read = labelTexts([table], text, { kind: 'column', column: label }, null);
      const data = firstRows(read, most);
      process.stderr.write(`Embedding ${data.texts.length} texts of ${name} …\n`);
      const { features } = await finish(
        embedTexts({
          texts: data.texts,
          encoder,
          embed: entry.info.defaults,
          device: 'cpu',
          runtime: platform.runtime,
          storage: platform.storage,
          scope: name,
        }),
      );
      return { data, features };
    };
    const banking = await embedded(REAL[0]);
    const tables = [await flippedTable(banking, scratch)];
    if (QUICK) return { name: 'label-errors', tables };
    const rows: Cell[][] = [];
    const places: string[] = [];
    for (const set of REAL) {
      const own = set === REAL[0] ? banking : await embedded(set);
      const { row, first } = await realRow(set[0], own);
      rows.push(row);
      places.push(first);
    }
    tables.push({
      title: 'Labels as they are',
      method: `Nothing flipped: how many labels are listed, and how many pairs of texts have a cosine of ${DEFAULT_NEAR.threshold} or more with different labels. Lines of the ten likeliest: ${places.join('; ')}.`,
      columns: ['', 'rows', 'classes', 'agreement', 'listed', 'share', 'pairs', 'seconds'],
      rows,
    });
    return { name: 'label-errors', tables };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The first rows of a file whose rows stand in no order. */
function firstRows(data: LabelledTexts, most: number): LabelledTexts {
  if (data.texts.length <= most) return data;
  return {
    ...data,
    texts: data.texts.slice(0, most),
    labels: data.labels.slice(0, most),
    origin: data.origin.slice(0, most),
  };
}

async function judged(
  { data, features }: Embedded,
  labels: Int32Array,
): Promise<{ issues: readonly LabelIssue[]; fits: OutOfFold; folds: Int32Array }> {
  const folds = stratifiedGroupFolds(labels, groupTexts(data).of, FOLDS, 0);
  const targets = { kind: 'labels', labels } as const;
  const fits = await finish(
    outOfFold(features, targets, data.classes, folds, DEFAULT_OUT_OF_FOLD, CONTEXT),
  );
  const { issues } = findLabelIssues(fits.probabilities, targets, data.classes.length);
  return { issues, fits, folds };
}

async function flippedTable(embedded: Embedded, scratch: string): Promise<BenchTable> {
  const { data } = embedded;
  const rows: Cell[][] = [];
  const differences: number[] = [];
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const wanted = Math.round(SHARE * data.texts.length);
    const order = random.shuffle(Int32Array.from(data.texts.keys()));
    const flipped = new Set(order.slice(0, wanted));
    const labels = data.labels.map((label, row) => {
      if (!flipped.has(row)) return label;
      const other = Math.floor(random.next() * (data.classes.length - 1));
      return other < label ? other : other + 1;
    });
    const { issues, fits } = await judged(embedded, labels);
    const own = issues.map(({ row }) => row);
    rows.push(scored(`Headlight, seed ${seed}`, own, flipped, fits.seconds));
    const theirs = await cleanlab(embedded, labels, fits, join(scratch, String(seed)));
    if (theirs === null) {
      rows.push([`cleanlab, seed ${seed}`, null, null, null, null, null]);
      continue;
    }
    const same = new Set(theirs.same);
    differences.push(
      own.filter((row) => !same.has(row)).length +
        (theirs.same.length - own.filter((row) => same.has(row)).length),
    );
    rows.push(
      scored(`cleanlab, Headlight's probabilities, seed ${seed}`, theirs.same, flipped, null),
    );
    if (theirs.own !== null) {
      rows.push(
        scored(`cleanlab, scikit-learn's, seed ${seed}`, theirs.own, flipped, theirs.seconds),
      );
    }
    process.stderr.write(`  ${JSON.stringify(rows.slice(-3))}\n`);
  }
  const said =
    differences.length === 0
      ? ''
      : ` With the same probabilities the two lists differ in ${differences.join(', ')} rows.`;
  return {
    title: `Banking77 with ${100 * SHARE} % of ${data.texts.length} labels flipped`,
    method: `To another class at random, by seed; features of ${ENCODER} as it ships; ${FOLDS} folds.${said} “First” is the precision of as many rows as were flipped, or of all that are listed where they are fewer.`,
    columns: ['', 'listed', 'precision', 'recall', 'first', 'seconds'],
    rows,
  };
}

function scored(
  name: string,
  rows: readonly number[],
  flipped: ReadonlySet<number>,
  seconds: number | null,
): Cell[] {
  const right = (some: readonly number[]): number => some.filter((row) => flipped.has(row)).length;
  const first = rows.slice(0, flipped.size);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    name,
    rows.length,
    percent(right(rows) / Math.max(1, rows.length)),
    percent(right(rows) / flipped.size),
    percent(right(first) / Math.max(1, first.length)),
    seconds === null ? '' : seconds.toFixed(0),
  ];
}

async function cleanlab(
  { data, features }: Embedded,
  labels: Int32Array,
  { probabilities }: OutOfFold,
  folder: string,
): Promise<Peer | null> {
  await mkdir(folder, { recursive: true });
  const shape = [features.rows, features.columns, data.classes.length];
  await writeFile(join(folder, 'shape.json'), JSON.stringify(shape));
  for (const [name, values] of [
    ['features', features.data],
    ['labels', labels],
    ['probabilities', probabilities],
  ] as const)
    await writeFile(
      join(folder, `${name}.bin`),
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    );
  return peer<Peer>(new URL('./peer.py', import.meta.url), folder, ...(QUICK ? ['--same'] : []));
}

async function realRow(
  name: string,
  embedded: Embedded,
): Promise<{ readonly row: Cell[]; readonly first: string }> {
  const { data, features } = embedded;
  const { issues, fits } = await judged(embedded, data.labels);
  const k = data.classes.length;
  let right = 0;
  for (const [row, label] of data.labels.entries()) {
    const own = fits.probabilities.subarray(row * k, (row + 1) * k);
    if (own.indexOf(Math.max(...own)) === label) right += 1;
  }
  const started = performance.now();
  const { count } = await finish(nearPairs(features, data.labels, DEFAULT_NEAR));
  const seconds = fits.seconds + (performance.now() - started) / 1000;
  const rows = data.texts.length;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const lines = issues.slice(0, 10).map(({ row }) => data.origin[row]?.line ?? 0);
  return {
    row: [
      name,
      rows,
      k,
      percent(right / rows),
      issues.length,
      percent(issues.length / rows),
      count,
      seconds.toFixed(0),
    ],
    first: `${name} ${lines.join(', ')}`,
  };
}
