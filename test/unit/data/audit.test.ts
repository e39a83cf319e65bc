/** The audit: each thing planted in clean data is found, counted, placed, and nothing else is. */
import { describe, expect, test } from 'vitest';
import {
  auditData,
  groupTexts,
  junkOf,
  labelTexts,
  makeSplit,
  normalText,
  type AuditFinding,
  type AuditInput,
  type Table,
} from '../../../src/data';
import { sentences, table } from './tables';

const LABELS = ['news', 'sport', 'work'];
/** 120 different texts, three classes in turn. */
const clean = (): { text: string[]; label: string[] } => ({
  text: sentences(120),
  label: Array.from({ length: 120 }, (_, i) => LABELS[i % 3] ?? ''),
});

function audit(
  columns: Record<string, string[]>,
  more: Partial<AuditInput> & { table?: Partial<Table> } = {},
): AuditFinding[] {
  const tables = [table('a.csv', columns, more.table)];
  const data = labelTexts(tables, 'text', 'label');
  return auditData({
    tables,
    data,
    texts: ['text'],
    label: { kind: 'column', column: 'label' },
    ...more,
  });
}
const ids = (findings: readonly AuditFinding[]): string[] => findings.map(({ id }) => id);
/** Lines of the rows, as a person counts them in the file. */
const lines = (finding: AuditFinding | undefined): number[] =>
  finding?.rows.map(({ line }) => line) ?? [];

test('clean data have no findings', () => {
  expect(audit(clean())).toEqual([]);
});

test('empty texts are placed', () => {
  const columns = clean();
  columns.text[3] = ' \t';
  columns.text[9] = '';
  const [found, ...others] = audit(columns);
  expect([found?.id, found?.count, lines(found), others]).toEqual(['empty_texts', 2, [5, 11], []]);
});

test('exact copies, near copies and conflicts are told apart', () => {
  const columns = clean();
  const [one = '', , , , , , six = ''] = columns.text;
  columns.text[30] = one;
  columns.text[33] = ` ${one}`;
  columns.text[36] = `${six.toUpperCase().replaceAll(' ', '  ')}!!`;
  columns.text[37] = six;
  const found = audit(columns);
  const by = (id: string) => found.find((finding) => finding.id === id);
  expect(ids(found)).toEqual(['conflicting_labels', 'exact_duplicates', 'near_duplicates']);
  expect(lines(by('exact_duplicates'))).toEqual([32, 35, 39]);
  expect(lines(by('near_duplicates'))).toEqual([38]);
  // Row 37 is another class than rows 6 and 36, whose text it repeats.
  expect(lines(by('conflicting_labels'))).toEqual([8, 38, 39]);
  expect(by('conflicting_labels')?.title).toMatch(/^1 text has different labels/);
});

test('label names that differ in case or white space are joined to the most frequent', () => {
  const columns = clean();
  columns.label[0] = 'News';
  columns.label[3] = 'News';
  columns.label[6] = 'ne\u00adws';
  const found = audit(columns).filter(({ id }) => id === 'label_spelling');
  expect(found).toHaveLength(1);
  expect(found[0]?.repair).toEqual({
    kind: 'join_labels',
    from: ['News', 'ne\u00adws'],
    to: 'news',
  });
  expect(lines(found[0])).toEqual([2, 5, 8]);
});

test('a class of fewer than 8 rows is warned of, one of a single text stops', () => {
  const columns = clean();
  for (let i = 0; i < 7; i++) columns.label[i] = 'few';
  columns.label[8] = 'one';
  columns.label[10] = 'copied';
  columns.label[11] = 'copied';
  columns.text[11] = columns.text[10] ?? '';
  const found = audit(columns).filter(({ id }) => id === 'small_class');
  expect(found.map(({ severity, count, repair }) => [severity, count, repair])).toEqual([
    ['stop', 2, { kind: 'drop_class', label: 'copied' }],
    ['stop', 1, { kind: 'drop_class', label: 'one' }],
    ['warn', 7, { kind: 'drop_class', label: 'few' }],
  ]);
});

test('a file sorted by class is a note when it is shuffled, a warning when not', () => {
  const columns = clean();
  columns.label.sort();
  const [found] = audit(columns);
  expect([found?.id, found?.severity, lines(found)]).toEqual([
    'sorted_by_class',
    'note',
    [2, 42, 82],
  ]);
  expect(audit(columns, { shuffled: false })[0]?.severity).toBe('warn');
});

describe('texts longer than the model reads', () => {
  const columns = clean();
  columns.text[5] = sentences(40, 500).join(' ');
  test('are counted with the model’s own tokens', () => {
    const count = (text: string): number => text.split(' ').length;
    const [found] = audit(columns, { limit: { tokens: 100, count } });
    expect([found?.id, found?.count, lines(found)]).toEqual(['long_texts', 1, [7]]);
    expect(found?.title).toBe('0.8 % of the texts are longer than the model reads');
    expect(audit(columns, { limit: { tokens: 1000, count } })).toEqual([]);
  });
  test('are estimated without, and it says so', () => {
    const [found] = audit(columns, { limit: { tokens: 100 } });
    expect(found?.detail).toMatch(/estimated from words/);
  });
});

test('labels that are numbers are named from the file of names', () => {
  const columns = clean();
  columns.label = columns.label.map((label) => String(LABELS.indexOf(label)));
  expect(audit(columns).map(({ id, repair }) => [id, repair])).toEqual([['unnamed_labels', null]]);
  const names = { '0': 'news', '1': 'sport', '2': 'work' };
  expect(audit(columns, { names })[0]?.repair).toEqual({ kind: 'name_labels', names });
});

describe('what is no text', () => {
  const base64 = Buffer.from(
    Uint8Array.from({ length: 200 }, (_, i) => (i * 97 + 13) % 256),
  ).toString('base64');
  test.each([
    ['control', 'one \u0001\u0002 two'],
    ['control', 'PNG\u0000\u0001\u0002 data'],
    ['replacement', 'caf\ufffd au lait'],
    ['encoded', `image: ${base64}`],
    ['encoded', 'd41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204e9800998ecf8427e'],
    ['markup', '<div class="a"><span>Hi</span></div><div id="b"></div>'],
    ['markup', '<!DOCTYPE html><p>'],
  ])('%s', (kind, text) => {
    expect(junkOf(text)).toBe(kind);
  });
  test.each([
    [
      'a review with breaks',
      'A fine film.<br /><br />I would see it again, and so would my whole family.',
    ],
    ['lines and tabs', 'one\ttwo\r\nthree'],
    ['shouting', `NO${'O'.repeat(300)} 123`],
    ['another script', 'これは日本語の文章です。'.repeat(20)],
    ['a stray sign in a sentence', `one \u0008 slipped into ${'this long sentence '.repeat(5)}`],
    ['quotes of Windows-1252 gone wrong', 'I\u0092m fine \u0096 and you?'],
    ['emoji', '👩‍👩‍👧 great!'],
    ['a formula', 'if a < b and b > c then x <= 3'],
  ])('but not %s', (_, text) => {
    expect(junkOf(text)).toBeNull();
  });
  test('all such rows are in the repair', () => {
    const columns = clean();
    for (let i = 0; i < 110; i++) columns.text[i] = `bell \u0007 ${i}`;
    const [found] = audit(columns).filter(({ id }) => id === 'binary_junk');
    expect(found?.rows).toHaveLength(100);
    expect(found?.repair?.kind === 'drop_rows' ? found.repair.rows : []).toHaveLength(110);
  });
});

test('rows with too many or too few cells are told from the reader’s problems', () => {
  const problems = [
    { line: 4, problem: 'has 4 cells where 2 were expected' },
    { line: 500, problem: 'could not be read' },
  ];
  const [found] = audit(clean(), { table: { problems, problemCount: 17 } });
  expect([found?.id, found?.count, found?.rows]).toEqual([
    'ragged_rows',
    17,
    [
      { file: 'a.csv', row: 2, line: 4 },
      { file: 'a.csv', row: -1, line: 500 },
    ],
  ]);
});

describe('what gives the label away', () => {
  test('the label written into its text', () => {
    const columns = clean();
    columns.text = columns.text.map((text, i) => `[${LABELS[i % 3] ?? ''}] ${text}`);
    const [found] = audit(columns);
    expect([found?.id, found?.severity, found?.count]).toEqual(['leaking_column', 'warn', 120]);
  });
  test('a column that says the same', () => {
    const columns = clean();
    const code = columns.label.map((label, i) => `${label.slice(0, 1)}${i % 5}`);
    const [found, ...others] = audit({ ...columns, code, day: code.map((_, i) => `d${i % 7}`) });
    expect([found?.title, others]).toEqual(['Column “code” gives the label away', []]);
  });
  test('a column that says the same but for a wrong row, and none that is wrong often', () => {
    const columns = clean();
    const code = columns.label.map((label, i) => (i === 3 ? 'x' : label.slice(0, 1)));
    code[7] = code[6] ?? '';
    const often = code.map((value, i) => (i % 20 === 1 ? (code[i + 1] ?? '') : value));
    expect(audit({ ...columns, code, often }).map(({ title }) => title)).toEqual([
      'Column “code” gives the label away',
    ]);
  });
  test('an id is no such column, though each of its values has one label', () => {
    const columns = clean();
    expect(audit({ ...columns, id: columns.text.map((_, i) => `r${i}`) })).toEqual([]);
  });
});

test('several labels: conflicts, small labels and labels everywhere', () => {
  const text = sentences(60);
  text[40] = text[1] ?? '';
  const a = text.map((_, i) => (i % 2 === 0 ? '1' : '0'));
  const b = text.map((_, i) => (i < 3 ? '1' : '0'));
  const c = text.map(() => '1');
  const tables = [table('m.csv', { text, a, b, c })];
  const label = { kind: 'columns', columns: ['a', 'b', 'c'] } as const;
  const data = labelTexts(tables, 'text', label);
  const found = auditData({ tables, data, texts: ['text'], label });
  expect(found.map(({ id, severity, count }) => [id, severity, count])).toEqual([
    ['small_class', 'stop', 60],
    ['conflicting_labels', 'warn', 2],
    ['exact_duplicates', 'warn', 1],
    ['small_class', 'warn', 3],
  ]);
});

test('with a split, copies are told by part', () => {
  const columns = clean();
  for (const i of [30, 33, 36, 39]) columns.text[i] = columns.text[0] ?? '';
  const tables = [table('a.csv', columns)];
  const data = labelTexts(tables, 'text', 'label');
  const split = makeSplit(data, { method: 'stratified', testShare: 0.5, seed: 1 }, null);
  const [found] = audit(columns, { split });
  expect(found?.detail).toMatch(
    /(4 of these rows are in training, 0|0 of these rows are in training, 4) in the test\.$/,
  );
  const three = { method: 'stratified', testShare: 0.3, validationShare: 0.3, seed: 1 } as const;
  const [again] = audit(columns, { split: makeSplit(data, three, null) });
  expect(again?.detail).toMatch(/in training(, \d+ in validation)?, \d+ in the test\.$/);
  const rows = [...(again?.detail ?? '').matchAll(/(\d+) (?:of these|in)/g)].map(([, n]) =>
    Number(n),
  );
  expect(rows.reduce((a, b) => a + b)).toBe(4);
});

test('one copy stands in one part', () => {
  const columns = clean();
  columns.text[30] = columns.text[0] ?? '';
  const data = labelTexts([table('a.csv', columns)], 'text', 'label');
  const split = makeSplit(data, { method: 'stratified', testShare: 0.5, seed: 1 }, null);
  expect(audit(columns, { split })[0]?.detail).toMatch(/figures\. It is in (training|the test)\.$/);
});

describe('nearly the same text', () => {
  test.each([
    ['Hello, World!', 'hello   world'],
    ['ＦＵＬＬ width', 'full width'],
    ['STRASSE', 'Straße'],
    ['ΟΔΟΣ', 'οδος'],
    ['cafe\u0301', 'CAFÉ'],
    ['zero\u200bwidth', 'zerowidth'],
    ['“Quoted” — dash…', 'quoted dash ...'],
    [' \u00a0edge\n', 'edge'],
  ])('%j is %j', (a, b) => {
    expect(normalText(a)).toBe(normalText(b));
  });
  test.each([
    ['C++', 'C'],
    ['?', '!'],
    ['resume', 'résumé'],
    ['3.5', '35'],
    ['👍', '👎'],
  ])('%j is not %j', (a, b) => {
    expect(normalText(a)).not.toBe(normalText(b));
  });
  test('groups are those of a map of normal texts, for ASCII and for others', () => {
    const pieces = [
      'a',
      'B',
      ' ',
      '  ',
      '.',
      ',',
      'é',
      'É',
      '+',
      '\t',
      'ß',
      'ss',
      '!',
      '中',
      '\u0000',
    ];
    let state = 7;
    const next = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >>> 8) % below;
    };
    const texts = Array.from({ length: 5000 }, () =>
      Array.from({ length: next(5) }, () => pieces[next(pieces.length)] ?? '').join(''),
    );
    const numbers = new Map<string, number>();
    const expected = texts.map((text) => {
      const key = normalText(text);
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      return number;
    });
    const groups = groupTexts({ texts, pairs: null });
    expect([...groups.of]).toEqual(expected);
    expect(groups.count).toBe(numbers.size);
  });
  test('a pair is the same when both texts are, each in its place', () => {
    const groups = groupTexts({ texts: ['a b', 'a', 'A', 'b'], pairs: ['c', 'b c', 'b, C', 'a'] });
    expect([...groups.of]).toEqual([0, 1, 1, 2]);
  });
});
