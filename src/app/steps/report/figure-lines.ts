/** The figures of every part as lines of a table, for one class a text and for several labels. */
import { sameAnswerBaseline } from '../../../engine';
import type { Metrics, MultiLabelMetrics } from '../../../learning/evaluate';
import type { ClassFigures, MultiLabelFigures } from '../../../project';
import { interval, percent, score } from '../../state/format';

export interface FigureTable {
  /** Parts that the figures are of, the test part first. */
  readonly parts: readonly string[];
  /** What stands in the last column: what needs no text, on the test part. */
  readonly baseline: string;
  readonly lines: readonly FigureLine[];
}

export interface FigureLine {
  readonly name: string;
  readonly means: string;
  /** One for each part; the range is the 95 % interval, null without. */
  readonly cells: readonly { readonly value: string; readonly range: string | null }[];
  readonly baseline: string;
}

/** A part and the name that its column has. */
type Part<Figures> = readonly [name: string, figures: Figures];

/** Without those that the run does not have. */
function partsOf<Figures>(of: {
  readonly train: Figures;
  readonly validation: Figures | null;
  readonly test: Figures;
  readonly test_unshared: Figures | null;
}): Part<Figures>[] {
  const all: readonly (readonly [string, Figures | null])[] = [
    ['Test', of.test],
    ['Test, unshared', of.test_unshared],
    ['Validation', of.validation],
    ['Train', of.train],
  ];
  return all.flatMap(([name, figures]) => (figures === null ? [] : [[name, figures] as const]));
}

/**
 * @param unit what is counted: `text`, `word`.
 * @param agreement whether the test rows have their teacher's labels.
 */
export function classTable(figures: ClassFigures, unit: string, agreement = false): FigureTable {
  const parts = partsOf<Metrics>(figures);
  const line = (
    name: string,
    means: string,
    of: (part: Metrics) => string,
    range: (part: Metrics) => string | null = () => null,
  ): FigureLine => ({
    name,
    means,
    cells: parts.map(([, part]) => ({ value: of(part), range: range(part) })),
    baseline: of(figures.baseline.test),
  });
  return {
    parts: parts.map(([name]) => name),
    baseline: 'Majority',
    lines: [
      line(
        agreement ? 'Agreement' : 'Accuracy',
        agreement
          ? `Share of ${unit}s given the label that its teacher gives. Accuracy is unknown.`
          : `Share of ${unit}s given the right label.`,
        ({ accuracy }) => percent(accuracy),
        ({ accuracy_interval }) => interval(accuracy_interval),
      ),
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
    ],
  };
}

export function labelTable(figures: MultiLabelFigures): FigureTable {
  const parts = partsOf<MultiLabelMetrics>(figures);
  const trivial = sameAnswerBaseline(figures.train, figures.test);
  const line = (
    name: string,
    means: string,
    of: (part: MultiLabelMetrics) => string,
    baseline = '–',
    range: (part: MultiLabelMetrics) => string | null = () => null,
  ): FigureLine => ({
    name,
    means,
    cells: parts.map(([, part]) => ({ value: of(part), range: range(part) })),
    baseline,
  });
  return {
    parts: parts.map(([name]) => name),
    baseline: 'Same for all',
    lines: [
      line(
        'Micro-F1',
        'Balance of precision and recall over all labels of all texts. 1 is best.',
        ({ micro }) => score(micro.f1_score),
        score(trivial.micro.f1_score),
        ({ micro_f1_interval: ends }) =>
          ends === undefined ? null : `${score(ends[0])}–${score(ends[1])}`,
      ),
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
      line(
        'Every label right',
        'Share of texts of which no label is wrong.',
        ({ subset_accuracy }) => percent(subset_accuracy),
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
    ],
  };
}
