/**
 * Active learning on the engine, in Node, with the encoder that ships: a project without labels, its classes named here;
 * text after text; the curve on held-out truth; all of it there after a reload.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { finish, HeadlightError, seededRandom } from '../../../src/base';
import {
  createEngine,
  type ActiveSettings,
  type ActiveView,
  type Engine,
  type ProjectView,
} from '../../../src/engine';
import { ActiveLearner } from '../../../src/learning/labelling';
import { createNodePlatform } from '../../../src/platform/node';

const CLASSES = ['money', 'parcel', 'login'];
const WORDS: Readonly<Record<string, readonly string[]>> = {
  money: [
    'the invoice is wrong',
    'refund my payment',
    'you charged my card twice',
    'a price too high',
  ],
  parcel: [
    'my parcel never came',
    'the delivery is late',
    'the box arrived broken',
    'where is the courier',
  ],
  login: ['i cannot sign in', 'the password is refused', 'my account is locked', 'reset the code'],
};
const TRAIN_ROWS = 150;

let home: string;
let engine: Engine;
let project: ProjectView;
let settings: ActiveSettings;
const truth: string[] = [];

function csv(rows: number, seed: number, name: string): { name: string; bytes: Uint8Array } {
  const random = seededRandom(seed);
  const lines = Array.from({ length: rows }, (_, at) => {
    const label = CLASSES[random.integer(3)]!;
    if (name === 'train.csv') truth.push(label);
    const phrases = WORDS[label]!;
    const said = `${phrases[random.integer(4)]}, ${phrases[random.integer(4)]}, case ${at} ${seed}`;
    return `"${said}",${name === 'test.csv' ? label : ''}`;
  });
  const text = `text,topic\n${lines.join('\n')}\n`;
  return { name, bytes: new TextEncoder().encode(text) };
}

async function open(): Promise<Engine> {
  return createEngine(await createNodePlatform({ home }));
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-active-'));
  engine = await open();
  const created = await finish(
    engine.createProject([csv(TRAIN_ROWS, 1, 'train.csv'), csv(90, 2, 'test.csv')]),
  );
  project = await finish(
    engine.configureData(created.id, {
      ...created.choice,
      textColumn: 'text',
      label: { kind: 'made', classes: CLASSES, several: false, truth: 'topic', names: {} },
      files: { 'train.csv': 'train', 'test.csv': 'test' },
      split: { method: 'files' },
    }),
  );
  const instant = (await engine.listEncoders()).find(
    ({ info }) => info.reference.id === 'headlight-instant-en',
  );
  if (instant === undefined) throw new Error('the instant encoder does not ship');
  settings = {
    encoder: instant.info.reference,
    embed: instant.info.defaults,
    device: 'cpu',
    strategy: 'margin',
    seed: 0,
  };
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

/** Labels the text that is asked for as it is. */
async function label(view: ActiveView): Promise<ActiveView> {
  const origin = view.next!.origin;
  return engine.labelActive(project.id, {
    file: origin.file,
    row: origin.row,
    labels: [truth[origin.row]!],
    held_out: false,
    how: 'active',
  });
}

describe('text after text', () => {
  it('says what to do first', async () => {
    await expect(engine.nextActive(project.id, 1)).rejects.toMatchObject({ code: 'bad-setting' });
  });

  it('asks, learns and asks again; each label is saved', async () => {
    let view = await finish(engine.startActive(project.id, settings));
    expect(view).toMatchObject({
      pool: TRAIN_ROWS,
      rows: TRAIN_ROWS,
      open: TRAIN_ROWS,
      labelled: 0,
    });
    expect(view.curve.held_out).toBe(90);
    expect(view.next!.why).toEqual({ kind: 'diverse', isStart: true });
    const asked = new Set<number>();
    for (let count = 1; count <= 36; count++) {
      const { origin, text } = view.next!;
      expect(origin.file).toBe('train.csv');
      expect(text).toContain(`case ${origin.row} 1`);
      expect(asked).not.toContain(origin.row);
      asked.add(origin.row);
      view = await label(view);
      expect(view.labelled).toBe(count);
    }
    const { hand } = await engine.labelling(project.id);
    expect(hand.labelled).toBe(36);
    expect(view.classes.map(({ labelled }) => labelled)).toEqual(hand.classes);
    const { why, likely } = view.next!;
    if (why.kind !== 'unsure') throw new Error(`it was chosen because it is ${why.kind}`);
    expect(likely.slice(0, 2)).toEqual(why.likeliest.map((one) => one.label));
    expect([...likely].sort()).toEqual([...CLASSES].sort());
    expect(view.milliseconds).toBeGreaterThan(0);
    // Made of a dozen phrases: a probe that learns at all has them after three dozen labels.
    const { points, advice, sentence } = view.curve;
    expect(points.at(-1)!.labels).toBe(36);
    expect(points.at(-1)!.value).toBeGreaterThan(0.9);
    expect(advice.gain!.to).toBe(36);
    expect(advice.verdict).toBe('too_early');
    expect(sentence).toContain('14 more');
  });

  it('takes a label back, and asks for the same text', async () => {
    const before = await finish(engine.startActive(project.id, settings));
    const row = before.next!;
    const after = await label(before);
    expect(after.next!.origin).not.toEqual(row.origin);
    const undone = await engine.undoActive(project.id);
    expect(undone.next).toEqual(row);
    expect(undone.labelled).toBe(before.labelled);
    expect(undone.curve).toEqual(before.curve);
  });

  it('a skipped text does not come again, and teaches nothing', async () => {
    const before = await finish(engine.startActive(project.id, settings));
    const { file, row } = before.next!.origin;
    const after = await engine.labelActive(project.id, {
      file,
      row,
      labels: null,
      held_out: false,
      how: 'active',
    });
    expect(after.labelled).toBe(before.labelled);
    expect(after.open).toBe(before.open - 1);
    const all = await engine.nextActive(project.id, 100);
    expect(all.some((one) => one.origin.row === row)).toBe(false);
    await engine.undoActive(project.id);
  });

  it('what the next label can use is made once the answer is there, and may fail', async () => {
    const prepare = vi.spyOn(ActiveLearner.prototype, 'prepare');
    try {
      const before = await finish(engine.startActive(project.id, settings));
      // What is asked next waits for it, and so do we.
      await engine.activeCurve(project.id);
      expect(prepare).toHaveBeenCalledTimes(1);
      prepare.mockRejectedValueOnce(new Error('no memory for it'));
      const after = await label(before);
      expect(prepare).toHaveBeenCalledTimes(1);
      await engine.activeCurve(project.id);
      expect(prepare).toHaveBeenCalledTimes(2);
      const last = await label(after);
      expect(last.labelled).toBe(before.labelled + 2);
      await engine.undoActive(project.id);
      await engine.undoActive(project.id);
    } finally {
      prepare.mockRestore();
    }
  });

  it('goes on after a reload where it was', async () => {
    const before = await finish(engine.startActive(project.id, settings));
    const next = await engine.nextActive(project.id, 5);
    engine = await open();
    const after = await finish(engine.startActive(project.id, settings));
    expect(after.curve).toEqual(before.curve);
    expect(after.labelled).toBe(before.labelled);
    expect(await engine.nextActive(project.id, 5)).toEqual(next);
  });

  it('texts labelled elsewhere to measure by are measured by at once', async () => {
    const before = await finish(engine.startActive(project.id, settings));
    const { origin } = before.next!;
    await engine.labelRow(project.id, {
      file: origin.file,
      row: origin.row,
      labels: [truth[origin.row]!],
      held_out: true,
      how: 'random',
    });
    const curve = await engine.activeCurve(project.id);
    expect(curve.held_out).toBe(before.curve.held_out + 1);
    expect(curve.points.at(-1)!.labels).toBe(before.labelled);
    expect((await engine.nextActive(project.id, 1))[0]!.origin).not.toEqual(origin);
    await engine.undoLabel(project.id);
  });
});

it('where teachers have voted it begins with the text that they are surest of for each class', async () => {
  const created = await finish(engine.createProject([csv(60, 5, 'more.csv')]));
  const made = await finish(
    engine.configureData(created.id, {
      ...created.choice,
      textColumn: 'text',
      label: { kind: 'made', classes: CLASSES, several: false, truth: null, names: {} },
      files: { 'more.csv': 'train' },
    }),
  );
  const { settings: labelling } = await engine.labelling(made.id);
  const rule = (name: string, pattern: string) =>
    ({ class: name, match: 'keywords', pattern, ignore_case: true }) as const;
  const rules = [
    rule('money', 'refund, invoice, card'),
    rule('parcel', 'parcel, courier, box'),
    rule('login', 'password, account, sign in'),
  ];
  await engine.configureLabelling(made.id, { ...labelling, teachers: [{ kind: 'rules', rules }] });
  await finish(engine.runTeacher(made.id, 0, 'cpu'));
  let view = await finish(engine.startActive(made.id, settings));
  expect(view.curve.advice.verdict).toBe('no_hold_out');
  expect(view.curve.sentence).toContain('Nothing is known');
  for (const name of CLASSES) {
    const { why, origin } = view.next!;
    if (why.kind !== 'teacher') throw new Error(`it was chosen because it is ${why.kind}`);
    expect(why.label).toBe(name);
    const { file, row } = origin;
    const label = { file, row, labels: [name], held_out: false, how: 'active' } as const;
    view = await engine.labelActive(made.id, label);
  }
  expect(view.next!.why.kind).toBe('unsure');
  expect(view.curve.points).toEqual([]);
});

it('a project that is deleted while a label is learnt from goes once that is done', async () => {
  const files = [csv(40, 6, 'train.csv'), csv(30, 7, 'test.csv')];
  const created = await finish(engine.createProject(files));
  const made = await finish(
    engine.configureData(created.id, {
      ...created.choice,
      textColumn: 'text',
      label: { kind: 'made', classes: CLASSES, several: false, truth: 'topic', names: {} },
      files: { 'train.csv': 'train', 'test.csv': 'test' },
      split: { method: 'files' },
    }),
  );
  const learnt: (number | undefined)[] = [];
  const dispose = vi.spyOn(ActiveLearner.prototype, 'dispose').mockImplementation(function (
    this: ActiveLearner,
  ) {
    learnt.push(this.measures.at(-1)?.labels);
  });
  try {
    let view = await finish(engine.startActive(made.id, settings));
    const next = (at: number): Promise<ActiveView> =>
      engine.labelActive(made.id, {
        file: 'train.csv',
        row: view.next!.origin.row,
        labels: [CLASSES[at % 3]!],
        held_out: false,
        how: 'active',
      });
    for (let at = 0; at < 8; at++) view = await next(at);
    const learn = vi.spyOn(ActiveLearner.prototype, 'learn');
    const labelled = next(8);
    while (learn.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await engine.deleteProject(made.id);
    learn.mockRestore();
    expect((await labelled).labelled).toBe(9);
    expect(learnt).toEqual([9]);
  } finally {
    dispose.mockRestore();
  }
});

describe('what it refuses', () => {
  it('a strategy that there is not', async () => {
    const wrong = { ...settings, strategy: 'wisdom' as 'margin' };
    const start = finish(engine.startActive(project.id, wrong));
    await expect(start).rejects.toThrow(HeadlightError);
    await expect(start).rejects.toThrow('wisdom');
  });
  it('to go on when the classes have changed: the labels stay', async () => {
    const view = await finish(engine.startActive(project.id, settings));
    const { settings: labelling } = await engine.labelling(project.id);
    const { hand } = await engine.configureLabelling(project.id, {
      ...labelling,
      classes: [...labelling.classes, { name: 'other', description: '', examples: [] }],
    });
    expect(hand.labelled).toBe(view.labelled);
    await expect(label(view)).rejects.toThrow('changed');
    const again = await finish(engine.startActive(project.id, settings));
    expect(again.labelled).toBe(view.labelled);
    expect(again.classes.map(({ name }) => name)).toEqual([...CLASSES, 'other']);
  });
});

it('stops while it embeds, and a project without made labels is told so', async () => {
  const controller = new AbortController();
  controller.abort();
  const stopped = finish(engine.startActive(project.id, settings, controller.signal));
  await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
  const plain = await finish(engine.createProject([csv(60, 3, 'test.csv')]));
  await expect(finish(engine.startActive(plain.id, settings))).rejects.toMatchObject({
    code: 'bad-setting',
  });
});
