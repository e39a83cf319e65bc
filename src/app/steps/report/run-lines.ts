/** The runs of a project as lines of a table that can be sorted. */
import { classFigures, isAgreement, multiLabelFigures, type RunView } from '../../../engine';
import { interval, percent, score } from '../../state/format';

/** The figure a run is known by. */
export interface MainFigureOfRun {
  readonly name: 'accuracy' | 'agreement' | 'micro-F1';
  readonly value: number;
  readonly said: string;
  /** 95 % interval; null in a run that was kept without. */
  readonly range: string | null;
  /** Share of rows that are right; of several labels: of which every label is. */
  readonly right: number;
}

export function mainFigureOf({ record }: RunView): MainFigureOfRun {
  const several = multiLabelFigures(record)?.test;
  if (several !== undefined) {
    const ends = several.micro_f1_interval;
    return {
      name: 'micro-F1',
      value: several.micro.f1_score,
      said: score(several.micro.f1_score),
      range: ends === undefined ? null : `${score(ends[0])}–${score(ends[1])}`,
      right: several.subset_accuracy,
    };
  }
  const { accuracy, accuracy_interval } = classFigures(record).test;
  return {
    name: isAgreement(record) ? 'agreement' : 'accuracy',
    value: accuracy,
    said: percent(accuracy),
    range: interval(accuracy_interval),
    right: accuracy,
  };
}

export interface RunLine {
  readonly run: RunView;
  readonly figure: MainFigureOfRun;
  readonly main: number;
  readonly macro: number;
  readonly auc: number | null;
  /** Log-loss; of several labels the Hamming loss. */
  readonly loss: number;
  readonly seconds: number;
  readonly trainRows: number;
  readonly created: number;
}
export type RunKey = 'main' | 'macro' | 'auc' | 'loss' | 'seconds' | 'trainRows' | 'created';

export function runLine(run: RunView): RunLine {
  const { record } = run;
  const several = multiLabelFigures(record)?.test;
  const figure = mainFigureOf(run);
  const base = {
    run,
    figure,
    main: figure.value,
    seconds: record.timing.total_seconds,
    trainRows: record.method === 'own' ? 0 : record.split.train_rows,
    created: run.created,
  };
  if (several !== undefined) {
    const { macro, hamming_loss } = several;
    return { ...base, macro: macro.f1_score, auc: macro.roc_auc, loss: hamming_loss };
  }
  const { f1_macro, roc_auc, log_loss } = classFigures(record).test;
  return { ...base, macro: f1_macro, auc: roc_auc, loss: log_loss };
}

/** What the columns are called, which depends on what kinds of runs there are. */
export function runColumns(
  lines: readonly RunLine[],
): readonly { readonly key: RunKey; readonly name: string; readonly means: string }[] {
  const kinds = new Set(lines.map(({ figure }) => figure.name));
  const several = kinds.has('micro-F1');
  const shares = [...kinds].filter((kind) => kind !== 'micro-F1').sort();
  const both = several && shares.length > 0;
  const [first = 'accuracy'] = shares;
  const share = `${first.slice(0, 1).toUpperCase()}${first.slice(1)}${shares.length > 1 ? ' or agreement' : ''}`;
  return [
    {
      key: 'main',
      name: both ? `${share} or micro-F1` : several ? 'Micro-F1' : share,
      means: kinds.has('agreement')
        ? 'On the test part, with its 95 % interval; agreement: with the teacher, where nobody knows the truth.'
        : 'On the test part, with its 95 % interval.',
    },
    { key: 'macro', name: 'Macro-F1', means: 'On the test part.' },
    { key: 'auc', name: 'AUC', means: 'On the test part, mean of the classes; 0.5 is chance.' },
    {
      key: 'loss',
      name: both ? 'Log- or Hamming loss' : several ? 'Hamming loss' : 'Log-loss',
      means: 'On the test part; lower is better.',
    },
    { key: 'seconds', name: 'Time', means: 'In all.' },
    { key: 'trainRows', name: 'Training texts', means: 'Texts it was fitted to.' },
  ];
}

export function sortedLines(
  lines: readonly RunLine[],
  by: RunKey,
  descending: boolean,
): readonly RunLine[] {
  // What is not defined comes last, either way.
  const value = (line: RunLine): number => line[by] ?? (descending ? -Infinity : Infinity);
  return [...lines].sort(
    (a, b) => (descending ? value(b) - value(a) : value(a) - value(b)) || b.created - a.created,
  );
}
