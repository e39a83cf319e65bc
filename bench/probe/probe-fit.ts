/**
 * Probe fit time beside scikit-learn's on the same features: `npx tsx bench/probe/probe-fit.ts [--cv]`.
 *
 * Features: every pair NAME.f32 / NAME.i32 (row-major float32 features, int32 labels) in the folder
 * HEADLIGHT_FEATURES; without it, seeded mixtures with the spectrum of sentence embeddings. scikit-learn
 * runs when HEADLIGHT_PYTHON names a Python that has it. Prints JSON; `probeFitBench` returns it.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { finish, seededRandom } from '../../src/base';
import {
  DEFAULT_LOGISTIC,
  fitLogistic,
  OnnxKernels,
  predictLabels,
  type Matrix,
} from '../../src/learning/heads';
import { createNodeRuntime } from '../../src/platform/node/runtime';

const run = promisify(execFile);
const kernels = new OnnxKernels(createNodeRuntime());
const PEER = fileURLToPath(new URL('probe-fit.py', import.meta.url));

interface Problem {
  readonly name: string;
  readonly features: Matrix;
  readonly labels: Int32Array;
}

export interface ProbeFitResult {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  readonly C: number | 'cv';
  readonly chosenC: number;
  readonly seconds: number;
  readonly iterations: number;
  /** null without a Python that has scikit-learn. */
  readonly sklearn: {
    readonly seconds: number;
    readonly chosenC: number;
    /** Share of the rows that both predict the same. */
    readonly agreement: number;
  } | null;
}

/** @param settings the C of each fit; 'cv' takes scikit-learn minutes on the larger problems. */
export async function probeFitBench(
  settings: readonly (number | 'cv')[],
): Promise<ProbeFitResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'headlight-probe-'));
  try {
    const results: ProbeFitResult[] = [];
    for (const problem of await problems()) {
      await writeFile(join(folder, `${problem.name}.f32`), problem.features.data);
      await writeFile(join(folder, `${problem.name}.i32`), problem.labels);
      for (const C of settings) results.push(await measure(problem, C, folder));
    }
    return results;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(
  { name, features, labels }: Problem,
  C: number | 'cv',
  folder: string,
): Promise<ProbeFitResult> {
  const classes = Array.from(new Set(labels), (_, index) => `class ${index}`);
  const asked = { ...DEFAULT_LOGISTIC, C };
  const context = { backend: 'wasm', kernels } as const;
  const fit = () => finish(fitLogistic(features, labels, classes, asked, context));
  let fitted = await fit();
  // The first fit also warms up the compilers; scikit-learn has none to warm.
  if (C !== 'cv') {
    const again = await fit();
    if (again.report.seconds < fitted.report.seconds) fitted = again;
  }
  const predictions = predictLabels(fitted.head, features);
  const python = process.env['HEADLIGHT_PYTHON'];
  let sklearn: ProbeFitResult['sklearn'] = null;
  if (python !== undefined) {
    const { folds, Cs } = asked;
    const { stdout } = await run(
      python,
      [PEER, folder, name, `${features.columns}`, `${C}`, `${folds}`, JSON.stringify(Cs)],
      { maxBuffer: 1 << 28 },
    );
    const peer = JSON.parse(stdout) as { seconds: number; C: number; predictions: number[] };
    const same = predictions.filter((label, row) => label === peer.predictions[row]).length;
    sklearn = {
      seconds: peer.seconds,
      chosenC: peer.C,
      agreement: same / features.rows,
    };
  }
  return {
    name,
    rows: features.rows,
    columns: features.columns,
    classes: classes.length,
    C,
    chosenC: fitted.report.C,
    seconds: fitted.report.seconds,
    iterations: fitted.report.iterations,
    sklearn,
  };
}

async function problems(): Promise<Problem[]> {
  const folder = process.env['HEADLIGHT_FEATURES'];
  if (folder === undefined) {
    return [mixture('trec-like', 5452, 384, 6), mixture('news-like', 10_000, 384, 4)];
  }
  const names = (await readdir(folder)).filter((name) => name.endsWith('.f32')).sort();
  return Promise.all(
    names.map(async (file) => {
      const name = file.slice(0, -4);
      const features = await readFile(join(folder, file));
      const labels = await readFile(join(folder, `${name}.i32`));
      const data = new Float32Array(new Uint8Array(features).buffer);
      const own = new Int32Array(new Uint8Array(labels).buffer);
      const matrix = { rows: own.length, columns: data.length / own.length, data };
      return { name, features: matrix, labels: own };
    }),
  );
}

/** Unit vectors around class centres, with a decaying spectrum and a common offset. */
function mixture(name: string, rows: number, columns: number, classes: number): Problem {
  const random = seededRandom(rows);
  const spectrum = Float64Array.from({ length: columns }, (_, j) => (j + 1) ** -0.5);
  const centres = Float64Array.from({ length: classes * columns }, () => random.normal());
  const offset = Float64Array.from({ length: columns }, () => 0.1 * random.normal());
  const labels = Int32Array.from({ length: rows }, (_, row) =>
    row < classes ? row : random.integer(classes),
  );
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    let squares = 0;
    for (let j = 0; j < columns; j++) {
      const around = 0.4 * centres[labels[i]! * columns + j]! + random.normal();
      const value = offset[j]! + spectrum[j]! * around;
      data[i * columns + j] = value;
      squares += value * value;
    }
    const length = Math.sqrt(squares);
    for (let j = 0; j < columns; j++) data[i * columns + j]! /= length;
  }
  return { name, features: { rows, columns, data }, labels };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const settings = process.argv.includes('--cv') ? ([1, 10, 'cv'] as const) : ([1, 10] as const);
  console.log(JSON.stringify(await probeFitBench(settings), null, 2));
}
