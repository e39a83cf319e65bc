/** What becomes of teachers' votes, labels by hand and the truth of held-out rows: the laws that labels made here keep. */
import { describe, expect, test } from 'vitest';
import { finish } from '../../../../src/base';
import { activePool } from '../../../../src/engine/labelling/active-pool';
import type { Prepared } from '../../../../src/engine/prepare';
import { Projects } from '../../../../src/engine/projects';
import {
  LABELLING_DEFAULTS,
  type AcceptSettings,
  type HandLabel,
  type LabellingSettings,
} from '../../../../src/learning/labelling';
import type { DataChoice } from '../../../../src/project';
import { memoryStorage } from '../../../helpers/memory-storage';

const file = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });

interface Row {
  readonly text: string;
  /** 0 is bad, 1 is good. */
  readonly truth: 0 | 1 | string;
}

/** The teacher goes by the first word, and is sure where there is a second “very”. */
function teacherSays(text: string): readonly [number, number] {
  const sure = text.includes('very') ? 0.95 : 0.7;
  return text.startsWith('good') ? [1 - sure, sure] : [sure, 1 - sure];
}

const TRAIN: readonly Row[] = Array.from({ length: 40 }, (_, at) => ({
  text: `${at % 2 === 0 ? 'good' : 'bad'} ${at % 4 < 2 ? 'very ' : ''}thing number ${at}`,
  truth: at % 2 === 0 ? 1 : 0,
}));
const HELD: readonly Row[] = Array.from({ length: 10 }, (_, at) => ({
  text: `${at % 2 === 0 ? 'good' : 'bad'} held thing ${at}`,
  // Two of ten are not what the teacher says.
  truth: (at % 2 === 0) === at < 8 ? 1 : 0,
}));

const csv = (rows: readonly Row[]): string =>
  `text,label\n${rows.map(({ text, truth }) => `${text},${truth}`).join('\n')}\n`;

interface Asked {
  readonly train?: readonly Row[];
  readonly held?: readonly Row[] | null;
  readonly truth?: string | null;
  readonly hand?: readonly Omit<HandLabel, 'at' | 'how'>[];
  readonly accept?: Partial<AcceptSettings>;
  /** Texts that the teacher has gone through; null: all. */
  readonly voted?: number | null;
  readonly change?: Partial<DataChoice>;
  readonly classes?: readonly string[];
  readonly several?: boolean;
}

async function project(
  asked: Asked,
): Promise<{ readonly projects: Projects; readonly id: string }> {
  const { train = TRAIN, held = HELD, truth = 'label', hand = [], voted = null } = asked;
  const classes = asked.classes ?? ['bad', 'good'];
  const several = asked.several ?? false;
  const projects = new Projects(memoryStorage());
  const files = [
    file('train.csv', csv(train)),
    ...(held === null ? [] : [file('test.csv', csv(held))]),
  ];
  const view = await finish(projects.create(files));
  const choice: DataChoice = {
    ...view.choice,
    files: { 'train.csv': 'train', ...(held === null ? {} : { 'test.csv': 'test' }) },
    textColumn: 'text',
    label: { kind: 'made', classes, several, truth, names: { '0': 'bad', '1': 'good' } },
    split: held === null ? { method: 'stratified', testShare: 0.25, seed: 3 } : { method: 'files' },
    repairs: [],
    ...asked.change,
  };
  await finish(projects.configure(view.id, choice));
  const settings: LabellingSettings = {
    classes: classes.map((name) => ({ name, description: '', examples: [] })),
    several,
    teachers: [
      {
        kind: 'rules',
        rules: [{ class: 'good', match: 'keywords', pattern: 'good', ignore_case: true }],
      },
    ],
    ...LABELLING_DEFAULTS,
    accept: { ...LABELLING_DEFAULTS.accept, ...asked.accept },
  };
  await projects.configureLabelling(view.id, settings);
  const { rows, hashes, teachers } = await projects.labelling(view.id);
  const count = voted ?? hashes.length;
  const keep = await projects.labels.votesWriter(
    view.id,
    teachers[0]?.key ?? '',
    classes.length,
    count,
  );
  const said = rows.texts
    .slice(0, count)
    .flatMap((text) => [...teacherSays(text), ...classes.slice(2).map(() => 0)]);
  await keep(hashes.slice(0, count), Float32Array.from(said));
  for (const label of hand) {
    await projects.labels.addHand(view.id, { ...label, how: 'review', at: 1 });
  }
  return { projects, id: view.id };
}

async function prepared(asked: Asked): Promise<Prepared> {
  const { projects, id } = await project(asked);
  return projects.prepare(id);
}

function part({ data, split, made }: Prepared, name: 'train' | 'test') {
  return Array.from(split[name], (row) => ({
    text: data.texts[row],
    label: data.classes[data.labels[row] ?? -1],
    source: made?.source[row],
  }));
}

/** All that can be learned from, and what is measured. */
function everything(one: Prepared): unknown {
  const { data, split, made } = one;
  const { soft, confidence, source, proposed, tested_by, unlabelled } = made ?? {};
  return {
    ...{ texts: data.texts, labels: [...data.labels], classes: data.classes },
    ...{ train: [...split.train], test: [...split.test], leftOut: data.leftOut },
    ...{ soft, confidence, source, proposed, tested_by, unlabelled },
  };
}

const flipped = (rows: readonly Row[]): readonly Row[] =>
  rows.map(({ text, truth }) => ({ text, truth: truth === 1 ? 0 : 1 }));

describe('the truth of rows to learn from', () => {
  test('is never seen: all of it turned round changes nothing', async () => {
    const asked: Asked = {
      hand: [{ file: 'train.csv', row: 3, labels: ['good'], held_out: false }],
    };
    const before = await prepared(asked);
    const after = await prepared({ ...asked, train: flipped(TRAIN) });
    expect(everything(after)).toEqual(everything(before));
    expect(after.audit).toEqual(before.audit);
    // Nor can it be asked for.
    const { projects, id } = await project(asked);
    const { rows } = await projects.labelling(id);
    const known = rows.texts.map((_, row) => rows.truth(row) !== null);
    expect(known).toEqual([...TRAIN.map(() => false), ...HELD.map(() => true)]);
  });

  test('is not seen either where a share of one file is held out', async () => {
    const asked: Asked = { held: null };
    const before = await prepared(asked);
    const tested = new Set(part(before, 'test').map(({ text }) => text));
    expect(tested.size).toBe(10);
    const half = TRAIN.map((row): Row => {
      if (tested.has(row.text)) return row;
      return { text: row.text, truth: row.truth === 1 ? 0 : 1 };
    });
    expect(everything(await prepared({ ...asked, train: half }))).toEqual(everything(before));
  });

  test('while that of held-out rows is what is measured by', async () => {
    const before = await prepared({});
    const after = await prepared({ held: flipped(HELD) });
    expect(part(before, 'test').map(({ label }) => label)).toEqual(
      HELD.map(({ truth }) => (truth === 1 ? 'good' : 'bad')),
    );
    expect(part(after, 'test').map(({ label }) => label)).toEqual(
      HELD.map(({ truth }) => (truth === 1 ? 'bad' : 'good')),
    );
    expect(part(after, 'train')).toEqual(part(before, 'train'));
    expect(before.made?.tested_by).toBe('truth');
    expect(before.made?.record.rows).toEqual({
      hand: 0,
      teacher: 40,
      truth: 10,
      held_out: 0,
      left: 0,
    });
  });
});

describe('a label by hand', () => {
  test('beats the teacher, and counts for certain', async () => {
    // The teacher says good.
    const one = await prepared({
      hand: [{ file: 'train.csv', row: 0, labels: ['bad'], held_out: false }],
    });
    const at = one.data.texts.indexOf(TRAIN[0]?.text ?? '');
    expect(one.data.classes[one.data.labels[at] ?? -1]).toBe('bad');
    expect(one.made?.source[at]).toBe('hand');
    expect([...(one.made?.soft.subarray(at * 2, at * 2 + 2) ?? [])]).toEqual([1, 0]);
    expect(one.made?.confidence[at]).toBe(1);
    // What the teacher says of it stands beside.
    expect(one.made?.proposed[at * 2 + 1]).toBeCloseTo(0.95, 6);
  });

  test('that is held out is never trained on, and beats the truth of the file', async () => {
    const one = await prepared({
      hand: [
        { file: 'train.csv', row: 0, labels: ['good'], held_out: true },
        { file: 'test.csv', row: 1, labels: ['good'], held_out: true },
      ],
    });
    expect(part(one, 'train').some(({ text }) => text === TRAIN[0]?.text)).toBe(false);
    expect(part(one, 'test')).toContainEqual({
      text: TRAIN[0]?.text,
      label: 'good',
      source: 'hand',
    });
    expect(part(one, 'test')).toContainEqual({
      text: HELD[1]?.text,
      label: 'good',
      source: 'hand',
    });
    expect(one.made?.record.rows).toMatchObject({ truth: 9, held_out: 2, teacher: 39 });
  });

  test('that was skipped leaves the row to the teacher', async () => {
    const one = await prepared({
      hand: [{ file: 'train.csv', row: 0, labels: null, held_out: false }],
    });
    expect(part(one, 'train')[0]).toEqual({
      text: TRAIN[0]?.text,
      label: 'good',
      source: 'teacher',
    });
  });

  test('counts even where “use N rows” leaves its row out', async () => {
    const change = { useRows: 10 };
    const ten = await prepared({ change });
    expect(ten.split.train.length).toBe(10);
    const there = new Set(ten.data.texts);
    const row = TRAIN.findIndex(({ text }) => !there.has(text));
    const label = { file: 'train.csv', row, labels: ['bad'], held_out: false };
    const { projects, id } = await project({ change });
    await projects.labels.addHand(id, { ...label, how: 'review', at: 1 });
    // One text more for the teacher, which has not seen it: until then nothing counts but the hand.
    const state = await projects.labelling(id);
    expect(state.rows.texts).toHaveLength(21);
    expect(state.isWhole).toBe(false);
  });
});

describe('where nobody has labelled a text to measure by', () => {
  const asked: Asked = { held: null, truth: null };

  test('a fifth of what the teacher labelled is kept, a class by a class', async () => {
    const one = await prepared(asked);
    expect(one.made?.tested_by).toBe('teacher');
    expect(one.split.notes[0]).toContain('Accuracy is unknown');
    const tested = part(one, 'test');
    expect(tested).toHaveLength(8);
    expect(tested.filter(({ label }) => label === 'good')).toHaveLength(4);
    expect(tested.every(({ source }) => source === 'teacher')).toBe(true);
    const texts = new Set(tested.map(({ text }) => text));
    expect(part(one, 'train').some(({ text }) => texts.has(text))).toBe(false);
    // The same seed draws the same rows, another one others.
    expect(everything(await prepared(asked))).toEqual(everything(one));
    const other = await prepared({
      ...asked,
      change: { split: { method: 'stratified', testShare: 0.25, seed: 4 } },
    });
    expect(part(other, 'test')).not.toEqual(tested);
  });

  test('all copies of a text go to the same part', async () => {
    const said = ['good thing', 'good very thing', 'bad thing', 'bad very thing'];
    const train = Array.from({ length: 80 }, (_, at) => ({
      text: said[at % said.length] ?? '',
      truth: '',
    }));
    const one = await prepared({ ...asked, train });
    expect(part(one, 'test')).toHaveLength(20);
    expect(new Set(part(one, 'test').map(({ text }) => text)).size).toBe(1);
    expect(part(one, 'train')).toHaveLength(60);
  });

  test('labels by hand are all trained on', async () => {
    const hand = [0, 1, 2, 3, 4, 5, 6, 7].map((row) => ({
      file: 'train.csv',
      row,
      labels: [row % 2 === 0 ? 'good' : 'bad'],
      held_out: false,
    }));
    const one = await prepared({ ...asked, hand });
    expect(part(one, 'train').filter(({ source }) => source === 'hand')).toHaveLength(8);
    expect(one.made?.record.rows).toMatchObject({ hand: 8, teacher: 32 });
  });
});

test('a text that is measured on is not trained on, however it is written', async () => {
  const train = [...TRAIN, { text: 'GOOD Held thing 0!', truth: 1 } as const];
  const one = await prepared({ train });
  expect(one.split.droppedFromTrain).toHaveLength(1);
  expect(part(one, 'train')).toHaveLength(40);
  // Nor may self-training draw on it.
  const unsure = await prepared({ train, accept: { by: 'threshold', value: 0.9 } });
  expect(unsure.made?.unlabelled.texts).toHaveLength(20);
  expect(unsure.made?.unlabelled.texts.some((text) => text.startsWith('GOOD'))).toBe(false);
});

test('what the accept settings leave has no label', async () => {
  const one = await prepared({ accept: { by: 'threshold', value: 0.9 } });
  expect(part(one, 'train')).toHaveLength(20);
  expect(part(one, 'train').every(({ text }) => text?.includes('very'))).toBe(true);
  expect(one.made?.unlabelled.texts).toHaveLength(20);
  expect(one.data.leftOut).toEqual([{ reason: 'no label yet', rows: 20 }]);
});

test('several labels: each that is likely, all that the truth or a person says, or none', async () => {
  const both = 'good and bad';
  const held = [
    { text: `${both} held`, truth: '0;1' },
    { text: 'nothing held', truth: '[]' },
    { text: 'a bad one held', truth: '0' },
  ];
  const one = await prepared({
    several: true,
    held,
    hand: [
      { file: 'train.csv', row: 0, labels: [], held_out: false },
      { file: 'train.csv', row: 1, labels: ['bad', 'good'], held_out: false },
    ],
  });
  const { data, split, made } = one;
  const targets = (rows: Int32Array): string[] =>
    Array.from(rows, (row) => [...(data.targets?.subarray(row * 2, row * 2 + 2) ?? [])].join(''));
  expect(one.task).toBe('multi_label');
  expect(targets(split.test)).toEqual(['11', '00', '10']);
  expect(targets(split.train).slice(0, 4)).toEqual(['00', '11', '01', '10']);
  expect([...(made?.soft.subarray(0, 4) ?? [])]).toEqual([0, 0, 1, 1]);
});

test('a mended label of a share that was only kept for the test does not become the whole test', async () => {
  const hand = TRAIN.map(({ truth }, row) => ({
    ...{ file: 'train.csv', row, labels: [truth === 1 ? 'good' : 'bad'], held_out: false },
  }));
  const { projects, id } = await project({ held: null, truth: null, voted: 0, hand });
  const before = await projects.prepare(id);
  expect(before.split.test).toHaveLength(8);
  const { row = -1 } = before.data.origin[before.split.test[0] ?? -1] ?? {};
  const mend = { kind: 'set_label', file: 'train.csv', row, labels: ['bad'] } as const;
  const { choice } = before.record;
  await finish(projects.configure(id, { ...choice, repairs: [...choice.repairs, mend] }));
  const after = await projects.prepare(id);
  expect(after.split.test.length).toBeGreaterThanOrEqual(7);
  expect(after.record.choice.repairs).toEqual([]);
});

test('what was labelled to measure by is measured by, in a validation part too', async () => {
  const inPart = (rows: readonly Row[], name: string): Row[] =>
    rows.map(({ text }) => ({ text, truth: name }));
  const held = { file: 'train.csv', held_out: true } as const;
  const one = await prepared({
    train: [...inPart(TRAIN, 'a'), ...inPart(HELD, 'b')],
    held: null,
    truth: null,
    change: {
      split: { method: 'column', column: 'label', parts: { a: 'train', b: 'validation' } },
    },
    hand: [
      { ...held, row: 40, labels: ['good'] },
      { ...held, row: 41, labels: ['bad'] },
      { ...held, row: 42, labels: ['good'], held_out: false },
    ],
  });
  expect(one.made?.tested_by).toBe('truth');
  expect(part(one, 'test').map(({ label }) => label)).toEqual(['good', 'bad']);
  expect(one.split.validation).toHaveLength(1);
});

test('a teacher that is quick with small shards leaves one file, not one a shard', async () => {
  const storage = memoryStorage();
  const { labels } = new Projects(storage);
  const keep = await labels.votesWriter('p', 'key', 2, 100);
  for (let row = 0; row < 100; row++)
    await keep([`hash ${row}`], Float32Array.of(0.25, 0.75), row === 99);
  expect(await storage.entries('labelling', 'p/votes/')).toHaveLength(1);
  const kept = await labels.votes('p', 'key', 2, { has: () => true });
  expect(kept.size).toBe(100);
  expect(kept.get('hash 7')).toEqual(Float32Array.of(0.25, 0.75));
});

describe('there and back', () => {
  test('labels that were mended in a column wait for it, and classes that were named are there again', async () => {
    const { projects, id } = await project({ classes: ['bad', 'good'] });
    const made = (await projects.load(id)).record.choice;
    const column = { kind: 'column', column: 'label' } as const;
    const mend = { kind: 'set_label', file: 'train.csv', row: 3, labels: ['1'] } as const;
    await finish(projects.configure(id, { ...made, label: column, repairs: [mend] }));
    // As the page asks for it: it knows no classes but those of the column.
    const names = { '0': 'bad', '1': 'good' };
    const named = { kind: 'made', classes: [], several: false, truth: 'label', names } as const;
    const again = (await projects.load(id)).record.choice;
    await finish(projects.configure(id, { ...again, label: named }));
    const { choice } = (await projects.load(id)).record;
    expect(choice.label).toMatchObject({ classes: ['bad', 'good'] });
    expect((await projects.labelling(id)).hand.size).toBe(0);
    expect((await projects.prepare(id)).split.train).toHaveLength(40);
    // What is mended now is a label by hand.
    await finish(
      projects.configure(id, {
        ...choice,
        repairs: [...choice.repairs, { ...mend, labels: ['good'] }],
      }),
    );
    expect([...(await projects.labelling(id)).hand.values()]).toMatchObject([
      { row: 3, labels: ['good'] },
    ]);
    const last = (await projects.load(id)).record.choice;
    await finish(projects.configure(id, { ...last, label: column }));
    expect((await projects.load(id)).record.choice.repairs).toEqual([mend]);
  });

  test('a file whose column of texts is called otherwise keeps its labels by hand', async () => {
    const label = { file: 'train.csv', row: 4, labels: ['bad'], held_out: false };
    const { projects, id } = await project({ held: null, truth: null, hand: [label] });
    const { choice } = (await projects.load(id)).record;
    const { parse } = choice;
    // Nobody says which column has the texts now: by itself another one may be taken.
    const asked = {
      ...choice,
      textColumn: 'column 2',
      parse: { 'train.csv': { hasHeader: false } },
    };
    await finish(projects.configure(id, asked));
    expect(await projects.labels.hand(id)).toMatchObject([{ row: 5, labels: ['bad'] }]);
    await finish(projects.configure(id, { ...choice, parse }));
    expect(await projects.labels.hand(id)).toMatchObject([{ row: 4, labels: ['bad'] }]);
  });
});

describe('a class that is renamed', () => {
  test('takes its labels by hand along, with the undo, and what the values of the truth mean', async () => {
    const hand = { file: 'train.csv', row: 0, held_out: true } as const;
    const { projects, id } = await project({
      hand: [
        { ...hand, labels: ['bad'] },
        { ...hand, labels: ['good'] },
        { ...hand, row: 1, labels: null },
      ],
    });
    const { settings } = await projects.labelling(id);
    const [bad, good] = settings.classes;
    if (bad === undefined || good === undefined) throw new Error('no classes');
    const [teacher] = settings.teachers;
    if (teacher?.kind !== 'rules') throw new Error('no rules');
    const rules = teacher.rules.map((rule) => ({ ...rule, class: 'fine' }));
    const next = {
      ...settings,
      classes: [bad, { ...good, name: 'fine' }],
      teachers: [{ ...teacher, rules }],
    };
    await projects.configureLabelling(id, next, new Map([['good', 'fine']]));
    expect((await projects.labels.hand(id)).map(({ labels }) => labels)).toEqual([
      ['bad'],
      ['fine'],
      null,
    ]);
    const { rows } = await projects.labelling(id);
    // All ten held-out rows are still measured by.
    expect(rows.unknown).toBe(0);
    expect(rows.origin.filter((_, row) => rows.truth(row) !== null)).toHaveLength(10);
  });

  test('values of the truth that were its name stand for it still', async () => {
    const named = (rows: readonly Row[]): Row[] =>
      rows.map(({ text, truth }) => ({ text, truth: truth === 1 ? 'good' : 'bad' }));
    const { projects, id } = await project({ held: named(HELD) });
    const { settings } = await projects.labelling(id);
    const classes = settings.classes.map((one) =>
      one.name === 'bad' ? { ...one, name: 'poor' } : one,
    );
    await projects.configureLabelling(id, { ...settings, classes }, new Map([['bad', 'poor']]));
    expect((await projects.labelling(id)).rows.unknown).toBe(0);
  });
});

test('a text to learn from that is measured by, however it is written, is none that active learning learns from', async () => {
  const train = [...TRAIN, { text: HELD[0]?.text.toUpperCase() ?? '', truth: 1 as const }];
  const { projects, id } = await project({ train });
  const pool = activePool(await projects.labelling(id), 0);
  expect(pool.truth).toHaveLength(10);
  expect(pool.rows).toHaveLength(40);
  // Nor is one that is a copy of another asked for twice.
  const twice = [...TRAIN, { text: `${TRAIN[0]?.text ?? ''}!`, truth: 1 as const }];
  const other = await project({ train: twice });
  const { copies } = activePool(await other.projects.labelling(other.id), 0);
  expect(copies[40]).toBe(copies[0]);
  expect(new Set(copies).size).toBe(40);
});

describe('says what is missing', () => {
  const said = (asked: Asked): Promise<unknown> =>
    prepared(asked).then(
      () => null,
      (error: unknown) => error,
    );

  test('no label yet, and what to do', async () => {
    expect(await said({ voted: 0 })).toMatchObject({
      code: 'bad-labels',
      message: 'No text has a label yet.',
      hint: 'Let the teacher propose labels, or label some texts by hand.',
    });
    // A teacher that was stopped does not count: which texts it has seen is chance.
    expect(await said({ voted: 30 })).toMatchObject({
      message: 'No text has a label yet.',
      hint: '“Your rules” has gone through 30 of 50 texts: let it go on, or use fewer rows.',
    });
    expect(await said({ accept: { by: 'threshold', value: 0.99 } })).toMatchObject({
      message: 'No text has a label yet.',
      hint: 'Take less sure proposals, or label some texts by hand.',
    });
  });

  test('one class only, and a class without a text', async () => {
    const good = TRAIN.filter(({ truth }) => truth === 1);
    expect(await said({ train: good })).toMatchObject({
      code: 'bad-labels',
      message: 'Every labelled text is “good” so far.',
    });
    expect(await said({ classes: ['bad', 'good', 'so-so'] })).toMatchObject({
      code: 'bad-labels',
      message: 'No text to learn from is labelled “so-so” yet.',
    });
  });

  test('repairs that would change the classes are refused', async () => {
    const repair = { kind: 'drop_class', label: 'bad' } as const;
    expect(await said({ change: { repairs: [repair] } })).toMatchObject({ code: 'bad-setting' });
    const copies = await prepared({ change: { repairs: [{ kind: 'drop_duplicates' }] } });
    expect(copies.split.train).toHaveLength(40);
  });
});
