/**
 * Few labels and none: AG News, TREC and SMS spam with 8, 16, 32 and 64 labels a class, three seeds: Headlight's probe,
 * fine-tune and contrastive learning beside sentence-transformers + scikit-learn and setfit, on the same rows; and the same
 * sets without labels, the similarity teacher and its student. Encoder: all-MiniLM-L6-v2 in fp32 throughout.
 *
 * Needs HEADLIGHT_MINILM and the data (HEADLIGHT_DATA, default ../shared/data). The peers run where HEADLIGHT_PYTHON names
 * a Python; HEADLIGHT_SETFIT one that has setfit itself (else its loop is run by the first). It takes hours: every result
 * is kept in bench/results/few-rows.json (or HEADLIGHT_FEW) as it is made, and what is there is not made again.
 * HEADLIGHT_SETS, HEADLIGHT_TOOLS (`probe,st+lr`) and HEADLIGHT_SHOTS (`8,16`) measure some of it now; the tables show
 * all that is there.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, type Engine } from '../../src/engine';
import type { EncoderInfo } from '../../src/models';
import { createNodePlatform } from '../../src/platform/node';
import { addMiniLM } from '../minilm';
import { MINILM, peerBy, PYTHON } from '../python';
import type { BenchResult, Cell } from '../report';
import { measure, measureUnlabelled, QUICK_ITERATIONS, WAYS, type Paths } from './headlight';
import {
  CLASSES,
  fewRows,
  readSet,
  SETS,
  SHOTS,
  unlabelledRows,
  writeRows,
  type FewSet,
  type SetName,
} from './sets';
import { FewState, keyOf, type Measured } from './state';

const SEEDS = [0, 1, 2];
/** Of Student's distribution, for as many seeds. */
const T_95 = 4.303;
const PEERS = ['st+lr', 'quick setfit', 'setfit'] as const;
const SETFIT = process.env['HEADLIGHT_SETFIT'] ?? null;
const TOOLS = [...WAYS, ...PEERS, 'teacher'] as const;
type Tool = (typeof TOOLS)[number];

/** Cheap ones first, on all sets: the picture is there early. */
const ORDER: readonly (readonly [tool: Tool, shots: readonly number[]])[] = [
  ['probe', SHOTS],
  ['st+lr', SHOTS],
  ['quick pairs', SHOTS],
  ['quick setfit', SHOTS],
  ['teacher', []],
  ['fine-tune', SHOTS],
  ['contrastive', SHOTS],
  ['setfit', SHOTS],
];

interface PeerResult {
  readonly accuracy: number;
  readonly seconds: number;
  readonly train_rows: number;
  readonly test_rows: number;
}

interface Bench {
  readonly engine: Engine;
  readonly info: EncoderInfo;
  readonly state: FewState;
  readonly folder: string;
}

export async function bench(): Promise<BenchResult> {
  if (PYTHON === null)
    process.stderr.write('Without HEADLIGHT_PYTHON the peers are not measured.\n');
  const root = join(import.meta.dirname, '../..');
  const data = process.env['HEADLIGHT_DATA'] ?? join(root, '../shared/data');
  const path = process.env['HEADLIGHT_FEW'] ?? join(root, 'bench/results/few-rows.json');
  const state = await FewState.open(path);
  const folder = await mkdtemp(join(tmpdir(), 'headlight-few-'));
  const engine = createEngine(await createNodePlatform({ home: join(folder, 'home') }));
  try {
    const { info } = await addMiniLM(engine);
    const parts: Bench = { engine, info, state, folder };
    const sets = new Map<SetName, FewSet>();
    for (const name of chosen(SETS, 'HEADLIGHT_SETS')) sets.set(name, await readSet(data, name));
    const tools = chosen(TOOLS, 'HEADLIGHT_TOOLS');
    for (const [tool, shots] of ORDER.filter(([one]) => tools.includes(one))) {
      for (const [name, set] of sets) {
        if (tool === 'teacher') await withoutLabels(parts, name, set);
        else await withFew(parts, name, set, tool, shots);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { name: 'few', tables: [fewTable(state), noneTable(state)] };
}

function chosen<Name extends string>(all: readonly Name[], variable: string): readonly Name[] {
  const asked = process.env[variable]?.split(',');
  return asked === undefined ? all : all.filter((name) => asked.includes(name));
}

async function withFew(
  parts: Bench,
  name: SetName,
  set: FewSet,
  tool: Exclude<Tool, 'teacher'>,
  ofShots: readonly number[],
): Promise<void> {
  const asked = chosen(SHOTS.map(String), 'HEADLIGHT_SHOTS');
  for (const shots of ofShots.filter((one) => asked.includes(String(one)))) {
    const missing = SEEDS.filter(
      (seed) => parts.state.get(keyOf(name, shots, seed, tool)) === undefined,
    );
    const files = await Promise.all(
      missing.map(async (seed): Promise<Paths> => {
        const rows = fewRows(set, shots, seed);
        return {
          train: await writeRows(parts.folder, `${name}-${shots}-${seed}.csv`, rows),
          test: await writeRows(parts.folder, `${name}-test.csv`, set.test),
        };
      }),
    );
    if (isPeer(tool)) {
      const found = await measurePeer(tool, files, missing, shots);
      for (const [at, one] of found.entries())
        await keep(parts.state, keyOf(name, shots, missing[at] ?? 0, tool), one);
      continue;
    }
    for (const [at, paths] of files.entries()) {
      const seed = missing[at] ?? 0;
      const found = await measure(parts.engine, parts.info, paths, tool, { seed, shots });
      await keep(parts.state, keyOf(name, shots, seed, tool), found);
    }
  }
}

async function withoutLabels(parts: Bench, name: SetName, set: FewSet): Promise<void> {
  for (const seed of SEEDS) {
    const key = keyOf(name, 0, seed, 'student');
    if (parts.state.get(key) !== undefined) continue;
    const paths: Paths = {
      train: await writeRows(parts.folder, `${name}-0-${seed}.csv`, unlabelledRows(set, seed)),
      test: await writeRows(parts.folder, `${name}-test.csv`, set.test),
    };
    const found = await measureUnlabelled(parts.engine, parts.info, paths, CLASSES[name]);
    await keep(parts.state, keyOf(name, 0, seed, 'teacher'), found.teacher);
    await keep(parts.state, key, found.student);
  }
}

function isPeer(tool: Tool): tool is (typeof PEERS)[number] {
  return (PEERS as readonly string[]).includes(tool);
}

/** A result for each pair of files, all by one Python; none where there is no Python. */
async function measurePeer(
  tool: (typeof PEERS)[number],
  files: readonly Paths[],
  seeds: readonly number[],
  shots: number,
): Promise<readonly Measured[]> {
  if (files.length === 0) return [];
  const method = tool === 'st+lr' ? 'probe' : SETFIT === null ? 'loop' : 'setfit';
  const found = await peerBy<PeerResult[]>(
    method === 'setfit' ? SETFIT : PYTHON,
    new URL('./setfit_peer.py', import.meta.url),
    ...['--model', MINILM ?? '', '--method', method, '--seeds', seeds.join(',')],
    ...(tool === 'quick setfit'
      ? ['--iterations', String(QUICK_ITERATIONS[shots]), '--rate', '1e-4']
      : []),
    ...files.flatMap(({ train, test }) => [train, test]),
  );
  return (found ?? []).map((one) => ({ ...one, macro_f1: null }));
}

async function keep(state: FewState, key: string, found: Measured): Promise<void> {
  const { accuracy, macro_f1, seconds, train_rows, test_rows } = found;
  await state.put(key, { accuracy, macro_f1, seconds, train_rows, test_rows });
  process.stderr.write(
    `${key}: ${(100 * accuracy).toFixed(1)} % (${train_rows} / ${test_rows} rows, ${seconds.toFixed(0)} s)\n`,
  );
}

/** `84.2 ± 3.5 (82.9, 84.0, 85.7)`: the mean of the seeds, half its 95 % interval, and each; null where one is missing. */
function cell(state: FewState, set: SetName, shots: number, tool: string): Cell {
  const all = SEEDS.map((seed) => state.get(keyOf(set, shots, seed, tool))?.accuracy);
  const known = all.filter((one) => one !== undefined);
  if (known.length < SEEDS.length) return null;
  const mean = known.reduce((sum, one) => sum + one, 0) / known.length;
  const each = known.map((one) => (100 * one).toFixed(1)).join(', ');
  const squares = known.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  const half = (T_95 * Math.sqrt(squares / (known.length - 1))) / Math.sqrt(known.length);
  return `${(100 * mean).toFixed(1)} ± ${(100 * half).toFixed(1)} (${each})`;
}

function fewTable(state: FewState) {
  return {
    title: 'Few labels: test accuracy, percent',
    method: `all-MiniLM-L6-v2, fp32; the mean of three seeds, which draw the rows and order the training, half its 95 % interval by Student’s t (two degrees of freedom, so wide), and each. Tested on 500 texts of each set. Probe: logistic regression, C by cross-validation. Fine-tune: preset “few-rows”. Quick pairs: preset “few-labels-quick” (5 pairs of either kind a text, 3 at 32 labels a class, 2 at 64; rate 1e-4), quick setfit with as many at that rate. Contrastive: preset “few-labels” (20 pairs of either kind a text, rate 2e-5). st + LR: sentence-transformers with scikit-learn’s LogisticRegressionCV. setfit: ${SETFIT === null ? 'its training written with sentence-transformers’ loss, its pairs and defaults' : 'the package'}, 20 iterations.`,
    columns: ['set', 'labels a class', ...WAYS, 'st + LR', 'quick setfit', 'setfit'],
    rows: SETS.flatMap((set) =>
      SHOTS.map((shots): Cell[] => [
        set,
        String(shots),
        ...[...WAYS, ...PEERS].map((tool) => cell(state, set, shots, tool)),
      ]),
    ),
  };
}

function noneTable(state: FewState) {
  return {
    title: 'No labels: test accuracy, percent',
    method:
      'The similarity teacher on all-MiniLM-L6-v2 (cosine to names and descriptions of the classes, see bench/few/sets.ts) labels up to 4,000 training texts whose labels nobody looks at; the student is a probe on the same encoder, trained on all of them. Both on the same test texts as above (SMS spam: on a fifth of it, 1,115 texts).',
    columns: ['set', 'teacher', 'student'],
    rows: SETS.map((set): Cell[] => [
      set,
      cell(state, set, 0, 'teacher'),
      cell(state, set, 0, 'student'),
    ]),
  };
}
