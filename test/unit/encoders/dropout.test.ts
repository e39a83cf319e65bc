/**
 * Dropout of a training graph: as many values are dropped as asked, no row or column like another, the mean
 * kept; and it stands where transformers has it, with the probabilities of config.json.
 */
import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base';
import { GraphBuilder, writeModel } from '../../../src/graph/onnx';
import {
  openTrainableModel,
  type TrainableOptions,
  safetensorsWeights,
} from '../../../src/models/encoders';
import { Dropout } from '../../../src/models/encoders/trainable/dropout';
import { largestDifference } from './run';
import { runTrainable } from './run-trainable';

const MODULUS = 4093;

/** What becomes of ones, [rows][columns]. */
async function dropped(
  dims: readonly number[],
  probability: number,
  along: Float32Array,
  across: Float32Array,
): Promise<Float32Array[]> {
  const builder = new GraphBuilder({ name: 'dropout' });
  const dropout = new Dropout(builder, true);
  const value = builder.input('value', 'float32', dims);
  builder.output(dropout.apply(value, dims, probability), 'output');
  const [site] = dropout.sites;
  if (site === undefined) throw new Error('no dropout');
  const session = await InferenceSession.create(writeModel(builder.build()));
  const size = dims.reduce((product, dim) => product * dim, 1);
  const outputs = await session.run({
    value: new Tensor('float32', new Float32Array(size).fill(1), [...dims]),
    [site.rowsInput]: new Tensor('float32', along, [site.rows, 1]),
    [site.columnsInput]: new Tensor('float32', across, [1, site.columns]),
  });
  await session.release();
  const data = outputs['output']?.data as Float32Array;
  return Array.from({ length: site.rows }, (_, row) =>
    data.subarray(row * site.columns, (row + 1) * site.columns),
  );
}

function integers(seed: number, size: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: size }, () => 1 + random.integer(MODULUS - 1));
}

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [(a[i] ?? 0) - meanA, (b[i] ?? 0) - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

describe('what is dropped', () => {
  it.each([0.1, 0.2, 0.5])('is the share %d, and the mean stays', async (p) => {
    const [rows, columns] = [512, 384];
    const found = await dropped([rows, columns], p, integers(1, rows), integers(2, columns));
    const values = found.flatMap((row) => Array.from(row));
    const zeros = values.filter((value) => value === 0).length;
    // 196,608 values: four standard deviations of a binomial share.
    const bound = 4 * Math.sqrt((p * (1 - p)) / values.length);
    expect(Math.abs(zeros / values.length - p)).toBeLessThan(bound + 1 / MODULUS);
    expect(Math.abs(mean(values) - 1)).toBeLessThan(bound / (1 - p) + 1 / MODULUS);
    const levels = new Set(values);
    expect(levels.size).toBe(2);
    expect(Math.max(...levels)).toBeCloseTo(1 / (1 - p), 3);
  });

  it.each([0.1, 0.3, 0.5, 0.9])(
    'at %d is what integers say, for every product and without exception',
    async (p) => {
      const columns = MODULUS - 1;
      const all = Float32Array.from({ length: columns }, (_, i) => i + 1);
      // The largest sums are just below 2^24, where float32 still tells integers apart.
      const along = Float32Array.of(1, 2, 1000, 4091, ...integers(7, 40), ...all.slice(-4));
      const found = await dropped([along.length, columns], p, along, all);
      const share = Math.round(p * MODULUS);
      const first = Math.round((MODULUS - share) / 2);
      for (const [row, values] of found.entries()) {
        const wrong = Array.from(values).filter((value, i) => {
          const remainder = ((along[row] ?? 0) * (i + 1) + row * 2529) % MODULUS;
          return (value === 0) !== (remainder >= first && remainder < first + share);
        });
        expect(wrong).toEqual([]);
        const zeros = values.filter((value) => value === 0).length;
        expect(Math.abs(zeros - share)).toBeLessThanOrEqual(1);
      }
    },
  );

  it('is another in each of 512 rows, also where they draw the same integer', async () => {
    const [rows, columns] = [512, 384];
    const masks = (found: readonly Float32Array[]): number =>
      new Set(found.map((row) => row.join())).size;
    // Two rows may still meet by chance: where one draws a, the other 4093 - a or a, and their shifts are so
    // close that none of 384 columns tells them apart. By count that is one pair in about five times 512
    // rows (5 in these 24); without the shifts it was 31 pairs each time.
    let shared = 0;
    for (let seed = 1; seed <= 24; seed++) {
      const along = integers(seed, rows);
      expect(new Set(along).size).toBeLessThan(rows - 15);
      const found = await dropped([rows, columns], 0.1, along, integers(seed + 10, columns));
      shared += rows - masks(found);
    }
    expect(shared).toBeLessThanOrEqual(10);
  });

  it('is alike in no two rows, and in two columns only where their integers are', async () => {
    const [rows, columns] = [96, 400];
    const [along, across] = [integers(5, rows), integers(6, columns)];
    const found = await dropped([rows, columns], 0.3, along, across);
    const distinct = (values: readonly unknown[]): number => new Set(values).size;
    expect(distinct(found.map((row) => row.join()))).toBe(rows);
    const turned = Array.from(across, (_, c) => found.map((row) => row[c]).join());
    expect(distinct(turned)).toBe(distinct([...across]));
    const pairs: number[] = [];
    for (let a = 0; a < rows; a++)
      for (let b = 0; b < a; b++) pairs.push(correlation(found[a] ?? [], found[b] ?? []));
    // Independent rows of 400 have a deviation of 1/√400; the mean of thousands of pairs is much closer to 0.
    expect(Math.abs(mean(pairs))).toBeLessThan(0.01);
    const spread = Math.sqrt(mean(pairs.map((value) => value * value)));
    expect(spread).toBeLessThan(2 / Math.sqrt(columns));
  });

  it('is drawn for each attention head by itself', async () => {
    const dims = [2, 3, 8, 8];
    const found = await dropped(dims, 0.5, integers(9, 48), integers(10, 8));
    expect(found).toHaveLength(48);
    expect(new Set(found.map((row) => row.join())).size).toBeGreaterThan(24);
  });
});

describe.each(['bert', 'distilbert'] as const)('dropout of %s', (architecture) => {
  const folder = new URL('../../reference/finetune/', import.meta.url);
  const weights = safetensorsWeights(readFileSync(new URL(`${architecture}.safetensors`, folder)));
  const json = JSON.parse(
    readFileSync(new URL(`${architecture}.config.json`, folder), 'utf8'),
  ) as Record<string, unknown>;
  const open = (options: Partial<TrainableOptions>, changes: Record<string, number> = {}) =>
    openTrainableModel(
      { config: new TextEncoder().encode(JSON.stringify({ ...json, ...changes })), weights },
      {
        task: 'text',
        head: 'stock',
        classes: 3,
        method: { name: 'full' },
        dropout: null,
        seed: 1,
        ...options,
      },
    );
  const sites = (options: Partial<TrainableOptions>, changes?: Record<string, number>) =>
    open(options, changes).forward(new GraphBuilder({ name: 'sites' }), {
      batch: 2,
      tokens: 5,
      training: true,
      table: 'graph',
      device: 'cpu',
    }).dropout;

  it('stands where transformers has it', () => {
    // Two layers: BERT after the attention's probabilities, its output and the feed-forward part; DistilBERT
    // has none at the attention's output. Then the embeddings and the classifier.
    const inLayer = architecture === 'bert' ? 3 : 2;
    expect(sites({})).toHaveLength(1 + 2 * inLayer + 1);
    expect(sites({}).map(({ rows, columns }) => [rows, columns])).toContainEqual([2 * 2 * 5, 5]);
    const hidden = architecture === 'bert' ? 'hidden_dropout_prob' : 'dropout';
    const attention =
      architecture === 'bert' ? 'attention_probs_dropout_prob' : 'attention_dropout';
    const classifier = architecture === 'bert' ? 'classifier_dropout' : 'seq_classif_dropout';
    expect(sites({}, { [attention]: 0 })).toHaveLength(2 + 2 * (inLayer - 1));
    expect(sites({}, { [hidden]: 0, [classifier]: 0 })).toHaveLength(2);
    expect(sites({}, { [hidden]: 0, [attention]: 0, [classifier]: 0.2 })).toEqual([
      { rowsInput: 'dropout.0.rows', rows: 2, columnsInput: 'dropout.0.columns', columns: 16 },
    ]);
  });

  it('is as the settings say where they say it, and gone outside training', async () => {
    expect(sites({ dropout: 0 })).toEqual([]);
    const model = open({ dropout: 0.5 });
    const inputs = {
      ids: [[2, 7, 11, 3]],
      mask: [[1, 1, 1, 1]],
      types: [[0, 0, 0, 0]],
    };
    let seed = 0;
    const random = (size: number): Float32Array => integers(++seed, size);
    const still = await runTrainable(model, inputs);
    const first = await runTrainable(model, inputs, { training: true, random });
    const second = await runTrainable(model, inputs, { training: true, random });
    seed = 0;
    const again = await runTrainable(model, inputs, { training: true, random });
    expect(largestDifference(first, still)).toBeGreaterThan(1e-3);
    expect(largestDifference(first, second)).toBeGreaterThan(1e-3);
    expect(again).toEqual(first);
  });
});
