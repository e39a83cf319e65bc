/**
 * Likely wrong labels where labels are made here: what is mended becomes a label by hand, whoever had labelled the row,
 * and taking it back brings out what stood before. What is measured by stays so.
 */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { finish } from '../../../src/base';
import {
  createEngine,
  DEFAULT_LABEL_ERRORS,
  LABELLING_DEFAULTS,
  type DataChoice,
  type Engine,
  type LabelErrorRow,
  type LabelErrorSettings,
} from '../../../src/engine';
import type { LabellingSettings } from '../../../src/learning/labelling';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';
import { memoryStorage } from '../../helpers/memory-storage';

const file = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });

const THINGS = ['red apple', 'green pear', 'sweet plum', 'ripe cherry', 'sour grape'];
const PLACES = ['north coast', 'deep valley', 'old harbour', 'wide river', 'far island'];
/** Even rows are of fruit, odd ones of journeys. */
function text(row: number): string {
  const [at, turn] = [Math.floor(row / 2) % 5, Math.floor(row / 10) + 1];
  return row % 2 === 0
    ? `I ate a ${THINGS[at]} and then a ${THINGS[(at + turn) % 5]} (${row})`
    : `We went from the ${PLACES[at]} to the ${PLACES[(at + turn) % 5]} (${row})`;
}
/** Rows of fruit that the rules take for a journey. */
const MISTAKEN = [10, 24, 38];
const HELD = 8;
const rows = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);
const said = (row: number): string => `${text(row)}${MISTAKEN.includes(row) ? ' today' : ''}`;
const FILES = () => [
  file('train.csv', `text\n${rows(0, 60).map(said).join('\n')}\n`),
  file(
    'test.csv',
    `text,kind\n${rows(60, 60 + HELD)
      .map((row) => `${text(row)},${row % 2 === 0 ? 'fruit' : 'journey'}`)
      .join('\n')}\n`,
  ),
];

const SETTINGS: LabellingSettings = {
  classes: ['fruit', 'journey'].map((name) => ({ name, description: '', examples: [] })),
  several: false,
  teachers: [
    {
      kind: 'rules',
      rules: [
        { class: 'fruit', match: 'expression', pattern: 'ate.*[^y]$', ignore_case: true },
        { class: 'journey', match: 'keywords', pattern: 'went, today', ignore_case: true },
      ],
    },
  ],
  ...LABELLING_DEFAULTS,
};
const ALL = {
  state: 'all',
  given: null,
  suggested: null,
  part: null,
  from: 0,
  count: 200,
} as const;

let node: Platform;
let settings: LabelErrorSettings;
let engine: Engine;
let id: string;

beforeAll(async () => {
  node = await createNodePlatform();
  const entries = await createEngine(node).listEncoders();
  const instant = entries.find(({ info }) => info.architecture === 'static')?.info;
  if (instant === undefined) throw new Error('no instant encoder ships');
  const { reference: encoder, defaults: embed } = instant;
  settings = { ...DEFAULT_LABEL_ERRORS, encoder, embed, device: 'cpu' };
});

beforeEach(async () => {
  engine = createEngine({ ...node, storage: memoryStorage() });
  const view = await finish(engine.createProject(FILES()));
  id = view.id;
  const choice: DataChoice = {
    ...view.choice,
    files: { 'train.csv': 'train', 'test.csv': 'test' },
    textColumn: 'text',
    label: {
      kind: 'made',
      classes: ['fruit', 'journey'],
      several: false,
      truth: 'kind',
      names: {},
    },
    split: { method: 'files' },
    repairs: [],
  };
  await finish(engine.configureData(id, choice));
  await engine.configureLabelling(id, SETTINGS);
  await finish(engine.runTeacher(id, 0, 'cpu'));
});

const mend = (name: string, row: number, labels: readonly string[] | null) =>
  finish(engine.mendLabels(id, [{ file: name, row, labels }]));

/** What stands for a row of the training file, and by whom. */
async function standing(row: number): Promise<unknown> {
  const query = { state: 'all', label: null, confidence: null, disagreement: false } as const;
  const page = await engine.reviewRows(id, { ...query, order: 'file', from: row, count: 1 });
  const [one] = page.rows;
  return one?.hand ?? one?.proposed?.label;
}

/** Of how many rows each says the label. */
async function counts(): Promise<unknown> {
  const { summary } = await finish(engine.openProject(id));
  const { trainRows, testRows, labelling } = summary ?? {};
  const { hand, teacher, truth, held_out: held } = labelling?.rows ?? {};
  return { train: trainRows, test: testRows, hand, teacher, truth, held };
}
const UNTOUCHED = { train: 60, test: HELD, hand: 0, teacher: 60, truth: HELD, held: 0 };

describe('a label that is mended where labels are made', () => {
  test('is one by hand where a teacher had given it, and the teacher’s again when it is taken back', async () => {
    const view = await finish(engine.labelErrors(id, settings));
    const open = async (): Promise<readonly LabelErrorRow[]> =>
      (await engine.labelErrorRows(id, { ...ALL, state: 'open' })).rows;
    const listed = await open();
    const first = listed.find(({ origin }) => MISTAKEN.includes(origin.row));
    if (first === undefined) throw new Error('no label of the rules looks wrong');
    expect(first).toMatchObject({ part: 'train', given: ['journey'], suggested: ['fruit'] });
    const { row } = first.origin;
    expect(await standing(row)).toBe('journey');
    expect(await counts()).toEqual(UNTOUCHED);

    const mended = await mend('train.csv', row, first.suggested);
    expect(mended.choice.repairs).toEqual([]);
    expect(await standing(row)).toMatchObject({ labels: ['fruit'], held_out: false });
    expect(await counts()).toEqual({ ...UNTOUCHED, hand: 1, teacher: 59 });
    const states = { mended: 1, kept: 0, open: view.listed - 1 };
    expect(await engine.lastLabelErrors(id)).toMatchObject({ states, outdated: false });
    expect(await open()).toHaveLength(listed.length - 1);

    await mend('train.csv', row, null);
    expect(await standing(row)).toBe('journey');
    expect(await counts()).toEqual(UNTOUCHED);
    expect(await open()).toEqual(listed);

    // What the rules say is another thing now: the list is of labels that are no more.
    const [teacher] = SETTINGS.teachers;
    if (teacher?.kind !== 'rules') throw new Error('no rules');
    const teachers = [{ ...teacher, rules: [...teacher.rules].reverse() }];
    await engine.configureLabelling(id, { ...SETTINGS, teachers });
    await finish(engine.runTeacher(id, 0, 'cpu'));
    expect((await engine.lastLabelErrors(id))?.outdated).toBe(true);
  });

  test('of a row to measure by is measured by, in a held-out file or drawn for it, and so is what it takes the place of', async () => {
    await mend('test.csv', 0, ['journey']);
    expect(await counts()).toEqual({ ...UNTOUCHED, truth: HELD - 1, held: 1 });
    expect((await engine.labelling(id)).hand.last).toMatchObject({ held_out: true });
    await mend('test.csv', 0, null);
    expect(await counts()).toEqual(UNTOUCHED);

    const drawn = { file: 'train.csv', row: 4, held_out: true, how: 'random' } as const;
    await engine.labelRow(id, { ...drawn, labels: ['journey'] });
    const measured = { train: 59, test: HELD + 1, hand: 0, teacher: 59, truth: HELD, held: 1 };
    expect(await counts()).toEqual(measured);
    await mend('train.csv', 4, ['fruit']);
    expect(await standing(4)).toMatchObject({ labels: ['fruit'], held_out: true });
    expect(await counts()).toEqual(measured);
    await mend('train.csv', 4, null);
    expect(await standing(4)).toMatchObject({ labels: ['journey'], held_out: true, how: 'random' });
    expect(await counts()).toEqual(measured);
  });

  test('of a text that was skipped is taken back to the skipping', async () => {
    const skip = { file: 'train.csv', row: 2, labels: null, held_out: false } as const;
    await engine.labelRow(id, { ...skip, how: 'review' });
    // What the teacher says of it is learned from all the same.
    expect(await counts()).toEqual(UNTOUCHED);
    await mend('train.csv', 2, ['journey']);
    expect(await counts()).toEqual({ ...UNTOUCHED, hand: 1, teacher: 59 });
    expect((await engine.labelling(id)).hand).toMatchObject({ labelled: 1, skipped: 0 });
    await mend('train.csv', 2, null);
    expect(await standing(2)).toMatchObject({ labels: null });
    expect((await engine.labelling(id)).hand).toMatchObject({ labelled: 0, skipped: 1 });
    expect(await counts()).toEqual(UNTOUCHED);
  });

  test('several times is taken back step by step, whatever else was labelled since', async () => {
    const place = { file: 'train.csv', row: 6 };
    const other = { file: 'train.csv', row: 7, labels: ['fruit'] };
    await finish(
      engine.mendLabels(id, [
        { ...place, labels: ['journey'] },
        { ...place, labels: ['fruit'] },
        { ...place, labels: null },
        other,
      ]),
    );
    expect(await standing(6)).toMatchObject({ labels: ['journey'] });
    expect(await standing(7)).toMatchObject({ labels: ['fruit'] });
    await mend('train.csv', 6, null);
    expect(await standing(6)).toBe('fruit');
    expect(await standing(7)).toMatchObject({ labels: ['fruit'] });
    // Of what nobody has labelled nothing is taken back.
    await mend('train.csv', 8, null);
    expect((await engine.labelling(id)).hand).toMatchObject({ labelled: 1 });
    await expect(mend('train.csv', 6, ['nonsense'])).rejects.toThrow('no label “nonsense”');
    expect((await engine.labelling(id)).hand).toMatchObject({ labelled: 1 });
  });
});
