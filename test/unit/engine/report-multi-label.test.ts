/**
 * Several labels a text on the engine, in Node, with the encoder that ships: its report is of the run's own figures,
 * the four counts of a label are rows that can be read, studies test on unseen rows, and two runs are compared.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import { createEngine, type Engine, type ProjectView, type RunView } from '../../../src/engine';
import { ThresholdAnalysis, wilsonInterval } from '../../../src/learning/evaluate';
import { DEFAULT_LOGISTIC, type LogisticSettings } from '../../../src/learning/heads';
import { createNodePlatform } from '../../../src/platform/node';
import { multiLabelFigures, type MultiLabelFigures } from '../../../src/project';

const TOPICS = ['parcel', 'refund', 'screen'] as const;
const FILLERS = ['today', 'again', 'please', 'still', 'now'] as const;

let home: string;
let engine: Engine;
let project: ProjectView;
let plain: RunView;
let strong: RunView;

/** The words say which labels; every seventh row says one too few, so that not all is right. */
function table(): Uint8Array {
  const lines = ['text,parcel,refund,screen'];
  for (let row = 0; row < 210; row++) {
    const has = TOPICS.map((_, at) => ((row >> at) & 1) === 1);
    const said = TOPICS.filter((_, at) => has[at] === true && !(row % 7 === 0 && at === row % 3));
    lines.push(
      `${FILLERS[row % 5] ?? ''} ${row} my ${said.join(' and ')},${has.map(Number).join(',')}`,
    );
  }
  return new TextEncoder().encode(lines.join('\n'));
}

async function trained(head: Partial<LogisticSettings>): Promise<RunView> {
  const instant = (await engine.listEncoders()).find(
    ({ info }) => info.reference.id === 'headlight-instant-en',
  );
  if (instant === undefined) throw new Error('the instant encoder does not ship');
  return finish(
    engine.train(project.id, {
      encoder: instant.info.reference,
      embed: instant.info.defaults,
      device: 'cpu',
      head: { ...DEFAULT_LOGISTIC, ...head },
      baselines: false,
    }),
  );
}

function figuresOf({ record }: RunView): MultiLabelFigures {
  const found = multiLabelFigures(record);
  if (found === null) throw new Error('it is not of several labels');
  return found;
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-several-'));
  engine = createEngine(await createNodePlatform({ home }));
  project = await finish(engine.createProject([{ name: 'several.csv', bytes: table() }]));
  project = await finish(
    engine.configureData(project.id, {
      ...project.choice,
      split: { method: 'stratified', testShare: 0.2, validationShare: 0.2, seed: 0 },
    }),
  );
  plain = await trained({ C: 1 });
  strong = await trained({ C: 0.001 });
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

describe('the report of several labels', () => {
  it('says what the run record says, and counts rows of which every label is right with Wilson', async () => {
    const report = await finish(engine.runReport(project.id, plain.id));
    const { train, test, thresholds } = figuresOf(plain);
    const figure = (name: string) => report.figures.find((one) => one.name === name);
    expect(figure('f1_micro')).toMatchObject({
      train: train.micro.f1_score,
      test: test.micro.f1_score,
    });
    expect(figure('hamming_loss')?.test).toBe(test.hamming_loss);
    expect(figure('roc_auc_macro')?.test).toBe(test.macro.roc_auc);
    expect(figure('subset_accuracy')).toMatchObject({
      test: test.subset_accuracy,
      method: 'wilson',
      interval: wilsonInterval(Math.round(test.subset_accuracy * test.rows), test.rows),
    });
    // Kept with the run and computed anew: the same bootstrap.
    expect(figure('f1_micro')?.interval).toEqual(test.micro_f1_interval);
    expect(report.gap.gap).toBe(train.micro.f1_score - test.micro.f1_score);
    expect(report.gap.sentence).toContain('Micro-F1');
    expect(report.multiLabel).toBe(true);
    expect(report.curves.map(({ label }) => label)).toEqual(TOPICS);
    report.thresholds.forEach(({ label, start, scores, positive }, at) => {
      expect(start).toBe(thresholds[at]);
      const [[tn, fp], [fn, tp]] = test.per_label[at]?.confusion_matrix ?? [
        [-1, -1],
        [-1, -1],
      ];
      expect(ThresholdAnalysis.of(scores, positive)?.at(start), label).toMatchObject({
        tn,
        fp,
        fn,
        tp,
      });
    });
  });

  it('has the rows behind each of the four counts of a label', async () => {
    const { test } = figuresOf(plain);
    for (const actual of [true, false]) {
      for (const predicted of [true, false]) {
        const page = await engine.runRows(project.id, plain.id, {
          part: 'test',
          actual: null,
          predicted: null,
          cell: { label: 1, actual, predicted },
          offset: 0,
          limit: 500,
        });
        expect(page.total).toBe(
          test.per_label[1]?.confusion_matrix[actual ? 1 : 0][predicted ? 1 : 0],
        );
        for (const { labels } of page.rows) {
          expect(labels?.actual.includes(1)).toBe(actual);
          expect(labels?.predicted.includes(1)).toBe(predicted);
        }
      }
    }
  });
});

describe('studies of several labels', () => {
  it('all of the training part is the run itself: micro-F1 by the same thresholds', async () => {
    const curve = await finish(
      engine.learningCurve(project.id, plain.id, { shares: [0.4, 1], seeds: [0] }),
    );
    expect(curve.figure).toBe('f1_micro');
    const whole = curve.points.find(({ share }) => share === 1);
    expect(whole?.test['f1_micro']).toBeCloseTo(figuresOf(plain).test.micro.f1_score, 9);
  });

  it('random splits are as many as seeds, folds test each row once', async () => {
    const seeds = await finish(
      engine.repeatedFits(project.id, plain.id, {
        method: 'seeds',
        seeds: [0, 1, 2],
        testShare: 0.25,
      }),
    );
    expect(seeds.fits).toHaveLength(3);
    const rows = figuresOf(plain).train.rows + figuresOf(plain).test.rows;
    for (const { trainRows, testRows } of seeds.fits) expect(trainRows + testRows).toBe(rows);
    const folds = await finish(
      engine.repeatedFits(project.id, plain.id, { method: 'folds', folds: 3, seed: 0 }),
    );
    expect(folds.fits.reduce((sum, { testRows }) => sum + testRows, 0)).toBe(rows);
    expect(folds.figure).toBe('f1_micro');
  });
});

describe('two runs of several labels', () => {
  it('are compared by micro-F1 on the same rows, and by rows that are wholly right', async () => {
    const { rows, test, micro_f1 } = await engine.compareRuns(project.id, plain.id, strong.id);
    const [one, other] = [figuresOf(plain).test, figuresOf(strong).test];
    expect(rows).toBe(one.rows);
    expect(micro_f1?.first).toBeCloseTo(one.micro.f1_score, 12);
    expect(micro_f1?.second).toBeCloseTo(other.micro.f1_score, 12);
    expect(test.difference).toBeCloseTo(one.subset_accuracy - other.subset_accuracy, 12);
    expect(micro_f1?.interval[0]).toBeLessThanOrEqual(micro_f1?.difference ?? Number.NaN);
    const same = await engine.compareRuns(project.id, plain.id, plain.id);
    expect(same.micro_f1?.p_value).toBe(1);
  });

  it('not when the rows were drawn anew', async () => {
    await finish(
      engine.configureData(project.id, {
        ...project.choice,
        split: { method: 'stratified', testShare: 0.2, validationShare: 0.2, seed: 9 },
      }),
    );
    const other = await trained({ C: 1 });
    await expect(engine.compareRuns(project.id, plain.id, other.id)).rejects.toThrow('same rows');
  });
});
