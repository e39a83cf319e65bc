import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { classCounts, findColumns, labelTexts, makeSplit, parseTable } from '../../../src/data';
import golden from '../../reference/data/trec.json';

const DATA = new URL('../../../../shared/data/', import.meta.url);
const read = (path: string, base = DATA) =>
  parseTable({
    name: path.split('/').pop() ?? path,
    bytes: new Uint8Array(readFileSync(new URL(path, base))),
  });

// Rows as the data sets' own documentation states them.
const FILES = [
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
] as const;

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

describe.runIf(existsSync(DATA))('real files', () => {
  test.each(FILES)('%s has %i rows; text %s, label %s', (path, rows, text, label) => {
    const table = read(path);
    expect([table.rowCount, table.problems.length]).toEqual([rows, 0]);
    const found = findColumns([table]);
    expect([found.text?.column, found.label?.column ?? null]).toEqual([text, label]);
  });
  test('TREC in two files is what Python counts', () => {
    const data = labelTexts([read('trec/train.csv'), read('trec/test.csv')], 'text', 'coarse');
    const split = makeSplit(data, { method: 'files' }, 'test.csv');
    const counts = (part: Int32Array) =>
      Object.fromEntries(
        [...classCounts(data, part)].map((rows, c) => [data.classes[c] ?? '', rows]),
      );
    expect({
      train_rows: split.train.length,
      test_rows: split.test.length,
      dropped: split.droppedFromTrain.length,
      dropped_exact:
        split.droppedFromTrain.length -
        Number(/(\d+) of them but for/.exec(split.notes[1] ?? '')?.[1]),
      classes: data.classes,
      train_counts: counts(split.train),
      test_counts: counts(split.test),
    }).toEqual(golden);
  });
});
