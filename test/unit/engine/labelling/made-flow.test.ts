/**
 * Labels made here through the engine: rules label, a person mends, a probe learns, a recipe does it again; nothing
 * that was labelled is lost when the process dies.
 */
import { describeRun } from '../../../../companion/report';
import { beforeAll, describe, expect, test } from 'vitest';
import { sameTest } from '../../../../src/app/state/runs-alike';
import { finish, type Job } from '../../../../src/base';
import {
  createEngine,
  type DataChoice,
  type Engine,
  type EncoderEntry,
  type ProjectView,
} from '../../../../src/engine';
import { LABELLING_DEFAULTS, type LabellingSettings } from '../../../../src/learning/labelling';
import { DEFAULT_LOGISTIC } from '../../../../src/learning/heads';
import { figureParts, headlineOf } from '../../../../src/engine/report-page-figures';
import { figureNotes } from '../../../../src/engine/run-words';
import type { Platform } from '../../../../src/platform';
import { createNodePlatform } from '../../../../src/platform/node';
import { choiceOfRecipe, classFigures, parseJson, readRecipe } from '../../../../src/project';
import { memoryStorage } from '../../../helpers/memory-storage';

const file = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });

const SAID = {
  money: ['the invoice was charged twice', 'please refund my payment', 'the price is too high'],
  travel: ['the train left the station', 'our flight to Rome', 'a hotel near the airport'],
} as const;
const text = (row: number): string =>
  `${SAID[row % 2 === 0 ? 'money' : 'travel'][row % 3]} (message ${row})`;
/** Kinds are numbers in the file. */
const csv = (rows: readonly number[]): string =>
  `text,kind\n${rows.map((row) => `${text(row)},${row % 2}`).join('\n')}\n`;
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);

const SETTINGS: LabellingSettings = {
  classes: ['money', 'travel'].map((name) => ({ name, description: '', examples: [] })),
  several: false,
  teachers: [
    {
      kind: 'rules',
      rules: [
        { class: 'money', match: 'keywords', pattern: 'invoice, refund, price', ignore_case: true },
        { class: 'travel', match: 'expression', pattern: 'train|flight|hotel', ignore_case: true },
      ],
    },
  ],
  ...LABELLING_DEFAULTS,
};

let node: Platform;
let instant: EncoderEntry;

beforeAll(async () => {
  node = await createNodePlatform();
  const found = (await createEngine(node).listEncoders()).find(
    ({ info }) => info.architecture === 'static',
  );
  if (found === undefined) throw new Error('no instant encoder ships');
  instant = found;
});

function opened(storage = memoryStorage()) {
  return { storage, engine: createEngine({ ...node, storage }) };
}

async function labelled(engine: Engine, truth: string | null): Promise<ProjectView> {
  const files = [file('train.csv', csv(range(0, 60)))];
  if (truth !== null) files.push(file('test.csv', csv(range(60, 90))));
  const view = await finish(engine.createProject(files));
  const choice: DataChoice = {
    ...view.choice,
    files: { 'train.csv': 'train', ...(truth === null ? {} : { 'test.csv': 'test' as const }) },
    textColumn: 'text',
    label: {
      kind: 'made',
      classes: ['money', 'travel'],
      several: false,
      truth,
      names: { '0': 'money', '1': 'travel' },
    },
    split: truth === null ? { method: 'stratified', testShare: 0.2, seed: 0 } : { method: 'files' },
    repairs: [],
  };
  const before = await finish(engine.configureData(view.id, choice));
  expect(before.problem?.message).toBe('No text has a label yet.');
  await engine.configureLabelling(view.id, SETTINGS);
  await finish(engine.runTeacher(view.id, 0, 'cpu'));
  return finish(engine.openProject(view.id));
}

const probe = () => ({
  encoder: instant.info.reference,
  embed: instant.info.defaults,
  device: 'cpu' as const,
  head: { ...DEFAULT_LOGISTIC, C: 10 },
  baselines: false,
});

describe('from texts to a run', () => {
  test('the teacher is measured on held-out truth, the student beside it, and the recipe does it again', async () => {
    const { engine } = opened();
    const view = await labelled(engine, 'kind');
    const { teachers, proposed, truth_rows: truthRows } = await engine.labelling(view.id);
    expect(truthRows).toBe(30);
    expect(teachers[0]).toMatchObject({ name: 'Your rules', done: 90, rows: 90, voted: 90 });
    // Each rule matches every text of its class, and no other.
    expect(teachers[0]?.matches).toEqual([45, 45]);
    // Right on all 30: Wilson's interval by hand, 1 / (1 + z² / n).
    expect(teachers[0]?.accuracy).toMatchObject({ value: 1, high: 1, rows: 30 });
    expect(teachers[0]?.accuracy?.low).toBeCloseTo(1 / (1 + 1.959963984540054 ** 2 / 30), 9);
    expect(proposed?.classes).toEqual([
      { name: 'money', proposed: 45, accepted: 45 },
      { name: 'travel', proposed: 45, accepted: 45 },
    ]);
    await engine.labelRow(view.id, {
      file: 'train.csv',
      row: 4,
      labels: ['travel'],
      held_out: false,
      how: 'review',
    });
    const run = await finish(engine.train(view.id, probe()));
    expect(run.record.labelling).toMatchObject({
      tested_by: 'truth',
      rows: { hand: 1, teacher: 59, truth: 30, held_out: 0, left: 0 },
      teachers: [{ name: 'Your rules' }],
    });
    expect(classFigures(run.record).test).toMatchObject({ rows: 30, accuracy: 1 });
    // What it learned from is what rules say: no word of heart, ease or fit, in any report.
    const report = await finish(engine.runReport(view.id, run.id));
    const page = figureParts(run, report).map((part) => part?.html ?? '');
    for (const said of [describeRun(run), page.join(''), report.gap.sentence]) {
      expect(said).toContain('The two do not compare');
      expect(said).not.toMatch(/by heart|texts it has not seen|are easier/);
    }
    expect(figureNotes(run.record).join('')).toContain('labels that teachers made');
    // Labels by hand stand in the recipe, not in the record.
    expect(run.recipe.data.labelling?.hand).toHaveLength(1);
    expect('labelling' in run.record.data).toBe(false);

    const saved = await finish(engine.export(view.id, run.id, 'recipe'));
    const recipe = readRecipe(parseJson(saved.bytes, 'recipe.json'));
    const again = opened().engine;
    const files = [file('train.csv', csv(range(0, 60))), file('test.csv', csv(range(60, 90)))];
    const other = await finish(again.createProject(files));
    await finish(again.configureData(other.id, choiceOfRecipe(recipe)));
    await finish(again.runTeacher(other.id, 0, 'cpu'));
    const second = await finish(again.train(other.id, probe()));
    expect(second.record.metrics).toEqual(run.record.metrics);
    expect(second.recipe).toEqual(run.recipe);
  });

  test('a recipe whose labels are made here says how, and others do not', async () => {
    const { engine } = opened();
    const view = await labelled(engine, 'kind');
    const { recipe } = await finish(engine.train(view.id, probe()));
    const { labelling: _, ...data } = recipe.data;
    expect(() => readRecipe({ ...recipe, data })).toThrow(/data.labelling/);
    const label = { kind: 'column', column: 'kind' } as const;
    expect(() => readRecipe({ ...recipe, data: { ...recipe.data, label } })).toThrow(
      /data.labelling/,
    );
  });

  test('who goes to a column of labels and back finds what its values mean', async () => {
    const { engine, storage } = opened();
    const view = await labelled(engine, 'kind');
    const made = view.choice.label;
    expect(made).toMatchObject({ truth: 'kind', names: { '0': 'money', '1': 'travel' } });
    const column = { kind: 'column', column: 'kind' } as const;
    const back = { kind: 'made', classes: [], several: false, truth: null, names: {} } as const;
    for (const asked of [back, { ...back, truth: 'kind' }]) {
      await finish(engine.configureData(view.id, { ...view.choice, label: column }));
      const again = await finish(engine.configureData(view.id, { ...view.choice, label: asked }));
      expect(again.choice.label).toEqual(made);
    }
    // Another column, or other words for its values, are what is asked for now.
    await finish(engine.configureData(view.id, { ...view.choice, label: column }));
    const other = { ...back, truth: 'kind', names: { '0': 'travel' } };
    const said = await finish(engine.configureData(view.id, { ...view.choice, label: other }));
    expect(said.choice.label).toMatchObject({ names: { '0': 'travel' } });
    // A zip carries it.
    const [kept] = await storage.entries('labelling', `${view.id}/truth.json`);
    expect(kept).toBeDefined();
    const zip = await finish(engine.export(view.id, null, 'project'));
    const copy = opened();
    const imported = await finish(copy.engine.importProject(zip));
    expect(await copy.storage.entries('labelling', `${imported.id}/truth.json`)).toHaveLength(1);
  });

  test('without truth the figure is agreement, and says so', async () => {
    const { engine } = opened();
    const view = await labelled(engine, null);
    expect(view.summary?.labelling?.tested_by).toBe('teacher');
    const run = await finish(engine.train(view.id, probe()));
    expect(run.record.labelling?.tested_by).toBe('teacher');
    expect(run.record.split.test_rows).toBe(12);
    expect(figureNotes(run.record)).toEqual([]);
    const agrees = Math.round(100 * classFigures(run.record).test.accuracy);
    const said = describeRun(run);
    expect(said).toContain(
      `Accuracy is unknown: nobody has labelled texts to measure by. It agrees with its teacher on ${agrees} % of texts it was not trained on.`,
    );
    // The word stands nowhere else, on the command line and in the report as a file.
    expect(said.replaceAll('Accuracy is unknown', '')).not.toMatch(/accura/i);
    const page = headlineOf(run).html;
    expect(page).toContain('It agrees with its teacher on');
    expect(page.replaceAll('Accuracy is unknown', '')).not.toMatch(/accura/i);
    const [listed] = await engine.listProjects();
    expect(listed?.bestAccuracy).toBeNull();
  });

  test('two students are compared on the same rows, whatever was labelled between them', async () => {
    const { engine } = opened();
    const view = await labelled(engine, 'kind');
    const first = await finish(engine.train(view.id, probe()));
    const label = { file: 'train.csv', row: 4, held_out: false, how: 'review' } as const;
    await engine.labelRow(view.id, { ...label, labels: ['travel'] });
    const second = await finish(engine.train(view.id, probe()));
    const compared = await engine.compareRuns(view.id, first.id, second.id);
    expect(compared).toMatchObject({ rows: 30, micro_f1: null });
    // The page offers what the engine compares.
    expect(sameTest(first, second)).toBe(true);
    // A row more to measure by: then they are not the same.
    await engine.labelRow(view.id, { ...label, row: 6, labels: ['money'], held_out: true });
    const third = await finish(engine.train(view.id, probe()));
    await expect(engine.compareRuns(view.id, first.id, third.id)).rejects.toMatchObject({
      message: 'These two runs were not tested on the same rows.',
    });
    expect(sameTest(first, third)).toBe(false);
  });

  test('a label that is mended in the report is a label by hand, and a measured row stays one', async () => {
    const { engine } = opened();
    const view = await labelled(engine, 'kind');
    const run = await finish(engine.train(view.id, probe()));
    const all = { actual: null, predicted: null, offset: 0, limit: 100 };
    const { rows } = await engine.runRows(view.id, run.id, { ...all, part: 'test' });
    const tested = rows[0];
    if (tested === undefined) throw new Error('no test row');
    const mended = await finish(engine.setLabel(view.id, run.id, tested.index, ['travel']));
    expect(mended.choice.repairs).toEqual([]);
    const { hand } = await engine.labelling(view.id);
    expect(hand.last).toMatchObject({ labels: ['travel'], held_out: true, file: 'test.csv' });
    expect(mended.summary).toMatchObject({ testRows: 30, trainRows: 60 });
    const again = await finish(engine.train(view.id, probe()));
    // Of one test row the label is another one now.
    await expect(engine.compareRuns(view.id, run.id, again.id)).rejects.toMatchObject({
      code: 'bad-setting',
    });
    expect(sameTest(run, again)).toBe(false);
    // The run's own rows are what they were.
    const kept = await engine.runRows(view.id, run.id, { ...all, part: 'test' });
    expect(kept.rows.map(({ actual }) => actual)).toEqual(rows.map(({ actual }) => actual));
  });
});

test('a list of likely wrong labels is of the labels as teachers proposed them then', async () => {
  const { engine } = opened();
  const { id } = await labelled(engine, 'kind');
  const { encoder, embed, device } = probe();
  const look = { encoder, embed, device, folds: 5, seed: 0, alike: 0.95 };
  expect((await finish(engine.labelErrors(id, look))).outdated).toBe(false);
  // What is mended by hand is told by the rows themselves.
  const label = { file: 'train.csv', row: 4, labels: ['travel'], held_out: false } as const;
  await engine.labelRow(id, { ...label, how: 'review' });
  expect((await engine.lastLabelErrors(id))?.outdated).toBe(false);
  const accept = { ...SETTINGS.accept, by: 'top_share', value: 0.5 } as const;
  await engine.configureLabelling(id, { ...SETTINGS, accept });
  expect((await engine.lastLabelErrors(id))?.outdated).toBe(true);
});

describe('nothing is lost', () => {
  test('labels by hand are kept when each call answers, replaced and taken back', async () => {
    const { engine, storage } = opened();
    const { id } = await labelled(engine, null);
    const label = { file: 'train.csv', held_out: false, how: 'review' } as const;
    await engine.labelRow(id, { ...label, row: 0, labels: ['money'] });
    await engine.labelRow(id, { ...label, row: 1, labels: null });
    await engine.labelRow(id, { ...label, row: 0, labels: ['travel'], held_out: true });
    // Another process, over what is on the disk now.
    const { engine: other } = opened(storage);
    expect((await other.labelling(id)).hand).toMatchObject({
      labelled: 1,
      held_out: 1,
      skipped: 1,
      classes: [0, 1],
    });
    await expect(other.undoLabel(id)).resolves.toMatchObject({ labelled: 1, classes: [1, 0] });
    await expect(other.undoLabel(id)).resolves.toMatchObject({ skipped: 0 });
    for (let row = 2; row < 60; row++)
      await other.labelRow(id, { ...label, row, labels: ['money'] });
    await expect(other.undoLabel(id)).resolves.toMatchObject({ labelled: 58 });
    await expect(
      other.labelRow(id, { ...label, row: 0, labels: ['neither'] }),
    ).rejects.toMatchObject({ code: 'bad-setting', message: 'There is no class “neither”.' });
    await expect(other.labelRow(id, { ...label, row: 99, labels: null })).rejects.toMatchObject({
      message: 'train.csv has no row 100 that can be labelled.',
    });
  });

  test('labels by hand go with a class that is called otherwise, and so does the truth', async () => {
    const { engine, storage } = opened();
    const { id } = await labelled(engine, 'kind');
    const label = { file: 'train.csv', row: 0, labels: ['money'], how: 'review' } as const;
    await engine.labelRow(id, { ...label, held_out: false });
    const settings: LabellingSettings = {
      ...SETTINGS,
      classes: SETTINGS.classes.map((one) =>
        one.name === 'money' ? { ...one, name: 'billing' } : one,
      ),
      teachers: [],
    };
    const view = await engine.configureLabelling(id, settings, new Map([['money', 'billing']]));
    expect(view.hand).toMatchObject({
      labelled: 1,
      classes: [1, 0],
      last: { labels: ['billing'] },
    });
    expect(view.truth_rows).toBe(30);
    const { engine: other } = opened(storage);
    expect((await other.labelling(id)).hand.classes).toEqual([1, 0]);
  });

  test('labels by hand go with their texts when a file is read otherwise', async () => {
    const { engine } = opened();
    const { id, choice } = await labelled(engine, null);
    const label = { file: 'train.csv', held_out: false, how: 'review' } as const;
    await engine.labelRow(id, { ...label, row: 4, labels: ['travel'] });
    const textOf = async (): Promise<string | undefined> => {
      const state = { state: 'hand', label: null, confidence: null, disagreement: false } as const;
      const page = await engine.reviewRows(id, { ...state, order: 'file', from: 0, count: 9 });
      return page.rows[0]?.text;
    };
    const said = await textOf();
    expect(said).toBe(text(4));
    // The header is a row like the others now: each row is one further down.
    await finish(
      engine.configureData(id, {
        ...choice,
        textColumn: 'column 1',
        parse: { 'train.csv': { hasHeader: false } },
      }),
    );
    expect((await engine.labelling(id)).hand.last?.row).toBe(5);
    expect(await textOf()).toBe(said);
  });

  test('a teacher that is killed loses one shard, and goes on from the others', async () => {
    const { engine, storage } = opened();
    const rows = range(0, 20_400);
    const files = [
      file('many.csv', `text,n\n${rows.map((row) => `${text(row)},${row}`).join('\n')}\n`),
    ];
    const view = await finish(engine.createProject(files));
    const label = { kind: 'made', classes: ['money', 'travel'], several: false } as const;
    await finish(
      engine.configureData(view.id, {
        ...view.choice,
        textColumn: 'text',
        label: { ...label, truth: null, names: {} },
      }),
    );
    await engine.configureLabelling(view.id, SETTINGS);
    const votes = (): Promise<readonly unknown[]> =>
      storage.entries('labelling', `${view.id}/votes/`);
    await killedWhen(
      engine.runTeacher(view.id, 0, 'cpu'),
      async () => (await votes()).length === 1,
    );
    expect((await engine.labelling(view.id)).teachers[0]).toMatchObject({
      done: 20_000,
      rows: 20_400,
    });

    const { engine: other } = opened(storage);
    const job = other.runTeacher(view.id, 0, 'cpu');
    const first = await job.next();
    expect(first.value).toMatchObject({ done: 20_000, total: 20_400 });
    const after = await finish(job);
    expect(after.teachers[0]).toMatchObject({ done: 20_400, voted: 20_400 });
    expect(await votes()).toHaveLength(2);
  });

  test('a project zip carries settings, votes and labels by hand', async () => {
    const { engine } = opened();
    const { id } = await labelled(engine, 'kind');
    await engine.labelRow(id, {
      ...{ file: 'train.csv', row: 7, labels: ['money'], held_out: true, how: 'random' as const },
    });
    const run = await finish(engine.train(id, probe()));
    const zip = await finish(engine.export(id, null, 'project'));
    const { engine: other } = opened();
    const view = await finish(other.importProject(zip));
    expect(await other.labelling(view.id)).toEqual(await engine.labelling(id));
    expect(view.summary).toEqual((await finish(engine.openProject(id))).summary);
    const all = { actual: null, predicted: null, offset: 0, limit: 100, part: 'test' } as const;
    expect(await other.runRows(view.id, run.id, all)).toEqual(
      await engine.runRows(id, run.id, all),
    );
  });

  test('votes are there again when a teacher is changed back; of many former ones those of a run stay', async () => {
    const { engine, storage } = opened();
    const { id } = await labelled(engine, 'kind');
    const keys = async (): Promise<number> =>
      new Set(
        (await storage.entries('labelling', `${id}/votes/`)).map(({ key }) => key.split('/')[2]),
      ).size;
    await engine.configureLabelling(id, {
      ...SETTINGS,
      accept: { ...SETTINGS.accept, by: 'threshold', value: 0.5 },
    });
    expect((await engine.labelling(id)).teachers[0]?.done).toBe(90);
    await finish(engine.train(id, probe()));
    const [teacher] = SETTINGS.teachers;
    if (teacher?.kind !== 'rules') throw new Error('no rules');
    const changed = { ...teacher, rules: teacher.rules.slice(0, 1) };
    await engine.configureLabelling(id, { ...SETTINGS, teachers: [changed] });
    expect((await engine.labelling(id)).teachers[0]?.done).toBe(0);
    await finish(engine.runTeacher(id, 0, 'cpu'));
    expect(await keys()).toBe(2);
    await engine.configureLabelling(id, { ...SETTINGS, teachers: [] });
    await engine.configureLabelling(id, { ...SETTINGS, teachers: [changed] });
    expect((await engine.labelling(id)).teachers[0]?.done).toBe(90);
    for (const pattern of ['in', 'the', 'my', 'was', 'our', 'near']) {
      const rules = teacher.rules.map((rule) => ({ ...rule, pattern }));
      await engine.configureLabelling(id, { ...SETTINGS, teachers: [{ ...teacher, rules }] });
      await finish(engine.runTeacher(id, 0, 'cpu'));
    }
    // The one that stands, four before it, and the one that a run was made of.
    expect(await keys()).toBe(6);
    await engine.configureLabelling(id, SETTINGS);
    expect((await engine.labelling(id)).teachers[0]?.done).toBe(90);
  });
});

async function killedWhen(job: Job<unknown>, is: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const { done } = await job.next();
    if (done === true) throw new Error('it ended before it was killed');
    // Never asked to go on, as when the process is gone.
    if (await is()) return;
  }
}
