/**
 * Random texts, labelled to measure by: drawn among those without a label, shown without what is proposed, and never
 * trained on. Each is saved as it is made, so stopping loses nothing.
 */
import type { LabellingEngine, LabellingView, ReviewQuery, ReviewRow } from '../../engine';
import { Work } from './work.svelte';

/** Enough for an interval of some ten points either way. */
export const RANDOM_ROWS = 50;

const OPEN: Omit<ReviewQuery, 'from' | 'count'> = {
  state: 'open',
  label: null,
  confidence: null,
  disagreement: false,
  order: 'file',
};

export class RandomRows {
  readonly #engine: LabellingEngine;
  readonly #project: string;
  readonly #labelled: (hand: LabellingView['hand']) => void;
  readonly #chance: () => number;
  #row = $state.raw<ReviewRow | null>(null);
  #done = $state.raw(0);
  #open = $state.raw(false);
  #over = $state.raw(false);
  #busy = $state.raw(false);
  #said = $state.raw('');
  /** What was labelled here, so that undo takes back no label that was made elsewhere. */
  readonly #before: { readonly row: ReviewRow; readonly counted: boolean }[] = [];
  readonly work = new Work();

  /** @param chance a number in [0, 1) each time, as Math.random. */
  constructor(
    engine: LabellingEngine,
    project: string,
    labelled: (hand: LabellingView['hand']) => void,
    chance: () => number = Math.random,
  ) {
    this.#engine = engine;
    this.#project = project;
    this.#labelled = labelled;
    this.#chance = chance;
  }

  get open(): boolean {
    return this.#open;
  }
  /** The text to be labelled; null while the first is drawn, and when there is none left. */
  get row(): ReviewRow | null {
    return this.#row;
  }
  /** A label is on its way; the text that is shown is still the one before. */
  get isBusy(): boolean {
    return this.#busy;
  }
  /** Labelled in this round; skipped ones do not count. */
  get done(): number {
    return this.#done;
  }
  /** Whether there is nothing left to draw. */
  get isOver(): boolean {
    return this.#over;
  }
  get canUndo(): boolean {
    return this.#before.length > 0;
  }
  get said(): string {
    return this.#said;
  }

  /** @param already labelled so before: they count towards the first round. */
  async start(already: number): Promise<void> {
    this.#open = true;
    this.#done = already < RANDOM_ROWS ? already : 0;
    this.#over = false;
    this.#said = '';
    this.#before.length = 0;
    this.#busy = false;
    await this.#draw();
  }
  stop(): void {
    this.#open = false;
    this.#row = null;
  }

  /** @param labels null: skipped. */
  async label(labels: readonly string[] | null): Promise<void> {
    const row = this.#row;
    if (row === null || this.#busy) return;
    this.#busy = true;
    const { file, row: place } = row.origin;
    const hand = await this.work.attempt(() =>
      this.#engine.labelRow(this.#project, {
        file,
        row: place,
        labels,
        held_out: true,
        how: 'random',
      }),
    );
    if (hand === null) {
      this.#busy = false;
      return;
    }
    this.#before.push({ row, counted: labels !== null });
    if (labels !== null) this.#done++;
    this.#said = labels === null ? 'Skipped.' : `Saved: ${labels.join(', ') || 'no label'}.`;
    this.#labelled(hand);
    if (this.#open) await this.#draw();
    this.#busy = false;
  }

  async undo(): Promise<void> {
    const last = this.#before.at(-1);
    if (last === undefined || this.#busy) return;
    const hand = await this.work.attempt(() => this.#engine.undoLabel(this.#project));
    if (hand === null) return;
    this.#before.pop();
    if (last.counted) this.#done--;
    this.#over = false;
    this.#row = last.row;
    this.#said = 'The last label is taken back.';
    this.#labelled(hand);
  }

  async #draw(): Promise<void> {
    if (this.#done >= RANDOM_ROWS) {
      this.#row = null;
      this.#over = true;
      return;
    }
    const drawn = await this.work.attempt(async () => {
      const { total } = await this.#engine.reviewRows(this.#project, {
        ...OPEN,
        from: 0,
        count: 1,
      });
      if (total === 0) return null;
      const from = Math.min(total - 1, Math.floor(this.#chance() * total));
      const page = await this.#engine.reviewRows(this.#project, { ...OPEN, from, count: 1 });
      return page.rows[0] ?? null;
    });
    if (!this.#open) return;
    this.#row = drawn;
    this.#over = drawn === null && this.work.error === null;
  }
}
