/** The report's numbers are scikit-learn's on the same predictions. */
import { describe, expect, it } from 'vitest';
import { evaluate, majorityBaseline, type Metrics } from '../../../src/learning/evaluate';
import { golden } from './goldens';

interface Goldens {
  cases: {
    name: string;
    classes: string[];
    labels: number[];
    probabilities: number[];
    metrics: Metrics;
  }[];
  baselines: {
    name: string;
    classes: string[];
    train_labels: number[];
    test_labels: number[];
    label: string;
    train: Metrics;
    test: Metrics;
  }[];
}

const { cases, baselines } = golden('metrics.json') as Goldens;

describe('metrics equal scikit-learn’s to 1e-9', () => {
  it.each(cases)('$name', ({ classes, labels, probabilities, metrics }) => {
    const found = evaluate(Float64Array.from(probabilities), Int32Array.from(labels), classes);
    expectSame(found, metrics);
  });
});

describe('the majority baseline is DummyClassifier(strategy="prior")', () => {
  it.each(baselines)('$name', ({ classes, train_labels, test_labels, label, train, test }) => {
    const found = majorityBaseline(
      Int32Array.from(train_labels),
      Int32Array.from(test_labels),
      classes,
    );
    expect(found.label).toBe(label);
    expectSame(found.train, train);
    expectSame(found.test, test);
  });
});

it('refuses to evaluate nothing', () => {
  expect(() => evaluate(new Float64Array(0), new Int32Array(0), ['a', 'b'])).toThrow(
    'There are no rows to evaluate.',
  );
});

/** Same shape, same texts and counts; numbers within 1e-9. */
function expectSame(found: unknown, expected: unknown, path = 'metrics'): void {
  if (typeof expected === 'number') {
    expect(found, path).toBeTypeOf('number');
    expect(Math.abs((found as number) - expected), `${path}: ${String(found)}`).toBeLessThan(1e-9);
  } else if (expected !== null && typeof expected === 'object') {
    expect(Object.keys(found as object), path).toEqual(Object.keys(expected));
    for (const [key, value] of Object.entries(expected))
      expectSame((found as Record<string, unknown>)[key], value, `${path}.${key}`);
  } else expect(found, path).toBe(expected);
}
