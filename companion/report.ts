/** A run as plain text for a terminal. */
import type { RunView } from '../src/engine';
import type { EntityScores } from '../src/learning/evaluate';
import type { FinetuneRecord, ProbeRecord, RunRecord } from '../src/project';
import { duration } from './progress-line';

const MOST_CLASSES = 40;

export function describeRun({ record }: RunView): string {
  const { data, split, encoder, metrics, timing } = record;
  const { train, test, baseline } = metrics;
  const [low, high] = test.accuracy_interval;
  const ofWords = record.task === 'token_classification';
  const [rows, kinds] = ofWords ? ['sentences', 'tags'] : ['rows', 'classes'];
  const pair = data.text_pair === null ? '' : ` and “${data.text_pair}”`;
  const lines = [
    `${data.train.name}${data.test === null ? '' : ` and ${data.test.name}`}: text “${data.text}”${pair}, label “${data.label}”, ${data.classes.length} ${kinds}`,
    `${split.train_rows} ${rows} to train on, ${split.test_rows} to test on`,
    ...(record.method === 'probe' ? describeProbe(record) : describeFinetune(record)),
    '',
    ...(record.method === 'finetune' && record.entities !== null
      ? [describeEntities(record.entities.test), '']
      : []),
    table([
      [ofWords ? 'words' : '', 'train', 'test', 'majority class'],
      ['accuracy', ...[train, test, baseline.test].map((part) => number(part.accuracy))],
      ['macro-F1', ...[train, test, baseline.test].map((part) => number(part.f1_macro))],
      ['MCC', ...[train, test, baseline.test].map((part) => number(part.matthews_corrcoef))],
      ['AUC', ...[train, test, baseline.test].map((part) => number(part.roc_auc))],
      ['log-loss', ...[train, test, baseline.test].map((part) => number(part.log_loss))],
    ]),
    `Test accuracy, 95 % interval: ${number(low)} to ${number(high)}`,
    '',
    table([
      [ofWords ? 'tag (test)' : 'class (test)', 'precision', 'recall', 'F1', 'rows'],
      ...test.per_class.slice(0, MOST_CLASSES).map((row) => scoreCells(row.label, row)),
    ]),
  ];
  if (test.per_class.length > MOST_CLASSES) {
    lines.push(`… and ${test.per_class.length - MOST_CLASSES} more ${kinds}: see --json.`);
  }
  for (const note of [...split.notes, ...encoder.notes]) lines.push(note);
  lines.push(`Done in ${duration(timing.total_seconds)}.`);
  return `${lines.join('\n')}\n`;
}

function encoderLine({ encoder }: RunRecord): string {
  return `${encoder.id} (${encoder.precision}, ${encoder.device})`;
}

function describeProbe(record: ProbeRecord): string[] {
  const { encoder, head } = record;
  return [
    `${encoderLine(record)}, layer ${encoder.layer}, ${encoder.pooling} pooling`,
    `Logistic regression, C = ${number(head.fit.C)}${head.C === 'cv' ? ' by cross-validation' : ''}${head.fit.converged ? '' : ', not converged'}`,
  ];
}

function describeFinetune(record: FinetuneRecord): string[] {
  const { fit, method, learning_rate, seed } = record.finetune;
  const how = {
    full: 'every weight',
    last: `the last ${method.name === 'last' ? method.layers : 0} layers`,
    lora: `LoRA, rank ${method.name === 'lora' ? method.rank : 0}`,
    bitfit: 'biases',
    head: 'the head alone',
  }[method.name];
  const ended = {
    finished: '',
    early_stopping: ', stopped early',
    kept: ', stopped and the best kept',
  }[fit.ended];
  const speed =
    fit.tokens_per_second === null
      ? ''
      : `, ${Math.round(fit.tokens_per_second).toLocaleString('en-US')} tokens a second`;
  return [
    `${encoderLine(record)}, fine-tuned: ${how} (${fit.trainable_parameters.toLocaleString('en-US')} of ${fit.parameters.toLocaleString('en-US')} parameters), learning rate ${learning_rate}, seed ${seed}`,
    `${fit.train_rows} rows trained on, ${fit.validation_rows} held out for evaluation; the model of step ${fit.step} of ${fit.steps}${ended}${speed}`,
  ];
}

function describeEntities(scores: EntityScores): string {
  return table([
    ['entity (test)', 'precision', 'recall', 'F1', 'entities'],
    ...scores.per_type.map((row) => scoreCells(row.type, row)),
    scoreCells('all', scores),
  ]);
}

function scoreCells(
  label: string,
  {
    precision,
    recall,
    f1_score,
    support,
  }: {
    readonly precision: number;
    readonly recall: number;
    readonly f1_score: number;
    readonly support: number;
  },
): string[] {
  return [
    label.length > 40 ? `${label.slice(0, 39)}…` : label,
    ...[precision, recall, f1_score].map(number),
    String(support),
  ];
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
