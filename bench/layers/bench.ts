/**
 * A whole layer study's probes, 7 layers x 3 poolings x 10,000 rows x 5 seeds x 6 values of C, beside scikit-learn's
 * LogisticRegression one after the other on the same features: cell by cell in turn, so that both meet the same load, and
 * every cell compared. Needs HEADLIGHT_PYTHON, HEADLIGHT_MINILM and the data (HEADLIGHT_DATA, default ../shared/data, with
 * its folder `probing`). HEADLIGHT_QUICK=1: 3,000 rows, 2 seeds, three layers, one pooling. HEADLIGHT_TASKS: some of them.
 * HEADLIGHT_SOLVER: scikit-learn's, if not its usual `lbfgs`: of two classes `newton-cholesky` is its quickest.
 * HEADLIGHT_FEATURES: a folder in which features are kept for the next time.
 */
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish, seededRandom } from '../../src/base';
import { fitCell, SENTEVAL_CS, type ProbeFit, type ProbeRows } from '../../src/learning/probing';
import { OnnxKernels } from '../../src/learning/heads';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import { MINILM, peer, PYTHON } from '../python';
import type { BenchResult, BenchTable, Cell } from '../report';

const kernels = new OnnxKernels(createNodeRuntime());
const QUICK = process.env['HEADLIGHT_QUICK'] === '1';
const TASKS = (process.env['HEADLIGHT_TASKS'] ?? 'tree_depth,bigram_shift,past_present').split(',');
const LAYERS = QUICK ? [0, 3, 6] : [0, 1, 2, 3, 4, 5, 6];
const POOLINGS = QUICK ? ['mean'] : ['mean', 'cls', 'max'];
const ROWS = QUICK ? 3000 : 10_000;
const SEEDS = QUICK ? [0, 1] : [0, 1, 2, 3, 4];
const SOLVER = process.env['HEADLIGHT_SOLVER'] ?? 'lbfgs';
/** Of scikit-learn; where others compute too, its threads wait for each other at the cost of the processors. */
const THREADS = process.env['OMP_NUM_THREADS'];
const TEST_SHARE = 0.2;
const VALIDATION_SHARE = 0.2;

interface Task {
  readonly name: string;
  readonly texts: readonly string[];
  readonly labels: Int32Array;
  readonly classes: number;
  readonly draws: readonly ProbeRows[];
}

/** What the script of scikit-learn prints. */
interface PeerCell {
  readonly seconds: number;
  /** Seconds that its threads computed, together. */
  readonly processor: number;
  readonly draws: readonly {
    readonly C: number;
    readonly validation: number;
    readonly test: number;
  }[];
  /** At Headlight's C, converged. */
  readonly optimum: readonly { readonly test: number; readonly bits: number }[];
}

interface MeasuredCell {
  readonly layer: number;
  readonly pooling: string;
  readonly seconds: number;
  readonly processor: number;
  readonly fits: readonly ProbeFit[];
  readonly sklearn: PeerCell;
}

export async function bench(): Promise<BenchResult> {
  if (PYTHON === null || MINILM === null)
    throw new Error('HEADLIGHT_PYTHON and HEADLIGHT_MINILM name the Python and the model.');
  const before = loadavg();
  const folder = await mkdtemp(join(tmpdir(), 'headlight-layers-'));
  try {
    const speeds: Cell[][] = [];
    const tables: BenchTable[] = [];
    for (const name of TASKS) {
      const task = await readTask(name);
      const cells = await measure(task, MINILM, folder);
      speeds.push(speedOf(task, cells));
      tables.push(parityOf(task, cells));
    }
    const load = (loads: readonly number[]) => loads.map((one) => one.toFixed(1)).join(', ');
    return {
      name: 'layers',
      tables: [
        {
          title: 'The probes of a layer study',
          method:
            `all-MiniLM-L6-v2, ${LAYERS.length} layers x ${POOLINGS.length} poolings x ${ROWS.toLocaleString('en')} rows (a fifth is test; the rest drawn ` +
            `to four fifths training, one fifth validation) x ${SEEDS.length} seeds x ${SENTEVAL_CS.length} values of C. Headlight: all seeds of a cell in one ` +
            'batched fit on ONNX Runtime, one thread in Node, to its own tolerance, which is tighter. scikit-learn: LogisticRegression (' +
            `${SOLVER}, its tolerance, ${SOLVER === 'lbfgs' ? 32 : 64}-bit floats) ` +
            `one after the other, ${THREADS === undefined ? 'as many threads as it takes' : `OMP_NUM_THREADS=${THREADS}`}. In turn, cell by cell; ` +
            'where others compute too, the seconds of the processors tell more than the clock. ' +
            `Load of the machine (${cpus().length} processors) over 1, 5 and 15 minutes, before: ${load(before)}; after: ${load(loadavg())}.`,
          columns: [
            'task',
            'classes',
            'cells',
            'fits',
            'Headlight, s',
            'scikit-learn, s',
            'times faster',
            'Headlight, processor s',
            'scikit-learn, processor s',
            'times less',
            'cells within 0.5 points',
            'largest difference of a cell, points',
            'of a single fit to its optimum, points',
            'in bits, %',
          ],
          rows: speeds,
        },
        ...tables,
      ],
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(task: Task, model: string, scratch: string): Promise<MeasuredCell[]> {
  const folder = join(process.env['HEADLIGHT_FEATURES'] ?? scratch, `${task.name}-${ROWS}`);
  await mkdir(folder, { recursive: true });
  const study = join(folder, 'study.json');
  const draws = task.draws.map(({ train, validation, test }) => ({
    train: [...train],
    validation: [...validation],
    test: [...test],
  }));
  await writeFile(study, JSON.stringify({ labels: [...task.labels], Cs: SENTEVAL_CS, draws }));
  await makeFeatures(task.texts, model, folder);
  const cells: MeasuredCell[] = [];
  for (const pooling of POOLINGS) {
    for (const layer of LAYERS) {
      const path = join(folder, `${layer}-${pooling}.f32`);
      const data = new Float32Array(new Uint8Array(await readFile(path)).buffer);
      const columns = data.length / task.labels.length;
      // The first fit of all also warms up the compilers; scikit-learn's script does so too.
      if (cells.length === 0) await fit(task, data, columns, task.draws.slice(0, 1));
      const started = performance.now();
      const used = process.cpuUsage();
      const fits = await fit(task, data, columns, task.draws);
      const seconds = (performance.now() - started) / 1000;
      const { user, system } = process.cpuUsage(used);
      const processor = (user + system) / 1e6;
      const chosen = JSON.stringify(fits.map(({ C }) => C));
      const url = new URL('peer.py', import.meta.url);
      const sklearn = await peer<PeerCell>(url, path, `${columns}`, study, chosen, SOLVER);
      if (sklearn === null) throw new Error('There is no Python.');
      cells.push({ layer, pooling, seconds, processor, fits, sklearn });
      process.stderr.write(
        `  ${task.name} layer ${layer} ${pooling}: ${seconds.toFixed(1)} s, scikit-learn ${sklearn.seconds.toFixed(1)} s\n`,
      );
    }
  }
  return cells;
}

/** Files `LAYER-POOLING.f32`; those that stand there of the same texts are taken. */
async function makeFeatures(
  texts: readonly string[],
  model: string,
  folder: string,
): Promise<void> {
  const path = join(folder, 'texts.json');
  const done = join(folder, 'done.json');
  const wanted = JSON.stringify(texts);
  const kept = await readFile(done, 'utf8').then(
    () => readFile(path, 'utf8'),
    () => null,
  );
  if (kept === wanted) return;
  await writeFile(path, wanted);
  const made = await peer(new URL('features.py', import.meta.url), model, path, folder);
  await writeFile(done, JSON.stringify(made));
}

function fit(
  task: Task,
  data: Float32Array,
  columns: number,
  draws: readonly ProbeRows[],
): Promise<readonly ProbeFit[]> {
  const requests = draws.map((rows, seed) => ({
    name: `seed ${seed}`,
    labels: task.labels,
    classes: task.classes,
    rows,
    family: { kind: 'linear' } as const,
    seed,
  }));
  const features = { rows: task.labels.length, columns, data };
  return finish(fitCell(features, requests, { backend: 'wasm', kernels }));
}

function speedOf({ name, classes, draws }: Task, cells: readonly MeasuredCell[]): Cell[] {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const own = sum(cells.map(({ seconds }) => seconds));
  const theirs = sum(cells.map(({ sklearn }) => sklearn.seconds));
  const ownProcessor = sum(cells.map(({ processor }) => processor));
  const theirProcessor = sum(cells.map(({ sklearn }) => sklearn.processor));
  const differences = cells.map(difference);
  const single = cells.flatMap(({ fits, sklearn }) =>
    fits.map(({ accuracy }, i) => 100 * Math.abs((accuracy.test ?? 0) - sklearn.optimum[i]!.test)),
  );
  const bits = cells.flatMap(({ fits, sklearn }) =>
    fits.map(({ testBits }, i) => 100 * Math.abs(testBits / sklearn.optimum[i]!.bits - 1)),
  );
  return [
    name,
    classes,
    cells.length,
    cells.length * draws.length * SENTEVAL_CS.length,
    own,
    theirs,
    theirs / own,
    ownProcessor,
    theirProcessor,
    theirProcessor / ownProcessor,
    differences.filter((one) => Math.abs(one) <= 0.5).length,
    Math.max(...differences.map(Math.abs)),
    Math.max(...single),
    Math.max(...bits),
  ];
}

/** Mean test accuracy over the seeds, Headlight less scikit-learn, in points. */
function difference({ fits, sklearn }: MeasuredCell): number {
  return 100 * (mean(fits.map(({ accuracy }) => accuracy.test ?? 0)) - mean(tests(sklearn)));
}

function parityOf({ name }: Task, cells: readonly MeasuredCell[]): BenchTable {
  return {
    title: `Each cell, ${name}`,
    method:
      'Test accuracy, mean over the seeds, in percent. Each side chooses C on its own; the next to last column is how often it is the same.',
    columns: [
      'layer',
      'pooling',
      'Headlight',
      'scikit-learn',
      'difference, points',
      'same C',
      'Headlight, s',
      'scikit-learn, s',
    ],
    rows: cells.map((cell) => {
      const { layer, pooling, fits, sklearn, seconds } = cell;
      const same = fits.filter(({ C }, i) => C === sklearn.draws[i]!.C).length;
      return [
        `${layer}`,
        pooling,
        (100 * mean(fits.map(({ accuracy }) => accuracy.test ?? 0))).toFixed(2),
        (100 * mean(tests(sklearn))).toFixed(2),
        difference(cell).toFixed(2),
        `${same} of ${fits.length}`,
        seconds,
        sklearn.seconds,
      ];
    }),
  };
}

function tests({ draws }: PeerCell): number[] {
  return draws.map(({ test }) => test);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** `text<TAB>label` a line; the files are sorted, so rows are drawn. */
async function readTask(name: string): Promise<Task> {
  const data = process.env['HEADLIGHT_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
  const parts = ['te', 'va'];
  const lines: string[] = [];
  for (const part of parts) {
    if (lines.length >= ROWS) break;
    const path = join(data, 'probing', name, `${part}.txt`);
    const text = await readFile(path, 'utf8').catch(() => '');
    lines.push(...text.split('\n').filter((line) => line.includes('\t')));
  }
  const random = seededRandom(8);
  const rows = random.shuffle(lines).slice(0, ROWS);
  const named = rows.map((line) => line.slice(line.lastIndexOf('\t') + 1).trim());
  const classes = [...new Set(named)].sort();
  const labels = Int32Array.from(named, (label) => classes.indexOf(label));
  const all = Int32Array.from(rows, (_, row) => row);
  const test = all.slice(0, Math.round(TEST_SHARE * rows.length));
  const rest = all.slice(test.length);
  const draws = SEEDS.map((seed): ProbeRows => {
    const order = seededRandom(seed).shuffle(rest.slice());
    const cut = Math.round(VALIDATION_SHARE * order.length);
    return { test, validation: order.slice(0, cut).sort(), train: order.slice(cut).sort() };
  });
  const texts = rows.map((line) => line.slice(0, line.lastIndexOf('\t')));
  return { name, texts, labels, classes: classes.length, draws };
}
