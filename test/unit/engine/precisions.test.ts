/**
 * Comparing the precisions of an encoder on a project's own rows, and keeping another one of the same files. The
 * model is tiny and made up; its cosines are computed again here from the embeddings themselves.
 */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import { createEngine, type Engine, type PrecisionComparison } from '../../../src/engine';
import { adviceOf } from '../../../src/engine/precision-advice';
import {
  loadEncoder,
  openEmbedder,
  withPrecision,
  type EmbedSettings,
  type Encoder,
  type EncoderReference,
  type Precision,
} from '../../../src/models';
import { AREAS, type Platform } from '../../../src/platform';
import { createNodePlatform, withMemoryAreas } from '../../../src/platform/node';
import { temporaryFolder } from '../../helpers/temporary-folder';
import { tinyModelFiles, tinyTexts } from '../../helpers/tiny-model';

const EMBED: EmbedSettings = { layer: 2, pooling: 'mean', normalize: true, maxTokens: 12 };
const SETTINGS = { device: 'cpu', rows: 48, seed: 3 } as const;

let platform: Platform;
let engine: Engine;
let project: string;
let encoder: EncoderReference;
let texts: readonly string[];
let compared: PrecisionComparison;

beforeAll(async () => {
  const scratch = await temporaryFolder();
  const node = await createNodePlatform({ home: join(scratch, 'home') });
  platform = { ...node, storage: withMemoryAreas(node.storage, [...AREAS]) };
  engine = createEngine(platform);
  const added = await finish(
    engine.addFolderEncoder('tiny', tinyModelFiles({ hidden: 128 }), 'fp32'),
  );
  encoder = added.info.reference;
  texts = tinyTexts(90);
  const rows = texts.map((text, row) => `${text},${['red', 'green', 'blue'][row % 3]}`);
  const bytes = new TextEncoder().encode(`text,label\n${rows.join('\n')}\n`);
  ({ id: project } = await finish(engine.createProject([{ name: 'inbox.csv', bytes }])));
  compared = await finish(engine.comparePrecisions(project, encoder, EMBED, SETTINGS));
});

describe('comparing', () => {
  it('measures all four, the most exact first, on halves of as many training rows as were asked for', () => {
    expect(compared.precisions.map(({ precision }) => precision)).toEqual([
      'fp32',
      'fp16',
      'q8',
      'q4',
    ]);
    expect(compared).toMatchObject({ reference: 'fp32', rows: 48, figure: 'accuracy' });
    expect(compared.learnedRows + compared.testedRows).toBe(48);
    for (const { millisecondsPerText, device } of compared.precisions) {
      expect(millisecondsPerText).toBeGreaterThan(0);
      expect(device).toBe('cpu');
    }
  });

  it('says what the weights weigh: what the graph weighs that holds them', async () => {
    const loaded = await finish(loadEncoder(platform, encoder));
    for (const { precision, bytes } of compared.precisions) {
      const graph = withPrecision(loaded, precision).model.graph(EMBED);
      // The graph has its nodes beside the weights.
      expect(graph.length).toBeGreaterThan(bytes * 0.97);
      expect(graph.length).toBeLessThan(bytes * 1.03 + 12_000);
    }
    const sizes = compared.precisions.map(({ bytes }) => bytes);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    expect(new Set(sizes).size).toBe(4);
  });

  it('gives cosines that embeddings of the same texts have', async () => {
    const loaded = await finish(loadEncoder(platform, encoder));
    const exact = await vectors(loaded);
    for (const { precision, meanCosine, leastCosine } of compared.precisions.slice(1)) {
      const made = await vectors(withPrecision(loaded, precision));
      const cosines = made.map((row, at) => dot(row, exact[at]!));
      expect(leastCosine).toBeGreaterThanOrEqual(Math.min(...cosines) - 1e-6);
      expect(leastCosine).toBeLessThanOrEqual(Math.max(...cosines) + 1e-6);
      const mean = cosines.reduce((sum, one) => sum + one, 0) / cosines.length;
      // Of other rows of the same kind: the orders of magnitude are the same.
      expect(1 - (meanCosine ?? 0)).toBeGreaterThan((1 - mean) / 5 - 1e-7);
      expect(1 - (meanCosine ?? 0)).toBeLessThan(5 * (1 - mean) + 1e-6);
    }
    const losses = compared.precisions.slice(1).map((one) => 1 - (one.meanCosine ?? 0));
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
  });

  it('gives each probe’s difference to the exact one, inside its interval', () => {
    const [exact, ...made] = compared.precisions;
    expect(exact?.against).toBeNull();
    for (const { value, against } of made) {
      expect(against?.difference).toBeCloseTo((value ?? 0) - (exact?.value ?? 0), 12);
      const [low, high] = against?.interval ?? [1, -1];
      expect(low).toBeLessThanOrEqual(against!.difference);
      expect(high).toBeGreaterThanOrEqual(against!.difference);
    }
  });

  it('gives the same figures again', async () => {
    const again = await finish(engine.comparePrecisions(project, encoder, EMBED, SETTINGS));
    const figures = ({ precisions }: PrecisionComparison): unknown =>
      precisions.map(({ millisecondsPerText: _, ...rest }) => rest);
    expect(figures(again)).toEqual(figures(compared));
  });

  it('refuses what there is only one precision of, and too few rows, in words', async () => {
    const shipped = (await engine.listEncoders()).find(
      ({ info }) => info.architecture === 'static',
    );
    await expect(
      finish(engine.comparePrecisions(project, shipped!.info.reference, EMBED, SETTINGS)),
    ).rejects.toMatchObject({ code: 'bad-setting', message: /q8 only/ });
    await expect(
      finish(engine.comparePrecisions(project, encoder, EMBED, { ...SETTINGS, rows: 3 })),
    ).rejects.toMatchObject({ code: 'bad-setting' });
  });

  it('stops when asked', async () => {
    const stop = new AbortController();
    const job = engine.comparePrecisions(project, encoder, EMBED, SETTINGS, stop.signal);
    await job.next();
    stop.abort();
    await expect(finish(job)).rejects.toMatchObject({ code: 'aborted' });
  });
});

it('keeps another precision of the same files, and trains on it', async () => {
  const before = await platform.storage.entries('models', '');
  const entry = await finish(engine.keepPrecision(encoder, 'q4'));
  expect(entry.info.reference).toEqual({ ...encoder, precision: 'q4' });
  expect(await platform.storage.entries('models', '')).toHaveLength(before.length);
  const { record } = await finish(
    engine.train(project, {
      encoder: entry.info.reference,
      embed: EMBED,
      device: 'cpu',
      head: {
        type: 'logistic_regression',
        C: 1,
        Cs: [1],
        folds: 5,
        class_weight: null,
        standardize: false,
        tol: 1e-4,
        max_iter: 100,
        seed: 0,
      },
    }),
  );
  expect(record.encoder.precision).toBe('q4');
});

describe('advice', () => {
  const row = { device: 'cpu', millisecondsPerText: 1, value: 0.9 } as const;
  const of = (
    precision: Precision,
    bytes: number,
    leastCosine: number | null,
    interval: readonly [number, number] | null,
  ): PrecisionComparison['precisions'][number] => ({
    ...row,
    precision,
    bytes,
    meanCosine: leastCosine,
    leastCosine,
    against:
      interval === null
        ? null
        : { difference: (interval[0] + interval[1]) / 2, interval, p_value: 0.5 },
  });
  const exact = of('fp32', 100, null, null);
  const about = { reference: 'fp32', figure: 'accuracy', testedRows: 200 } as const;

  it('is the smallest of which no loss is to be seen, with what keeps from the smaller ones', () => {
    const said = adviceOf({
      ...about,
      precisions: [exact, of('q8', 26, 0.9994, [-0.03, 0.02]), of('q4', 16, 0.97, [-0.08, -0.01])],
    });
    expect(said.advised).toBe('q8');
    expect(said.advice).toContain('26 % of the memory of fp32');
    expect(said.advice).toContain('q4 costs 4.5 points (1.0 to 8.0)');
  });

  it('says that rows are too few, rather than that nothing is lost', () => {
    const said = adviceOf({ ...about, precisions: [exact, of('q4', 16, 0.97, [-0.06, 0.04])] });
    expect(said.advised).toBe('fp32');
    expect(said.advice).toContain('up to 6.0 points: 200 rows are too few');
  });

  it('takes 4 bits where the interval leaves no room for a loss', () => {
    const said = adviceOf({ ...about, precisions: [exact, of('q4', 16, 0.97, [-0.015, 0.02])] });
    expect(said.advised).toBe('q4');
    expect(said.advice).toContain('at most 1.5 points');
  });
});

async function vectors(loaded: Encoder): Promise<number[][]> {
  const embedder = await openEmbedder({
    encoder: loaded,
    embed: EMBED,
    device: 'cpu',
    runtime: platform.runtime,
  });
  const { rows, columns, data } = await embedder.embed(texts);
  await embedder.close();
  return Array.from({ length: rows }, (_, row) =>
    Array.from(data.subarray(row * columns, (row + 1) * columns)),
  );
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? NaN), 0);
}
