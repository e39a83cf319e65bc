/**
 * The report of a run on the engine, in Node, with the encoder that ships: its figures are those that the
 * evaluate room gives of the kept predictions, the studies test on rows that were not learned from, and the hint
 * on words is what the model says without each.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Papa from 'papaparse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import {
  createEngine,
  type Engine,
  type ProjectView,
  type RunReport,
  type RunView,
} from '../../../src/engine';
import {
  bootstrapInterval,
  brierScore,
  rocAuc,
  ThresholdAnalysis,
  topLabelReliability,
} from '../../../src/learning/evaluate';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import { createNodePlatform } from '../../../src/platform/node';
import { classFigures, type PartPredictions } from '../../../src/project';
import { thrownBy } from '../../helpers/error-of';

const sample = new URL('../../../public/samples/support-inbox.csv', import.meta.url);
const PHASE_SIGNAL = 'Learning curve';

let home: string;
let engine: Engine;
let project: ProjectView;
let run: RunView;
let report: RunReport;
let kept: PartPredictions;

/** Deliveries against everything else, so that there is a threshold. */
async function twoClasses(): Promise<Uint8Array> {
  const { data } = Papa.parse<{ message: string; topic: string }>(await readFile(sample, 'utf8'), {
    header: true,
    skipEmptyLines: true,
  });
  const rows = data.map(({ message, topic }) => ({
    message,
    topic: topic === 'delivery' ? 'delivery' : 'another',
  }));
  return new TextEncoder().encode(Papa.unparse(rows));
}

/** The probabilities of the test part, as the engine itself gives them row by row. */
async function testRows(): Promise<PartPredictions> {
  const { rows, total } = await engine.runRows(project.id, run.id, {
    part: 'test',
    actual: null,
    predicted: null,
    offset: 0,
    limit: 500,
  });
  expect(rows).toHaveLength(total);
  return {
    indices: Int32Array.from(rows, ({ index }) => index),
    labels: Int32Array.from(rows, ({ actual }) => actual),
    probabilities: Float64Array.from(
      rows.flatMap(({ predicted, probability }) =>
        predicted === 0 ? [probability, 1 - probability] : [1 - probability, probability],
      ),
    ),
    targets: null,
  };
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-report-'));
  engine = createEngine(await createNodePlatform({ home }));
  const instant = (await engine.listEncoders()).find(
    ({ info }) => info.reference.id === 'headlight-instant-en',
  );
  if (instant === undefined) throw new Error('the instant encoder does not ship');
  project = await finish(engine.createProject([{ name: 'two.csv', bytes: await twoClasses() }]));
  run = await finish(
    engine.train(project.id, {
      encoder: instant.info.reference,
      embed: instant.info.defaults,
      device: 'cpu',
      head: DEFAULT_LOGISTIC,
      baselines: false,
    }),
  );
  report = await finish(engine.runReport(project.id, run.id));
  kept = await testRows();
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

function figure(name: RunReport['figures'][number]['name']): RunReport['figures'][number] {
  const found = report.figures.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

describe('the report of a run', () => {
  it('says of both parts what the run record says', () => {
    const { train, test } = classFigures(run.record);
    expect(figure('accuracy')).toEqual({
      name: 'accuracy',
      train: train.accuracy,
      test: test.accuracy,
      interval: test.accuracy_interval,
      method: 'wilson',
    });
    expect(figure('roc_auc_ovr_macro').test).toBe(test.roc_auc);
    expect(report.testRows).toBe(test.rows);
    const perClass = test.per_class.map(({ f1_score, support }) => f1_score * support);
    expect(figure('f1_weighted').test).toBeCloseTo(
      perClass.reduce((a, b) => a + b, 0) / test.rows,
      12,
    );
  });

  it('gives the figures of the evaluate room on the kept predictions, row by row', () => {
    expect(figure('brier_score_loss').test).toBeCloseTo(
      brierScore(kept.probabilities, kept.labels, 2) ?? Number.NaN,
      12,
    );
    expect(report.reliability?.expected_calibration_error).toBeCloseTo(
      topLabelReliability(kept.probabilities, kept.labels, 2)?.expected_calibration_error ??
        Number.NaN,
      12,
    );
    expect(figure('expected_calibration_error').test).toBe(
      report.reliability?.expected_calibration_error,
    );
  });

  it('has the interval of a bootstrap of the figure by itself', () => {
    const [threshold] = report.thresholds;
    if (threshold === undefined) throw new Error('no threshold rows');
    const alone = bootstrapInterval(
      report.testRows,
      (rows) =>
        rocAuc(
          Float64Array.from(rows, (row) => threshold.scores[row] ?? 0),
          Uint8Array.from(rows, (row) => threshold.positive[row] ?? 0),
        ),
      { method: 'bca', resamples: report.resamples, confidence: 0.95, seed: 0 },
    );
    expect(figure('roc_auc_ovr_macro').interval?.[0]).toBeCloseTo(alone?.interval[0] ?? -1, 9);
    expect(figure('roc_auc_ovr_macro').interval?.[1]).toBeCloseTo(alone?.interval[1] ?? -1, 9);
    for (const { name, test, interval } of report.figures) {
      expect(interval, name).not.toBeNull();
      expect(interval?.[0], name).toBeLessThanOrEqual(test ?? -1);
      expect(interval?.[1], name).toBeGreaterThanOrEqual(test ?? 2);
    }
  });

  it('draws curves whose area is the figure, and counts that are the confusion matrix at one half', () => {
    const { roc, roc_auc } = report.curves[1] ?? { roc: null, roc_auc: null };
    let area = 0;
    roc?.fpr.forEach((fpr, at) => {
      if (at === 0) return;
      const width = fpr - (roc.fpr[at - 1] ?? 0);
      area += (width * ((roc.tpr[at] ?? 0) + (roc.tpr[at - 1] ?? 0))) / 2;
    });
    // Thinned to a thousandth.
    expect(Math.abs(area - (roc_auc ?? 0))).toBeLessThan(0.002);
    const [threshold] = report.thresholds;
    const at = ThresholdAnalysis.of(
      threshold?.scores ?? new Float64Array(),
      threshold?.positive ?? [],
    )?.at(0.5);
    const [[tn, fp] = [], [fn, tp] = []] = classFigures(run.record).test.confusion_matrix;
    expect(at).toMatchObject({ tn, fp, fn, tp });
  });

  it('is the same at any later time', async () => {
    expect(await finish(engine.runReport(project.id, run.id))).toEqual(report);
  });
});

describe('studies of a probe', () => {
  it('the whole training part gives the accuracy of the run', async () => {
    const curve = await finish(
      engine.learningCurve(project.id, run.id, { shares: [0.3, 1], seeds: [0, 1] }),
    );
    const { train, test } = classFigures(run.record);
    const whole = curve.points.filter(({ share }) => share === 1);
    expect(whole.length).toBeGreaterThan(0);
    for (const point of whole) {
      expect(point.trainRows).toBe(train.rows);
      expect(point.test['accuracy']).toBeCloseTo(test.accuracy, 2);
    }
    expect(curve.summary.points).toHaveLength(2);
  });

  it('folds test each row once, and stop when asked', async () => {
    const repeats = await finish(
      engine.repeatedFits(project.id, run.id, { method: 'folds', folds: 3, seed: 0 }),
    );
    const { train, test } = classFigures(run.record);
    expect(repeats.fits.reduce((sum, { testRows: rows }) => sum + rows, 0)).toBe(
      train.rows + test.rows,
    );
    const controller = new AbortController();
    const job = engine.learningCurve(
      project.id,
      run.id,
      { shares: [0.2, 0.5, 1], seeds: [0, 1, 2] },
      controller.signal,
    );
    for (;;) {
      const step = await job.next();
      if (step.done === true) throw new Error('it was not stopped');
      if (step.value.phase === PHASE_SIGNAL) break;
    }
    controller.abort();
    expect((await thrownBy(job)).code).toBe('aborted');
  });
});

describe('the words of a text', () => {
  it('weigh what the probability loses without them', async () => {
    const text = 'My parcel never arrived';
    const hint = await finish(engine.explainText(project.id, run.id, text, null, null));
    expect(hint.words.map(({ word }) => word)).toEqual(['My', 'parcel', 'never', 'arrived']);
    const { probabilities } = await engine.predictTexts(project.id, run.id, [
      text,
      'My  never arrived',
    ]);
    const whole = probabilities[0]?.[hint.class_index] ?? Number.NaN;
    const without = probabilities[1]?.[hint.class_index] ?? Number.NaN;
    expect(hint.probability).toBeCloseTo(whole, 6);
    expect(hint.words[1]?.effect).toBeCloseTo(whole - without, 6);
  });
});

describe('most sure and wrong', () => {
  it('are all the mistakes of the confusion matrix, the surest first', async () => {
    const { rows, total } = await engine.runRows(project.id, run.id, {
      part: 'test',
      wrongOnly: true,
      actual: null,
      predicted: null,
      offset: 0,
      limit: 500,
    });
    const { accuracy, rows: tested } = classFigures(run.record).test;
    expect(total).toBe(Math.round(tested * (1 - accuracy)));
    expect(rows.every(({ actual, predicted }) => actual !== predicted)).toBe(true);
    const sureness = rows.map(({ probability }) => probability);
    expect(sureness).toEqual([...sureness].sort((a, b) => b - a));
  });
});
