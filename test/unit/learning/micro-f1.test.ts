/** Several labels a row by resampling, two classifiers on the same rows, and the best answer without a text. */
import { describe, expect, it, test } from 'vitest';
import { labelReporter } from '../../../src/engine/report-figures';
import {
  evaluateMultiLabel,
  mcnemar,
  microF1,
  microF1Interval,
  pairedMicroF1,
  rowCounts,
  sameAnswerBaseline,
  type RowCounts,
} from '../../../src/learning/evaluate';
import golden from '../../reference/learning/several.json';

type Pair = (typeof golden.pairs)[number];

/** Ends of intervals of a thousand draws against forty thousand. */
const NEAR = 0.015;

function both({ first, second, targets, thresholds }: Pair): [RowCounts, RowCounts] {
  const has = Uint8Array.from(targets);
  return [
    rowCounts(Float64Array.from(first), has, thresholds),
    rowCounts(Float64Array.from(second), has, thresholds),
  ];
}

function near(found: readonly number[], wanted: readonly number[]): void {
  found.forEach((end, at) => {
    expect(Math.abs(end - (wanted[at] ?? Number.NaN))).toBeLessThan(NEAR);
  });
}

describe.each(golden.pairs)('$rows rows of $labels labels', (pair) => {
  const [first, second] = both(pair);

  it('has scikit-learn’s micro-F1 and, within the luck of the draw, scipy’s BCa interval', () => {
    expect(microF1(first)).toBeCloseTo(pair.micro[0] ?? Number.NaN, 12);
    expect(microF1(second)).toBeCloseTo(pair.micro[1] ?? Number.NaN, 12);
    const found = microF1Interval(first);
    expect(found?.method).toBe('bca');
    near(found?.interval ?? [], pair.interval);
  });

  it('compares two classifiers as scipy’s paired bootstrap does', () => {
    const found = pairedMicroF1(first, second);
    expect(found.difference).toBeCloseTo((pair.micro[0] ?? 0) - (pair.micro[1] ?? 0), 12);
    near(found.interval, pair.difference_interval);
    expect(Math.abs(found.p_value - pair.p_value)).toBeLessThan(0.02 + pair.p_value * 0.1);
    // Interval and p of the same draws say the same.
    expect(found.interval[0] > 0 || found.interval[1] < 0).toBe(found.p_value < 0.05);
  });

  it('turns about with the two, and finds nothing between a classifier and itself', () => {
    const there = pairedMicroF1(first, second);
    const back = pairedMicroF1(second, first);
    expect(back.difference).toBe(-there.difference);
    expect(back.p_value).toBe(there.p_value);
    near(
      back.interval.map((end) => -end),
      [...there.interval].reverse(),
    );
    expect(pairedMicroF1(first, first)).toMatchObject({
      difference: 0,
      interval: [0, 0],
      p_value: 1,
    });
  });

  it('gives the report’s figures of every cell as scikit-learn does', () => {
    const classes = Array.from({ length: pair.labels }, (_, at) => `label ${at}`);
    const rows = {
      labels: new Int32Array(pair.rows),
      probabilities: Float64Array.from(pair.first),
      targets: Uint8Array.from(pair.targets),
    };
    const reporter = labelReporter(classes, pair.thresholds);
    const figures = reporter.figures(rows);
    expect(figures.brier_score_loss).toBeCloseTo(pair.brier, 12);
    expect(figures.expected_calibration_error).toBeCloseTo(pair.calibration_error, 12);
    expect(figures.f1_micro).toBeCloseTo(pair.micro[0] ?? Number.NaN, 12);
    expect(figures.f1_samples).toBeCloseTo(pair.samples, 12);
    expect(figures.subset_accuracy).toBeCloseTo(pair.subset_accuracy, 12);
    // The same figures that a run is kept with.
    const kept = evaluateMultiLabel(rows.probabilities, rows.targets, pair.thresholds, classes);
    expect(figures.roc_auc_macro).toBe(kept.macro.roc_auc);
    expect(figures.average_precision_micro).toBe(kept.micro.average_precision);
    expect(reporter.perClass(rows).map((one) => one.roc_auc)).toEqual(
      kept.per_label.map((one) => one.roc_auc),
    );
  });
});

test('one label a text is the F1 of that label; all right against all wrong is beyond chance', () => {
  const right: RowCounts = {
    right: Int32Array.of(1, 0, 1, 1, 0, 1, 1, 1, 1, 1),
    given: Int32Array.of(1, 0, 1, 1, 0, 1, 1, 1, 1, 1),
    actual: Int32Array.of(1, 0, 1, 1, 0, 1, 1, 1, 1, 1),
  };
  const wrong = { ...right, right: new Int32Array(10) };
  const found = pairedMicroF1(right, wrong);
  expect(found).toMatchObject({ first: 1, second: 0, difference: 1, interval: [1, 1] });
  expect(found.p_value).toBeLessThan(0.001);
  expect(mcnemar([true], [false]).p_value).toBe(1);
  expect(() => pairedMicroF1(right, { ...wrong, right: new Int32Array(9) })).toThrow('same rows');
});

describe('the best answer without a text is the best of all sets of labels', () => {
  test.each(golden.fixed)('$train.support of $train.rows', (one) => {
    const part = ({ rows, support }: { rows: number; support: number[] }) =>
      evaluateMultiLabel(...of(rows, support));
    const found = sameAnswerBaseline(part(one.train), part(one.test));
    expect([...found.labels].sort()).toEqual(one.chosen.map((at) => `label ${at}`));
    const { precision, recall, f1_score } = found.micro;
    [precision, recall, f1_score].forEach((value, at) => {
      expect(value).toBeCloseTo(one.micro[at] ?? Number.NaN, 12);
    });
    expect(found.macro.f1_score).toBeCloseTo(one.macro, 12);
    expect(found.hamming_loss).toBeCloseTo(one.hamming_loss, 12);
  });

  /** Rows of which the first so many have each label. */
  function of(rows: number, support: readonly number[]): Parameters<typeof evaluateMultiLabel> {
    const k = support.length;
    const targets = Uint8Array.from({ length: rows * k }, (_, cell) =>
      Math.floor(cell / k) < (support[cell % k] ?? 0) ? 1 : 0,
    );
    const names = support.map((_, at) => `label ${at}`);
    return [new Float64Array(rows * k), targets, support.map(() => 0.5), names];
  }
});
