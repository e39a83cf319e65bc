/** Three parts, given parts, several labels, groups: what each way of dividing promises. */
import { describe, expect, test } from 'vitest';
import {
  cellsOf,
  labelTexts,
  makeSplit,
  normalText,
  parseTable,
  splitCsv,
  type LabelledTexts,
  type Split,
  type SplitSettings,
  type Table,
} from '../../../src/data';
import { seededRandom } from '../../../src/base';
import golden from '../../reference/data/multi_label_split.json';
import { sentences, table } from './tables';

const N = 600;
const texts = sentences(N);
/** Classes of 50, 30 and 20 %, in blocks. */
const labels = texts.map((_, i) => (i < 300 ? 'a' : i < 480 ? 'b' : 'c'));
const plain = [table('t.csv', { text: texts, label: labels })];
const data = labelTexts(plain, 'text', 'label');
type ByShare = Extract<SplitSettings, { method: 'stratified' }>;
const share = (settings: Partial<ByShare> = {}): ByShare => ({
  method: 'stratified',
  testShare: 0.2,
  seed: 1,
  ...settings,
});
const perClass = (all: LabelledTexts, part: Int32Array): number[] =>
  all.classes.map((_, c) => part.filter((row) => all.labels[row] === c).length);
function expectWhole(split: Split, rows: number): void {
  const all = [...split.train, ...split.validation, ...split.test, ...split.droppedFromTrain];
  expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
}
/** No text, but for case, white space and punctuation, stands in two parts. */
function expectApart(all: LabelledTexts, split: Split): void {
  const where = new Map<string, number>();
  [split.train, split.validation, split.test].forEach((part, number) => {
    for (const row of part) {
      const key = normalText(all.texts[row] ?? '');
      expect(where.get(key) ?? number).toBe(number);
      where.set(key, number);
    }
  });
}

describe('training, validation and test', () => {
  const split = makeSplit(data, share({ validationShare: 0.1 }), null);
  test('every class has its share in each', () => {
    expectWhole(split, N);
    expect(perClass(data, split.test)).toEqual([60, 36, 24]);
    expect(perClass(data, split.validation)).toEqual([30, 18, 12]);
  });
  test('the test part is the one without validation', () => {
    expect(makeSplit(data, share(), null).test).toEqual(split.test);
    expect(makeSplit(data, share(), null).validation).toHaveLength(0);
  });
  test('a class too small for three parts is trained and tested, and named', () => {
    const rare = labelTexts(
      [table('t.csv', { text: texts, label: labels.map((name, i) => (i < 2 ? 'rare' : name)) })],
      'text',
      'label',
    );
    const { test: tested, notes } = makeSplit(rare, share({ validationShare: 0.1 }), null);
    expect(tested.filter((row) => row < 2)).toHaveLength(1);
    expect(notes.join(' ')).toMatch(/“rare” does not stand in the validation part/);
  });
  test('shares that leave nothing for training are refused', () => {
    expect(() => makeSplit(data, share({ testShare: 0.5, validationShare: 0.5 }), null)).toThrow(
      /nothing is left/,
    );
  });
});

test('without shuffling the last rows of each class are tested, whatever the seed', () => {
  const split = makeSplit(data, share({ shuffle: false, validationShare: 0.1 }), null);
  expect([...split.test].slice(0, 60)).toEqual(Array.from({ length: 60 }, (_, i) => 240 + i));
  expect([...split.validation].slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, i) => 210 + i));
  expect(
    makeSplit(data, share({ shuffle: false, validationShare: 0.1, seed: 9 }), null),
  ).toMatchObject({ test: split.test });
});

test('without stratifying the test is a share of all rows; without shuffling too it is the end of the file', () => {
  const free = makeSplit(data, share({ stratify: false }), null);
  expect(free.test).toHaveLength(120);
  expect(perClass(data, free.test)).not.toEqual([60, 36, 24]);
  const mixed: LabelledTexts = { ...data, labels: data.labels.map((_, i) => i % 3) };
  const end = makeSplit(mixed, share({ stratify: false, shuffle: false }), null);
  expect([...end.test]).toEqual(Array.from({ length: 120 }, (_, i) => 480 + i));
  expect(() => makeSplit(data, share({ stratify: false, shuffle: false }), null)).toThrow(
    /“c” fell into the test/,
  );
});

test('near copies stand on one side', () => {
  const copies = texts.map((text, i) =>
    i % 3 === 1 ? ` ${(texts[i - 1] ?? '').toUpperCase()} !` : text,
  );
  const all = labelTexts([table('t.csv', { text: copies, label: labels })], 'text', 'label');
  const split = makeSplit(all, share({ validationShare: 0.2 }), null);
  expectWhole(split, N);
  expectApart(all, split);
  expect(split.notes.join(' ')).toMatch(/200 rows repeat the text of another row/);
});

describe('groups', () => {
  // 60 authors of 10 rows; the classes of an author's rows differ.
  const author = texts.map((_, i) => `author ${i % 60}`);
  const tables = [table('t.csv', { text: texts, label: labels, author })];
  const all = labelTexts(tables, 'text', 'label');
  const sides = (split: Split, of: (row: number) => string): number[] => {
    const parts = new Map<string, Set<number>>();
    [split.train, split.validation, split.test].forEach((part, number) => {
      for (const row of part) parts.set(of(row), (parts.get(of(row)) ?? new Set()).add(number));
    });
    return [...parts.values()].map(({ size }) => size);
  };
  test('of an id column stand in one part each, shares kept as near as can be', () => {
    const split = makeSplit(all, share({ groups: 'author', validationShare: 0.1 }), null, tables);
    expectWhole(split, N);
    expect(new Set(sides(split, (row) => author[row] ?? ''))).toEqual(new Set([1]));
    expect(Math.abs(split.test.length - 0.2 * N)).toBeLessThanOrEqual(20);
    expect(Math.abs(split.validation.length - 0.1 * N)).toBeLessThanOrEqual(20);
  });
  test('that were read with the texts are kept as those of a column', () => {
    const read = labelTexts(tables, 'text', 'label', null, { groups: 'author' });
    expect(makeSplit(read, share(), null).test).toEqual(
      makeSplit(all, share({ groups: 'author' }), null, tables).test,
    );
  });
  test('that share a text are one group', () => {
    const shared = [...texts];
    // Row i and row i + 1 are of two authors: a chain through all authors, so all rows are one group.
    for (let i = 0; i < 59; i++) shared[i + 61] = shared[i] ?? '';
    const chained = [table('t.csv', { text: shared, label: labels, author })];
    const joined = labelTexts(chained, 'text', 'label');
    expect(() => makeSplit(joined, share({ groups: 'author' }), null, chained)).toThrow(
      /too few different groups/,
    );
  });
  test('a row without an id belongs to no group', () => {
    const some = author.map((name, i) => (i % 2 === 0 ? '' : name));
    const loose = [table('t.csv', { text: texts, label: labels, author: some })];
    const split = makeSplit(
      labelTexts(loose, 'text', 'label'),
      share({ groups: 'author' }),
      null,
      loose,
    );
    expect(Math.abs(split.test.length - 120)).toBeLessThanOrEqual(5);
  });
});

describe('several labels a row, by iterative stratification', () => {
  // Labels of 30, 10, 3 and 1 % that come together more than by chance.
  const random = seededRandom(11);
  const rows = 1000;
  const text = sentences(rows);
  const set = text.map(() => {
    const a = random.next() < 0.3;
    const b = random.next() < (a ? 0.25 : 0.04);
    return [a, b, b && random.next() < 0.3, random.next() < 0.01].map((on) => (on ? '1' : '0'));
  });
  const columns = Object.fromEntries(
    ['a', 'b', 'c', 'd'].map((name, c) => [name, set.map((row) => row[c] ?? '0')]),
  );
  const all = labelTexts([table('m.csv', { text, ...columns })], 'text', {
    kind: 'columns',
    columns: Object.keys(columns),
  });
  const count = (part: Iterable<number>): number[] => {
    const counts = [0, 0, 0, 0];
    for (const row of part)
      counts.forEach((_, c) => (counts[c] = (counts[c] ?? 0) + (all.targets?.[row * 4 + c] ?? 0)));
    return counts;
  };
  const total = count(all.texts.keys());
  const distance = (part: Int32Array): number =>
    count(part).reduce(
      (sum, got, c) => sum + Math.abs(got - 0.2 * (total[c] ?? 0)) / (total[c] ?? 1),
      0,
    );
  test('every label has its share within a row, and the part its size', () => {
    for (let seed = 0; seed < 5; seed++) {
      const split = makeSplit(all, share({ seed, validationShare: 0.1 }), null);
      expectWhole(split, rows);
      count(split.test).forEach((got, c) => {
        expect(Math.abs(got - 0.2 * (total[c] ?? 0))).toBeLessThanOrEqual(1);
      });
      count(split.validation).forEach((got, c) => {
        expect(Math.abs(got - 0.1 * (total[c] ?? 0))).toBeLessThanOrEqual(1);
      });
      expect(Math.abs(split.test.length - 200)).toBeLessThanOrEqual(2);
    }
  });
  test('is nearer to the shares than chance, and repeats with its seed', () => {
    const split = makeSplit(all, share(), null);
    expect(makeSplit(all, share(), null)).toEqual(split);
    expect(makeSplit(all, share({ seed: 2 }), null).test).not.toEqual(split.test);
    for (let seed = 0; seed < 5; seed++) {
      const chance = makeSplit(all, share({ seed, stratify: false }), null);
      expect(distance(split.test)).toBeLessThan(distance(chance.test) / 2);
    }
  });
  test('is as near as the package iterative-stratification, on the same targets', () => {
    const names = Array.from({ length: 8 }, (_, c) => `l${c}`);
    const bits = golden.targets.map((row) => row.split(''));
    const many = labelTexts(
      [
        table('g.csv', {
          text: sentences(bits.length),
          ...Object.fromEntries(names.map((name, c) => [name, bits.map((row) => row[c] ?? '0')])),
        }),
      ],
      'text',
      { kind: 'columns', columns: names },
    );
    const sums = names.map((_, c) => bits.filter((row) => row[c] === '1').length);
    const distances = Array.from({ length: 20 }, (_, seed) => {
      const part = makeSplit(many, share({ seed, testShare: golden.share }), null).test;
      const off = names.map((_, c) => {
        const got = part.filter((row) => bits[row]?.[c] === '1').length;
        return Math.abs(got - golden.share * (sums[c] ?? 0));
      });
      return off.reduce((sum, value) => sum + value, 0) / names.length;
    });
    const mean = distances.reduce((sum, value) => sum + value, 0) / distances.length;
    expect(mean).toBeLessThanOrEqual(golden.package_mean + 1e-9);
    expect(Math.max(...distances)).toBeLessThanOrEqual(golden.package_worst + 1e-9);
    expect(mean).toBeLessThan(golden.chance_mean / 5);
  });
  test('two rows of a label go one to each side; one is refused by name', () => {
    const rare = (count: number): LabelledTexts =>
      labelTexts(
        [table('m.csv', { text, ...columns, rare: text.map((_, i) => (i < count ? '1' : '0')) })],
        'text',
        { kind: 'columns', columns: ['a', 'b', 'rare'] },
      );
    const split = makeSplit(rare(2), share(), null);
    expect([...split.test].filter((row) => row < 2)).toHaveLength(1);
    expect(() => makeSplit(rare(1), share(), null)).toThrow(/“rare” has only one row/);
  });
  test('copies of a text stay together', () => {
    const copied = text.map((line, i) => (i % 4 === 0 ? (text[(i * 7) % 40] ?? '') : line));
    const some = labelTexts([table('m.csv', { text: copied, ...columns })], 'text', {
      kind: 'columns',
      columns: ['a', 'b', 'c', 'd'],
    });
    const split = makeSplit(some, share({ validationShare: 0.1 }), null);
    expectWhole(split, rows);
    expectApart(some, split);
  });
});

describe('parts by a column', () => {
  const columns = {
    text: [
      'one a',
      'two b',
      'Three c',
      'four d',
      'three C.',
      'five e',
      'six f',
      'TWO B',
      'x',
      'one  A',
      'seven g',
    ],
    label: ['p', 'q', 'p', 'q', 'p', 'q', 'p', 'q', 'p', 'p', 'p'],
    part: ['train', 'train', 'train', 'train', 'test', 'test', 'dev', 'dev', '?', 'dev', 'train'],
  };
  const tables = [table('t.csv', columns)];
  const all = labelTexts(tables, 'text', 'label');
  const settings: SplitSettings = {
    method: 'column',
    column: 'part',
    parts: { train: 'train', test: 'test', dev: 'validation' },
  };
  const split = makeSplit(all, settings, null, tables);
  test('what stands in validation or test too is dropped from training and counted', () => {
    expect([...split.test]).toEqual([4, 5]);
    expect([...split.validation]).toEqual([6, 7, 9]);
    expect([...split.train]).toEqual([3, 10]);
    expect([...split.droppedFromTrain]).toEqual([0, 1, 2]);
    expect([...split.alsoInTraining]).toEqual([4]);
    expect(split.notes.join(' ')).toMatch(/3 training rows were dropped.*but for case/);
    expect(split.notes.join(' ')).toMatch(/1 row is in no part/);
  });
  test('a class that is left without training rows is named', () => {
    const bare = [
      table('t.csv', {
        ...columns,
        label: ['p', 'p', 'p', 'p', 'q', 'p', 'p', 'p', 'p', 'p', 'p'],
      }),
    ];
    expect(() => makeSplit(labelTexts(bare, 'text', 'label'), settings, null, bare)).toThrow(/“q”/);
  });
  test('an unknown column is named', () => {
    expect(() => makeSplit(all, { ...settings, column: 'set' }, null, tables)).toThrow(
      /no column “set”/,
    );
  });
});

test('several files: each is the part it is given', () => {
  const tables = ['train.csv', 'dev.csv', 'test.csv'].map((name, i) =>
    table(name, { text: [`a ${i}`, `b ${i}`, 'shared'], label: ['p', 'q', 'p'] }),
  );
  const all = labelTexts(tables, 'text', 'label');
  const split = makeSplit(
    all,
    { method: 'files' },
    { 'train.csv': 'train', 'dev.csv': 'validation', 'test.csv': 'test' },
  );
  expect([
    [...split.train],
    [...split.validation],
    [...split.test],
    [...split.droppedFromTrain],
  ]).toEqual([[0, 1], [3, 4], [6, 7, 8], [2]]);
  expect(split.notes.join(' ')).toMatch(/1 validation row was dropped/);
});

describe('parts as CSV', () => {
  const awkward = ['two\nlines', 'a "quoted", word', 'plain', ';semi', ' space', 'last one'];
  const tables: Table[] = [
    table('one.csv', {
      id: awkward.map((_, i) => `${i}`),
      text: awkward,
      label: ['x', 'y', 'x', 'y', 'x', 'y'],
    }),
    table('two.csv', { text: ['extra a', 'extra b'], label: ['x', 'y'], note: ['n1', 'n2'] }),
  ];
  const all = labelTexts(tables, 'text', 'label');
  const split = makeSplit(all, { method: 'stratified', testShare: 0.4, seed: 3 }, null);
  test('have all the columns of their files, and read back as the same rows', () => {
    for (const part of ['train', 'test'] as const) {
      const csv = [...splitCsv(tables, all, split, part)].join('');
      const back = parseTable(
        { name: 'part.csv', bytes: new TextEncoder().encode(csv) },
        { hasHeader: true, delimiter: ',' },
      );
      expect(back.columns.map(({ name }) => name)).toEqual(['id', 'text', 'label', 'note']);
      expect([...cellsOf(back, 'text')]).toEqual([...split[part]].map((row) => all.texts[row]));
      expect([...cellsOf(back, 'label')]).toEqual(
        [...split[part]].map((row) => all.classes[all.labels[row] ?? -1]),
      );
    }
  });
  test('come in pieces', () => {
    const big = labelTexts(plain, 'text', 'label');
    const many: Split = {
      ...makeSplit(big, share(), null),
      train: Int32Array.from({ length: 2500 }, (_, i) => i % N),
    };
    expect(
      [...splitCsv(plain, big, many, 'train')].map((piece) => piece.split('\r\n').length - 1),
    ).toEqual([1000, 1000, 501]);
    expect([...splitCsv(plain, big, { ...many, train: new Int32Array(0) }, 'train')]).toEqual([
      '\ufefftext,label\r\n',
    ]);
  });
});
