/** The figures of both parts as lines of a table, for one class a text and for several labels. */
import { sameAnswerBaseline } from '../../../engine';
import type { Metrics, MultiLabelMetrics } from '../../../learning/evaluate';
import type { ClassFigures, MultiLabelFigures } from '../../../project';
import { interval, percent, score } from '../../state/format';

export interface FigureLine {
  readonly name: string;
  readonly means: string;
  readonly test: string;
  readonly train: string;
  /** 95 % interval; null without. */
  readonly testRange: string | null;
  readonly trainRange: string | null;
  /** What needs no text, on the test part. */
  readonly baseline: string;
}

/** @param unit what is counted: `text`, `word`. */
export function classLines({ train, test, baseline }: ClassFigures, unit: string): FigureLine[] {
  const line = (name: string, means: string, of: (part: Metrics) => string): FigureLine => ({
    name,
    means,
    test: of(test),
    train: of(train),
    testRange: null,
    trainRange: null,
    baseline: of(baseline.test),
  });
  return [
    {
      ...line('Accuracy', `Share of ${unit}s given the right label.`, ({ accuracy }) =>
        percent(accuracy),
      ),
      testRange: interval(test.accuracy_interval),
      trainRange: interval(train.accuracy_interval),
    },
    line(
      'Macro-F1',
      'Balance of precision and recall, every class counted alike. 1 is best.',
      ({ f1_macro }) => score(f1_macro),
    ),
    line(
      'MCC',
      'Correlation of prediction and truth. 0 is chance, 1 is best.',
      ({ matthews_corrcoef }) => score(matthews_corrcoef),
    ),
    line(
      'AUC',
      `How often a ${unit} of a class ranks above one that is not. 0.5 is chance.`,
      ({ roc_auc }) => score(roc_auc),
    ),
    line(
      'Log-loss',
      'How costly its stated probabilities are when wrong. Lower is better.',
      ({ log_loss }) => score(log_loss),
    ),
  ];
}

export function labelLines({ train, test }: MultiLabelFigures): FigureLine[] {
  const trivial = sameAnswerBaseline(train, test);
  const line = (
    name: string,
    means: string,
    of: (part: MultiLabelMetrics) => string,
    baseline = '–',
  ): FigureLine => ({
    name,
    means,
    test: of(test),
    train: of(train),
    testRange: null,
    trainRange: null,
    baseline,
  });
  const ends = test.micro_f1_interval;
  return [
    {
      ...line(
        'Micro-F1',
        'Balance of precision and recall over all labels of all texts. 1 is best.',
        ({ micro }) => score(micro.f1_score),
        score(trivial.micro.f1_score),
      ),
      testRange: ends === undefined ? null : `${score(ends[0])}–${score(ends[1])}`,
    },
    line(
      'Macro-F1',
      'Mean of the labels’ F1: rare labels count as much as frequent ones.',
      ({ macro }) => score(macro.f1_score),
      score(trivial.macro.f1_score),
    ),
    line(
      'F1 of the texts',
      'F1 of each text’s own labels, mean of the texts; a text without labels counts 0.',
      ({ samples }) => score(samples.f1_score),
    ),
    line('Every label right', 'Share of texts of which no label is wrong.', ({ subset_accuracy }) =>
      percent(subset_accuracy),
    ),
    line(
      'Hamming loss',
      'Share of the single yes-or-no answers that is wrong. Lower is better.',
      ({ hamming_loss }) => percent(hamming_loss),
      percent(trivial.hamming_loss),
    ),
    line(
      'AUC, mean of labels',
      'How often a text with a label ranks above one without. 0.5 is chance.',
      ({ macro }) => score(macro.roc_auc),
      score(0.5),
    ),
  ];
}
