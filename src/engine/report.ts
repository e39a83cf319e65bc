/** The report of a run, from the predictions that were kept with it: the same figures at any later time. */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../base';
import {
  bootstrapInterval,
  detailedMetrics,
  evaluate,
  precisionRecallCurve,
  rocCurve,
  thinPrecisionRecallCurve,
  thinRocCurve,
  topLabelReliability,
  trainTestGap,
  type DetailedMetrics,
  type Metrics,
} from '../learning/evaluate';
import { readPredictions, type PartPredictions } from '../project';
import type { Projects } from './projects';
import {
  REPORT_FIGURES,
  type ClassCurves,
  type ReportFigure,
  type ReportFigureName,
  type RunReport,
} from './report-types';

/** Resamples by how much one costs: [rows times classes at most, resamples]. Above the last: no bootstrap. */
const RESAMPLES: readonly (readonly [number, number])[] = [
  [10_000, 1000],
  [40_000, 300],
  [150_000, 100],
];
const SEED = 0;

type Figures = Pick<Metrics & DetailedMetrics, ReportFigureName>;

/** @throws HeadlightError `bad-setting` for several labels a text, `not-found`. */
export async function* runReport(
  projects: Projects,
  project: string,
  run: string,
  signal?: AbortSignal,
): Job<RunReport> {
  const { document, predictions } = await projects.store.run(project, run);
  const { recipe, record } = document;
  if (recipe.task === 'multi_label') {
    throw new HeadlightError(
      'bad-setting',
      'Curves are drawn of one class a text, not of several labels.',
      {
        hint: 'Look at the figures of each label.',
      },
    );
  }
  const meter = new ProgressMeter('Report', 'figures', REPORT_FIGURES.length);
  yield meter.at(0);
  const kept = readPredictions(predictions);
  const { classes } = record.data;
  const k = classes.length;
  const train = figuresOfPart(kept.train, classes);
  const test = figuresOfPart(kept.test, classes);
  const metrics = evaluate(kept.test.probabilities, kept.test.labels, classes);
  const detailed = detailedMetrics(metrics, kept.test.probabilities, kept.test.labels);
  const resamples = RESAMPLES.find(([cells]) => kept.test.labels.length * k <= cells)?.[1] ?? 0;
  const resampled = new Resampled(kept.test, classes);
  const figures: ReportFigure[] = [];
  for (const name of REPORT_FIGURES) {
    throwIfAborted(signal);
    const base = { name, train: train[name], test: test[name] };
    if (name === 'accuracy') {
      figures.push({ ...base, interval: metrics.accuracy_interval, method: 'wilson' });
    } else {
      const found =
        resamples === 0
          ? null
          : bootstrapInterval(kept.test.labels.length, resampled.figure(name), {
              method: 'bca',
              resamples,
              confidence: 0.95,
              seed: SEED,
            });
      figures.push({ ...base, interval: found?.interval ?? null, method: found?.method ?? null });
    }
    yield meter.at(figures.length);
  }
  return {
    run,
    unit: recipe.task === 'token_classification' ? 'word' : 'text',
    classes,
    trainRows: kept.train.labels.length,
    testRows: kept.test.labels.length,
    figures,
    resamples,
    curves: detailed.per_class.map((figures, at) => ({ ...figures, ...curves(kept.test, at, k) })),
    reliability: topLabelReliability(kept.test.probabilities, kept.test.labels, k),
    threshold:
      k === 2
        ? { scores: scoresOf(kept.test, 1, 2), positive: isClass(kept.test.labels, 1) }
        : null,
    gap: trainTestGap(train.accuracy, test.accuracy, metrics.accuracy_interval),
  };
}

function figuresOfPart(
  { probabilities, labels }: Pick<PartPredictions, 'probabilities' | 'labels'>,
  classes: readonly string[],
): Figures {
  const metrics = evaluate(probabilities, labels, classes);
  return { ...metrics, ...detailedMetrics(metrics, probabilities, labels) };
}

/**
 * The figures of resampled rows, all of them at once: with one seed the resamples of every figure are the same,
 * so that what the first of them cost is not paid again.
 */
class Resampled {
  readonly #part: PartPredictions;
  readonly #classes: readonly string[];
  readonly #known = new Map<number, Figures>();

  constructor(part: PartPredictions, classes: readonly string[]) {
    this.#part = part;
    this.#classes = classes;
  }

  figure(name: ReportFigureName): (rows: Int32Array) => number | null {
    return (rows) => this.#of(rows)[name];
  }

  #of(rows: Int32Array): Figures {
    // 53 bits of a polynomial hash over the rows: a thousand resamples do not meet by chance.
    let low = rows.length;
    let high = 7;
    for (const row of rows) {
      low = (Math.imul(low, 31) + row) | 0;
      high = (Math.imul(high, 1_000_003) ^ row) | 0;
    }
    const key = (high >>> 11) * 2 ** 32 + (low >>> 0);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const k = this.#classes.length;
    const labels = new Int32Array(rows.length);
    const probabilities = new Float64Array(rows.length * k);
    rows.forEach((row, at) => {
      labels[at] = this.#part.labels[row] ?? -1;
      probabilities.set(this.#part.probabilities.subarray(row * k, (row + 1) * k), at * k);
    });
    const { accuracy, ...all } = figuresOfPart({ labels, probabilities }, this.#classes);
    const figures: Figures = {
      accuracy,
      f1_weighted: all.f1_weighted,
      roc_auc_ovr_macro: all.roc_auc_ovr_macro,
      average_precision: all.average_precision,
      brier_score_loss: all.brier_score_loss,
      expected_calibration_error: all.expected_calibration_error,
    };
    this.#known.set(key, figures);
    return figures;
  }
}

function curves(
  part: PartPredictions,
  at: number,
  k: number,
): Pick<ClassCurves, 'roc' | 'precision_recall'> {
  const scores = scoresOf(part, at, k);
  const positive = isClass(part.labels, at);
  const roc = rocCurve(scores, positive);
  const precisionRecall = precisionRecallCurve(scores, positive);
  return {
    roc: roc === null ? null : thinRocCurve(roc),
    precision_recall: precisionRecall === null ? null : thinPrecisionRecallCurve(precisionRecall),
  };
}

function scoresOf({ probabilities, labels }: PartPredictions, at: number, k: number): Float64Array {
  return Float64Array.from(labels, (_, row) => probabilities[row * k + at] ?? Number.NaN);
}

function isClass(labels: Int32Array, at: number): Uint8Array {
  return Uint8Array.from(labels, (label) => (label === at ? 1 : 0));
}
