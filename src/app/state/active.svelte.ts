/**
 * One text after another, the one first that teaches the probe most: what is asked, the text that is shown, and what
 * the labels have brought. A label is saved, the probe fitted again and the next text chosen in one call.
 */
import { canonicalJson } from '../../base';
import {
  ACTIVE_STRATEGIES,
  type ActiveEngine,
  type ActiveRow,
  type ActiveSettings,
  type ActiveStrategy,
  type ActiveView,
} from '../../engine';
import type { Encoders } from './encoders.svelte';
import { recall, remember } from './memory';
import { Work } from './work.svelte';

/** What of the encoders it goes by. */
type Chosen = Pick<Encoders, 'chosen' | 'embed' | 'device'>;

const REMEMBERED = 'headlight.active-strategy';

export class ActiveLabels {
  readonly #engine: ActiveEngine;
  readonly #encoders: Chosen;
  readonly #project: string;
  readonly #labelled: () => void;
  #view = $state.raw<ActiveView | null>(null);
  #strategy = $state.raw<ActiveStrategy>(remembered());
  #saving = $state.raw(false);
  #said = $state.raw('');
  /** Labels of this visit: undo takes back no label that was made elsewhere. */
  #made = $state.raw(0);
  /** Embedding the texts and fitting the first probe. */
  readonly starting = new Work();
  readonly saving = new Work();

  /** @param labelled is called after each label and each undo. */
  constructor(engine: ActiveEngine, encoders: Chosen, project: string, labelled: () => void) {
    this.#engine = engine;
    this.#encoders = encoders;
    this.#project = project;
    this.#labelled = labelled;
  }

  /** null before it is started. */
  get view(): ActiveView | null {
    return this.#view;
  }
  get row(): ActiveRow | null {
    return this.#view?.next ?? null;
  }
  get strategy(): ActiveStrategy {
    return this.#strategy;
  }
  /** The encoder whose embeddings it works on; null while none is chosen. */
  get encoder(): string | null {
    return this.#encoders.chosen?.info.name ?? null;
  }
  /** Whether it was started with another encoder than the one that is chosen now. */
  get isOfOther(): boolean {
    const { chosen, embed } = this.#encoders;
    const settings = this.#view?.settings;
    if (settings === undefined || chosen === null) return false;
    return (
      canonicalJson([settings.encoder, settings.embed]) !==
      canonicalJson([chosen.info.reference, embed])
    );
  }
  /** A label is on its way; the text that is shown is still the one before. */
  get isSaving(): boolean {
    return this.#saving;
  }
  get canUndo(): boolean {
    return this.#made > 0;
  }
  /** What the last stroke did, for those who do not see it. */
  get said(): string {
    return this.#said;
  }

  async start(): Promise<void> {
    const settings = this.#settings();
    if (settings === null) return;
    const view = await this.starting.run('Choosing texts', (signal) =>
      this.#engine.startActive(this.#project, settings, signal),
    );
    if (view === null) return;
    this.#view = view;
    this.#made = 0;
    this.saving.dismiss();
  }

  /** Goes on with the labels that are there. */
  async choose(strategy: ActiveStrategy): Promise<void> {
    this.#strategy = strategy;
    remember(REMEMBERED, strategy);
    if (this.#view !== null) await this.start();
  }

  /** @param labels null: skipped. */
  async label(labels: readonly string[] | null): Promise<void> {
    const { row } = this;
    if (row === null || this.#saving) return;
    const { file, row: place } = row.origin;
    const said =
      labels === null
        ? 'Skipped.'
        : `Saved: ${labels.length === 0 ? 'no label' : labels.join(', ')}.`;
    const done = await this.#send(said, () =>
      this.#engine.labelActive(this.#project, {
        file,
        row: place,
        labels,
        held_out: false,
        how: 'active',
      }),
    );
    if (done) this.#made++;
  }

  async undo(): Promise<void> {
    if (this.#made === 0 || this.#saving) return;
    const done = await this.#send('The last label is taken back.', () =>
      this.#engine.undoActive(this.#project),
    );
    if (done) this.#made--;
  }

  /** Labels may have been made elsewhere, to measure by: the curve follows, the text that is being read stays. */
  async refresh(): Promise<void> {
    const before = this.#view;
    if (before === null || this.#saving) return;
    const curve = await this.saving.attempt(() => this.#engine.activeCurve(this.#project));
    // A label has been made meanwhile: its answer is newer.
    if (curve !== null && this.#view === before) this.#view = { ...before, curve };
  }

  /** Back to where it can be started, with what is kept. */
  close(): void {
    this.starting.stop();
    this.#view = null;
    this.#said = '';
  }

  stop(): void {
    this.starting.stop();
  }

  async #send(said: string, call: () => Promise<ActiveView>): Promise<boolean> {
    this.#saving = true;
    const view = await this.saving.attempt(call);
    this.#saving = false;
    if (view === null) return false;
    const before = this.#view?.curve.advice.verdict;
    this.#view = view;
    const stops = view.curve.advice.verdict === 'stop' && before !== 'stop';
    this.#said = stops ? `${said} ${view.curve.sentence}` : said;
    this.#labelled();
    return true;
  }

  #settings(): ActiveSettings | null {
    const { chosen, embed, device } = this.#encoders;
    if (chosen === null || embed === null) return null;
    return { encoder: chosen.info.reference, embed, device, strategy: this.#strategy, seed: 0 };
  }
}

function remembered(): ActiveStrategy {
  const known = recall(REMEMBERED);
  return ACTIVE_STRATEGIES.find((strategy) => strategy === known) ?? 'margin_diversity';
}
