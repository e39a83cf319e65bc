/**
 * A layer study that asks for everything, stopped at every kind of place and killed at every single write: it goes on with
 * the parts that are done and comes to the document of one that was left alone, but for times.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { finish, HeadlightError, toHeadlightError } from '../../../../src/base';
import type { LayerStudy, LayerStudySettings } from '../../../../src/engine';
import type { Platform } from '../../../../src/platform';
import { createNodePlatform } from '../../../../src/platform/node';
import {
  labelledCsv,
  openStudyScene,
  tinySettings,
  withoutTimes,
  type StudyScene,
} from '../../../helpers/tiny-study';

let home: string;
let platform: Platform;
let whole: LayerStudy;

const DATA = labelledCsv(60);

function everything({ encoder }: StudyScene): LayerStudySettings {
  return tinySettings(encoder, {
    models: [{ encoder, maxTokens: null, layers: [0, 2] }],
    control: true,
    untrained: true,
    descriptionLength: true,
    variational: true,
    rankings: true,
    mix: true,
    alignment: true,
  });
}

async function begun(): Promise<{ scene: StudyScene; project: string }> {
  const scene = await openStudyScene(platform);
  const { id } = await finish(scene.engine.createProject([DATA]));
  return { scene, project: id };
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-layers-'));
  platform = await createNodePlatform({ home });
  const { scene, project } = await begun();
  whole = await finish(scene.engine.layerStudy(project, everything(scene)));
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

it('has all that was asked for', () => {
  expect(whole.cells.map(({ untrained, layer }) => `${untrained} ${layer}`)).toEqual([
    'false 0',
    'false 2',
    'true 0',
    'true 2',
  ]);
  for (const { codeLength, control, logme } of whole.cells)
    expect([codeLength, control, logme]).not.toContain(null);
  const [mix] = whole.mixes;
  expect(mix!.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
  expect(whole.alignments).toHaveLength(1);
  expect(whole.variational.map(({ cell }) => cell.layer)).toEqual([0, 2]);
});

it('comes to the same, killed at every write', async () => {
  const { scene, project } = await begun();
  const { storage, engine } = scene;
  const write = storage.write.bind(storage);
  let left = 0;
  storage.write = async (...args) => {
    if (left === 0) throw new HeadlightError('storage', 'killed');
    left -= 1;
    await write(...args);
  };
  let sittings = 0;
  let study: LayerStudy | null = null;
  const done: number[] = [];
  while (study === null) {
    sittings += 1;
    left = 1;
    try {
      study = await finish(engine.layerStudy(project, everything(scene)));
    } catch (error) {
      expect(toHeadlightError(error).message).toBe('killed');
      // Parts that were done are never lost, and one at most is done in a sitting.
      const now = (await engine.layerStudies(project))[0]?.done ?? 0;
      expect([0, 1]).toContain(now - (done.at(-1) ?? 0));
      done.push(now);
    }
    expect(sittings).toBeLessThan(60);
  }
  // Each part of the study, each shard of its features, what was asked and the study itself: a write each.
  expect(sittings).toBeGreaterThan(15);
  expect(withoutTimes(study)).toEqual(withoutTimes(whole));
});

it('comes to the same, stopped as each kind of work begins', async () => {
  const { scene, project } = await begun();
  const { engine } = scene;
  const stopped = new Set<string>();
  let study: LayerStudy | null = null;
  while (study === null) {
    const controller = new AbortController();
    const known = (await engine.layerStudies(project))[0];
    try {
      const job =
        known === undefined
          ? engine.layerStudy(project, everything(scene), controller.signal)
          : engine.resumeLayerStudy(project, known.id, controller.signal);
      study = await finish(job, ({ phase }) => {
        const kind = phase.split(/[:,]/)[0]!;
        if (stopped.has(kind)) return;
        stopped.add(kind);
        controller.abort();
      });
    } catch (error) {
      expect(toHeadlightError(error).code).toBe('aborted');
    }
    expect(stopped.size).toBeLessThan(20);
  }
  expect([...stopped]).toEqual(
    expect.arrayContaining([
      'Reading the texts',
      'Counting words',
      'Loading tiny',
      'Embedding',
      'Probing',
      'Mixing layers',
      'Comparing layers',
      'Variational code',
    ]),
  );
  expect(withoutTimes(study)).toEqual(withoutTimes(whole));
});

it('makes a part anew that was damaged on the disk', async () => {
  const { scene, project } = await begun();
  const { storage, engine } = scene;
  const first = await finish(engine.layerStudy(project, everything(scene)));
  const prefix = `${project}/layers/`;
  await storage.delete('runs', `${prefix}${first.id}/study.json`);
  const parts = await storage.entries('runs', `${prefix}parts/`);
  for (const [at, { key }] of parts.entries()) {
    const bytes = (await storage.read('runs', key))!;
    if (at % 3 === 0) await storage.write('runs', key, bytes.slice(0, bytes.length / 2));
    if (at % 3 === 1) await storage.write('runs', key, new TextEncoder().encode('{"kind": 1}'));
  }
  const again = await finish(engine.layerStudy(project, everything(scene)));
  expect(withoutTimes(again)).toEqual(withoutTimes(whole));
});

it('keeps what is done of its best cell when another study is deleted meanwhile', async () => {
  const { scene, project } = await begun();
  const { engine, encoder } = scene;
  const models = [{ encoder, maxTokens: null, layers: [1] }];
  const other = await finish(engine.layerStudy(project, tinySettings(encoder, { models })));
  const controller = new AbortController();
  const job = engine.layerStudy(project, everything(scene), controller.signal);
  await expect(
    finish(job, ({ phase }) => {
      if (phase === 'Variational code: tiny, layer 2') controller.abort();
    }),
  ).rejects.toThrow('Stopped');
  await engine.deleteLayerStudy(project, other.id);
  const phases = new Set<string>();
  const study = await finish(engine.layerStudy(project, everything(scene)), ({ phase }) =>
    phases.add(phase),
  );
  expect([...phases].filter((phase) => phase.startsWith('Variational'))).toEqual([
    'Variational code: tiny, layer 2',
  ]);
  expect(withoutTimes(study)).toEqual(withoutTimes(whole));
});

it('is not deleted while somebody works on it', async () => {
  const { scene, project } = await begun();
  const { engine, encoder } = scene;
  const models = [{ encoder, maxTokens: null, layers: [0] }];
  const job = engine.layerStudy(project, tinySettings(encoder, { models }));
  let step = await job.next();
  while (step.done !== true && !step.value.phase.startsWith('Probing')) step = await job.next();
  const [{ id } = { id: '' }] = await engine.layerStudies(project);
  await expect(engine.deleteLayerStudy(project, id)).rejects.toThrow('being worked on');
  expect((await finish(job)).id).toBe(id);
  await engine.deleteLayerStudy(project, id);
  expect(await engine.layerStudies(project)).toEqual([]);
});

it('gives all other files where its recipe is lost', async () => {
  const { scene, project } = await begun();
  const { engine, encoder, storage } = scene;
  const models = [{ encoder, maxTokens: null, layers: [0] }];
  const { id } = await finish(engine.layerStudy(project, tinySettings(encoder, { models })));
  await storage.delete('runs', `${project}/layers/${id}/recipe.json`);
  for (const kind of ['csv', 'json', 'svg', 'html'] as const)
    expect((await engine.layerStudyFile(project, id, kind)).bytes.length).toBeGreaterThan(100);
  await expect(engine.layerStudyFile(project, id, 'recipe')).rejects.toMatchObject({
    code: 'not-found',
  });
});
