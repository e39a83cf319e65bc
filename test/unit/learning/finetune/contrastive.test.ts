/**
 * Learning from pairs of texts against what it is named after: numpy's shuffling, setfit's pairs in their order, and
 * steps of a small BERT with sentence-transformers' CosineSimilarityLoss (test/reference/finetune/contrastive.py).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { finish, HeadlightError } from '../../../../src/base';
import {
  contrastivePairs,
  finetune,
  pairExamples,
  TRAINER_DEFAULTS,
  type PairsRequest,
} from '../../../../src/learning/finetune';
import { numpyPermutation } from '../../../../src/learning/finetune/numpy-permutation';
import { predictLogits } from '../../../../src/learning/finetune/predict';
import { openTrainableModel, safetensorsWeights } from '../../../../src/models';
import type { OnnxRuntime } from '../../../../src/platform';
import { memoryStorage } from '../../../helpers/memory-storage';
import { furthest } from './golden';
import { nodeRuntime } from './runtime';

type Labels = readonly number[] | readonly (readonly number[])[];

const folder = new URL('../../../reference/finetune/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const golden = JSON.parse(readFileSync(new URL('contrastive.json', folder), 'utf8')) as {
  readonly permutations: readonly {
    readonly seed: number;
    readonly n: number;
    readonly order: readonly number[];
  }[];
  readonly pairs: readonly {
    readonly labels: Labels;
    readonly sampling_strategy: 'oversampling' | 'undersampling' | 'unique';
    readonly num_iterations: number | null;
    readonly most: number | null;
    readonly pairs: readonly (readonly [number, number, number])[];
  }[];
  readonly steps: readonly {
    readonly normalize: boolean;
    readonly learning_rate: number;
    readonly batch: number;
    readonly warmup_steps: number;
    readonly weight_decay: number;
    readonly labels: readonly number[];
    readonly texts: readonly (readonly number[])[];
    readonly losses: readonly number[];
    readonly norms: readonly number[];
    readonly embeddings: readonly (readonly number[])[];
  }[];
};

/** The same class, or one in common, as setfit compares labels. */
function alikeBy(labels: Labels): PairsRequest['alike'] {
  return (first, second) => {
    const [one, other] = [labels[first], labels[second]];
    if (typeof one === 'object' && typeof other === 'object')
      return one.some((value, c) => value === 1 && other[c] === 1);
    return one === other;
  };
}

function pairsOf(
  labels: Labels,
  change: Partial<PairsRequest['settings']> = {},
  most: number | null = null,
) {
  return contrastivePairs({
    rows: labels.length,
    alike: alikeBy(labels),
    settings: { sampling_strategy: 'oversampling', num_iterations: null, head_C: 1, ...change },
    seed: 42,
    most,
  });
}

describe('pairs of texts', () => {
  test.each(golden.permutations.map((one) => [one.n, one.seed, one.order] as const))(
    '%i places are shuffled as numpy does with the seed %i',
    (n, seed, order) => {
      expect([...numpyPermutation(seed, n)]).toEqual(order);
    },
  );

  test.each(golden.pairs.map((one, at) => [at, one] as const))(
    'case %i: the pairs are setfit’s, one after another',
    (_, { labels, sampling_strategy, num_iterations, most, pairs }) => {
      const found = pairsOf(labels, { sampling_strategy, num_iterations }, most);
      const listed = Array.from(found.labels, (label, at) => [
        found.rows[2 * at],
        found.rows[2 * at + 1],
        label,
      ]);
      expect(listed).toEqual(pairs);
      const { positive, negative, different } = found.counts;
      expect(positive).toBe(pairs.filter(([, , label]) => label === 1).length);
      expect(negative).toBe(pairs.length - positive);
      expect(different).toBe(new Set(pairs.map(String)).size);
    },
  );

  test('k texts of each of n classes make so many pairs as counting says', () => {
    const [k, n] = [8, 6];
    const labels = Array.from({ length: k * n }, (_, row) => row % n);
    const same = (n * k * (k + 1)) / 2;
    const other = ((n * (n - 1)) / 2) * k * k;
    const count = (strategy: 'unique' | 'undersampling' | 'oversampling') => {
      const { positive, negative } = pairsOf(labels, { sampling_strategy: strategy }).counts;
      return [positive, negative];
    };
    expect(count('unique')).toEqual([same, other]);
    expect(count('undersampling')).toEqual([same, same]);
    expect(count('oversampling')).toEqual([other, other]);
    const { counts } = pairsOf(labels, { num_iterations: 20 });
    expect([counts.positive, counts.negative]).toEqual([20 * k * n, 20 * k * n]);
  });

  test('each pair has its label on both rows, and a text is kept once', () => {
    const sequences = [[5], [6, 7], [8]].map((ids) => ({ ids, types: null }));
    const pairs = pairsOf([0, 0, 1]);
    const examples = pairExamples(sequences, pairs);
    expect(examples.length).toBe(2 * pairs.labels.length);
    examples.forEach(({ ids, target }, at) => {
      expect(ids).toBe(sequences[pairs.rows[at]!]?.ids);
      expect(target).toBe(pairs.labels[at >> 1]);
    });
    expect(new Set(examples).size).toBeLessThanOrEqual(2 * sequences.length);
  });

  test('more texts or pairs than can be gone through are refused, not begun', () => {
    const many = (rows: number, num_iterations: number | null) => () =>
      contrastivePairs({
        rows,
        alike: (a, b) => a % 2 === b % 2,
        settings: { sampling_strategy: 'unique', num_iterations, head_C: 1 },
        seed: 42,
        most: null,
      });
    for (const [rows, iterations] of [
      [100_000, null],
      [2000, null],
      [1000, 1000],
    ] as const) {
      let thrown: unknown;
      try {
        many(rows, iterations)();
      } catch (error) {
        thrown = error;
      }
      expect(thrown, `${rows} texts`).toBeInstanceOf(HeadlightError);
      expect((thrown as HeadlightError).code).toBe('bad-setting');
      expect((thrown as HeadlightError).hint).toContain('num_iterations');
    }
    expect(many(200, 20)().counts.positive).toBe(4000);
  });
});

describe('the first ten steps are those of sentence-transformers', () => {
  test.each(golden.steps.map((one) => [one.normalize ? 'with' : 'without', one] as const))(
    '%s Normalize behind the pooling',
    async (_, one) => {
      const runtime = await nodeRuntime();
      const seen: number[] = [];
      const model = openTrainableModel(
        { config: read('bert.config.json'), weights: safetensorsWeights(read('bert.safetensors')) },
        {
          task: 'embedding',
          head: 'mean',
          classes: 0,
          method: { name: 'full' },
          dropout: 0,
          seed: 1,
          ...(one.normalize ? {} : { normalize: false as const }),
        },
      );
      const sequences = one.texts.map((ids) => ({ ids, types: null }));
      const { trained, history } = await finish(
        finetune({
          model,
          data: {
            train: pairExamples(sequences, pairsOf(one.labels)),
            validation: [],
            padId: 0,
            classes: [],
          },
          settings: {
            ...TRAINER_DEFAULTS,
            learning_rate: one.learning_rate,
            per_device_train_batch_size: one.batch,
            warmup_steps: one.warmup_steps,
            weight_decay: one.weight_decay,
            max_steps: one.losses.length,
          },
          loss: { name: 'cosine_similarity' },
          device: 'cpu',
          threads: 1,
          runtime: watching(runtime, seen),
          storage: memoryStorage(),
          scope: 'pairs',
          identity: 'pairs',
          then: 'train',
        }),
      );
      expect(seen.length).toBe(one.losses.length);
      expect(furthest(seen, one.losses)).toBeLessThan(1e-5);
      expect(history.at(-1)?.grad_norm).toBeCloseTo(one.norms.at(-1) ?? NaN, 4);
      const embeddings = await finish(
        predictLogits({ model, trained, sequences, padId: 0, device: 'cpu', threads: 1, runtime }),
      );
      expect(
        furthest(
          embeddings.flatMap((row) => [...row]),
          one.embeddings.flat(),
        ),
      ).toBeLessThan(1e-4);
    },
  );
});

/** Every loss as the graph gives it: curves average over several steps. */
function watching(runtime: OnnxRuntime, seen: number[]): OnnxRuntime {
  return {
    ...runtime,
    async createSession(graph, options) {
      const session = await runtime.createSession(graph, options);
      return {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        run: async (feeds) => {
          const outputs = await session.run(feeds);
          seen.push(Number(outputs['loss']?.data[0]));
          return outputs;
        },
        runKeeping: (feeds) => session.runKeeping(feeds),
        release: () => session.release(),
      };
    },
  };
}
