import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  classCounts,
  findColumns,
  labelTexts,
  makeSplit,
  parseTable,
  type Table,
} from '../../../src/data';
import asked from '../../reference/data/asked.json';
import trec from '../../reference/data/trec.json';

const DATA = new URL('../../../../shared/data/', import.meta.url);
const read = (path: string, base = DATA) =>
  parseTable({
    name: path.split('/').pop() ?? path,
    bytes: new Uint8Array(readFileSync(new URL(path, base))),
  });

// Rows as the data sets' own documentation states them.
const FILES: readonly (readonly [string, number, string, string | null])[] = [
  ['sst2/train.tsv', 67349, 'sentence', 'label'],
  ['sst2/dev.tsv', 872, 'sentence', 'label'],
  ['trec/train.csv', 5452, 'text', 'coarse'],
  ['sms_spam/sms.tsv', 5574, 'column 2', 'column 1'],
  ['banking77/train.csv', 10003, 'text', 'category'],
  ['ag_news/test.csv', 7600, 'text', 'label'],
  ['cola/train.tsv', 8551, 'sentence', 'acceptable'],
  ['imdb/test_5000.csv', 5000, 'text', 'label'],
  ['student_questions/test.csv', 2309, 'eng', 'Subject'],
  ['jigsaw_toxic/subset2000_balanced.csv', 2000, 'comment_text', 'toxic'],
  ['nli/nli_dev.tsv', 40964, 'premise', 'label'],
  ['goemotions/train.tsv', 43410, 'column 1', null],
];
// Rows as their script, test/fixtures/data/make.py, writes them.
const STAND_INS: typeof FILES = [
  ['asked-train.csv', 90, 'text', 'coarse'],
  ['messages.tsv', 80, 'column 2', 'column 1'],
  ['questions.csv', 48, 'eng', 'Subject'],
  ['russian.csv', 60, 'Текст обращения', 'Категория запроса'],
];

test('the sample set reads whole, and its columns are found', () => {
  const samples = new URL('../../../public/samples/', import.meta.url);
  const inbox = read('support-inbox.csv', samples);
  const found = findColumns([inbox]);
  expect([found.text?.column, found.label?.column, inbox.problems.length]).toEqual([
    'message',
    'topic',
    0,
  ]);
  const data = labelTexts([inbox], 'message', 'topic');
  expect(data.classes).toEqual(['account', 'billing', 'delivery', 'product', 'returns']);
  expect(new Set(data.texts).size).toBe(inbox.rowCount);
  expect(Math.min(...classCounts(data))).toBeGreaterThan(60);
  const fresh = findColumns([read('new-messages.csv', samples)]);
  expect([fresh.text?.column, fresh.label]).toEqual(['message', null]);
});

/** What Python counts of two files of questions; some test texts also stand in training. */
function counted(train: Table, test: Table): unknown {
  const data = labelTexts([train, test], 'text', 'coarse');
  const split = makeSplit(data, { method: 'files' }, test.name);
  const counts = (part: Int32Array) =>
    Object.fromEntries(
      [...classCounts(data, part)].map((rows, c) => [data.classes[c] ?? '', rows]),
    );
  const near = /(\d+) of them but for/.exec(split.notes.join(' '))?.[1] ?? '0';
  return {
    train_rows: split.train.length,
    test_rows: split.test.length,
    dropped: split.droppedFromTrain.length,
    dropped_exact: split.droppedFromTrain.length - Number(near),
    classes: data.classes,
    train_counts: counts(split.train),
    test_counts: counts(split.test),
  };
}

test('two files of questions are what Python counts', () => {
  const fixtures = new URL('../../fixtures/data/', import.meta.url);
  expect(counted(read('asked-train.csv', fixtures), read('asked-test.csv', fixtures))).toEqual(
    asked,
  );
  // TREC itself, where it lies beside this project.
  if (!existsSync(new URL('trec/train.csv', DATA))) return;
  expect(counted(read('trec/train.csv'), read('trec/test.csv'))).toEqual(trec);
});

test('files as people have them are read whole; so are the real ones, where they are at hand', () => {
  const fixtures = new URL('../../fixtures/data/', import.meta.url);
  const look = ([path, rows, text, label]: (typeof FILES)[number], base: URL): void => {
    const table = read(path, base);
    expect([path, table.rowCount, table.problems.length]).toEqual([path, rows, 0]);
    const found = findColumns([table]);
    expect([path, found.text?.column, found.label?.column ?? null]).toEqual([path, text, label]);
  };
  for (const file of STAND_INS) look(file, fixtures);
  for (const file of FILES) if (existsSync(new URL(file[0], DATA))) look(file, DATA);
});
