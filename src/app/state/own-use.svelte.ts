/** The classifier that the chosen model came with: what its classes mean here, and its evaluation as it is. */
import {
  matchClasses,
  matchNotes,
  mismatch,
  namelessHint,
  type ClassMatches,
  type DataSummary,
  type Engine,
  type RunView,
} from '../../engine';
import type { OwnClassifier } from '../../models';
import type { OwnRecipe } from '../../project';
import { encoderKey, type Encoders } from './encoders.svelte';
import { Work } from './work.svelte';

export class OwnUse {
  readonly #engine: Engine;
  readonly #encoders: Encoders;
  readonly #project: string;
  readonly #summary: () => DataSummary | null;
  /** What was chosen by hand, by encoder and labels. */
  #chosen = $state.raw<Readonly<Record<string, ClassMatches>>>({});
  #baselines = $state.raw(true);
  readonly work = new Work();

  constructor(
    engine: Engine,
    encoders: Encoders,
    project: string,
    summary: () => DataSummary | null,
  ) {
    this.#engine = engine;
    this.#encoders = encoders;
    this.#project = project;
    this.#summary = summary;
  }

  /** The chosen encoder's own classifier; null when it has none. */
  get classifier(): OwnClassifier | null {
    return this.#encoders.chosen?.info.classifier ?? null;
  }
  /** The labels of the data, in their order. */
  get labels(): readonly string[] {
    return this.#summary()?.classes.map(({ label }) => label) ?? [];
  }
  /** Why it cannot be used on this data, in a sentence; null when it can. */
  get problem(): string | null {
    const { classifier } = this;
    const summary = this.#summary();
    if (classifier === null || summary === null) return null;
    return classifier.problem ?? mismatch(classifier.task, summary.task);
  }
  /** What each class means, by name until it is changed. */
  get matches(): ClassMatches {
    return this.#chosen[this.#key()] ?? matchClasses(this.classifier?.classes ?? [], this.labels);
  }
  get changed(): boolean {
    return this.#chosen[this.#key()] !== undefined;
  }
  /** Whether at least one class means something. */
  get ready(): boolean {
    return (
      this.classifier !== null &&
      this.problem === null &&
      this.matches.some(({ label }) => label !== null)
    );
  }
  /** What is not matched, and what to look out for, in sentences. */
  get notes(): readonly string[] {
    const { classifier, matches, labels } = this;
    if (classifier === null) return [];
    const hint = namelessHint(classifier.classes);
    // Nothing is matched yet: what is missing need not be counted up.
    if (!this.ready) return hint === null ? [] : [hint];
    return [...(hint === null ? [] : [hint]), ...matchNotes(matches, labels, classifier.task)];
  }
  get baselines(): boolean {
    return this.#baselines;
  }

  /** @param label null: left out. */
  setLabel(at: number, label: string | null): void {
    const next = this.matches.map((match, place) => (place === at ? { ...match, label } : match));
    this.#chosen = { ...this.#chosen, [this.#key()]: next };
  }

  /** Back to what the names say. */
  reset(): void {
    const { [this.#key()]: _gone, ...rest } = this.#chosen;
    this.#chosen = rest;
  }

  setBaselines(wanted: boolean): void {
    this.#baselines = wanted;
  }

  /** Takes up what a run was made with, for the encoder that is chosen now. */
  adopt({ own }: Pick<OwnRecipe, 'own'>): void {
    const names = this.classifier?.classes ?? [];
    const fits =
      own.classes.length === names.length &&
      own.classes.every(({ name }, at) => name === names[at]);
    if (fits) this.#chosen = { ...this.#chosen, [this.#key()]: own.classes };
  }

  /** @returns the run; null when it was stopped or failed (`work` says why). */
  evaluate(): Promise<RunView | null> {
    const entry = this.#encoders.chosen;
    if (entry === null) return Promise.resolve(null);
    const choice = {
      encoder: entry.info.reference,
      device: this.#encoders.device,
      classes: this.matches,
      max_length: null,
      baselines: this.#baselines,
    };
    return this.work.run('Evaluating', (signal) =>
      this.#engine.evaluateOwn(this.#project, choice, signal),
    );
  }

  /** Once more exactly as a recipe says. */
  again({ encoder, device, own }: OwnRecipe, baselines: boolean): Promise<RunView | null> {
    const { classes, max_length } = own;
    return this.work.run('Evaluating', (signal) =>
      this.#engine.evaluateOwn(
        this.#project,
        { encoder, device, classes, max_length, baselines },
        signal,
      ),
    );
  }

  #key(): string {
    const entry = this.#encoders.chosen;
    const encoder = entry === null ? '' : encoderKey(entry.info.reference);
    return JSON.stringify([encoder, this.labels]);
  }
}
