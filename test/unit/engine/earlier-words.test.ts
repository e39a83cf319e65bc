/**
 * The words baseline is computed once for the same texts, labels and parts: another encoder setting takes the same
 * figures and says so; another split computes it anew.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import { createEngine, type Engine, type RunView, type TrainSettings } from '../../../src/engine';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import { createNodePlatform } from '../../../src/platform/node';
import { classFigures } from '../../../src/project';

const sample = new URL('../../../public/samples/support-inbox.csv', import.meta.url);
let home: string;
let engine: Engine;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-words-'));
  engine = createEngine(await createNodePlatform({ home }));
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

it(
  'is taken from the earlier run on the same rows, and said to be',
  { timeout: 60_000 },
  async () => {
    const instant = (await engine.listEncoders()).find(
      ({ info }) => info.reference.id === 'headlight-instant-en',
    );
    if (instant === undefined) throw new Error('the instant encoder does not ship');
    const bytes = new Uint8Array(await readFile(sample));
    const project = await finish(engine.createProject([{ name: 'inbox.csv', bytes }]));
    const train = (change: Partial<TrainSettings> = {}): Promise<RunView> =>
      finish(
        engine.train(project.id, {
          encoder: instant.info.reference,
          embed: instant.info.defaults,
          device: 'cpu',
          head: { ...DEFAULT_LOGISTIC, C: 1 },
          ...change,
        }),
      );
    const words = ({ record }: RunView) => {
      const found = record.baselines?.tfidf_logistic;
      if (found === null || found === undefined) throw new Error('no words baseline');
      return found;
    };
    const first = words(await train());
    expect(first.seconds).toBeGreaterThan(0);
    const runs = [
      await train({ head: DEFAULT_LOGISTIC }),
      await train({ head: { ...DEFAULT_LOGISTIC, C: 5 } }),
    ];
    for (const again of runs.map(words)) {
      expect(again.test).toEqual(first.test);
      expect(again.train).toEqual(first.train);
      expect(again.seconds).toBe(0);
      expect(
        again.notes.filter((note) => note.startsWith('Taken from an earlier run')),
      ).toHaveLength(1);
    }
    // Held against the run’s own figures, not those of the run that it was taken from.
    for (const run of runs) {
      const own = (100 * classFigures(run.record).test.accuracy).toFixed(1);
      expect(run.record.baselines?.verdict).toContain(`${own} % against`);
    }

    const { choice } = project;
    const split = { ...choice.split, seed: 7 };
    await finish(engine.configureData(project.id, { ...choice, split }));
    const other = words(await train());
    expect(other.seconds).toBeGreaterThan(0);
    expect(other.notes).toEqual(first.notes);
    expect(other.test).not.toEqual(first.test);
  },
);
