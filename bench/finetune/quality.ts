/**
 * Fine-tuned by Headlight and by the HF Trainer: all-MiniLM-L6-v2 in fp32, the same settings, the same rows,
 * three seeds, on TREC and on 4,000 rows of SST-2; the probe beside them; entities on WikiANN. Needs
 * HEADLIGHT_PYTHON, HEADLIGHT_MINILM and HEADLIGHT_DATA. HEADLIGHT_PEERS may name a folder in which what the
 * Trainer printed is kept, so that it is not run again.
 */
import { classFigures } from '../../src/project';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish } from '../../src/base';
import type { FileBytes } from '../../src/data';
import { createEngine, FINETUNE_DEFAULTS, type Engine, type RunView } from '../../src/engine';
import { DEFAULT_LOGISTIC } from '../../src/learning/heads';
import { createNodePlatform } from '../../src/platform/node';
import { MINILM_FILES } from '../minilm';
import { MINILM, peer } from '../python';
import { type BenchResult, type Cell } from '../report';

const SEEDS = [0, 1, 2];
const SETS = ['trec', 'sst2'] as const;
/** As SETTINGS in trainer.py. */
const SETTINGS = {
  learning_rate: 5e-5,
  per_device_train_batch_size: 16,
  per_device_eval_batch_size: 64,
  num_train_epochs: 3,
  weight_decay: 0.01,
  warmup_steps: 0.1,
  max_length: 128,
  eval_strategy: 'no',
  save_strategy: 'no',
  load_best_model_at_end: false,
  validation_share: 0,
} as const;

interface TrainerResult {
  readonly test_accuracy: number;
  readonly predictions: readonly number[];
}

/** Runs a peer once, or reads what it printed before. */
async function remembered<Result>(
  key: string,
  script: string,
  ...args: readonly string[]
): Promise<Result | null> {
  const folder = process.env['HEADLIGHT_PEERS'];
  const path = folder === undefined ? null : join(folder, `${key}.json`);
  if (path !== null) {
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text !== null) return JSON.parse(text.trim().split('\n').at(-1) ?? '') as Result;
  }
  const result = await peer<Result>(new URL(script, import.meta.url), ...args);
  if (path !== null && folder !== undefined && result !== null) {
    await mkdir(folder, { recursive: true });
    await writeFile(path, `${JSON.stringify(result)}\n`);
  }
  return result;
}

async function source(path: string, name: string): Promise<FileBytes> {
  return { name, bytes: new Uint8Array(await readFile(path)) };
}

/** For each test row: ours right (1 or 0) less the Trainer's. */
async function rightLessTrainer(
  engine: Engine,
  project: string,
  run: RunView,
  { predictions }: TrainerResult,
): Promise<Map<number, number>> {
  const { classes } = run.record.data;
  // The Trainer's class indices follow Python's sorting of the names.
  const sorted = [...classes].sort((x, y) => (x < y ? -1 : 1));
  const differences = new Map<number, number>();
  // A page of rows has at most so many as the engine gives at once; the surest come first.
  for (let seen = 0; ;) {
    const query = { part: 'test', actual: null, predicted: null, offset: seen } as const;
    const { rows, total } = await engine.runRows(project, run.id, {
      ...query,
      limit: predictions.length,
    });
    for (const { line, actual, predicted } of rows) {
      // The first row of the file stands on line 2, and no text has line breaks.
      const theirs = sorted[predictions[line - 2] ?? -1] === classes[actual];
      differences.set(line, Number(actual === predicted) - Number(theirs));
    }
    seen += rows.length;
    if (rows.length === 0 || seen >= total) return differences;
  }
}

/** Mean of `differences` with a 95 % interval (normal; hundreds of rows). */
function interval(differences: readonly number[]): { mean: number; low: number; high: number } {
  const n = differences.length;
  const mean = differences.reduce((sum, value) => sum + value, 0) / n;
  const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = 1.96 * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half };
}

export async function bench(): Promise<BenchResult> {
  const data = process.env['HEADLIGHT_SETS'] ?? null;
  if (data === null || MINILM === null)
    throw new Error(
      'Set HEADLIGHT_SETS to the folder that bench/finetune/prepare.py wrote, and HEADLIGHT_MINILM.',
    );
  const platform = await createNodePlatform({
    home: await mkdtemp(join(tmpdir(), 'headlight-bench-')),
  });
  const engine = createEngine(platform);
  const { info } = await finish(
    engine.addFolderEncoder(
      'all-MiniLM-L6-v2',
      await Promise.all(MINILM_FILES.map((name) => source(join(MINILM ?? '', name), name))),
      'fp32',
    ),
  );
  const rows: Cell[][] = [];
  for (const set of SETS) {
    const files = [`${set}-train.csv`, `${set}-test.csv`] as const;
    const view = await finish(
      engine.createProject(await Promise.all(files.map((name) => source(join(data, name), name)))),
    );
    await finish(
      engine.configureData(view.id, {
        ...view.choice,
        textColumn: 'text',
        label: { kind: 'column', column: 'label' },
      }),
    );
    const probe = await finish(
      engine.train(view.id, {
        encoder: info.reference,
        embed: info.defaults,
        device: 'cpu',
        head: { ...DEFAULT_LOGISTIC, C: 'cv' },
      }),
    );
    const ours: number[] = [];
    const theirs: number[] = [];
    /** A test row's mean over the seeds. */
    const differences = new Map<number, number>();
    for (const seed of SEEDS) {
      const run = await finish(
        engine.finetune(view.id, {
          encoder: info.reference,
          device: 'cpu',
          settings: { ...FINETUNE_DEFAULTS, ...SETTINGS, seed },
        }),
      );
      ours.push(classFigures(run.record).test.accuracy);
      const trainer = await remembered<TrainerResult>(
        `hf-${set}-${seed}`,
        './trainer.py',
        MINILM,
        ...files.map((name) => join(data, name)),
        String(seed),
      );
      process.stderr.write(
        `${set}, seed ${seed}: Headlight ${ours.at(-1)?.toFixed(4) ?? ''}, Trainer ${trainer?.test_accuracy.toFixed(4) ?? 'not measured'}\n`,
      );
      if (trainer === null) continue;
      theirs.push(trainer.test_accuracy);
      for (const [line, value] of await rightLessTrainer(engine, view.id, run, trainer))
        differences.set(line, (differences.get(line) ?? 0) + value / SEEDS.length);
    }
    const { mean, low, high } = interval([...differences.values()]);
    const percent = (values: readonly number[]): string =>
      values.map((value) => (100 * value).toFixed(2)).join(', ');
    const average = (values: readonly number[]): number | null =>
      values.length === 0
        ? null
        : (100 * values.reduce((sum, value) => sum + value, 0)) / values.length;
    rows.push([
      set,
      100 * classFigures(probe.record).test.accuracy,
      percent(ours),
      average(ours),
      percent(theirs),
      average(theirs),
      theirs.length === 0
        ? null
        : `${(100 * mean).toFixed(2)} [${(100 * low).toFixed(2)}, ${(100 * high).toFixed(2)}]`,
    ]);
  }
  return {
    name: 'finetune-quality',
    tables: [
      {
        title: 'Fine-tuned: test accuracy, %',
        method: `all-MiniLM-L6-v2, fp32, stock BERT head, full fine-tuning with the same settings (learning_rate 5e-5, batch 16, 3 epochs, weight_decay 0.01, warmup_steps 0.1, max_length 128), seeds ${SEEDS.join(', ')}. TREC: 5,442 training rows, 500 test rows; SST-2: 4,000 seeded training rows, the 872 dev rows. The difference is of the means over the seeds, its 95 % interval over the test rows.`,
        columns: [
          'set',
          'probe',
          'Headlight, a seed',
          'Headlight, mean',
          'HF Trainer, a seed',
          'HF Trainer, mean',
          'difference [95 %]',
        ],
        rows,
      },
    ],
  };
}
