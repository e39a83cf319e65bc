/** What a run was made of, for the report as a file: data, what was mended, settings, environment. */
import { labelName, type OwnSettings } from '../project';
import type { RunView } from './engine';
import {
  count,
  definitions,
  joined,
  list,
  paragraph,
  table,
  type Content,
  type Html,
} from './report-html';

/** Files by name and hash, columns, classes, the split, the audit and what was mended. None of the texts. */
export function dataParts({ record, recipe }: RunView): (Html | null)[] {
  const { data, split } = record;
  return [
    table({
      caption: 'Files',
      columns: ['File', 'Used as', 'SHA-256', 'Rows'],
      words: 3,
      rows: data.files.map(({ name, role, sha256, rows }) => [name, role, sha256, count(rows)]),
    }),
    definitions([
      [
        'Texts',
        `column “${data.text}”${data.text_pair === null ? '' : ` and “${data.text_pair}”`}`,
      ],
      [
        'Labels',
        data.label.kind === 'made'
          ? `made here: ${labelName(data.label)}`
          : `“${labelName(data.label)}”, ${data.classes.length}`,
      ],
      ['Split', splitWords(recipe.split)],
      ['To train on', count(split.train_rows)],
      ...(split.validation_rows === 0
        ? []
        : ([['For validation', count(split.validation_rows)]] as const)),
      ['To test on', count(split.test_rows)],
      ...(split.dropped_from_train === 0
        ? []
        : ([
            [
              'Dropped from training',
              `${count(split.dropped_from_train)}: the same text is in the test part`,
            ],
          ] as const)),
      ...data.left_out.map(({ reason, rows }): readonly [string, Content] => [
        'Left out',
        `${count(rows)}: ${reason}`,
      ]),
    ]),
    data.audit.length === 0
      ? null
      : joined([
          paragraph('Found before training:'),
          list(
            data.audit.map(({ title, count: rows }) =>
              rows > 0 ? `${title} (${count(rows)})` : title,
            ),
          ),
        ]),
    data.changes.length === 0
      ? paragraph('Nothing was mended.')
      : joined([paragraph('Mended:'), list(data.changes.map(({ sentence }) => sentence))]),
  ];
}

function splitWords(split: RunView['recipe']['split']): string {
  const { method, ...rest } = split;
  return `${method}, ${JSON.stringify(rest)}`;
}

const METHODS = {
  probe: 'a head on the frozen encoder',
  finetune: 'fine-tuned',
  own: 'the model’s own classifier, as it came; nothing was trained',
} as const;

/** A line a class of the model. */
function ownLines({ classes, max_length }: OwnSettings): Readonly<Record<string, unknown>> {
  return Object.fromEntries<unknown>([
    ...classes.map(({ name, label }) => [`class “${name}”`, label ?? 'left out'] as const),
    ['max_length', max_length],
  ]);
}

export function settingLines({ recipe, record }: RunView): (readonly [string, Content])[] {
  const { encoder } = recipe;
  const settings: Readonly<Record<string, unknown>> =
    recipe.method === 'probe'
      ? { ...recipe.embed, ...recipe.head }
      : recipe.method === 'own'
        ? ownLines(recipe.own)
        : { ...recipe.finetune };
  const temperature = record.method === 'probe' ? record.calibration : null;
  return [
    ['Encoder', `${encoder.id}, ${encoder.precision}, revision ${encoder.revision}`],
    ['Method', METHODS[recipe.method]],
    ...Object.entries(settings).map(([name, value]): readonly [string, Content] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
    ...(temperature === null
      ? []
      : ([
          ['Temperature', `${temperature.temperature.toFixed(3)}, fitted on the validation part`],
        ] as const)),
  ];
}

export function environmentLines({ record }: RunView): (readonly [string, Content])[] {
  return [
    ['Device', record.encoder.device],
    ...Object.entries(record.environment),
    ...Object.entries(record.timing).map(([name, value]): readonly [string, Content] => [
      name.replaceAll('_', ' '),
      value === null ? '–' : value.toFixed(name.endsWith('seconds') ? 1 : 0),
    ]),
  ];
}
