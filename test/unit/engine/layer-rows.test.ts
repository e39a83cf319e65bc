/** The rows of a layer study: whatever a project is made of, its own test rows, and no text on two sides of a draw. */
import { describe, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import { normalTextOf } from '../../helpers/normal-text';
import { studyRows, type StudyRows } from '../../../src/engine/layers/rows';
import { drawUnits, type StudyUnits } from '../../../src/engine/layers/rows-draws';
import type { LayerStudySettings } from '../../../src/engine/layer-types';
import { Projects } from '../../../src/engine/projects';
import { LABELLING_DEFAULTS } from '../../../src/learning/labelling';
import type { DataChoice } from '../../../src/project';
import { memoryStorage } from '../../helpers/memory-storage';
import { sentences } from '../data/tables';
import { thrownBy } from '../../helpers/error-of';

type Asked = Pick<LayerStudySettings, 'task' | 'rows' | 'repeats'>;

const SEEDS: Asked['repeats'] = { method: 'seeds', seeds: [0, 1, 2] };
const LABELS: Asked = { task: { kind: 'labels' }, rows: null, repeats: SEEDS };

async function project(
  files: Readonly<Record<string, string>>,
  change: Partial<DataChoice> = {},
): Promise<{ readonly projects: Projects; readonly id: string }> {
  const projects = new Projects(memoryStorage());
  const given = Object.entries(files).map(([name, text]) => ({
    name,
    bytes: new TextEncoder().encode(text),
  }));
  const view = await finish(projects.create(given));
  if (Object.keys(change).length > 0)
    await finish(projects.configure(view.id, { ...view.choice, ...change }));
  return { projects, id: view.id };
}

async function rowsOf(
  files: Readonly<Record<string, string>>,
  asked: Partial<Asked> = {},
  change: Partial<DataChoice> = {},
): Promise<StudyRows> {
  const { projects, id } = await project(files, change);
  return studyRows(projects, id, { ...LABELS, ...asked });
}

/** What must hold of any draws: parts are apart, ascending, within the rows, and no text stands in two of them. */
function checkDraws({ draws, labels, texts, sentences: own }: StudyRows): void {
  expect(draws.length).toBeGreaterThan(0);
  const textOf: readonly string[] =
    texts.length > 0 ? texts : own.flatMap((words) => words.map(() => words.join(' ')));
  for (const { train, validation, test } of draws) {
    const seen = new Map<string, number>();
    for (const [part, rows] of [train, validation, test].entries()) {
      expect(rows.length).toBeGreaterThan(0);
      expect([...rows]).toEqual([...rows].sort((a, b) => a - b));
      for (const row of rows) {
        expect(row).toBeLessThan(labels.length);
        const key = normalTextOf(textOf[row] ?? '');
        expect(seen.get(key) ?? part).toBe(part);
        seen.set(key, part);
      }
    }
  }
}

const csv = (rows: number, from = 0): string =>
  `text,topic\n${sentences(rows, from)
    .map((text, at) => `${text},${['a', 'b', 'c'][at % 3] ?? ''}\n`)
    .join('')}`;

describe('of labels of texts', () => {
  it('has the project’s own test rows, and a fifth of the others to choose by, drawn anew by each seed', async () => {
    const { projects, id } = await project({ 'all.csv': csv(300) });
    const rows = await studyRows(projects, id, LABELS);
    const { data, split } = await projects.prepare(id);
    checkDraws(rows);
    expect([rows.name, rows.words, rows.types]).toEqual(['topic', false, null]);
    expect(rows.classes).toEqual(['a', 'b', 'c']);
    const tested = new Set(Array.from(split.test, (row) => data.texts[row]));
    for (const { train, validation, test } of rows.draws) {
      expect(new Set(Array.from(test, (row) => rows.texts[row]))).toEqual(tested);
      expect([train.length, validation.length]).toEqual([192, 48]);
      for (const label of [0, 1, 2])
        expect(validation.filter((row) => rows.labels[row] === label).length).toBe(16);
    }
    const [first, second] = rows.draws;
    expect(first?.validation).not.toEqual(second?.validation);
    expect((await studyRows(projects, id, LABELS)).draws).toEqual(rows.draws);
  });

  it('is called as its column, or as the known task that files or project are named after', async () => {
    const tabbed = sentences(60)
      .map((text, at) => `${text}\t${at % 2 === 0 ? 'O' : 'I'}\n`)
      .join('');
    expect((await rowsOf({ 'va.txt': tabbed })).name).toBe('label');
    const { projects, id } = await project({ 'va.txt': tabbed });
    await projects.rename(id, 'Bigram shift');
    const known = await studyRows(projects, id, LABELS);
    expect(known.name).toBe('bigram shift');
    expect(known.notes[0]).toContain('BShift of Conneau et al. 2018');
    expect((await rowsOf({ 'odd_man_out.txt': tabbed })).name).toBe('odd man out');
  });

  it('keeps copies of a text, and rows of one id, on one side', async () => {
    const texts = sentences(120).flatMap((text, at) => [
      `${text},${at % 2},${at % 20}`,
      `${text.toUpperCase()}!,${at % 2},${at % 20}`,
    ]);
    const file = { 'a.csv': `text,label,author\n${texts.join('\n')}\n` };
    checkDraws(await rowsOf(file));
    const grouped = await rowsOf(
      file,
      {},
      { split: { method: 'stratified', testShare: 0.2, seed: 0, groups: 'author' } },
    );
    const authorOf = new Map(texts.map((line) => [line.split(',')[0] ?? '', line.split(',')[2]]));
    for (const { train, validation, test } of grouped.draws) {
      const authors = [train, validation, test].map(
        (part) => new Set(Array.from(part, (row) => authorOf.get(grouped.texts[row] ?? ''))),
      );
      expect(authors.reduce((sum, { size }) => sum + size, 0)).toBe(20);
    }
  });

  it('takes a validation file as it is; with one seed all training rows, with several nine tenths of them', async () => {
    const files = { 'train.csv': csv(150), 'dev.csv': csv(30, 200), 'test.csv': csv(30, 300) };
    const { projects, id } = await project(files);
    const one = await studyRows(projects, id, {
      ...LABELS,
      repeats: { method: 'seeds', seeds: [4] },
    });
    checkDraws(one);
    expect(
      one.draws.map(({ train, validation, test }) => [
        train.length,
        validation.length,
        test.length,
      ]),
    ).toEqual([[150, 30, 30]]);
    const several = await studyRows(projects, id, LABELS);
    checkDraws(several);
    const [first, second] = several.draws;
    expect([first?.train.length, first?.validation.length]).toEqual([135, 30]);
    expect(first?.train).not.toEqual(second?.train);
    expect(first?.validation).toEqual(second?.validation);
    expect(several.notes.join(' ')).toContain('nine tenths');
  });

  it('in folds: each row that is not tested is chosen by once', async () => {
    const rows = await rowsOf(
      { 'all.csv': csv(100) },
      { repeats: { method: 'folds', folds: 4, seed: 1 } },
    );
    checkDraws(rows);
    expect(rows.draws.length).toBe(4);
    const chosen = rows.draws.flatMap(({ validation }) => [...validation]).sort((a, b) => a - b);
    const test = new Set(rows.draws[0]?.test);
    expect(chosen).toEqual([...rows.labels.keys()].filter((row) => !test.has(row)));
  });

  it('refuses folds that not all get a text, and groups that leave none to learn from', async () => {
    const folds = (count: number): Asked['repeats'] => ({ method: 'folds', folds: count, seed: 0 });
    const many = await thrownBy(rowsOf({ 'all.csv': csv(30) }, { repeats: folds(40) }));
    expect([many.code, many.message]).toEqual([
      'bad-setting',
      'Layer study: repeats.folds: 40 were asked for, and the texts can only be divided into 24.',
    ]);
    // Two classes of three authors each, of two texts: three folds get some, five do not.
    const rows = Int32Array.from({ length: 12 }, (_, row) => row);
    const units: StudyUnits = {
      strata: rows.map((row) => Math.floor(row / 6)),
      groups: rows.map((row) => Math.floor(row / 2)),
      train: rows,
      validation: new Int32Array(0),
      test: new Int32Array(0),
    };
    expect(drawUnits(units, folds(3)).draws).toHaveLength(3);
    expect(() => drawUnits(units, folds(5))).toThrow('only be divided into 3');
    const alone = { ...units, groups: units.strata };
    expect(() => drawUnits(alone, SEEDS)).toThrow('none are left to choose by');
  });

  it('at most so many texts, of every part and class alike', async () => {
    const rows = await rowsOf({ 'all.csv': csv(600) }, { rows: 150 });
    checkDraws(rows);
    expect(rows.texts.length).toBe(150);
    expect(rows.draws[0]?.test.length).toBe(30);
    for (const label of [0, 1, 2])
      expect(rows.labels.filter((own) => own === label).length).toBe(50);
    expect(rows.notes.join(' ')).toContain('150 of 600 texts');
  });

  it('refuses several labels a text, pairs, and no labels at all, each with what to do', async () => {
    const several = `text,x,y\n${sentences(60)
      .map((text, at) => `${text},${at % 2},${at % 3 === 0 ? 1 : 0}\n`)
      .join('')}`;
    const columns: DataChoice['label'] = { kind: 'columns', columns: ['x', 'y'] };
    const error = await thrownBy(rowsOf({ 'a.csv': several }, {}, { label: columns }));
    expect([error.code, error.hint]).toEqual([
      'bad-setting',
      'Choose one column of labels under Data, or a task that is computed from the texts.',
    ]);
    const pairs = `one,two,label\n${sentences(60)
      .map((text, at) => `${text},${text} too,${at % 2}\n`)
      .join('')}`;
    const paired = await thrownBy(
      rowsOf(
        { 'a.csv': pairs },
        {},
        { textColumn: 'one', textPairColumn: 'two', label: { kind: 'column', column: 'label' } },
      ),
    );
    expect(paired.message).toContain('not on pairs');
    const none = await thrownBy(rowsOf({ 'a.txt': sentences(60).join('\n') }));
    expect([none.code, none.message]).toEqual(['bad-setting', 'No label column has been chosen.']);
  });
});

describe('of labels that are made here', () => {
  it('says that nobody has labelled texts to measure by', async () => {
    const { projects, id } = await project(
      {
        'a.csv': `text\n${sentences(80)
          .map((text, at) => `${text} ${at % 2 === 0 ? 'good' : 'bad'}`)
          .join('\n')}\n`,
      },
      {
        textColumn: 'text',
        label: { kind: 'made', classes: ['no', 'yes'], several: false, truth: null, names: {} },
      },
    );
    await projects.configureLabelling(id, {
      classes: ['no', 'yes'].map((name) => ({ name, description: '', examples: [] })),
      several: false,
      teachers: [
        {
          kind: 'rules',
          rules: [
            { class: 'yes', match: 'keywords', pattern: 'good', ignore_case: true },
            { class: 'no', match: 'keywords', pattern: 'bad', ignore_case: true },
          ],
        },
      ],
      ...LABELLING_DEFAULTS,
    });
    const { hashes, teachers, rows: made } = await projects.labelling(id);
    const keep = await projects.labels.votesWriter(id, teachers[0]?.key ?? '', 2, hashes.length);
    const votes = made.texts.flatMap((text) => (text.endsWith('good') ? [0, 1] : [1, 0]));
    await keep(hashes, Float32Array.from(votes));
    const rows = await studyRows(projects, id, LABELS);
    checkDraws(rows);
    expect(rows.classes).toEqual(['no', 'yes']);
    expect(rows.notes.join(' ')).toContain('Nobody has labelled texts to measure by');
    // A computed task needs none of that.
    const shifted = await studyRows(projects, id, { ...LABELS, task: { kind: 'bigram-shift' } });
    checkDraws(shifted);
    expect(shifted.texts.length).toBe(80);
  });
});

describe('of words', () => {
  const NOUNS = sentences(60).map((text) => text.split(' ').slice(0, 4));
  const conll = NOUNS.map((words) =>
    words.map((word, at) => `${word}\t${at % 2 === 0 ? 'DET' : 'NOUN'}\n`).join(''),
  ).join('\n');

  it('has a row a word, its type, and sentences that are never cut by a draw', async () => {
    const rows = await rowsOf({ 'words.conll': conll });
    expect([rows.words, rows.name, rows.classes]).toEqual([true, 'tags of words', ['DET', 'NOUN']]);
    const words = rows.sentences.flat();
    expect(rows.types).toEqual(words);
    expect(rows.labels.length).toBe(words.length);
    expect([...rows.labels.slice(0, 4)]).toEqual([0, 1, 0, 1]);
    checkDraws(rows);
    const sentenceOf = rows.sentences.flatMap((own, at) => own.map(() => at));
    for (const { train, validation, test } of rows.draws) {
      const sides = [train, validation, test].map(
        (part) => new Set(Array.from(part, (row) => sentenceOf[row])),
      );
      expect(sides.reduce((sum, { size }) => sum + size, 0)).toBe(rows.sentences.length);
    }
  });

  it('at most so many sentences', async () => {
    const rows = await rowsOf({ 'words.conll': conll }, { rows: 20 });
    expect(rows.sentences.length).toBe(20);
    expect(rows.labels.length).toBe(80);
    checkDraws(rows);
  });
});

describe('of tasks that are computed from the texts', () => {
  const texts = sentences(600);

  it.each([
    ['a list of texts', { 'corpus.txt': texts.join('\n') }],
    ['a table with labels', { 'all.csv': csv(600) }],
    [
      'labels that cannot be learned from',
      { 'all.csv': `text,label\n${texts.map((text) => `${text},same\n`).join('')}` },
    ],
  ])('%s: half of the texts shifted, each text once', async (_, files) => {
    const rows = await rowsOf(files, { task: { kind: 'bigram-shift' } });
    checkDraws(rows);
    expect(rows.classes).toEqual(['original', 'swapped']);
    expect(rows.labels.filter((label) => label === 1).length).toBe(rows.labels.length / 2);
    expect(rows.texts.length).toBe(600);
    expect(rows.draws[0]?.test.length).toBe(120);
  });

  it('tests on the rows that the project tests on', async () => {
    const { projects, id } = await project({ 'all.csv': csv(300) });
    const { data, split } = await projects.prepare(id);
    const rows = await studyRows(projects, id, { ...LABELS, task: { kind: 'bigram-shift' } });
    const words = (text: string): string => text.split(' ').sort().join(' ');
    const tested = new Set(Array.from(split.test, (row) => words(data.texts[row] ?? '')));
    for (const row of rows.draws[0]?.test ?? [])
      expect(tested).toContain(words(rows.texts[row] ?? ''));
  });

  it('takes the parts that files give, without a text of the test part in training', async () => {
    const train = texts.slice(0, 400).concat(texts.slice(500, 520));
    const files = { 'train.txt': train.join('\n'), 'test.txt': texts.slice(500, 600).join('\n') };
    const rows = await rowsOf(files, { task: { kind: 'length', bins: 2 } });
    checkDraws(rows);
    const tested = Array.from(rows.draws[0]?.test ?? [], (row) => rows.texts[row] ?? '');
    expect(tested.every((text) => texts.slice(500, 600).includes(text))).toBe(true);
  });

  it('reads the sentences of a file of words, and the first texts of pairs', async () => {
    const tagged = texts
      .slice(0, 100)
      .map((text) =>
        text
          .split(' ')
          .map((word, at) => `${word}\t${at === 0 ? 'B-X' : 'O'}\n`)
          .join(''),
      )
      .join('\n');
    const ofWords = await rowsOf({ 'words.conll': tagged }, { task: { kind: 'bigram-shift' } });
    checkDraws(ofWords);
    expect(ofWords.words).toBe(false);
    const pairs = `one,two,label\n${texts
      .slice(0, 100)
      .map((text, at) => `${texts[at % 20] ?? ''},${text} too,${at % 2}\n`)
      .join('')}`;
    const change: Partial<DataChoice> = {
      textColumn: 'one',
      textPairColumn: 'two',
      label: { kind: 'column', column: 'label' },
    };
    checkDraws(await rowsOf({ 'a.csv': pairs }, { task: { kind: 'bigram-shift' } }, change));
  });

  it('says what to do where there are too few texts', async () => {
    const error = await thrownBy(
      rowsOf(
        { 'a.txt': texts.slice(0, 30).join('\n') },
        { task: { kind: 'word-content', words: 20 } },
      ),
    );
    expect(error.code).toBe('bad-labels');
    expect(error.hint).toContain('Ask for fewer words, or add texts');
  });
});
