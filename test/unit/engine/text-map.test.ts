/**
 * The map of a run's texts on the engine, in Node, with the encoder that ships: what it says of each text is what the
 * run's rows say; texts of one topic lie together; the same again; a few texts of each class and part; a label is
 * mended from it.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import {
  createEngine,
  DEFAULT_TEXT_MAP,
  type Engine,
  type ProjectView,
  type RunView,
  type TextMap,
} from '../../../src/engine';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import { createNodePlatform } from '../../../src/platform/node';

const sample = new URL('../../../public/samples/support-inbox.csv', import.meta.url);
const SHOWN = 200;

let home: string;
let engine: Engine;
let project: ProjectView;
let run: RunView;
let map: TextMap;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-map-'));
  engine = createEngine(await createNodePlatform({ home }));
  const instant = (await engine.listEncoders()).find(
    ({ info }) => info.reference.id === 'headlight-instant-en',
  );
  if (instant === undefined) throw new Error('the instant encoder does not ship');
  const bytes = new Uint8Array(await readFile(sample));
  project = await finish(engine.createProject([{ name: 'inbox.csv', bytes }]));
  run = await finish(
    engine.train(project.id, {
      encoder: instant.info.reference,
      embed: instant.info.defaults,
      device: 'cpu',
      head: { ...DEFAULT_LOGISTIC, C: 1 },
      baselines: false,
    }),
  );
  map = await finish(engine.textMap(project.id, run.id, DEFAULT_TEXT_MAP));
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

describe('the map of a run', () => {
  it('has every text once, with what the run’s rows say of it', async () => {
    const { train_rows, test_rows } = run.record.split;
    expect(map.row).toHaveLength(train_rows + test_rows);
    expect(map.rowsOfRun).toBe(train_rows + test_rows);
    expect(new Set(map.row).size).toBe(map.row.length);
    expect(map.space).toBe('features');
    const { rows } = await engine.runRows(project.id, run.id, {
      part: 'test',
      actual: null,
      predicted: null,
      offset: 0,
      limit: 500,
    });
    expect(rows.length).toBeGreaterThan(20);
    for (const one of rows) {
      const at = map.row.indexOf(one.index);
      expect(map.part[at]).toBe(2);
      expect(map.texts[at]).toBe(one.text);
      expect(map.actual[at]).toEqual([one.actual]);
      expect(map.predicted[at]).toEqual([one.predicted]);
      expect(map.probability[at]).toBeCloseTo(one.probability, 6);
      expect(map.isWrong[at]).toBe(one.actual === one.predicted ? 0 : 1);
      expect([map.files[at], map.lines[at], map.fileRows[at]]).toEqual([
        one.file,
        one.line,
        one.fileRow,
      ]);
    }
  });

  it('puts alike texts together: neighbours are kept, and the nearest is of the same class more often than by chance', () => {
    let same = 0;
    let chance = 0;
    const n = map.row.length;
    for (let i = 0; i < n; i++) {
      let best = -1;
      let least = Infinity;
      let alike = 0;
      for (let j = 0; j < n; j++) {
        if (j === i) continue;
        if (map.actual[i]?.[0] === map.actual[j]?.[0]) alike++;
        const x = (map.xy[2 * i] ?? 0) - (map.xy[2 * j] ?? 0);
        const y = (map.xy[2 * i + 1] ?? 0) - (map.xy[2 * j + 1] ?? 0);
        if (x * x + y * y < least) [least, best] = [x * x + y * y, j];
      }
      if (map.actual[i]?.[0] === map.actual[best]?.[0]) same++;
      chance += alike / (n - 1);
    }
    expect(same / n).toBeGreaterThan(1.3 * (chance / n));
    expect(map.kept).toBeGreaterThan(5 * (10 / (n - 1)));
  });

  it('is the same when asked for again, and nobody who has it can change it', async () => {
    const [first = 0] = map.xy;
    const again = await finish(engine.textMap(project.id, run.id, DEFAULT_TEXT_MAP));
    expect(again).toEqual(map);
    again.xy[0] = first + 1;
    const third = await finish(engine.textMap(project.id, run.id, DEFAULT_TEXT_MAP));
    expect(third.xy[0]).toBe(first);
  });

  it('draws fewer texts when asked to: as many of each class and part as their share', async () => {
    const some = await finish(engine.textMap(project.id, run.id, { n: SHOWN, seed: 1 }));
    expect(some.row).toHaveLength(SHOWN);
    expect(some.rowsOfRun).toBe(map.row.length);
    const count = ({ actual, part }: TextMap, label: number, of: number): number =>
      actual.filter(([one], at) => one === label && part[at] === of).length;
    for (let label = 0; label < map.classes.length; label++)
      for (const part of [0, 2]) {
        const exact = (count(map, label, part) * SHOWN) / map.row.length;
        expect(Math.abs(count(some, label, part) - exact)).toBeLessThanOrEqual(1);
      }
  });

  it('refuses settings that make no map', async () => {
    for (const settings of [
      { n: 1, seed: 0 },
      { n: 3000, seed: 0.5 },
      { n: 1e6, seed: 0 },
    ])
      await expect(finish(engine.textMap(project.id, run.id, settings))).rejects.toMatchObject({
        code: 'bad-setting',
      });
  });

  it('leads to a mended label, which the next run has', async () => {
    const at = [...map.isWrong].findIndex((wrong, one) => wrong === 1 && map.part[one] === 2);
    const [said = 0] = map.predicted[at] ?? [];
    const label = map.classes[said] ?? '';
    const view = await finish(engine.setLabel(project.id, run.id, map.row[at] ?? -1, [label]));
    expect(view.choice.repairs).toEqual([
      { kind: 'set_label', file: map.files[at], row: map.fileRows[at], labels: [label] },
    ]);
    if (run.recipe.method !== 'probe') throw new Error('not a probe');
    const next = await finish(engine.train(project.id, { ...run.recipe, baselines: false }));
    const mended = await finish(engine.textMap(project.id, next.id, DEFAULT_TEXT_MAP));
    const there = mended.row.indexOf(map.row[at] ?? -1);
    expect(mended.actual[there]).toEqual([said]);
    // The run that was trained before keeps what it was tested on.
    const before = await finish(engine.textMap(project.id, run.id, DEFAULT_TEXT_MAP));
    expect(before.actual[at]).toEqual(map.actual[at]);
  });
});
