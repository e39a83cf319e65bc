/** The wizard on files as people have them: what it finds, what it says, and what it leaves alone. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  findColumns,
  findFileParts,
  inspectTables,
  labelTexts,
  namesOf,
  parseTable,
  type LabelChoice,
  type Table,
} from '../../../src/data';
import { sentences, table } from './tables';

const FIXTURES = new URL('../../fixtures/data/', import.meta.url);
const DATA = new URL('../../../../shared/data/', import.meta.url);
const read = (path: string, base = FIXTURES): Table =>
  parseTable({
    name: path.split('/').pop() ?? path,
    bytes: new Uint8Array(readFileSync(new URL(path, base))),
  });

/** What a person sees first: text (+ second text), labels, parts, id, names. */
function seen(tables: readonly Table[]) {
  const found = findColumns(tables);
  return {
    text: [found.text?.column, found.pair?.column].filter((name) => name !== undefined).join(' + '),
    label: found.labelChoice === null ? null : said(found.labelChoice.choice),
    split: found.split?.column ?? null,
    id: found.id?.column ?? null,
    names: found.names?.file ?? null,
  };
}
function said(choice: LabelChoice): string {
  if (choice.kind === 'column') return choice.column;
  if (choice.kind === 'columns') return choice.columns.join(' ');
  if (choice.kind === 'made') return 'made';
  return `${choice.column} by ${choice.delimiter}`;
}
const none = { split: null, id: null, names: null };

describe('files of known shapes', () => {
  test.each([
    [
      'comments.csv',
      {
        text: 'comment_text',
        label: 'threat toxic obscene identity_hate insult severe_toxic',
        split: 'dataset',
        id: 'id',
        names: null,
      },
    ],
    ['questions.csv', { ...none, text: 'eng', label: 'Subject' }],
    [
      'feelings.tsv feelings-names.txt',
      {
        text: 'column 1',
        label: 'column 2 by ,',
        split: null,
        id: 'column 3',
        names: 'feelings-names.txt',
      },
    ],
    ['messages.tsv', { ...none, text: 'column 2', label: 'column 1' }],
    ['asked-train.csv asked-test.csv', { ...none, text: 'text', label: 'coarse' }],
    ['pairs.tsv', { ...none, text: 'premise + hypothesis', label: 'label' }],
    ['russian.csv', { ...none, text: 'Текст обращения', label: 'Категория запроса', id: 'номер' }],
    ['japanese.csv', { ...none, text: 'お問い合わせ 内容', label: '分類', id: '番号' }],
  ])('%s', (files, expected) => {
    expect(seen(files.split(' ').map((file) => read(file)))).toEqual(expected);
  });
  test('parts are told by value, with the rows of each in the reason', () => {
    const { split } = findColumns([read('comments.csv')]);
    expect(split?.parts).toEqual({ train: 'train', test: 'test' });
    expect(split?.reason).toBe('its values name the parts: “train” 45, “test” 15 rows');
  });
  test('every finding has a reason, and other choices are named', () => {
    const found = findColumns([read('asked-train.csv')]);
    expect(found.text?.reason).toMatch(/^longest texts, \d+ words on average/);
    expect(found.labelChoice?.reason).toMatch(/^3 different values/);
    expect(found.labelChoice?.alternatives?.map(({ choice }) => said(choice))).toEqual(['fine']);
  });
});

describe('real files', () => {
  const toxic = 'toxic severe_toxic obscene threat insult identity_hate';
  const REAL: readonly (readonly [string, ReturnType<typeof seen>])[] = [
    [
      'jigsaw_toxic/subset2000_balanced.csv',
      { text: 'comment_text', label: toxic, split: 'dataset', id: 'id', names: null },
    ],
    ['jigsaw_toxic/subset3000.csv', { ...none, text: 'comment_text', label: toxic }],
    ['student_questions/test.csv', { ...none, text: 'eng', label: 'Subject' }],
    ['student_questions/dev.csv', { ...none, text: 'eng', label: 'Subject' }],
    [
      'goemotions/train.tsv goemotions/dev.tsv goemotions/test.tsv goemotions/labels.txt',
      {
        text: 'column 1',
        label: 'column 2 by ,',
        split: null,
        id: 'column 3',
        names: 'labels.txt',
      },
    ],
    [
      'goemotions/dev.tsv',
      { text: 'column 1', label: 'column 2 by ,', split: null, id: 'column 3', names: null },
    ],
    ['sms_spam/sms.tsv', { ...none, text: 'column 2', label: 'column 1' }],
    ['banking77/train.csv banking77/test.csv', { ...none, text: 'text', label: 'category' }],
    ['imdb/train_5000.csv imdb/test_5000.csv', { ...none, text: 'text', label: 'label' }],
    ['trec/train.csv trec/test.csv', { ...none, text: 'text', label: 'coarse' }],
    ['sst2/dev.tsv', { ...none, text: 'sentence', label: 'label' }],
    ['nli/nli_dev.tsv', { ...none, text: 'premise + hypothesis', label: 'label' }],
    ['cola/train.tsv cola/dev.tsv', { ...none, text: 'sentence', label: 'acceptable' }],
  ];
  // Their stand-ins above are always looked at; the sets themselves where they lie beside this project.
  test('of which the files above are stand-ins, where they are at hand', () => {
    const here = REAL.filter(([files]) =>
      files.split(' ').every((file) => existsSync(new URL(file, DATA))),
    );
    for (const [files, expected] of here) {
      expect([files, seen(files.split(' ').map((file) => read(file, DATA)))]).toEqual([
        files,
        expected,
      ]);
    }
  });
});

describe('several labels', () => {
  test('columns of which exactly one says yes in every row are one label a row', () => {
    const texts = sentences(60);
    const hot = (at: number): string[] => texts.map((_, i) => (i % 4 === at ? '1' : '0'));
    const columns = { sports: hot(0), politics: hot(1), business: hot(2), culture: hot(3) };
    const news = table('news.csv', { text: texts, ...columns });
    const found = findColumns([news]).labelChoice;
    const names = Object.keys(columns);
    expect(found?.choice).toEqual({ kind: 'columns', columns: names, exclusive: true });
    expect(found?.reason).toMatch(/exactly one of them says yes in every row: one label a text/);
    // What it could be otherwise comes first among the alternatives.
    expect(found?.alternatives?.[0]?.choice).toEqual({ kind: 'columns', columns: names });
    const data = labelTexts([news], 'text', found?.choice ?? '');
    expect(data.targets).toBeNull();
    expect(data.classes).toEqual(['business', 'culture', 'politics', 'sports']);
    expect([...data.labels.slice(0, 5)].map((label) => data.classes[label])).toEqual([
      'sports',
      'politics',
      'business',
      'culture',
      'sports',
    ]);
    // A single row with two of them, or none, and a text can have several.
    for (const value of ['1', '0']) {
      const sports = columns.sports.map((cell, i) =>
        i === (value === '1' ? 1 : 0) ? value : cell,
      );
      const other = table('news.csv', { text: texts, ...columns, sports });
      expect(findColumns([other]).labelChoice?.choice).toEqual({ kind: 'columns', columns: names });
      const kept = labelTexts([other], 'text', {
        kind: 'columns',
        columns: names,
        exclusive: true,
      });
      expect(kept.leftOut).toEqual([{ reason: 'not exactly one label column with a 1', rows: 1 }]);
    }
  });
  const text = sentences(60);
  const bit = (step: number): string[] => text.map((_, i) => (i % step === 0 ? 'yes' : 'no'));
  const choice = (columns: Record<string, string[]>): LabelChoice | undefined =>
    findColumns([table('t.csv', { text, ...columns })]).labelChoice?.choice;
  test('a column that says it is the label outweighs columns of yes and no beside it', () => {
    const label = text.map((_, i) => ['x', 'y', 'z'][i % 3] ?? '');
    expect(choice({ urgent: bit(2), paid: bit(5), label })).toEqual({
      kind: 'column',
      column: 'label',
    });
    expect(choice({ urgent: bit(2), paid: bit(5) })).toEqual({
      kind: 'columns',
      columns: ['urgent', 'paid'],
    });
  });
  test('two columns of which one is the other turned round are one label', () => {
    const spam = bit(3);
    const fine = spam.map((value) => (value === 'yes' ? 'no' : 'yes'));
    expect(choice({ spam, fine })).toEqual({ kind: 'column', column: 'spam' });
  });
  test.each([
    [';', ['red; green', 'green', 'blue;red', 'blue', 'green;blue', 'red']],
    ['|', ['a|b', 'b', 'c|a', 'c', 'b|c', 'a']],
    [',', [`["a","b"]`, '["b"]', '["c","a"]', '["c"]', '["b","c"]', '["a"]']],
    [
      ' ',
      [
        '__label__a __label__b',
        '__label__b',
        '__label__c __label__a',
        '__label__c',
        '__label__b __label__c',
        '__label__a',
      ],
    ],
  ])('divided by “%s”', (delimiter, cells) => {
    const tags = text.map((_, i) => cells[i % cells.length] ?? '');
    expect(choice({ tags })).toEqual({ kind: 'delimited', column: 'tags', delimiter });
  });
  test.each([
    ['numbers with a decimal comma', ['3,5', '4,0', '2,5', '4,5', '1,0', '5,0']],
    ['names that hold a comma', ['Business, Finance', 'Arts, Culture', 'Sport']],
    ['names of several words', ['card lost', 'card blocked', 'pin lost']],
  ])('but not %s', (_, cells) => {
    const label = text.map((__, i) => cells[i % cells.length] ?? '');
    expect(choice({ label })).toEqual({ kind: 'column', column: 'label' });
  });
});

describe('pairs, parts and ids', () => {
  const a = sentences(60);
  const b = sentences(60, 1000);
  const label = a.map((_, i) => (i % 2 === 0 ? 'same' : 'other'));
  test.each([
    ['sentence1', 'sentence2'],
    ['text_a', 'text_b'],
    ['question', 'answer'],
    ['Title left', 'Title right'],
  ])('%s and %s are a pair, whichever stands first', (one, two) => {
    for (const columns of [
      { [one]: a, [two]: b, label },
      { label, [two]: b, [one]: a },
    ]) {
      const found = findColumns([table('p.csv', columns)]);
      expect([found.text?.column, found.pair?.column]).toEqual([one, two]);
    }
  });
  test('a column called text is not left aside for two that are numbered by chance', () => {
    const found = findColumns([
      table('w.csv', { text: a, c1: b, c2: b.map((line) => `${line} x`), label }),
    ]);
    expect([found.text?.column, found.pair]).toEqual(['text', null]);
  });

  test('title and body are no pair: the longer is the text, the other a choice', () => {
    const body = a.map((line, i) => `${line}. ${b[i] ?? ''}. ${line}`);
    const found = findColumns([table('n.csv', { title: a, body, label })]);
    expect([found.text?.column, found.pair, found.text?.alternatives?.[0]?.column]).toEqual([
      'body',
      null,
      'title',
    ]);
  });
  test('without a test part, validation is the test', () => {
    const set = a.map((_, i) => (i % 5 === 0 ? 'Validation' : 'TRAIN'));
    const { split } = findColumns([table('s.csv', { a, label, set })]);
    expect(split?.parts).toEqual({ TRAIN: 'train', Validation: 'test' });
    expect(split?.reason).toMatch(/the validation part is the test/);
  });
  test('an id that comes again is for keeping rows together', () => {
    const user_id = a.map((_, i) => `u${i % 20}`);
    const found = findColumns([table('s.csv', { user_id, a, label })]);
    expect(found.id).toMatchObject({ column: 'user_id' });
    expect(found.id?.reason).toMatch(/3\.0 rows of each on average/);
  });
  test('files are told apart by their names', () => {
    const of = (...names: string[]) =>
      findFileParts(names.map((name) => table(name, { a, label })))?.parts ?? null;
    expect(of('train.csv', 'dev.csv', 'test_5000.csv')).toEqual({
      'train.csv': 'train',
      'dev.csv': 'validation',
      'test_5000.csv': 'test',
    });
    expect(of('sst2-train.tsv', 'sst2-dev.tsv')).toEqual({
      'sst2-train.tsv': 'train',
      'sst2-dev.tsv': 'test',
    });
    expect(of('january.csv', 'february.csv')).toBeNull();
    expect(of('train.csv')).toBeNull();
  });
});

describe('names of labels', () => {
  const list = (cells: string[], hasHeader = false) =>
    table('names.txt', { [hasHeader ? 'zero' : 'column 1']: cells }, { hasHeader });
  test('count from 0, or from 1 where no label is 0', () => {
    expect(namesOf(list(['zero', 'one', 'two']), ['0', '2'])).toEqual({ '0': 'zero', '2': 'two' });
    expect(namesOf(list(['one', 'two']), ['1', '2'])).toEqual({ '1': 'one', '2': 'two' });
  });
  test('are found though the first was taken for a header', () => {
    expect(namesOf(list(['one', 'two'], true), ['0', '1', '2'])).toEqual({
      '0': 'zero',
      '1': 'one',
      '2': 'two',
    });
  });
  test('may have their numbers beside them', () => {
    const numbered = table('n.csv', { id: ['7', '3'], name: ['seven', 'three'] });
    expect(namesOf(numbered, ['3', '7'])).toEqual({ '3': 'three', '7': 'seven' });
    expect(namesOf(numbered, ['3', '8'])).toBeNull();
  });
  test('are not taken from a list that is too short, or of labels that are words', () => {
    expect(namesOf(list(['a', 'b']), ['0', '5'])).toBeNull();
    expect(namesOf(list(['a', 'b']), ['a', 'b'])).toBeNull();
  });
});

describe('the whole report', () => {
  test('of the comments: six labels, parts by column', () => {
    const report = inspectTables([read('comments.csv')]);
    expect(report).toMatchObject({ task: 'multi_label', rows: 60, problem: null });
    expect(report.split).toMatchObject({ train: 45, test: 15, settings: { method: 'column' } });
    expect(report.classes.map(({ rows }) => rows)).toEqual([15, 12, 10, 8, 7, 7]);
  });
  test('of the feelings: the names stand beside the numbers, and are offered', () => {
    const report = inspectTables([read('feelings.tsv'), read('feelings-names.txt')]);
    expect(report.files.map(({ role }) => role)).toEqual(['data', 'names']);
    expect(report.classes[2]).toMatchObject({ label: '2', name: 'glad' });
    expect(report.audit.find(({ id }) => id === 'unnamed_labels')?.repair).toMatchObject({
      kind: 'name_labels',
      names: { '9': 'plain' },
    });
  });
  test('of two files: the texts of the test that stand in training are dropped there', () => {
    const report = inspectTables([read('asked-train.csv'), read('asked-test.csv')]);
    expect(report.split).toMatchObject({
      train: 87,
      test: 30,
      droppedFromTrain: 3,
      alsoInTraining: 3,
    });
    expect(report.split?.notes.join(' ')).toMatch(/1 of them but for case/);
  });
  test('is plain JSON', () => {
    const report = inspectTables([read('comments.csv')]);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
  test('says what hinders training, and audits all the same', () => {
    const text = sentences(40);
    text[9] = text[8] ?? '';
    const label = text.map((_, i) => (i === 3 ? 'odd' : i % 2 === 0 ? 'a' : 'b'));
    const tables = [table('t.csv', { text, label })];
    const report = inspectTables(tables);
    expect(report.problem?.message).toMatch(/“odd” has only one row/);
    expect(report.split).toBeNull();
    expect(report.audit.map(({ id, severity }) => `${severity} ${id}`)).toEqual([
      'stop small_class',
      'warn conflicting_labels',
      'warn exact_duplicates',
    ]);
    const repair = report.audit[0]?.repair;
    if (repair === null || repair === undefined) throw new Error('no repair');
    const mended = inspectTables(tables, { repairs: [repair] });
    expect([mended.problem, mended.changes.length]).toEqual([null, 1]);
    expect(mended.split).toMatchObject({ train: 31, test: 8 });
  });
  test('says so when nothing looks like a text or a label', () => {
    expect(
      inspectTables([table('n.csv', { x: ['1', '2', '3'], y: ['4', '5', '6'] })]).problem?.message,
    ).toMatch(/No column looks like one of texts/);
    expect(inspectTables([]).problem).not.toBeNull();
  });
});

test('a file without labels beside the labelled one does not hide the labels', () => {
  const text = sentences(60);
  const target = text.map((_, i) => (i % 3 === 0 ? '1' : '0'));
  const id = text.map((_, i) => `r${i}`);
  const tables = [
    table('sample.csv', { id, target }),
    table('test.csv', { id, text: sentences(60, 500) }),
    table('train.csv', { id, text, target }),
  ];
  const found = findColumns(tables);
  expect([found.text?.column, found.label?.column, found.files]).toEqual([
    'text',
    'target',
    ['train.csv'],
  ]);
  const report = inspectTables(tables);
  expect(report.files.map(({ role }) => role)).toEqual(['other', 'other', 'data']);
  expect(report).toMatchObject({ rows: 60, problem: null, fileParts: null });
});

test('10,000 columns are looked at in a moment', () => {
  const columns: Record<string, string[]> = {
    text: sentences(40),
    label: sentences(40).map((_, i) => (i % 2 === 0 ? 'a' : 'b')),
  };
  for (let c = 0; c < 10_000; c++)
    columns[`feature ${c}`] = Array.from({ length: 40 }, (_, i) => String((i * c) % 13));
  const start = performance.now();
  const report = inspectTables([table('wide.csv', columns)]);
  expect(report.findings.label?.column).toBe('label');
  expect(report.problem).toBeNull();
  expect(performance.now() - start).toBeLessThan(15_000);
});

test('whatever a table holds, the wizard ends in a report', () => {
  let state = 1;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  const cells = [
    '',
    ' ',
    '0',
    '1',
    'yes',
    'no',
    'train',
    'test',
    'a,b',
    'b',
    'a',
    '["a"]',
    '[',
    '{}',
    '__label__a',
    '3,5',
    'two words',
    '\u0000',
    '中文',
    '\ud800',
    'a long text of several words that goes on',
  ];
  for (let n = 0; n < 300; n++) {
    const rows = next(30);
    const tables = Array.from({ length: 1 + next(3) }, (_, t) =>
      table(
        `${['train', 'test', 'names'][t] ?? ''}.csv`,
        Object.fromEntries(
          Array.from({ length: next(5) }, (__, c) => {
            const of = Array.from({ length: 1 + next(4) }, () => cells[next(cells.length)] ?? '');
            return [
              ['text', 'label', 'id', 'split', 'x'][c] ?? '',
              Array.from({ length: rows }, () => of[next(of.length)] ?? ''),
            ];
          }),
        ),
      ),
    );
    const report = inspectTables(tables, { limit: { tokens: 5 } });
    expect(report.problem === null).toBe(report.split !== null);
  }
});
