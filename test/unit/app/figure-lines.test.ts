/** The table of figures has a column for every part that a run has, and a cell for each column. */
import { expect, it } from 'vitest';
import { classTable, labelTable } from '../../../src/app/steps/report/figure-lines';
import { evaluate, evaluateMultiLabel, majorityBaseline } from '../../../src/learning/evaluate';

/** Two classes; the first `wrong` of ten rows are predicted wrong. */
function metrics(wrong: number) {
  const labels = Int32Array.from({ length: 10 }, (_, row) => row % 2);
  const probabilities = Float64Array.from({ length: 20 }, (_, at) => {
    const row = at >> 1;
    const right = at % 2 === row % 2;
    return right === row >= wrong ? 0.9 : 0.1;
  });
  return evaluate(probabilities, labels, ['no', 'yes']);
}

it('of one class a text', () => {
  const labels = Int32Array.from([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
  const figures = {
    train: metrics(1),
    validation: metrics(2),
    test: metrics(3),
    test_unshared: metrics(4),
    baseline: majorityBaseline(labels, labels, ['no', 'yes']),
  };
  const { parts, lines } = classTable(figures, 'text');
  expect(parts).toEqual(['Test', 'Test, unshared', 'Validation', 'Train']);
  expect(lines[0]?.cells.map(({ value }) => parseFloat(value))).toEqual([70, 60, 80, 90]);
  expect(lines.every(({ cells }) => cells.length === parts.length)).toBe(true);

  const fewer = classTable({ ...figures, validation: null, test_unshared: null }, 'text');
  expect(fewer.parts).toEqual(['Test', 'Train']);
  expect(fewer.lines[0]?.cells.map(({ value }) => parseFloat(value))).toEqual([70, 90]);
});

it('of several labels a text', () => {
  const targets = Uint8Array.from([1, 0, 0, 1]);
  const part = (scores: readonly number[]) =>
    evaluateMultiLabel(Float64Array.from(scores), targets, Float64Array.from([0.5, 0.5]), [
      'a',
      'b',
    ]);
  const { parts, lines } = labelTable({
    train: part([0.9, 0.1, 0.1, 0.9]),
    validation: part([0.9, 0.1, 0.1, 0.1]),
    test: part([0.1, 0.9, 0.1, 0.9]),
    test_unshared: null,
    thresholds: [0.5, 0.5],
  });
  expect(parts).toEqual(['Test', 'Validation', 'Train']);
  const right = lines.find(({ name }) => name === 'Every label right');
  expect(right?.cells.map(({ value }) => parseFloat(value))).toEqual([50, 50, 100]);
});
