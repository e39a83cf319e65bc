/** A run as plain text for a terminal. */
import type { RunView } from '../src/engine';
import { duration } from './progress-line';

const MOST_CLASSES = 40;

export function describeRun(run: RunView): string {
  const { data, split, encoder, head, metrics, timing } = run.record;
  const { train, test, baseline } = metrics;
  const [low, high] = test.accuracy_interval;
  const lines = [
    `${data.train.name}${data.test === null ? '' : ` and ${data.test.name}`}: text “${data.text}”, label “${data.label}”, ${data.classes.length} classes`,
    `${split.train_rows} rows to train on, ${split.test_rows} to test on`,
    `${encoder.id} (${encoder.precision}, ${encoder.device}), layer ${encoder.layer}, ${encoder.pooling} pooling`,
    `Logistic regression, C = ${number(head.fit.C)}${head.C === 'cv' ? ' by cross-validation' : ''}${head.fit.converged ? '' : ', not converged'}`,
    '',
    table([
      ['', 'train', 'test', 'majority class'],
      ['accuracy', ...[train, test, baseline.test].map((part) => number(part.accuracy))],
      ['macro-F1', ...[train, test, baseline.test].map((part) => number(part.f1_macro))],
      ['MCC', ...[train, test, baseline.test].map((part) => number(part.matthews_corrcoef))],
      ['AUC', ...[train, test, baseline.test].map((part) => number(part.roc_auc))],
      ['log-loss', ...[train, test, baseline.test].map((part) => number(part.log_loss))],
    ]),
    `Test accuracy, 95 % interval: ${number(low)} to ${number(high)}`,
    '',
    table([
      ['class (test)', 'precision', 'recall', 'F1', 'rows'],
      ...test.per_class
        .slice(0, MOST_CLASSES)
        .map(({ label, precision, recall, f1_score, support }) => [
          label.length > 40 ? `${label.slice(0, 39)}…` : label,
          ...[precision, recall, f1_score].map(number),
          String(support),
        ]),
    ]),
  ];
  if (test.per_class.length > MOST_CLASSES) {
    lines.push(`… and ${test.per_class.length - MOST_CLASSES} more classes: see --json.`);
  }
  for (const note of [...split.notes, ...encoder.notes]) lines.push(note);
  lines.push(`Done in ${duration(timing.total_seconds)}.`);
  return `${lines.join('\n')}\n`;
}

function number(value: number | null): string {
  if (value === null) return '–';
  return Math.abs(value) >= 1000 ? value.toExponential(2) : String(Number(value.toFixed(4)));
}

/** First column left, the others right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
