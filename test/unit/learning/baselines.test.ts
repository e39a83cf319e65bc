/** Baselines are scikit-learn's: the same words, neighbours and centroids, the same probabilities. */
import { existsSync, readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import Papa from 'papaparse';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom, type Progress } from '../../../src/base';
import {
  DEFAULT_NEIGHBORS,
  DEFAULT_TFIDF,
  kNearest,
  nearestCentroid,
  predictTfidf,
  tfidfLogistic,
  type NeighborsSettings,
  type TfidfSettings,
} from '../../../src/learning/baselines';
import { bestScale } from '../../../src/learning/baselines/scale';
import { termsOf } from '../../../src/learning/baselines/tfidf';
import type { Matrix, Targets } from '../../../src/learning/heads';
import { useWasmTensors } from '../../helpers/tfjs';
import { float64, golden, unpackFeatures } from './goldens';

beforeAll(useWasmTensors);

interface WordsCase {
  readonly name: string;
  readonly which: 'labels' | 'two' | 'targets';
  readonly vectorizer: Partial<TfidfSettings>;
  readonly settings: Partial<TfidfSettings>;
  readonly probabilities: string;
  readonly terms: readonly string[];
  readonly idf: string;
  readonly C?: readonly number[];
}

const words = golden('words.json') as {
  tokens: { text: string; words: string[]; pairs: string[]; as_is: string[] }[];
  texts: string[];
  train: number;
  labels: number[];
  targets: number[];
  cases: WordsCase[];
  shared: {
    name: 'trec' | 'sms';
    C: number;
    held?: number;
    accuracy: number;
    probabilities: string;
  }[];
};

describe('words', () => {
  it.each(words.tokens)(
    'are told apart as by token_pattern: $text',
    ({ text, words: one, pairs, as_is }) => {
      const settings = { ngram_range: [1, 1], lowercase: true, sublinear_tf: false } as const;
      expect(termsOf(text, settings)).toEqual(one);
      expect(termsOf(text, { ...settings, ngram_range: [1, 2] })).toEqual(pairs);
      expect(termsOf(text, { ...settings, lowercase: false })).toEqual(as_is);
    },
  );

  it.each(words.cases)('with logistic regression: $name', async (one) => {
    const train = words.texts.slice(0, words.train);
    const { targets, classes } = targetsOf(one.which, words.train);
    const seen: Progress[] = [];
    const { model, report } = await finish(
      tfidfLogistic(train, targets, classes, {
        ...DEFAULT_TFIDF,
        ...one.vectorizer,
        ...one.settings,
      }),
      (progress) => seen.push(progress),
    );
    expect(model.vocabulary.terms).toEqual(one.terms);
    expect(largestDifference(model.vocabulary.idf, float64(one.idf))).toBeLessThan(1e-12);
    if (one.C !== undefined) expect(report.fits.map((fit) => fit?.C)).toEqual(one.C);
    const probabilities = predictTfidf(model, words.texts.slice(words.train));
    expect(largestDifference(probabilities, float64(one.probabilities))).toBeLessThan(1e-4);
    expect(seen.at(-1)?.done).toBe(seen.at(-1)?.total);
  });

  it('of TREC and the SMS collection, where they are at hand, and of the small texts', async () => {
    const sets = [smallSet(), ...sharedSets()];
    expect(sets.length).toBeGreaterThan(0);
    for (const set of sets) {
      const { model } = await finish(
        tfidfLogistic(set.train, set.targets, set.classes, { ...DEFAULT_TFIDF, C: set.C }),
      );
      const probabilities = predictTfidf(model, set.test);
      expect(probabilities).toHaveLength(set.expected.length);
      expect(largestDifference(probabilities, set.expected)).toBeLessThan(1e-4);
    }
  });

  it('a label that no text has, texts without words, a text without known words', async () => {
    const { model, report } = await finish(
      tfidfLogistic(
        ['one two', 'two three', '?', ''],
        { kind: 'multi_label', targets: Uint8Array.of(1, 0, 1, 0, 0, 0, 1, 0) },
        ['some', 'never'],
        { ...DEFAULT_TFIDF, C: 1 },
      ),
    );
    expect(report.notes).toEqual(['No training row has the label never: it is never predicted.']);
    const [some, never] = predictTfidf(model, ['unheard of']);
    expect(some).toBeGreaterThan(0);
    expect(never).toBeLessThan(1e-15);
    await expect(fitWords(['?', '!'], [0, 1])).rejects.toMatchObject({ code: 'bad-table' });
    await expect(fitWords(['same'], [0])).rejects.toMatchObject({ code: 'bad-labels' });
    await expect(fitWords(['aa', 'bb'], [0, 1], { min_df: 3 })).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining('min_df is 3') as string,
    });
  });

  it('a class with one text is fitted with C = 1, and said', async () => {
    const notes: string[] = [];
    const job = tfidfLogistic(
      ['aa bb', 'cc dd', 'cc ee'],
      { kind: 'labels', labels: Int32Array.of(0, 1, 1) },
      ['a', 'b'],
      DEFAULT_TFIDF,
    );
    const { report } = await finish(job, ({ note }) => notes.push(note ?? ''));
    expect(report.fits[0]?.C).toBe(1);
    expect(notes.join(' ')).toContain('The class a has a single training row');
  });

  it.each([
    ['ngram_range', { ngram_range: [2, 3] }],
    ['min_df', { min_df: 1.5 }],
    ['max_features', { max_features: 0 }],
    ['C', { C: 0 }],
    ['folds', { folds: 1 }],
  ])('%s is named when it is wrong', async (name, change) => {
    const wrong = { ...DEFAULT_TFIDF, ...change } as TfidfSettings;
    await expect(fitWords(['aa', 'bb'], [0, 1], wrong)).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining(`Words baseline: ${name}`) as string,
    });
  });

  it('keeps the most frequent words when told how many', async () => {
    const { model } = await finish(
      tfidfLogistic(
        ['zz zz zz aa', 'zz bb bb', 'bb cc'],
        { kind: 'labels', labels: Int32Array.of(0, 0, 1) },
        ['a', 'b'],
        { ...DEFAULT_TFIDF, C: 1, max_features: 2 },
      ),
    );
    expect(model.vocabulary.terms).toEqual(['bb', 'zz']);
  });

  it('refuses more words times classes than memory holds, and stops when told to', async () => {
    const random = seededRandom(1);
    const many = Array.from({ length: 3000 }, () =>
      Array.from({ length: 40 }, () => `w${random.integer(50_000)}`).join(' '),
    );
    const classes = Array.from({ length: 400 }, (_, k) => `class ${k}`);
    const labels = Int32Array.from(many, (_, row) => row % 400);
    await expect(
      finish(tfidfLogistic(many, { kind: 'labels', labels }, classes, { ...DEFAULT_TFIDF, C: 1 })),
    ).rejects.toMatchObject({
      code: 'bad-setting',
      hint: expect.stringContaining('min_df') as string,
    });
    const stop = new AbortController();
    const two = { kind: 'labels', labels: labels.map((label) => label % 2) } as const;
    const job = tfidfLogistic(many, two, ['a', 'b'], DEFAULT_TFIDF, stop.signal);
    await expect(
      finish(job, ({ unit, done }) => {
        if (unit === 'fits' && done === 1) stop.abort();
      }),
    ).rejects.toMatchObject({ code: 'aborted' });
  });
});

const reference = golden('neighbours.json') as {
  rows: number;
  train: number;
  columns: number;
  classes: number;
  features: string;
  labels: number[];
  targets: number[];
  knn: (NeighborsSettings & { probabilities: string; multi_label: string })[];
  centroids: { metric: 'cosine' | 'euclidean'; predictions: number[]; distances: string }[];
};
const all = unpackFeatures(reference);
const train = part(all, 0, reference.train);
const test = part(all, reference.train, reference.rows);
const trainLabels = Int32Array.from(reference.labels.slice(0, reference.train));
const classes = ['a', 'b', 'c', 'd'];

describe('nearest neighbours', () => {
  it.each(reference.knn)('$n_neighbors, $weights, $metric', async (one) => {
    const before = tf.memory().numTensors;
    const single = await finish(
      kNearest(train, { kind: 'labels', labels: trainLabels }, classes, test, one),
    );
    expect(largestDifference(single.probabilities, float64(one.probabilities))).toBeLessThan(1e-9);
    const targets = Uint8Array.from(reference.targets.slice(0, reference.train * 3));
    const many = await finish(
      kNearest(train, { kind: 'multi_label', targets }, ['x', 'y', 'z'], test, one),
    );
    expect(largestDifference(many.probabilities, float64(one.multi_label))).toBeLessThan(1e-9);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('over several blocks, as sorting all distances finds them', async () => {
    const random = seededRandom(3);
    const rows = 9000;
    const data = Float32Array.from({ length: rows * 8 }, () => random.normal());
    const many: Matrix = { rows, columns: 8, data };
    const labels = Int32Array.from({ length: rows }, (_, row) => row % 3);
    const query = part(many, 0, 20);
    const { probabilities } = await finish(
      kNearest(many, { kind: 'labels', labels }, ['a', 'b', 'c'], query, {
        ...DEFAULT_NEIGHBORS,
        metric: 'euclidean',
      }),
    );
    for (let i = 0; i < query.rows; i++) {
      const order = Array.from({ length: rows }, (_, row) => {
        let sum = 0;
        for (let j = 0; j < 8; j++) sum += (data[row * 8 + j]! - data[i * 8 + j]!) ** 2;
        return { row, sum };
      }).sort((a, b) => a.sum - b.sum);
      const share = [0, 0, 0];
      for (const { row } of order.slice(0, 5)) share[row % 3]! += 1 / 5;
      for (let k = 0; k < 3; k++) expect(probabilities[i * 3 + k]).toBeCloseTo(share[k]!, 12);
    }
  });

  it('a row that is there already votes alone by distance; fewer rows than neighbours is said', async () => {
    const three = part(train, 0, 3);
    const labels = Int32Array.of(0, 1, 1);
    const { probabilities, notes } = await finish(
      kNearest(three, { kind: 'labels', labels }, ['a', 'b'], part(train, 0, 1), {
        ...DEFAULT_NEIGHBORS,
        weights: 'distance',
      }),
    );
    expect([...probabilities]).toEqual([1, 0]);
    expect(notes).toEqual(['There are 3 training rows: 3 neighbours instead of 5.']);
  });

  it('refuses no neighbours, one class, a NaN; stops when told to', async () => {
    const targets: Targets = { kind: 'labels', labels: trainLabels };
    await expect(
      finish(kNearest(train, targets, classes, test, { ...DEFAULT_NEIGHBORS, n_neighbors: 0 })),
    ).rejects.toMatchObject({ code: 'bad-setting' });
    await expect(
      finish(
        kNearest(
          train,
          { kind: 'labels', labels: trainLabels.map(() => 0) },
          ['a'],
          test,
          DEFAULT_NEIGHBORS,
        ),
      ),
    ).rejects.toMatchObject({ code: 'bad-labels' });
    const broken = { ...test, data: test.data.slice() };
    broken.data[0] = NaN;
    await expect(
      finish(kNearest(train, targets, classes, broken, DEFAULT_NEIGHBORS)),
    ).rejects.toMatchObject({ code: 'device' });
    const stopped = AbortSignal.abort();
    await expect(
      finish(kNearest(train, targets, classes, test, DEFAULT_NEIGHBORS, stopped)),
    ).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('nearest centroid', () => {
  it.each(reference.centroids)('$metric', async ({ metric, predictions, distances }) => {
    const result = await finish(nearestCentroid(train, trainLabels, classes, test, metric));
    expect(largestDifference(result.distances, float64(distances))).toBeLessThan(1e-6);
    for (let i = 0; i < test.rows; i++) {
      const own = [...result.probabilities.subarray(i * 4, (i + 1) * 4)];
      expect(own.indexOf(Math.max(...own))).toBe(predictions[i]);
      expect(own.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    }
  });

  it('its probabilities are honest: better than none, and no surer than right on the rows held out', async () => {
    const { probabilities } = await finish(
      nearestCentroid(train, trainLabels, classes, test, 'cosine'),
    );
    let loss = 0;
    let sure = 0;
    let right = 0;
    for (let i = 0; i < test.rows; i++) {
      const own = [...probabilities.subarray(i * 4, (i + 1) * 4)];
      const truth = reference.labels[reference.train + i]!;
      loss -= Math.log(own[truth]!) / test.rows;
      sure += Math.max(...own) / test.rows;
      if (own.indexOf(Math.max(...own)) === truth) right += 1 / test.rows;
    }
    expect(loss).toBeLessThan(Math.log(4));
    expect(Math.abs(sure - right)).toBeLessThan(0.15);
  });

  it('finds the scale of the least loss: its derivative vanishes there', () => {
    const random = seededRandom(8);
    const truth = Array.from({ length: 200 }, () => random.integer(3));
    const distances = truth.map((label) =>
      Float64Array.from({ length: 3 }, (_, k) => random.next() + (k === label ? 0 : 0.2)),
    );
    const scale = bestScale(distances, truth);
    const loss = (s: number) =>
      distances.reduce((sum, row, i) => {
        const total = row.reduce((t, distance) => t + Math.exp(-s * distance), 0);
        return sum + Math.log(total) + s * row[truth[i]!]!;
      }, 0);
    const slope = (loss(scale * 1.001) - loss(scale * 0.999)) / (scale * 0.002);
    expect(Math.abs(slope)).toBeLessThan(1e-2);
    expect(bestScale([], [])).toBe(1);
  });

  it('refuses one class, a NaN, rows of another width; stops when told to', async () => {
    const run = (labels: Int32Array, names: string[], rows: Matrix, signal?: AbortSignal) =>
      finish(nearestCentroid(train, labels, names, rows, 'cosine', signal));
    await expect(
      run(
        trainLabels.map(() => 0),
        ['a'],
        test,
      ),
    ).rejects.toMatchObject({
      code: 'bad-labels',
    });
    const broken = { ...test, data: test.data.slice() };
    broken.data[13] = NaN;
    await expect(run(trainLabels, classes, broken)).rejects.toMatchObject({
      message: 'The features of row 2 are not finite numbers.',
    });
    const narrow: Matrix = { rows: 1, columns: 1, data: new Float32Array(1) };
    await expect(run(trainLabels, classes, narrow)).rejects.toMatchObject({ code: 'internal' });
    await expect(run(trainLabels, classes, test, AbortSignal.abort())).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  it('takes a row a class, rows that are all the same, and zeros', async () => {
    const flat: Matrix = { rows: 3, columns: 2, data: new Float32Array(6) };
    for (const metric of ['cosine', 'euclidean'] as const) {
      const { probabilities } = await finish(
        nearestCentroid(flat, Int32Array.of(0, 1, 2), ['a', 'b', 'c'], flat, metric),
      );
      for (const p of probabilities) expect(p).toBeCloseTo(1 / 3, 12);
    }
  });
});

function part({ columns, data }: Matrix, first: number, last: number): Matrix {
  return { rows: last - first, columns, data: data.slice(first * columns, last * columns) };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

function targetsOf(
  which: WordsCase['which'],
  rows: number,
): { targets: Targets; classes: readonly string[] } {
  const names = ['sport', 'food', 'money', 'weather'];
  const labels = Int32Array.from(words.labels.slice(0, rows));
  if (which === 'labels') return { targets: { kind: 'labels', labels }, classes: names };
  if (which === 'two') {
    const two = labels.map((label) => (label === 0 ? 1 : 0));
    return { targets: { kind: 'labels', labels: two }, classes: ['rest', 'sport'] };
  }
  const targets = Uint8Array.from(words.targets.slice(0, rows * 4));
  return { targets: { kind: 'multi_label', targets }, classes: names };
}

function fitWords(texts: string[], labels: number[], settings: Partial<TfidfSettings> = {}) {
  const names = ['a', 'b'].slice(0, Math.max(...labels) + 1);
  return finish(
    tfidfLogistic(texts, { kind: 'labels', labels: Int32Array.from(labels) }, names, {
      ...DEFAULT_TFIDF,
      ...settings,
    }),
  );
}

interface WordsSet {
  readonly train: readonly string[];
  readonly test: readonly string[];
  readonly targets: Targets;
  readonly classes: readonly string[];
  readonly C: number;
  readonly expected: Float32Array | Float64Array;
}

function smallSet(): WordsSet {
  const one = words.cases[0]!;
  return {
    train: words.texts.slice(0, words.train),
    test: words.texts.slice(words.train),
    ...targetsOf('labels', words.train),
    C: one.settings.C as number,
    expected: float64(one.probabilities),
  };
}

function sharedSets(): WordsSet[] {
  const folder = new URL('../../../../shared/data/', import.meta.url);
  if (!existsSync(folder)) return [];
  const read = (path: string) => readFileSync(new URL(path, folder), 'utf8');
  return words.shared.map(({ name, C, held, probabilities }) => {
    const bytes = Uint8Array.from(Buffer.from(probabilities, 'base64'));
    const expected = new Float32Array(bytes.buffer);
    let rows: { text: string; label: string }[];
    let cut: number;
    if (name === 'trec') {
      const parse = (path: string) =>
        Papa.parse<{ text: string; coarse: string }>(read(path), {
          header: true,
          skipEmptyLines: true,
        }).data.map(({ text, coarse }) => ({ text, label: coarse }));
      const first = parse('trec/train.csv');
      rows = [...first, ...parse('trec/test.csv')];
      cut = first.length;
    } else {
      rows = read('sms_spam/sms.tsv')
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => {
          const [label = '', ...text] = line.replace(/\r$/, '').split('\t');
          return { text: text.join('\t'), label };
        });
      cut = rows.length - held!;
    }
    const names = [...new Set(rows.map(({ label }) => label))].sort();
    return {
      train: rows.slice(0, cut).map(({ text }) => text),
      test: rows.slice(cut).map(({ text }) => text),
      targets: {
        kind: 'labels',
        labels: Int32Array.from(rows.slice(0, cut), ({ label }) => names.indexOf(label)),
      },
      classes: names,
      C,
      expected,
    };
  });
}
