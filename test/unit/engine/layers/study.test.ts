/**
 * A layer study on the engine, in Node, with a tiny BERT of random weights: what comes out of texts, words and computed
 * tasks, that test rows have no part in any choice, and what becomes of a study when data change or models fail.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish, type Job } from '../../../../src/base';
import type { LayerStudy, LayerStudySettings, ProjectView } from '../../../../src/engine';
import { createNodePlatform } from '../../../../src/platform/node';
import { tinyModelFiles } from '../../../helpers/tiny-model';
import {
  labelledCsv,
  openStudyScene,
  taggedConll,
  tinySettings,
  withoutTimes,
  type StudyScene,
} from '../../../helpers/tiny-study';
import { thrownBy } from '../../../helpers/error-of';

let home: string;
let scene: StudyScene;
let project: ProjectView;
let settings: LayerStudySettings;
let study: LayerStudy;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-layers-'));
  scene = await openStudyScene(await createNodePlatform({ home }));
  project = await finish(scene.engine.createProject([labelledCsv(120)]));
  settings = tinySettings(scene.encoder, {
    poolings: ['mean', 'cls'],
    control: true,
    rankings: true,
  });
  study = await finish(scene.engine.layerStudy(project.id, settings));
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

async function phasesOf(job: Job<LayerStudy>): Promise<{ phases: string[]; study: LayerStudy }> {
  const phases = new Set<string>();
  const found = await finish(job, ({ phase }) => phases.add(phase.split(':')[0] ?? ''));
  return { phases: [...phases], study: found };
}

describe('a layer study of texts', () => {
  it('has a cell for each layer and pooling, with the figures of each draw', () => {
    const places = study.cells.map(({ layer, pooling }) => `${layer} ${pooling}`);
    expect(places).toEqual(['0 mean', '0 cls', '1 mean', '1 cls', '2 mean', '2 cls']);
    for (const { train, validation, test, control, selectivity, C, logme } of study.cells) {
      for (const summary of [train, validation, test]) {
        expect(summary.values).toHaveLength(2);
        expect(summary.mean).toBeCloseTo((summary.values[0]! + summary.values[1]!) / 2, 12);
        expect(summary.interval?.[0]).toBeLessThanOrEqual(summary.mean);
        expect(summary.interval?.[1]).toBeGreaterThanOrEqual(summary.mean);
      }
      expect(C.every((one) => one !== null && [0.25, 0.5, 1, 2, 4, 8].includes(one))).toBe(true);
      expect(selectivity?.values[1]).toBeCloseTo(test.values[1]! - control!.values[1]!, 12);
      expect(logme).not.toBeNull();
    }
    const { rows, name, classes } = study.task;
    expect(name).toBe('label');
    expect([...classes].sort()).toEqual(['no', 'yes']);
    expect(rows.train + rows.validation + rows.test).toBe(120);
  });

  it('finds a word of the text in the mean of its layers, and nothing in the first token of layer 0', () => {
    const test = (layer: number, pooling: string): number =>
      study.cells.find((cell) => cell.layer === layer && cell.pooling === pooling)!.test.mean;
    const majority = study.baselines.majority.mean;
    expect(test(0, 'mean')).toBeGreaterThan(majority + 0.2);
    // [CLS] before any attention is the same for every text.
    expect(test(0, 'cls')).toBeCloseTo(majority, 12);
    expect(study.baselines.words!.mean).toBeGreaterThan(majority + 0.2);
  });

  it('is kept, listed and opened as it came out', async () => {
    expect(await scene.engine.openLayerStudy(project.id, study.id)).toEqual(study);
    const [listed] = await scene.engine.layerStudies(project.id);
    const { layer, pooling } = study.best;
    const best = study.cells.find((cell) => cell.layer === layer && cell.pooling === pooling)!;
    expect(listed).toEqual({
      id: study.id,
      created: study.created,
      task: 'label',
      models: ['tiny'],
      cells: 6,
      done: 6,
      best: { place: study.best, test: best.test.mean },
      outdated: false,
    });
  });

  it('is not computed again: the same settings give it at once, more of them only the rest', async () => {
    const again = await phasesOf(scene.engine.layerStudy(project.id, settings));
    expect(again).toEqual({ phases: [], study });
    const more = { ...settings, poolings: ['mean', 'cls', 'max'] as const, alignment: true };
    const probed: string[] = [];
    const wider = await finish(scene.engine.layerStudy(project.id, more), ({ phase }) => {
      if (phase.startsWith('Probing')) probed.push(phase);
    });
    expect(new Set(probed)).toEqual(
      new Set([0, 1, 2].map((layer) => `Probing: tiny, layer ${layer}, max`)),
    );
    const kept = wider.cells.filter(({ pooling }) => pooling !== 'max');
    expect(kept).toEqual(study.cells);
    const [alignment] = wider.alignments;
    expect(alignment?.values.map((row, at) => row[at])).toEqual([1, 1, 1]);
    // The others' cells stay when one of two studies that share them goes.
    await scene.engine.deleteLayerStudy(project.id, wider.id);
    expect((await phasesOf(scene.engine.layerStudy(project.id, settings))).study).toEqual(study);
    const left = scene.storage.entries('runs', `${project.id}/layers/parts/`);
    expect(await left).toHaveLength(6 + 2);
  });
});

describe('the best layer', () => {
  it('does not change when the labels of all test rows do', async () => {
    const files = (flip: boolean) => [
      labelledCsv(90, { name: 'train.csv' }),
      labelledCsv(40, { name: 'test.csv', seed: 5, flip: (row) => flip && row % 3 > 0 }),
    ];
    const found: LayerStudy[] = [];
    for (const flip of [false, true]) {
      const { id } = await finish(scene.engine.createProject(files(flip)));
      found.push(await finish(scene.engine.layerStudy(id, settings)));
    }
    const [plain, flipped] = found as [LayerStudy, LayerStudy];
    expect(flipped.best).toEqual(plain.best);
    for (const [at, { train, validation, C, logme, hScore, test }] of flipped.cells.entries()) {
      const before = plain.cells[at]!;
      expect({ train, validation, C, logme, hScore }).toEqual({
        train: before.train,
        validation: before.validation,
        C: before.C,
        logme: before.logme,
        hScore: before.hScore,
      });
      if (before.test.mean !== 0.5) expect(test.mean).not.toBe(before.test.mean);
    }
  });
});

describe('data and models that change', () => {
  it('make a study outdated, which keeps its figures; going on with it is another one', async () => {
    const { id } = await finish(scene.engine.createProject([labelledCsv(60)]));
    const first = await finish(scene.engine.layerStudy(id, settings));
    const view = await finish(scene.engine.openProject(id));
    const split = { method: 'stratified', testShare: 0.3, seed: 4 } as const;
    await finish(scene.engine.configureData(id, { ...view.choice, split }));
    expect((await scene.engine.layerStudies(id)).map(({ outdated }) => outdated)).toEqual([true]);
    expect(await scene.engine.openLayerStudy(id, first.id)).toEqual(first);
    const second = await finish(scene.engine.resumeLayerStudy(id, first.id));
    expect(second.id).not.toBe(first.id);
    const listed = await scene.engine.layerStudies(id);
    expect(listed.map((one) => [one.id, one.outdated])).toEqual([[second.id, false]]);
    await scene.engine.deleteProject(id);
    expect(await scene.storage.entries('runs', id)).toEqual([]);
  });

  it('go with a project zip, finished or not', async () => {
    const { engine } = scene;
    const { bytes } = await finish(engine.export(project.id, null, 'project'));
    const other = await openStudyScene(await createNodePlatform({ home }));
    const view = await finish(other.engine.importProject({ name: 'p.zip', bytes }));
    const [listed] = await other.engine.layerStudies(view.id);
    expect(listed).toMatchObject({ id: study.id, done: 6, outdated: false });
    expect(await other.engine.openLayerStudy(view.id, study.id)).toEqual(study);
    const { phases } = await phasesOf(other.engine.layerStudy(view.id, settings));
    expect(phases).toEqual([]);
  });

  it('that fail do not lose the cells of the others, and are named', async () => {
    const { engine, storage } = scene;
    const { id } = await finish(engine.createProject([labelledCsv(60, { seed: 3 })]));
    const other = tinyModelFiles({ seed: 9 });
    const { info } = await finish(engine.addFolderEncoder('broken', other, 'fp32'));
    // Its entry is there, its files are not.
    for (const { key } of await storage.entries('models', `folder/broken/`))
      await storage.delete('models', key);
    const model = (encoder: typeof info.reference) => ({ encoder, maxTokens: null, layers: null });
    // What is loaded at this moment must be another one.
    await finish(
      engine.layerStudy(id, tinySettings(scene.encoder, { task: { kind: 'length', bins: 2 } })),
    );
    const models = [model(info.reference), model(scene.encoder)];
    const error = await thrownBy(engine.layerStudy(id, { ...settings, models }));
    expect(error.message).toMatch(/^broken could not be studied: /);
    expect(error.hint).toContain('is kept');
    const [unfinished] = await engine.layerStudies(id);
    expect(unfinished).toMatchObject({ cells: 12, done: 6, best: null });
    const open = await thrownBy(engine.openLayerStudy(id, unfinished!.id));
    expect(open.code).toBe('bad-setting');
    const alone = await phasesOf(engine.layerStudy(id, settings));
    expect(alone.phases).toEqual(['Reading the texts']);
    expect(alone.study.cells).toHaveLength(6);
  });

  it('of the same name are told apart side by side', async () => {
    const models = [
      { encoder: scene.encoder, maxTokens: null, layers: [2] },
      { encoder: scene.encoder, maxTokens: 4, layers: [0, 2] },
    ];
    const {
      cells,
      models: said,
      notes,
    } = await finish(scene.engine.layerStudy(project.id, { ...settings, models, control: false }));
    expect(cells.map(({ model, layer }) => `${model} ${layer}`)).toEqual([
      '0 2',
      '0 2',
      '1 0',
      '1 0',
      '1 2',
      '1 2',
    ]);
    expect(said.map(({ maxTokens, truncated }) => [maxTokens, truncated > 0])).toEqual([
      [64, false],
      [4, true],
    ]);
    expect(notes.join('\n')).toMatch(/120 of 120 texts are longer than 4 tokens and were cut/);
  });
});

describe('words and texts without labels', () => {
  it('are studied with a control class a word type, on what the model reads', async () => {
    const { id } = await finish(scene.engine.createProject([taggedConll(50)]));
    const models = [{ encoder: scene.encoder, maxTokens: 8, layers: [0, 2] }];
    const words = await finish(
      scene.engine.layerStudy(id, {
        ...settings,
        models,
        poolings: ['first', 'mean'],
        descriptionLength: true,
      }),
    );
    expect(words.task.words).toBe(true);
    expect(words.cells).toHaveLength(4);
    // Each of these words has one tag: its type says it, and layer 0 holds the type.
    expect(words.baselines.words!.mean).toBeGreaterThan(0.97);
    const [first] = words.cells;
    expect(first!.test.mean).toBeGreaterThan(0.97);
    // A class a type can be learned from layer 0, where the types of test words came in training.
    expect(first!.control!.mean).toBeGreaterThan(0.75);
    expect(first!.codeLength!.compression.mean).toBeGreaterThan(1.3);
    expect(words.notes.join('\n')).toMatch(
      /words stand past the longest text that is read \(8 tokens\)/,
    );
  });

  it('are studied by tasks that are computed from the texts', async () => {
    const bytes = new TextEncoder().encode(
      new TextDecoder().decode(labelledCsv(90).bytes).replace(/,(yes|no|label)$/gm, ''),
    );
    const { id, choice } = await finish(scene.engine.createProject([{ name: 'plain.csv', bytes }]));
    expect(choice.label?.kind ?? 'none').not.toBe('column');
    const { task, cells } = await finish(
      scene.engine.layerStudy(id, {
        ...settings,
        control: false,
        task: { kind: 'length', bins: 2 },
      }),
    );
    expect(task.classes).toHaveLength(2);
    expect(cells).toHaveLength(6);
    const recipe = await scene.engine.layerStudyFile(
      id,
      (await scene.engine.layerStudies(id))[0]!.id,
      'recipe',
    );
    expect(recipe.containsTexts).toBe(false);
  });
});

describe('settings that are wrong', () => {
  it.each<[string, Partial<LayerStudySettings>, RegExp]>([
    ['no models', { models: [] }, /models: needs at least one model/],
    ['no poolings', { poolings: [] }, /poolings: needs at least one/],
    ['a pooling twice', { poolings: ['mean', 'mean'] }, /poolings: names one twice/],
    ['a pooling of words', { poolings: ['first'] }, /poolings: “first” is of words/],
    ['no seeds', { repeats: { method: 'seeds', seeds: [] } }, /repeats\.seeds: needs at least one/],
    [
      'half a seed',
      { repeats: { method: 'seeds', seeds: [0.5] } },
      /repeats\.seeds\.0: must be a whole/,
    ],
    [
      'one fold',
      { repeats: { method: 'folds', folds: 1, seed: 0 } },
      /repeats\.folds: must be from 2/,
    ],
    ['C of 0', { family: { kind: 'linear', Cs: [0] } }, /family\.Cs\.0: must be above 0/],
    [
      'dropout of 1',
      { family: { kind: 'mlp', hidden: [10], dropout: 1, activation: 'relu' } },
      /family\.dropout: must be at least 0 and below 1/,
    ],
    ['no rows', { rows: 0 }, /rows: must be from 2/],
    ['one range of lengths', { task: { kind: 'length', bins: 1 } }, /task\.bins: must be from 2/],
    ['21 of them', { task: { kind: 'length', bins: 21 } }, /task\.bins: must be from 2 to 20/],
  ])('are named: %s', async (_name, change, message) => {
    const error = await thrownBy(scene.engine.layerStudy(project.id, { ...settings, ...change }));
    expect(error.code).toBe('bad-setting');
    expect(error.message).toMatch(message);
  });

  it.each<[string, Partial<LayerStudySettings['models'][number]>, RegExp]>([
    [
      'a layer that is not there',
      { layers: [3] },
      /models\[0\]\.layers: tiny has layers 0 to 2, and 3/,
    ],
    ['too many tokens', { maxTokens: 65 }, /models\[0\]\.maxTokens: tiny reads 3 to 64 tokens/],
  ])('are named by their model: %s', async (_name, change, message) => {
    const models = [{ encoder: scene.encoder, maxTokens: null, layers: null, ...change }];
    const error = await thrownBy(scene.engine.layerStudy(project.id, { ...settings, models }));
    expect(error.message).toMatch(message);
  });

  it('leave no study behind', async () => {
    const before = await scene.engine.layerStudies(project.id);
    await thrownBy(scene.engine.layerStudy(project.id, { ...settings, poolings: ['first'] }));
    await thrownBy(scene.engine.layerStudy(project.id, { ...settings, device: 'cuda' }));
    expect(await scene.engine.layerStudies(project.id)).toEqual(before);
  });
});

describe('a recipe', () => {
  it('repeats the study in another project, to the same document', async () => {
    const { engine } = scene;
    const { bytes } = await engine.layerStudyFile(project.id, study.id, 'recipe');
    const { choiceOfLayersRecipe, readLayersRecipe } = await import('../../../../src/project');
    const recipe = readLayersRecipe(JSON.parse(new TextDecoder().decode(bytes)));
    const other = await openStudyScene(await createNodePlatform({ home }));
    const { id } = await finish(other.engine.createProject([labelledCsv(120)]));
    await finish(other.engine.configureData(id, choiceOfLayersRecipe(recipe)));
    const again = await finish(
      other.engine.layerStudy(id, { ...recipe.study, device: recipe.device }),
    );
    const same = { ...study, settings: again.settings, id: again.id, notes: again.notes };
    expect(withoutTimes(again)).toEqual(withoutTimes(same));
  });
});
