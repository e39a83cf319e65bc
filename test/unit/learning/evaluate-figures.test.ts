/** The full report's figures are scikit-learn's (and scipy's) on the same numbers, degenerate ones too. */
import { describe, expect, it } from 'vitest';
import {
  averagePrecision,
  bootstrapEnds,
  detailedMetrics,
  evaluate,
  evaluateMultiLabel,
  fitTemperature,
  precisionRecallCurve,
  reliabilityDiagram,
  rocAuc,
  rocCurve,
  summariseLearningCurve,
  summariseRepeats,
  ThresholdAnalysis,
  type BinStrategy,
} from '../../../src/learning/evaluate';
import { normalQuantile, studentQuantile } from '../../../src/learning/evaluate/distributions';
import { golden } from './goldens';

type Numbers = readonly (number | null)[];
interface Curves {
  readonly roc: { readonly fpr: Numbers; readonly tpr: Numbers; readonly thresholds: Numbers };
  readonly pr: {
    readonly precision: Numbers;
    readonly recall: Numbers;
    readonly thresholds: Numbers;
  };
}
interface Goldens {
  readonly binary: readonly {
    readonly name: string;
    readonly outcomes: readonly number[];
    readonly scores: Numbers;
    readonly figures: {
      readonly roc_auc: number | null;
      readonly average_precision: number | null;
      readonly curves: Readonly<Record<'true' | 'false', Curves>>;
      readonly reliability: readonly {
        readonly n_bins: number;
        readonly strategy: BinStrategy;
        readonly prob_true: Numbers | null;
        readonly prob_pred: Numbers | null;
        readonly ece: number | null;
      }[];
      readonly thresholds: readonly { readonly threshold: number }[];
      readonly best: {
        readonly cost: number;
        readonly cost_threshold: number | null;
        readonly f1: number;
        readonly f1_threshold: number | null;
      } | null;
    };
  }[];
  readonly multiclass: readonly {
    readonly name: string;
    readonly classes: number;
    readonly labels: readonly number[];
    readonly probabilities: Numbers;
    readonly figures: object;
  }[];
  readonly multilabel: readonly {
    readonly name: string;
    readonly classes: number;
    readonly targets: readonly number[];
    readonly probabilities: Numbers;
    readonly thresholds: readonly number[];
    readonly figures: object;
  }[];
  readonly temperatures: readonly {
    readonly name: string;
    readonly classes: number;
    readonly logits: readonly number[];
    readonly labels: readonly number[];
    readonly temperature: number;
    readonly nll_before: number;
    readonly nll_after: number;
  }[];
  readonly bootstraps: readonly {
    readonly name: string;
    readonly value: number;
    readonly distribution: readonly number[];
    readonly jackknife: readonly number[];
    readonly percentile: Numbers;
    readonly bca: Numbers;
  }[];
  readonly repeats: {
    readonly values: readonly number[];
    readonly train: number;
    readonly test: number;
    readonly mean: number;
    readonly standard_deviation: number;
    readonly t_interval: Numbers;
    readonly corrected_interval: Numbers;
    readonly welch: Numbers;
  };
  readonly normal: readonly (readonly [number, number])[];
  readonly student: readonly (readonly [number, number, number])[];
}

const goldens = golden('figures.json') as Goldens;

describe('two classes: curves, areas, calibration and thresholds', () => {
  it.each(goldens.binary)('$name', ({ outcomes, scores: packed, figures }) => {
    const scores = float64(packed);
    expectSame(rocAuc(scores, outcomes), figures.roc_auc, 'roc_auc');
    expectSame(averagePrecision(scores, outcomes), figures.average_precision, 'average_precision');
    for (const drop of [true, false]) {
      const { roc, pr } = figures.curves[drop ? 'true' : 'false'];
      expectSame(rocCurve(scores, outcomes, drop), roc, 'roc');
      expectSame(precisionRecallCurve(scores, outcomes, drop), pr, 'pr');
    }
    for (const { n_bins, strategy, prob_true, prob_pred, ece } of figures.reliability) {
      const found = reliabilityDiagram(scores, outcomes, n_bins, strategy);
      const bins = found?.bins ?? null;
      const where = `${strategy} ${n_bins}`;
      expectSame(bins?.map((bin) => bin.fraction_of_positives) ?? null, prob_true, where);
      expectSame(bins?.map((bin) => bin.mean_predicted) ?? null, prob_pred, where);
      expectSame(found?.expected_calibration_error ?? null, ece, where);
    }
    const analysis = ThresholdAnalysis.of(scores, outcomes, {
      false_positive: 1,
      false_negative: 5,
    });
    expect(analysis === null).toBe(figures.best === null);
    if (analysis === null || figures.best === null) return;
    for (const point of figures.thresholds)
      expectSame(analysis.at(point.threshold), point, `threshold ${point.threshold}`);
    expectSame(analysis.cheapest().cost, figures.best.cost, 'cost');
    expect(analysis.cheapest().threshold).toBe(figures.best.cost_threshold);
    expectSame(analysis.highestF1().f1_score, figures.best.f1, 'f1');
    expect(analysis.highestF1().threshold).toBe(figures.best.f1_threshold);
  });
});

describe('several classes', () => {
  it.each(goldens.multiclass)('$name', ({ classes, labels, probabilities, figures }) => {
    const names = Array.from({ length: classes }, (_, c) => `class ${c}`);
    const p = float64(probabilities);
    const actual = Int32Array.from(labels);
    expectSame(detailedMetrics(evaluate(p, actual, names), p, actual), figures);
  });
});

describe('several labels a row', () => {
  it.each(goldens.multilabel)('$name', (one) => {
    const names = Array.from({ length: one.classes }, (_, c) => `label ${c}`);
    const found = evaluateMultiLabel(
      float64(one.probabilities),
      Uint8Array.from(one.targets),
      one.thresholds,
      names,
    );
    expectSame(found, one.figures);
  });

  it('refuses to evaluate nothing', () => {
    expect(() => evaluateMultiLabel(new Float64Array(0), new Uint8Array(0), [0.5], ['a'])).toThrow(
      'There are no rows to evaluate.',
    );
  });
});

describe('the temperature is the optimum that scipy finds', () => {
  it.each(goldens.temperatures)('$name', (one) => {
    const found = fitTemperature(
      Float64Array.from(one.logits),
      Int32Array.from(one.labels),
      one.classes,
    );
    // scipy minimises the loss itself, which is flat at its minimum: half of the digits
    expect(Math.abs(found.temperature / one.temperature - 1)).toBeLessThan(1e-6);
    expectSame(found.nll_before, one.nll_before);
    expectSame(found.nll_after, one.nll_after);
    expect(found.at_bound).toBe(false);
  });

  it('says so when every row is right: no temperature is low enough', () => {
    const found = fitTemperature(Float64Array.of(2, 0, 0, 2), Int32Array.of(0, 1), 2);
    expect(found.at_bound).toBe(true);
    expect(found.temperature).toBeCloseTo(0.01, 9);
  });
});

describe('intervals of the same resamples are those of scipy.stats.bootstrap', () => {
  it.each(goldens.bootstraps)('$name', (one) => {
    const distribution = Float64Array.from(one.distribution);
    const plain = bootstrapEnds(distribution, one.value, 0.95, null);
    expectSame(plain.interval, one.percentile);
    const corrected = bootstrapEnds(
      distribution,
      one.value,
      0.95,
      Float64Array.from(one.jackknife),
    );
    // Where scipy gives NaN, the plain interval is given and says so.
    if (one.bca[0] === null) expect(corrected).toEqual({ ...plain, method: 'percentile' });
    else {
      expect(corrected.method).toBe('bca');
      expectSame(corrected.interval, one.bca);
    }
  });
});

describe('repeats', () => {
  const { values, train, test, welch, ...expected } = goldens.repeats;

  it('have scipy’s t interval, and Nadeau and Bengio’s for splits that share rows', () => {
    const { mean, standard_deviation, t_interval, corrected_interval } = summariseRepeats(values, {
      train,
      test,
    });
    expectSame({ mean, standard_deviation, t_interval, corrected_interval }, expected);
  });

  it('of a learning curve are compared by Welch’s interval', () => {
    const curve = summariseLearningCurve([
      { rows: 200, values: values.map((value) => value + 0.05) },
      { rows: 100, values: values.slice(0, 4) },
    ]);
    expect(curve.points.map(({ rows }) => rows)).toEqual([100, 200]);
    expectSame(curve.gain_interval, welch);
  });
});

describe('quantiles are scipy’s', () => {
  it.each(goldens.normal)('normal %f', (p, expected) => {
    expect(Math.abs(normalQuantile(p) - expected)).toBeLessThan(
      1e-9 * Math.max(1, Math.abs(expected)),
    );
  });
  it.each(goldens.student)('Student %f, %f degrees of freedom', (p, df, expected) => {
    expect(Math.abs(studentQuantile(p, df) / expected - 1)).toBeLessThan(1e-9);
  });
});

function float64(values: Numbers): Float64Array {
  return Float64Array.from(values, (value) => value ?? NaN);
}

/** Same shape and texts; numbers within 1e-9. */
function expectSame(found: unknown, expected: unknown, path = 'value'): void {
  if (typeof expected === 'number') {
    expect(found, path).toBeTypeOf('number');
    expect(Math.abs((found as number) - expected), `${path}: ${String(found)}`).toBeLessThan(1e-9);
  } else if (expected !== null && typeof expected === 'object') {
    expect(Object.keys(found ?? {}).sort(), path).toEqual(Object.keys(expected).sort());
    for (const [key, value] of Object.entries(expected))
      expectSame((found as Record<string, unknown>)[key], value, `${path}.${key}`);
  } else expect(found, path).toBe(expected);
}
