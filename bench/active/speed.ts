/**
 * How long the probe takes to be fitted again after one more label, and to score a pool: what happens between a label
 * and the next text. The same in Node and in the page's worker.
 */
import { seededRandom } from '../../src/base';
import { Refitter, ScoredRows, type Kernels, type Matrix } from '../../src/learning/heads';

export interface RefitConfig {
  readonly labels: number;
  readonly pool: number;
  readonly columns: number;
  readonly classes: number;
  /** One more label each time. */
  readonly rounds: number;
}

export interface RefitTime {
  /** Milliseconds of each round by the clock that is given: fit and scoring. */
  readonly fit: readonly number[];
  readonly score: readonly number[];
  /** By the clock of the machine: what the next fits can use, made once before them. */
  readonly prepared: number;
  readonly iterations: readonly number[];
}

/**
 * @param kernels which can compute here and when it is run.
 * @returns runs the rounds, once; everything before them is done.
 */
export async function prepareRefits(
  config: RefitConfig,
  kernels: Kernels,
): Promise<(clock: () => number) => Promise<RefitTime>> {
  const { labels, pool, columns, classes, rounds } = config;
  const { features, label } = mixture(pool, columns, classes);
  const scored = new ScoredRows(features, kernels);
  const names = Array.from({ length: classes }, (_, k) => `class ${k}`);
  const refitter = new Refitter({ classes: names, several: false, C: 10 }, kernels);
  const first = (count: number) =>
    refitter.fit(
      { rows: count, columns, data: features.data.subarray(0, count * columns) },
      { kind: 'labels', labels: label.subarray(0, count) },
    );
  // The kernels are compiled before anything is timed.
  await scored.probabilities(await first(labels - rounds), false);
  const began = performance.now();
  await refitter.prepare();
  const prepared = performance.now() - began;
  return async (clock) => {
    const time = {
      fit: [] as number[],
      score: [] as number[],
      prepared,
      iterations: [] as number[],
    };
    for (let count = labels - rounds + 1; count <= labels; count++) {
      const began = clock();
      const head = await first(count);
      const fitted = clock();
      await scored.probabilities(head, false);
      time.score.push(clock() - fitted);
      time.fit.push(fitted - began);
      time.iterations.push(head.iterations);
      await refitter.prepare();
    }
    refitter.forget();
    scored.dispose();
    return time;
  };
}

/** Unit vectors around class centres, with the decaying spectrum of sentence embeddings. */
function mixture(
  rows: number,
  columns: number,
  classes: number,
): { readonly features: Matrix; readonly label: Int32Array } {
  const random = seededRandom(rows + classes);
  const spectrum = Float64Array.from({ length: columns }, (_, j) => (j + 1) ** -0.5);
  const centres = Float64Array.from({ length: classes * columns }, () => random.normal());
  const label = Int32Array.from({ length: rows }, (_, row) =>
    row < classes ? row : random.integer(classes),
  );
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    let squares = 0;
    for (let j = 0; j < columns; j++) {
      const value = spectrum[j]! * (0.6 * centres[label[i]! * columns + j]! + random.normal());
      data[i * columns + j] = value;
      squares += value * value;
    }
    for (let j = 0; j < columns; j++) data[i * columns + j]! /= Math.sqrt(squares);
  }
  return { features: { rows, columns, data }, label };
}
