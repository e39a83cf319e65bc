/**
 * Data of other shapes through the engine, with the encoder that ships: several labels a text, names for
 * numbers, files that share texts, a validation part, repairs by hand, and what is taken away of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish, HeadlightError, seededRandom } from '../../../src/base';
import {
  classifierArchive,
  createEngine,
  figureNotes,
  openClassifier,
  type Engine,
  type EncoderEntry,
  type ProjectView,
  type TrainSettings,
} from '../../../src/engine';
import { DEFAULT_LOGISTIC, DEFAULT_MLP } from '../../../src/learning/heads';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';
import {
  choiceOfRecipe,
  classFigures,
  multiLabelFigures,
  type ProbeRun,
} from '../../../src/project';

let home: string;
let platform: Platform;
let engine: Engine;
let instant: EncoderEntry;

const file = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });

const SAYINGS = {
  rude: ['you are a stupid fool', 'shut up you idiot', 'what a dumb liar you are'],
  money: ['the invoice was charged twice', 'please refund my payment', 'the price is too high'],
  travel: ['the train left the station', 'our flight to Rome', 'a hotel near the airport'],
} as const;
const LABELS = ['rude', 'money', 'travel'] as const;

/** Rows of texts that say one, two or none of these things. */
function comments(rows: number, seed: number): { text: string; has: boolean[] }[] {
  const random = seededRandom(seed);
  return Array.from({ length: rows }, (_, row) => {
    const has = LABELS.map(() => random.next() < 0.4);
    const said = LABELS.flatMap((label, at) =>
      has[at] === true ? [SAYINGS[label][Math.floor(random.next() * 3)] ?? ''] : [],
    );
    return { text: `${said.join(' and ') || 'nothing much to report'} number ${seed}${row}`, has };
  });
}

const columnsCsv = (rows: readonly { text: string; has: boolean[] }[]): string =>
  `comment,${LABELS.join(',')}\n${rows
    .map(({ text, has }) => `${text},${has.map(Number).join(',')}`)
    .join('\n')}\n`;

function settings(change: Partial<TrainSettings> = {}): TrainSettings {
  return {
    encoder: instant.info.reference,
    embed: instant.info.defaults,
    device: 'cpu',
    head: { ...DEFAULT_LOGISTIC, C: 10 },
    baselines: false,
    ...change,
  };
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-any-table-'));
  platform = await createNodePlatform({ home });
  engine = createEngine(platform);
  const found = (await engine.listEncoders()).find(({ info }) => info.architecture === 'static');
  if (found === undefined) throw new Error('no instant encoder ships');
  instant = found;
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

describe('several labels a text', () => {
  let project: ProjectView;
  let run: ProbeRun;

  beforeAll(async () => {
    const created = await finish(
      engine.createProject([file('comments.csv', columnsCsv(comments(160, 1)))]),
    );
    project = await finish(
      engine.configureData(created.id, {
        ...created.choice,
        split: { method: 'stratified', testShare: 0.25, validationShare: 0.25, seed: 0 },
      }),
    );
    run = await finish(engine.train(project.id, settings({ baselines: true })));
  });

  it('finds the columns of 0 and 1, and counts each label in each part', () => {
    expect(project.choice.label).toEqual({ kind: 'columns', columns: [...LABELS] });
    expect(project.summary?.task).toBe('multi_label');
    const { trainRows = 0, validationRows = 0, testRows = 0 } = project.summary ?? {};
    expect(trainRows + validationRows + testRows).toBe(160);
    expect(validationRows).toBeGreaterThan(30);
    const all = comments(160, 1);
    project.summary?.classes.forEach(({ label, train, validation, test }, at) => {
      expect(label).toBe(LABELS[at]);
      expect(train + validation + test).toBe(all.filter(({ has }) => has[at]).length);
    });
  });

  it('learns them, with thresholds from the validation part, beside words alone', () => {
    const figures = multiLabelFigures(run.record);
    expect(run.record.task).toBe('multi_label');
    expect(figures?.test.rows).toBe(run.record.split.test_rows);
    expect(figures?.test.micro.f1_score).toBeGreaterThan(0.9);
    expect(figures?.validation?.rows).toBe(run.record.split.validation_rows);
    expect(figures?.thresholds).toHaveLength(3);
    expect(figures?.test.per_label.map(({ threshold }) => threshold)).toEqual(figures?.thresholds);
    expect(run.record.calibration).toBeNull();
    expect(run.record.baselines?.tfidf_logistic?.test).toHaveProperty('micro');
    expect(run.record.baselines?.nearest_centroid).toBeNull();
    expect(run.record.baselines?.verdict).toContain('micro-F1');
  });

  it('shows the rows: all of them add up, and the wrong ones are wrong', async () => {
    const query = { part: 'test', actual: null, predicted: null, offset: 0, limit: 500 } as const;
    const page = await engine.runRows(project.id, run.id, query);
    expect(page.total).toBe(run.record.split.test_rows);
    const truth = new Map(comments(160, 1).map(({ text, has }) => [text, has]));
    let right = 0;
    for (const { text, labels } of page.rows) {
      const has = truth.get(text) ?? [];
      expect(labels?.actual).toEqual([0, 1, 2].filter((label) => has[label]));
      if (String(labels?.actual) === String(labels?.predicted)) right++;
    }
    const subset = multiLabelFigures(run.record)?.test.subset_accuracy ?? 0;
    expect(right / page.total).toBeCloseTo(subset, 12);
    const wrong = await engine.runRows(project.id, run.id, { ...query, wrongOnly: true });
    expect(wrong.total).toBe(page.total - right);
  });

  it('gives a typed text a probability a label, and a file its labels joined', async () => {
    const texts = ['shut up you idiot and please refund my payment', 'nothing much to report'];
    const said = await engine.predictTexts(project.id, run.id, texts);
    expect(said.classes).toEqual(LABELS);
    const given = said.probabilities.map((row) =>
      row.map((share, at) => share >= (said.thresholds?.[at] ?? 1)),
    );
    expect(given).toEqual([
      [true, true, false],
      [false, false, false],
    ]);
    const labelled = await finish(
      engine.predictFile(
        project.id,
        run.id,
        file('new.csv', `comment,other\n${texts.map((text) => `${text},x`).join('\n')}\n`),
        null,
      ),
    );
    expect(labelled.preview.map(({ label }) => label)).toEqual(['rude;money', '']);
    expect(labelled.counts).toEqual([
      { label: 'rude', rows: 1 },
      { label: 'money', rows: 1 },
      { label: 'travel', rows: 0 },
    ]);
  });

  it.each(['logistic', 'mlp'] as const)(
    'takes the %s head away as one graph with a sigmoid a label that computes the same',
    async (kind) => {
      const trained =
        kind === 'logistic'
          ? run
          : await finish(
              engine.train(project.id, settings({ head: { ...DEFAULT_MLP, hidden: 16 } })),
            );
      const zip = await finish(engine.export(project.id, trained.id, 'onnx'));
      const files = classifierArchive(zip.bytes, zip.name);
      const config = JSON.parse(new TextDecoder().decode(files.get('config.json'))) as {
        readonly problem_type: string;
      };
      expect(config.problem_type).toBe('multi_label_classification');
      const classifier = await openClassifier(platform, files, 'cpu');
      const texts = comments(12, 7).map(({ text }) => text);
      const flat = await finish(classifier.probabilities(texts));
      const here = await engine.predictTexts(project.id, trained.id, texts);
      here.probabilities.flat().forEach((share, at) => {
        expect(flat[at]).toBeCloseTo(share, 4);
      });
      const csv = file(
        'new.csv',
        `comment,n\n${texts.map((text, n) => `${text},${n}`).join('\n')}\n`,
      );
      const away = await finish(classifier.predictFile(csv, null));
      const home = await finish(engine.predictFile(project.id, trained.id, csv, null));
      expect(away.preview.map(({ label }) => label)).toEqual(
        home.preview.map(({ label }) => label),
      );
      await classifier.close();
    },
    60_000,
  );

  it('opens again from its project zip, with the same rows and figures', async () => {
    const zip = await finish(engine.export(project.id, null, 'project'));
    const opened = await finish(engine.importProject({ name: zip.name, bytes: zip.bytes }));
    const [copy] = opened.runs.filter(({ id }) => id === run.id);
    expect(copy?.record).toEqual(JSON.parse(JSON.stringify(run.record)));
    const query = { part: 'validation', actual: 0, predicted: 1, offset: 0, limit: 9 } as const;
    expect(await engine.runRows(opened.id, run.id, query)).toEqual(
      await engine.runRows(project.id, run.id, query),
    );
  });

  it('gives the same numbers again from its recipe', async () => {
    const other = await finish(
      engine.createProject([file('comments.csv', columnsCsv(comments(160, 1)))]),
    );
    await finish(engine.configureData(other.id, choiceOfRecipe(run.recipe)));
    const again = await finish(engine.train(other.id, settings()));
    expect(again.record.metrics).toEqual(run.record.metrics);
    expect(again.recipe).toEqual(run.recipe);
  });
});

describe('one class a text', () => {
  const topics = (rows: number, seed: number): string[] => {
    const random = seededRandom(seed);
    return Array.from({ length: rows }, (_, row) => {
      const label = row % 3;
      const said = SAYINGS[LABELS[label] ?? 'rude'][Math.floor(random.next() * 3)] ?? '';
      return `${said} number ${seed}${row}\t${label}`;
    });
  };

  it('calls labels that are numbers by the file of their names', async () => {
    const view = await finish(
      engine.createProject([
        file('topics.tsv', `text\tlabel\n${topics(60, 1).join('\n')}\n`),
        file('labels.txt', `${LABELS.join('\n')}\n`),
      ]),
    );
    expect(view.choice.files).toEqual({ 'topics.tsv': 'train', 'labels.txt': 'names' });
    expect(view.summary?.classes.map(({ label }) => label).sort()).toEqual([...LABELS].sort());
    expect(view.summary?.changes.map(({ repair }) => repair.kind)).toEqual(['name_labels']);
    const run = await finish(engine.train(view.id, settings()));
    expect(run.recipe.data.files.map(({ role }) => role).sort()).toEqual(['names', 'train']);
  });

  it('drops texts that two files share from training, and gives both figures', async () => {
    const shared = topics(30, 3).slice(0, 6);
    const train = ['text\tlabel', ...topics(90, 2), ...shared].join('\n');
    const test = ['text\tlabel', ...topics(30, 3)].join('\n');
    const view = await finish(
      engine.createProject([file('train.tsv', train), file('test.tsv', test)]),
    );
    expect(view.summary).toMatchObject({ trainRows: 90, droppedFromTrain: 6, alsoInTraining: 6 });
    const { record } = await finish(engine.train(view.id, settings()));
    const { test: whole, test_unshared: rest } = classFigures(record);
    expect([whole.rows, rest?.rows]).toEqual([30, 24]);
    expect(figureNotes(record)).toEqual([expect.stringContaining('leaves out 6 test texts')]);
  });

  it('scales its probabilities by the validation part, and answers as before', async () => {
    const view = await finish(
      engine.createProject([file('t.tsv', `text\tlabel\n${topics(120, 5).join('\n')}\n`)]),
    );
    const split = {
      method: 'stratified',
      testShare: 0.25,
      validationShare: 0.25,
      seed: 0,
    } as const;
    await finish(engine.configureData(view.id, { ...view.choice, split }));
    // So weak a fit that it is not sure enough.
    const weak = { ...DEFAULT_LOGISTIC, C: 0.01 };
    const { record } = await finish(engine.train(view.id, settings({ head: weak })));
    const { validation } = classFigures(record);
    expect(record.calibration?.temperature).toBeLessThan(1);
    if (record.calibration?.at_bound === false)
      expect(validation?.log_loss).toBeCloseTo(record.calibration.nll_after, 6);
    expect(record.calibration?.nll_after).toBeLessThan(record.calibration?.nll_before ?? 0);
    expect(figureNotes(record)).toEqual([expect.stringMatching(/^Temperature.*validation rows/)]);
  });

  it('holds the run against words, centroids and neighbours, and says in words what it is worth', async () => {
    const view = await finish(
      engine.createProject([file('t.tsv', `text\tlabel\n${topics(60, 6).join('\n')}\n`)]),
    );
    const { record } = await finish(engine.train(view.id, settings({ baselines: true })));
    for (const name of ['tfidf_logistic', 'nearest_centroid', 'k_nearest'] as const)
      expect(record.baselines?.[name]?.test.rows).toBe(record.split.test_rows);
    expect(record.baselines?.verdict).toMatch(/TF-IDF and a logistic regression.*against/);
  });

  it('mends a label by hand in the part where it stands, and undoes it', async () => {
    const view = await finish(
      engine.createProject([file('t.tsv', `text\tlabel\n${topics(60, 8).join('\n')}\n`)]),
    );
    const run = await finish(engine.train(view.id, settings()));
    const query = { part: 'train', actual: 0, predicted: null, offset: 0, limit: 1 } as const;
    const [row] = (await engine.runRows(view.id, run.id, query)).rows;
    const mended = await finish(engine.setLabel(view.id, run.id, row?.index ?? -1, ['2']));
    const trained = (one: ProjectView): (number | undefined)[] =>
      [0, 2].map((label) => one.summary?.classes[label]?.train);
    const [zeros = 0, twos = 0] = trained(view);
    expect(trained(mended)).toEqual([zeros - 1, twos + 1]);
    expect(mended.summary?.changes[0]?.sentence).toContain('t.tsv, line');
    const again = await finish(engine.train(view.id, settings()));
    expect(again.record.data.changes).toHaveLength(1);
    expect(again.recipe.data.repairs).toEqual(mended.choice.repairs);
    const undone = await finish(engine.configureData(view.id, { ...mended.choice, repairs: [] }));
    expect(trained(undone)).toEqual([zeros, twos]);
    await expect(
      finish(engine.setLabel(view.id, run.id, row?.index ?? -1, ['blue'])),
    ).rejects.toMatchObject({ code: 'bad-setting' });
  });

  it('uses so many rows, stratified, and leaves the choice of files and parts to the person', async () => {
    const created = await finish(
      engine.createProject([file('a.tsv', `text\tlabel\n${topics(60, 9).join('\n')}\n`)]),
    );
    const added = await finish(
      engine.addFiles(created.id, [file('b.tsv', `text\tlabel\n${topics(30, 10).join('\n')}\n`)]),
    );
    expect(added.files.map(({ name }) => name)).toEqual(['a.tsv', 'b.tsv']);
    const files = { 'a.tsv': 'train', 'b.tsv': 'train' } as const;
    const split = { method: 'stratified', testShare: 0.2, seed: 0 } as const;
    const both = await finish(
      engine.configureData(created.id, { ...added.choice, files, split, useRows: 30 }),
    );
    const { classes = [], trainRows = 0, testRows = 0 } = both.summary ?? {};
    expect(trainRows + testRows).toBe(30);
    expect(classes.map(({ train, test }) => train + test)).toEqual([10, 10, 10]);
    const part = await finish(engine.dataFile(created.id, 'test'));
    const lines = new TextDecoder().decode(part.bytes).trim().split('\r\n');
    expect(lines).toHaveLength(1 + testRows);
    const removed = await finish(engine.removeFile(created.id, 'a.tsv'));
    expect(removed.files.map(({ name }) => name)).toEqual(['b.tsv']);
    expect(removed.summary?.trainRows).toBeGreaterThan(0);
    await expect(finish(engine.removeFile(created.id, 'b.tsv'))).rejects.toBeInstanceOf(
      HeadlightError,
    );
  });
});
