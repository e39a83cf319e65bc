/** Labels made in the page: what a key means, how classes are edited, a label a stroke and its undo, random texts. */
import { describe, expect, it } from 'vitest';
import {
  classesProblem,
  moved,
  nameProblem,
  pastedNames,
  withClasses,
  withExamples,
} from '../../../src/app/state/label-classes';
import { RandomRows, RANDOM_ROWS } from '../../../src/app/state/random-rows.svelte';
import { Review, REVIEW_ROWS } from '../../../src/app/state/review.svelte';
import { sameData, sameTest } from '../../../src/app/state/runs-alike';
import { soughtClasses, strokeOf } from '../../../src/app/state/strokes';
import { matchesByRule, sendable } from '../../../src/app/state/teachers';
import { priorOf, takenFrom } from '../../../src/app/steps/labels/taken';
import { HeadlightError } from '../../../src/base';
import type { RunView } from '../../../src/engine';
import type {
  LabellingEngine,
  LabellingView,
  ReviewPage,
  ReviewQuery,
} from '../../../src/engine/labelling-types';
import type { HandLabel, LabellingSettings } from '../../../src/learning/labelling';

const CLASSES = ['negative', 'positive'];
const SETTINGS: LabellingSettings = {
  classes: CLASSES.map((name) => ({ name, description: '', examples: [] })),
  several: false,
  teachers: [],
  accept: { by: 'all', value: 1, agreement: false, prior: [0.9, 0.1] },
  student: { labels: 'hard', temperature: 1, weighted: false, rounds: 0, round_threshold: 0.9 },
};

/** Texts with the same proposal each; labels by hand as the engine keeps them. */
class Table implements LabellingEngine {
  readonly hand = new Map<number, HandLabel>();
  readonly log: number[] = [];
  readonly asked: ReviewQuery[] = [];
  refuses = false;

  constructor(readonly rows: number) {}

  async reviewRows(_project: string, query: ReviewQuery): Promise<ReviewPage> {
    this.asked.push(query);
    const all = Array.from({ length: this.rows }, (_, row) => row).filter((row) => {
      const label = this.hand.get(row);
      if (query.state === 'open') return label === undefined;
      return query.state !== 'skipped' || label?.labels === null;
    });
    return {
      total: all.length,
      rows: all.slice(query.from, query.from + query.count).map((row) => ({
        origin: { file: 'a.csv', row, line: row + 2 },
        text: `text ${row}`,
        proposed: { label: 'positive', confidence: 0.8, probabilities: [0.2, 0.8] },
        votes: ['positive'],
        accepted: true,
        hand: this.hand.get(row) ?? null,
      })),
    };
  }
  async labelRow(_project: string, label: Omit<HandLabel, 'at'>): Promise<LabellingView['hand']> {
    if (this.refuses) throw new HeadlightError('storage-full', 'There is no room left.');
    this.hand.set(label.row, { ...label, at: this.log.length });
    this.log.push(label.row);
    return this.#counts();
  }
  async undoLabel(): Promise<LabellingView['hand']> {
    const row = this.log.pop();
    if (row !== undefined) this.hand.delete(row);
    return this.#counts();
  }
  #counts(): LabellingView['hand'] {
    const all = [...this.hand.values()];
    const last = this.hand.get(this.log.at(-1) ?? -1) ?? null;
    const skipped = all.filter(({ labels }) => labels === null).length;
    const held = all.filter(({ held_out: isHeld, labels }) => isHeld && labels !== null).length;
    return { labelled: all.length - skipped, held_out: held, skipped, classes: [0, 0], last };
  }

  // Not asked of it here.
  async labelling(): Promise<LabellingView> {
    throw new Error('not asked');
  }
  async configureLabelling(): Promise<LabellingView> {
    throw new Error('not asked');
  }
  async ruleProblems(): ReturnType<LabellingEngine['ruleProblems']> {
    throw new Error('not asked');
  }
  async *estimateTeacher(): ReturnType<LabellingEngine['estimateTeacher']> {
    throw new Error('not asked');
  }
  async *runTeacher(): ReturnType<LabellingEngine['runTeacher']> {
    throw new Error('not asked');
  }
}

const key = (name: string, more: { ctrlKey?: boolean } = {}) => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...more,
});
const places = (review: Review): number[] =>
  review.page?.rows.map(({ origin }) => origin.row) ?? [];

describe('a stroke', () => {
  it('is one label: Enter, 1 to 9, s, u, Ctrl+Z, j and k', () => {
    expect(strokeOf(key('Enter'), 2)).toEqual({ kind: 'accept' });
    expect(strokeOf(key('2'), 2)).toEqual({ kind: 'class', at: 1 });
    expect(strokeOf(key('S'), 2)).toEqual({ kind: 'skip' });
    expect(strokeOf(key('z', { ctrlKey: true }), 2)).toEqual({ kind: 'undo' });
    expect(strokeOf(key('ArrowDown'), 2)).toEqual(strokeOf(key('j'), 2));
  });
  it('means nothing where there is no such class, or the browser has its own use for it', () => {
    expect(strokeOf(key('3'), 2)).toBeNull();
    expect(strokeOf(key('0'), 10)).toBeNull();
    expect(strokeOf(key('s', { ctrlKey: true }), 2)).toBeNull();
    expect(strokeOf(key('Tab'), 2)).toBeNull();
  });
  it('finds a class by its beginning first', () => {
    const names = ['card lost', 'lost card', 'balance'];
    expect(soughtClasses(names, 'LOST')).toEqual(['lost card', 'card lost']);
  });
});

describe('classes', () => {
  it('are named once, whatever their case, and at least two', () => {
    expect(nameProblem('Positive ', CLASSES)).toMatch(/is there already/);
    expect(nameProblem('neutral', CLASSES)).toBeNull();
    expect(classesProblem([])).toMatch(/at least two/);
    expect(classesProblem(SETTINGS.classes.slice(0, 1))).not.toBeNull();
    expect(classesProblem(SETTINGS.classes)).toBeNull();
  });
  it('are pasted a line each, or divided by commas, copies left out', () => {
    expect(pastedNames('sport, politics,, Sport', [])).toEqual(['sport', 'politics']);
    // A comma in a line is part of the name.
    expect(pastedNames('money, credit\nsport\n', ['sport'])).toEqual(['money, credit']);
  });
  it('take examples a line each, and no copies', () => {
    const one = { name: 'a', description: '', examples: ['x'] };
    expect(withExamples(one, ' x \n\n y ').examples).toEqual(['x', 'y']);
    const many = Array.from({ length: 50 }, (_, i) => `text ${i}`).join('\n');
    expect(withExamples(one, many).examples).toHaveLength(20);
  });
  it('keep their rules when renamed, lose them when removed', () => {
    const rule = { match: 'keywords', pattern: 'bad', ignore_case: true } as const;
    const settings: LabellingSettings = {
      ...SETTINGS,
      teachers: [{ kind: 'rules', rules: CLASSES.map((name) => ({ ...rule, class: name })) }],
    };
    const [first, second] = settings.classes;
    if (first === undefined || second === undefined) throw new Error('two classes');
    const renamed = withClasses(settings, [{ ...first, name: 'poor' }, second], {
      from: 'negative',
      to: 'poor',
    });
    expect(renamed.teachers).toMatchObject([{ rules: [{ class: 'poor' }, { class: 'positive' }] }]);
    expect(renamed.accept.prior).toEqual([0.9, 0.1]);
    const removed = withClasses(settings, [second]);
    expect(removed.teachers).toMatchObject([{ rules: [{ class: 'positive' }] }]);
    // Shares of two classes say nothing of one.
    expect(removed.accept.prior).toBeNull();
  });
  it('change places', () => {
    expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b']);
    expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c']);
    expect(moved(['a', 'b'], 0, 2)).toEqual(['a', 'b']);
  });
});

it('a rule that is not whole yet stops no other teacher', () => {
  const whole = {
    class: 'positive',
    match: 'keywords',
    pattern: 'good',
    ignore_case: true,
  } as const;
  const settings: LabellingSettings = {
    ...SETTINGS,
    teachers: [
      { kind: 'rules', rules: [{ ...whole, pattern: '' }] },
      { kind: 'rules', rules: [whole, { ...whole, pattern: ' , ' }] },
    ],
  };
  const isWhole = ({ pattern }: { pattern: string }): boolean => pattern === 'good';
  const sent = sendable(settings, isWhole);
  expect(sent.settings.teachers).toEqual([{ kind: 'rules', rules: [whole] }]);
  expect(sent.places).toEqual([-1, 0]);
  expect(sent.whole).toBe(false);
  // What the engine counted stands beside the rules that it was told.
  const edited = { kind: 'rules', rules: [{ ...whole, pattern: '' }, whole, whole] } as const;
  expect(matchesByRule(edited, [3, 5], isWhole)).toEqual([null, 3, 5]);
  expect(matchesByRule(edited, undefined, isWhole)).toEqual([null, null, null]);
});

describe('live counts', () => {
  it('under a threshold are those of the bins above it, its own in proportion', () => {
    const bins = [10, 20, 30, 40];
    expect(takenFrom(bins, 0)).toBe(100);
    expect(takenFrom(bins, 0.5)).toBe(70);
    expect(takenFrom(bins, 0.625)).toBe(55);
    expect(takenFrom(bins, 1)).toBe(0);
  });
  it('shares that are left empty share the rest; what cannot be is refused', () => {
    expect(priorOf(['80', '', ''])).toEqual([0.8, 0.1, 0.1]);
    expect(priorOf(['80', '30'])).toBeNull();
    expect(priorOf(['100', ''])).toBeNull();
    expect(priorOf(['x', ''])).toBeNull();
  });
});

describe('the review table', () => {
  it('saves each stroke, keeps the rows in place, and leaves none out when the page is turned', async () => {
    const table = new Table(50);
    const review = new Review(table, 'p', () => undefined);
    await review.open();
    // Every second one is labelled, the others are passed.
    for (let row = 0; row < REVIEW_ROWS - 1; row++) {
      if (row % 2 === 0) review.label(['positive']);
      else await review.move(1);
    }
    expect(places(review)).toEqual(Array.from({ length: REVIEW_ROWS }, (_, row) => row));
    await review.move(1);
    // Half of the page is not open any more: the next page begins after the half that still is.
    expect(table.hand.size).toBe(REVIEW_ROWS / 2);
    expect(places(review)[0]).toBe(REVIEW_ROWS);
    expect(review.at).toBe(0);
  });
  it('lets no quick stroke fall on the last row again while the next page is read', async () => {
    const table = new Table(50);
    const review = new Review(table, 'p', () => undefined);
    await review.open();
    for (let row = 0; row < REVIEW_ROWS; row++) review.label(['positive']);
    review.label(['negative']);
    await expect.poll(() => places(review)[0]).toBe(REVIEW_ROWS);
    expect(table.hand.size).toBe(REVIEW_ROWS);
    expect(table.hand.get(REVIEW_ROWS - 1)?.labels).toEqual(['positive']);
  });
  it('shows what was there before when a stroke is taken back', async () => {
    const table = new Table(5);
    const review = new Review(table, 'p', () => undefined);
    await review.open();
    review.label(['negative']);
    review.label(null);
    await review.undo();
    expect(review.at).toBe(1);
    expect(review.page?.rows[1]?.hand).toBeNull();
    await review.undo();
    expect(review.at).toBe(0);
    expect(table.hand.size).toBe(0);
  });
  it('corrects a label that was made to measure by, and goes on measuring by it', async () => {
    const table = new Table(2);
    const label = { file: 'a.csv', row: 0, labels: ['negative'] } as const;
    await table.labelRow('p', { ...label, held_out: true, how: 'random' });
    const review = new Review(table, 'p', () => undefined);
    await review.filterBy({ state: 'all' });
    review.label(['positive']);
    await expect.poll(() => table.hand.get(0)?.labels).toEqual(['positive']);
    expect(table.hand.get(0)).toMatchObject({ held_out: true, how: 'random' });
    review.label(['positive']);
    await expect.poll(() => table.hand.get(1)?.held_out).toBe(false);
  });
  it('takes a label back that could not be saved, and says why', async () => {
    const table = new Table(3);
    table.refuses = true;
    const review = new Review(table, 'p', () => undefined);
    await review.open();
    review.label(['negative']);
    expect(review.page?.rows[0]?.hand?.labels).toEqual(['negative']);
    await expect.poll(() => review.saving.error?.message).toBe('There is no room left.');
    await expect.poll(() => review.page?.rows[0]?.hand).toBeNull();
  });
});

describe('random texts', () => {
  it('are drawn among those without a label, held out, and counted only when labelled', async () => {
    const table = new Table(4);
    const counts: LabellingView['hand'][] = [];
    const random = new RandomRows(
      table,
      'p',
      (hand) => counts.push(hand),
      () => 0.99,
    );
    await random.start(0);
    expect(random.row?.origin.row).toBe(3);
    await random.label(['positive']);
    expect(table.hand.get(3)).toMatchObject({ held_out: true, how: 'random' });
    await random.label(null);
    expect(random.done).toBe(1);
    expect(counts.at(-1)).toMatchObject({ held_out: 1, skipped: 1 });
    await random.undo();
    expect(random.row?.origin.row).toBe(2);
    await random.label(['negative']);
    await random.label(['negative']);
    await random.label(['negative']);
    expect(random.isOver).toBe(true);
    expect(random.row).toBeNull();
  });
  it('stop after fifty, those of an earlier visit counted', async () => {
    const table = new Table(100);
    const random = new RandomRows(
      table,
      'p',
      () => undefined,
      () => 0,
    );
    await random.start(RANDOM_ROWS - 1);
    await random.label(['positive']);
    expect(random.isOver).toBe(true);
    await random.start(RANDOM_ROWS);
    expect(random.done).toBe(0);
  });
});

describe('runs on labels that are made here', () => {
  const hand = (row: number, name: string, isHeld: boolean): HandLabel => ({
    ...{ file: 'a.csv', row, labels: [name], held_out: isHeld, how: 'review', at: row },
  });
  const files = [
    { name: 'a.csv', role: 'train' },
    { name: 'test.csv', role: 'test' },
  ];
  const run = (labels: readonly HandLabel[], truth: number): RunView => {
    const held = labels.filter(({ held_out: isHeld }) => isHeld).length;
    const isKnown = truth + held > 0;
    const rows = { hand: 0, teacher: 9, truth, held_out: held, left: 0 };
    return {
      recipe: {
        data: { files, labelling: { ...SETTINGS, hand: labels } },
        split: { method: 'files' },
      },
      record: { labelling: { tested_by: isKnown ? 'truth' : 'teacher', rows, teachers: [] } },
    } as unknown as RunView;
  };
  it('are compared while they are tested on the same rows, whatever they learned from', () => {
    const learned = hand(3, 'positive', false);
    expect(sameTest(run([], 9), run([learned], 9))).toBe(true);
    expect(sameData(run([], 9), run([learned], 9))).toBe(false);
    const [one, other] = [hand(1, 'positive', true), hand(1, 'negative', true)];
    expect(sameTest(run([one], 0), run([learned, one], 0))).toBe(true);
    expect(sameTest(run([one], 0), run([other], 0))).toBe(false);
    expect(sameTest(run([one], 0), run([one, hand(2, 'positive', true)], 0))).toBe(false);
    // What the person says of a row of the test file stands in the place of its truth.
    const corrected = (name: string): HandLabel => ({ ...hand(1, name, false), file: 'test.csv' });
    expect(sameTest(run([corrected('positive')], 9), run([corrected('positive')], 9))).toBe(true);
    expect(sameTest(run([corrected('positive')], 9), run([corrected('negative')], 9))).toBe(false);
    // A share that is kept for the test is another one with every label.
    expect(sameTest(run([], 0), run([learned], 0))).toBe(false);
  });
});
