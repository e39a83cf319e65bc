/** Texts that teach most, in the page: one label a stroke, none for a text that nobody has read, undo, and what went wrong. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ActiveLabels } from '../../../src/app/state/active.svelte';
import { whySaid } from '../../../src/app/steps/labels/active/words';
import { HeadlightError, type Job } from '../../../src/base';
import type {
  ActiveCurve,
  ActiveEngine,
  ActiveRow,
  ActiveSettings,
  ActiveView,
} from '../../../src/engine';
import type { HandLabel } from '../../../src/learning/labelling';
import { ENCODERS } from '../../helpers/fake-engine';

const CURVE: ActiveCurve = {
  points: [],
  held_out: 0,
  advice: { verdict: 'no_hold_out', gain: null },
  sentence: 'Nothing is known.',
};

/** Texts in the order of the file; answers when it is let. */
class Texts implements ActiveEngine {
  readonly log: Omit<HandLabel, 'at'>[] = [];
  readonly started: ActiveSettings[] = [];
  curve = CURVE;
  refuses = false;
  /** Set: labels wait for it. */
  gate: Promise<void> | null = null;

  async *startActive(_project: string, settings: ActiveSettings): Job<ActiveView> {
    this.started.push(settings);
    return this.#view(settings);
  }
  async nextActive(): Promise<readonly ActiveRow[]> {
    return [];
  }
  async labelActive(_project: string, label: Omit<HandLabel, 'at'>): Promise<ActiveView> {
    await this.gate;
    if (this.refuses) throw new HeadlightError('storage-full', 'There is no room left.');
    this.log.push(label);
    return this.#view();
  }
  async undoActive(): Promise<ActiveView> {
    this.log.pop();
    return this.#view();
  }
  async activeCurve(): Promise<ActiveCurve> {
    return this.curve;
  }

  #view(settings = this.started.at(-1)): ActiveView {
    if (settings === undefined) throw new Error('not started');
    const row = this.log.length;
    return {
      settings,
      pool: 3,
      rows: 3,
      open: 3 - row,
      labelled: row,
      classes: [{ name: 'a', labelled: row }],
      next:
        row === 3
          ? null
          : {
              origin: { file: 'a.csv', row, line: row + 2 },
              text: `text ${row}`,
              why: { kind: 'random' },
              likely: [],
            },
      curve: this.curve,
      last: null,
      milliseconds: null,
    };
  }
}

let engine: Texts;
let active: ActiveLabels;
let told: number;

beforeEach(() => {
  engine = new Texts();
  told = 0;
  const [entry] = ENCODERS;
  if (entry === undefined) throw new Error('no encoder');
  const chosen = { chosen: entry, embed: entry.info.defaults, device: 'wasm' } as const;
  active = new ActiveLabels(engine, chosen, 'p', () => told++);
});

describe('a text after the other', () => {
  it('starts with the chosen encoder; a label is saved as one to learn from, and the next text is there', async () => {
    await active.start();
    expect(engine.started[0]).toMatchObject({
      encoder: ENCODERS[0]?.info.reference,
      device: 'wasm',
      strategy: 'margin_diversity',
    });
    await active.label(['a']);
    expect(engine.log).toEqual([
      { file: 'a.csv', row: 0, labels: ['a'], held_out: false, how: 'active' },
    ]);
    expect(active.row?.text).toBe('text 1');
    expect([active.said, told]).toEqual(['Saved: a.', 1]);
    await active.label(null);
    await active.label([]);
    expect(engine.log.map(({ labels }) => labels)).toEqual([['a'], null, []]);
    expect(active.said).toBe('Saved: no label.');
    expect(active.row).toBeNull();
    await active.label(['a']);
    expect(engine.log).toHaveLength(3);
  });

  it('a stroke while a label is on its way labels nothing: nobody has read the next text', async () => {
    await active.start();
    let open: () => void = () => undefined;
    engine.gate = new Promise((resolve) => (open = resolve));
    const first = active.label(['a']);
    expect(active.isSaving).toBe(true);
    await active.label(['a']);
    await active.undo();
    open();
    await first;
    expect(engine.log).toHaveLength(1);
    expect(active.isSaving).toBe(false);
  });

  it('takes back its own labels, and no others', async () => {
    await active.start();
    await active.undo();
    expect(active.canUndo).toBe(false);
    await active.label(['a']);
    await active.undo();
    expect(active.row?.text).toBe('text 0');
    expect([active.canUndo, told]).toEqual([false, 2]);
    await active.label(['a']);
    // After a new start they may be another's.
    await active.start();
    expect(active.canUndo).toBe(false);
  });

  it('a label that could not be saved leaves the text where it was, and says why', async () => {
    await active.start();
    engine.refuses = true;
    await active.label(['a']);
    expect(active.row?.text).toBe('text 0');
    expect(active.saving.error?.message).toBe('There is no room left.');
    expect([active.canUndo, told]).toEqual([false, 0]);
    engine.refuses = false;
    await active.label(['a']);
    expect(active.saving.error).toBeNull();
    expect(active.row?.text).toBe('text 1');
  });
});

describe('beside it', () => {
  it('another strategy starts anew with the labels that are there', async () => {
    await active.choose('random');
    expect(engine.started).toEqual([]);
    await active.start();
    await active.choose('entropy');
    expect(engine.started.map(({ strategy }) => strategy)).toEqual(['random', 'entropy']);
  });

  it('knows when another encoder, or another layer, is chosen than the one it goes by', async () => {
    const [first, second] = ENCODERS;
    if (first === undefined || second === undefined) throw new Error('no encoders');
    const now = { chosen: first, embed: first.info.defaults, device: 'wasm' as const };
    const one = new ActiveLabels(engine, now, 'p', () => undefined);
    expect(one.isOfOther).toBe(false);
    await one.start();
    expect(one.isOfOther).toBe(false);
    now.embed = { ...first.info.defaults, layer: 3 };
    expect(one.isOfOther).toBe(true);
    now.chosen = second;
    now.embed = second.info.defaults;
    expect(one.isOfOther).toBe(true);
    await one.start();
    expect(one.isOfOther).toBe(false);
  });

  it('the curve follows labels made elsewhere; the text that is read stays', async () => {
    await active.refresh();
    expect(active.view).toBeNull();
    await active.start();
    const before = active.row;
    engine.curve = { ...CURVE, held_out: 50 };
    await active.refresh();
    expect(active.view?.curve.held_out).toBe(50);
    expect(active.row).toBe(before);
  });

  it('“stop” is said aloud when it is first said', async () => {
    await active.start();
    engine.curve = { ...CURVE, advice: { verdict: 'stop', gain: null }, sentence: 'You can stop.' };
    await active.label(['a']);
    expect(active.said).toBe('Saved: a. You can stop.');
    await active.label(['a']);
    expect(active.said).toBe('Saved: a.');
  });

  it('why a text was chosen is said in a sentence', () => {
    const likeliest = [
      { label: 'a', probability: 0.514 },
      { label: 'b', probability: 0.471 },
    ];
    expect(whySaid({ kind: 'unsure', likeliest }).replaceAll('\u00a0', ' ')).toBe(
      'The probe is unsure: “a” 51 %, “b” 47 %.',
    );
    expect(whySaid({ kind: 'teacher', label: 'b', confidence: 0.9 })).toContain('no label yet');
    expect(whySaid({ kind: 'diverse', isStart: true })).toContain('to begin with');
  });
});
