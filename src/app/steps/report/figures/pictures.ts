/** What the pictures of the full report show, and the tables beside them. */
import type { CurveStudy, MainFigure, RunReport } from '../../../../engine';
import type { ThresholdAnalysis, ThresholdPoint } from '../../../../learning/evaluate';
import type { PlotAxis, PlotPoint, PlotSpec, PlotTable } from '../../../parts/plot/types';
import { count, percent, score } from '../../../state/format';

export interface PictureContent {
  readonly spec: PlotSpec;
  readonly table: PlotTable;
  readonly summary: string;
}

const MOST_TABLE_ROWS = 40;

/** Of studies and comparisons. */
export const MAIN_FIGURES: Readonly<
  Record<MainFigure, { readonly name: string; readonly said: (value: number) => string }>
> = {
  accuracy: { name: 'Accuracy', said: (value) => percent(value) },
  f1_micro: { name: 'Micro-F1', said: (value) => score(value) },
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
    summary: `“${front.label}” against the rest: area ${score(front.roc_auc)}. On the dotted line the order would be chance.${behind.length > 0 ? ' The others stand behind it.' : ''}`,
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

/** @param at of several labels: the label; null: all of them as one. Else it says nothing. */
export function reliabilityPicture(report: RunReport, at: number | null): PictureContent | null {
  const { unit, multiLabel } = report;
  const one = multiLabel && at !== null ? report.curves[at] : undefined;
  const diagram = one === undefined ? report.reliability : one.reliability;
  if (diagram === null) return null;
  const { bins, expected_calibration_error: error } = diagram;
  const points = bins.map(({ mean_predicted: x, fraction_of_positives: y }) => ({ x, y }));
  const [sure, right] = multiLabel
    ? ['Stated probability', 'Share that has the label']
    : ['How sure it is', 'How often it is right'];
  return {
    spec: {
      x: share(sure),
      y: share(right),
      diagonal: true,
      lines: [{ name: 'This run', rank: 'first', dots: true, points }],
    },
    table: {
      columns: multiLabel
        ? ['Stated', 'Mean', 'Have it', one === undefined ? 'Answers' : `Test ${unit}s`]
        : ['How sure', 'Mean', 'Right', `Test ${unit}s`],
      rows: bins.map((bin) => [
        `${percent(bin.lower, 0)} to ${percent(bin.upper, 0)}`,
        percent(bin.mean_predicted),
        percent(bin.fraction_of_positives),
        count(bin.count),
      ]),
    },
    summary: `${
      multiLabel
        ? `${one === undefined ? 'All labels' : `“${one.label}”`}: below the dotted line fewer ${unit}s have the label than it says, above it more.`
        : 'Below the dotted line it is surer than it is right.'
    } Calibration error ${score(error)}: the mean distance from the line, over ${diagram.n_bins} bins of equal width.`,
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

export function learningCurvePicture({ steps, summary, figure }: CurveStudy): PictureContent {
  const { name, said } = MAIN_FIGURES[figure];
  const figures = steps.flatMap(({ rows, share: part, train, test }) => {
    const ends = { train: train[figure], test: test[figure] };
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
        label: name,
        domain: [Math.max(0, Math.floor(lowest * 10) / 10), 1],
        percent: figure === 'accuracy',
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
        said(test.mean),
        said(test.lowest),
        said(test.highest),
        said(train.mean),
      ]),
    },
    summary: `${summary.sentence} The band spans the lowest and highest of each size.`,
  };
}
