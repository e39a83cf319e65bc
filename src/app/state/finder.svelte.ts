/**
 * Finding a model of the Hub: search in the catalogue, one of them (or any other, by `owner/name@revision`) picked,
 * and what fetching it means, asked before anything is fetched.
 */
import {
  deviceRoom,
  modelFit,
  searchCatalogue,
  type About,
  type CatalogueModel,
  type CatalogueQuery,
  type Engine,
  type ModelFit,
} from '../../engine';
import type { DownloadPlan, Precision } from '../../models';
import { recall, remember } from './memory';
import { Work } from './work.svelte';

/** What is wanted of the Hub. */
export interface Wanted {
  /** `owner/name`. */
  readonly id: string;
  /** null: the newest, pinned to its commit. */
  readonly revision: string | null;
  readonly precision: Precision;
}

/** Remembered over the reload that lets the page through to the model host. */
const WANTED = 'headlight.wanted';
/** `owner/name`, or that with `@` and a branch, a tag or a commit; a pasted address of the Hub too. */
const ADDRESS =
  /^(?:https?:\/\/[^/]+\/)?(\w[\w.-]*\/\w[\w.-]*?)(?:(?:@|\/tree\/)(\w[\w./-]*?))?\/?$/;
const NO_FILTER = { language: null, purpose: null, licence: null, parameters: null } as const;
/** Shown at once; more on asking. */
const FIRST = 6;

/** @returns null when it is no id of a repository. */
export function wantedOf(text: string): Pick<Wanted, 'id' | 'revision'> | null {
  const [, id, revision] = ADDRESS.exec(text.trim()) ?? [];
  return id === undefined ? null : { id, revision: revision ?? null };
}

export class Finder {
  readonly #engine: Engine;
  #models = $state.raw<readonly CatalogueModel[] | null>(null);
  #text = $state.raw('');
  #filters = $state.raw<Omit<CatalogueQuery, 'text'>>(NO_FILTER);
  #shown = $state.raw(FIRST);
  #wanted = $state.raw<Wanted | null>(null);
  #plan = $state.raw<{ readonly of: Wanted; readonly value: DownloadPlan } | null>(null);
  /** Reading the catalogue. */
  readonly reading = new Work();
  /** Asking the host what there is to download. */
  readonly planning = new Work();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** null until it has been read. */
  get models(): readonly CatalogueModel[] | null {
    return this.#models;
  }
  get text(): string {
    return this.#text;
  }
  set text(value: string) {
    this.#text = value;
    this.#shown = FIRST;
    this.#foldOther();
  }
  get filters(): Omit<CatalogueQuery, 'text'> {
    return this.#filters;
  }
  /** Whether anything was asked for. */
  get asked(): boolean {
    return this.#text.trim() !== '' || Object.values(this.#filters).some((value) => value !== null);
  }
  readonly #found = $derived.by(() =>
    this.#models === null
      ? []
      : searchCatalogue(this.#models, { ...this.#filters, text: this.#searched }),
  );
  get found(): readonly CatalogueModel[] {
    return this.#found;
  }
  /** Those that are shown. */
  get page(): readonly CatalogueModel[] {
    return this.#found.slice(0, this.#shown);
  }
  /** What was typed as an id that is not in the catalogue; null when it is none. */
  get other(): Pick<Wanted, 'id' | 'revision'> | null {
    const typed = wantedOf(this.#text);
    if (typed === null) return null;
    const known = this.model(typed.id) !== null && typed.revision === null;
    return known ? null : typed;
  }
  get wanted(): Wanted | null {
    return this.#wanted;
  }
  /** What fetching the wanted one means; null until the host has said. */
  get plan(): DownloadPlan | null {
    return this.#plan !== null && this.#plan.of === this.#wanted ? this.#plan.value : null;
  }

  model(id: string): CatalogueModel | null {
    return this.#models?.find((model) => model.id.toLowerCase() === id.toLowerCase()) ?? null;
  }

  async read(): Promise<void> {
    if (this.#models !== null) return;
    this.#models = await this.reading.attempt(() => this.#engine.catalogue());
  }

  filter(change: Partial<Omit<CatalogueQuery, 'text'>>): void {
    this.#filters = { ...this.#filters, ...change };
    this.#shown = FIRST;
    this.#foldOther();
  }
  clear(): void {
    this.#filters = NO_FILTER;
    this.text = '';
  }
  more(): void {
    this.#shown += 2 * FIRST;
  }

  /** Another precision of the same one keeps what was asked of the host only if that is the same download. */
  want(wanted: Wanted | null): void {
    this.#wanted = wanted;
    this.#plan = null;
    this.planning.stop();
    this.planning.dismiss();
  }

  /** Asks the model host: the first request that leaves for it. */
  async ask(): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === null) return;
    const { id, revision, precision } = wanted;
    const plan = await this.planning.attempt(() =>
      this.#engine.planDownload(id, revision, precision),
    );
    if (plan !== null && this.#wanted === wanted) this.#plan = { of: wanted, value: plan };
  }

  /** The page reloads once to be let through to the host: what was wanted is then taken up again. */
  rememberWanted(): void {
    remember(WANTED, this.#wanted === null ? null : JSON.stringify(this.#wanted));
  }

  recallWanted(): void {
    const text = recall(WANTED);
    if (text === null) return;
    remember(WANTED, null);
    const wanted = wantedIn(text);
    if (wanted === null) return;
    this.#text = wanted.revision === null ? wanted.id : `${wanted.id}@${wanted.revision}`;
    this.want(wanted);
  }

  fit(model: CatalogueModel, precision: Precision, about: About): ModelFit {
    return modelFit(model, precision, deviceRoom(about));
  }

  /** What was opened is folded when something else is looked for: it would stand there without its row. */
  #foldOther(): void {
    const { wanted, other } = this;
    if (wanted === null) return;
    const isTyped = other?.id === wanted.id && other.revision === wanted.revision;
    const isListed = this.asked && this.found.some(({ id }) => id === wanted.id);
    if (!isTyped && !isListed) this.want(null);
  }

  /** The words to search by; an id with a revision is looked for without it. */
  get #searched(): string {
    return wantedOf(this.#text)?.id ?? this.#text;
  }
}

/** null when what stands there cannot be read; it is then of no use. */
function wantedIn(text: string): Wanted | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const { id, revision, precision } = value as Record<string, unknown>;
    const known = ['fp32', 'fp16', 'q8', 'q4'].find((one) => one === precision);
    if (typeof id !== 'string' || wantedOf(id) === null || known === undefined) return null;
    return {
      id,
      revision: typeof revision === 'string' ? revision : null,
      precision: known as Precision,
    };
  } catch {
    return null;
  }
}
