/** What the pictures of the full report show, and the tables beside them. */
import type { CurveStudy, ReportFigureName, RunReport } from '../../../../engine';
import type { ThresholdAnalysis, ThresholdPoint } from '../../../../learning/evaluate';
import type { PlotAxis, PlotPoint, PlotSpec, PlotTable } from '../../../parts/plot/types';
import { count, percent, score } from '../../../state/format';

export interface PictureContent {
  readonly spec: PlotSpec;
  readonly table: PlotTable;
  readonly summary: string;
}

const MOST_TABLE_ROWS = 40;

/** The figure's name in the page; the second says what it means, and which way is better. */
export const FIGURE_NAMES: Readonly<Record<ReportFigureName, readonly [string, string]>> = {
  accuracy: ['Accuracy', 'share that is right'],
  f1_weighted: ['Weighted F1', 'F1 of each class, weighted by its rows'],
  roc_auc_ovr_macro: ['ROC AUC', 'one class against the rest, mean of the classes; 0.5 is chance'],
  average_precision: ['Average precision', 'under the precision-recall curve, mean of the classes'],
  brier_score_loss: ['Brier score', 'squared error of the probabilities; lower is better'],
  expected_calibration_error: [
    'Calibration error',
    'how far it is less often right than it is sure; lower is better',
  ],
};

function share(label: string): PlotAxis {
  return { label, domain: [0, 1], percent: true };
}

/** Evenly over what there is, first and last among them. */
function some<Item>(items: readonly Item[], most = MOST_TABLE_ROWS): readonly Item[] {
  if (items.length <= most) return items;
  const step = (items.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, at) => items[Math.round(at * step)]).filter(
    (item) => item !== undefined,
  );
}

function paired(x: readonly number[], y: readonly number[]): PlotPoint[] {
  return x.map((value, at) => ({ x: value, y: y[at] ?? Number.NaN }));
}

function threshold(value: number | null | undefined): string {
  return value === null || value === undefined ? 'none' : score(value);
}

/** @param at index of the class that is drawn in front; the others stand behind it. */
export function rocPicture({ curves }: RunReport, at: number): PictureContent | null {
  const front = curves[at];
  if (front?.roc === null || front === undefined) return null;
  const { fpr, tpr, thresholds } = front.roc;
  const behind = curves.length === 2 ? [] : curves.filter((_, other) => other !== at);
  return {
    spec: {
      x: share('Others called so (false positive rate)'),
      y: share('Found (true positive rate)'),
      diagonal: true,
      lines: [
        ...behind.flatMap(({ label, roc }) =>
          roc === null
            ? []
            : [{ name: label, rank: 'quiet' as const, points: paired(roc.fpr, roc.tpr) }],
        ),
        { name: front.label, rank: 'first', points: paired(fpr, tpr) },
      ],
    },
    table: {
      columns: ['Threshold', 'Others called so', 'Found'],
      rows: some(
        fpr.map((value, row) => [
          threshold(thresholds[row]),
          percent(value),
          percent(tpr[row] ?? Number.NaN),
        ]),
      ),
    },
    summary: `“${front.label}” against the rest: area ${score(front.roc_auc)}. On the dotted line the order would be chance.${behind.length > 0 ? ' The other classes stand behind it.' : ''}`,
  };
}

/** As `rocPicture`. */
export function precisionRecallPicture({ curves }: RunReport, at: number): PictureContent | null {
  const front = curves[at];
  if (front === undefined || front.precision_recall === null) return null;
  const { precision, recall, thresholds } = front.precision_recall;
  const behind = curves.length === 2 ? [] : curves.filter((_, other) => other !== at);
  return {
    spec: {
      x: share('Found (recall)'),
      y: share('Right among those called so (precision)'),
      lines: [
        ...behind.flatMap(({ label, precision_recall: one }) =>
          one === null
            ? []
            : [{ name: label, rank: 'quiet' as const, points: paired(one.recall, one.precision) }],
        ),
        { name: front.label, rank: 'first', points: paired(recall, precision) },
      ],
    },
    table: {
      columns: ['Threshold', 'Found', 'Right'],
      rows: some(
        recall.map((value, row) => [
          threshold(thresholds[row]),
          percent(value),
          percent(precision[row] ?? Number.NaN),
        ]),
      ),
    },
    summary: `“${front.label}” against the rest: average precision ${score(front.average_precision)}. The closer to the upper right, the better.`,
  };
}

export function reliabilityPicture({ reliability, unit }: RunReport): PictureContent | null {
  if (reliability === null) return null;
  const { bins, expected_calibration_error: error } = reliability;
  const points = bins.map(({ mean_predicted: x, fraction_of_positives: y }) => ({ x, y }));
  return {
    spec: {
      x: share('How sure it is'),
      y: share('How often it is right'),
      diagonal: true,
      lines: [{ name: 'This run', rank: 'first', dots: true, points }],
    },
    table: {
      columns: ['How sure', 'Mean', 'Right', `Test ${unit}s`],
      rows: bins.map((bin) => [
        `${percent(bin.lower, 0)} to ${percent(bin.upper, 0)}`,
        percent(bin.mean_predicted),
        percent(bin.fraction_of_positives),
        count(bin.count),
      ]),
    },
    summary: `Below the dotted line it is surer than it is right. Calibration error ${score(error)}: the mean distance from the line, over ${reliability.n_bins} bins of equal width.`,
  };
}

/** @param at the point that is chosen now. */
export function costPicture(
  analysis: ThresholdAnalysis,
  at: ThresholdPoint,
  label: string,
): PictureContent {
  const points = analysis
    .points(200)
    .filter(({ threshold: value }) => value !== null)
    .reverse();
  const most = Math.max(1e-9, at.cost, ...points.map(({ cost }) => cost));
  return {
    spec: {
      x: share(`Threshold on the probability of “${label}”`),
      y: { label: 'Cost', domain: [0, most * 1.05], percent: false },
      lines: [
        {
          name: 'Cost',
          rank: 'first',
          points: points.map((point) => ({ x: point.threshold ?? 1, y: point.cost })),
        },
      ],
      marks: [{ x: at.threshold ?? 1, y: at.cost, name: `cost ${count(Math.round(at.cost))}` }],
    },
    table: {
      columns: ['Threshold', 'Cost', 'Wrongly called so', 'Missed', 'Precision', 'Recall'],
      rows: some(points).map((point) => [
        threshold(point.threshold),
        String(Number(point.cost.toFixed(2))),
        count(point.fp),
        count(point.fn),
        percent(point.precision),
        percent(point.recall),
      ]),
    },
    summary: `What the mistakes on the test texts cost at each threshold.`,
  };
}

export function learningCurvePicture({ steps, summary }: CurveStudy): PictureContent {
  const figures = steps.flatMap(({ rows, share: part, train, test }) => {
    const ends = { train: train['accuracy'], test: test['accuracy'] };
    return ends.train === undefined || ends.test === undefined
      ? []
      : [{ rows, part, train: ends.train, test: ends.test }];
  });
  const lowest = Math.min(...figures.flatMap(({ train, test }) => [train.lowest, test.lowest]));
  const last = Math.max(1, ...figures.map(({ rows }) => rows));
  return {
    spec: {
      x: { label: 'Training texts', domain: [0, last], percent: false },
      y: {
        label: 'Accuracy',
        domain: [Math.max(0, Math.floor(lowest * 10) / 10), 1],
        percent: true,
      },
      lines: [
        {
          name: 'On the test texts',
          rank: 'first',
          dots: true,
          points: figures.map(({ rows, test }) => ({ x: rows, y: test.mean })),
          band: figures.map(({ rows, test }) => ({
            x: rows,
            low: test.lowest,
            high: test.highest,
          })),
        },
        {
          name: 'On the training texts',
          rank: 'second',
          dots: true,
          points: figures.map(({ rows, train }) => ({ x: rows, y: train.mean })),
        },
      ],
    },
    table: {
      columns: ['Training texts', 'Test, mean', 'Lowest', 'Highest', 'Training, mean'],
      rows: figures.map(({ rows, train, test }) => [
        count(rows),
        percent(test.mean),
        percent(test.lowest),
        percent(test.highest),
        percent(train.mean),
      ]),
    },
    summary: `${summary.sentence} The band spans the lowest and highest of each size.`,
  };
}
