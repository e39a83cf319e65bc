/** The models on this device: those that are whole, and downloads that wait to go on. */
import type { Engine, ModelName } from '../../engine';
import type { KeptModel, Precision } from '../../models';
import type { StorageEstimate } from '../../platform';
import { saveBlob } from './files';
import { Work } from './work.svelte';

export function nameKey({ source, id, revision }: ModelName): string {
  return `${source} ${id} ${revision ?? ''}`;
}

export class KeptModels {
  readonly #engine: Engine;
  #models = $state.raw<readonly KeptModel[] | null>(null);
  /** What the last check of a model said, by model. */
  #checked = $state.raw<Readonly<Record<string, string>>>({});
  /** The model that is worked on now. */
  #at = $state.raw<string | null>(null);
  #storage = $state.raw<StorageEstimate | null>(null);
  readonly listing = new Work();
  /** Removing, checking, saving: one at a time. */
  readonly work = new Work();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** null until they have been read. The one used last first. */
  get models(): readonly KeptModel[] | null {
    return this.#models;
  }
  /** Downloads that were stopped; they go on where they were. */
  get unfinished(): readonly KeptModel[] {
    return (this.#models ?? []).filter(({ state }) => state === 'unfinished');
  }
  /** How much the browser lets the page have, as it said last. */
  get storage(): StorageEstimate | null {
    return this.#storage;
  }
  get bytes(): number {
    return (this.#models ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async read(): Promise<void> {
    const models = await this.listing.attempt(() => this.#engine.listModels());
    if (models !== null) this.#models = models;
    const about = await this.listing.attempt(() => this.#engine.about());
    if (about !== null) this.#storage = about.storage;
  }

  /** Asks the browser not to delete what is kept; it decides by itself. */
  async persist(): Promise<void> {
    await this.listing.attempt(() => this.#engine.persistStorage());
    await this.read();
  }

  /** Whether this one is worked on. */
  busy(model: ModelName): boolean {
    return this.work.running && this.#at === nameKey(model);
  }
  /** What a check found; null where there was none. */
  checked(model: ModelName): string | null {
    return this.#checked[nameKey(model)] ?? null;
  }

  async remove(model: ModelName): Promise<boolean> {
    const done = await this.work.attempt(async () => {
      await this.#engine.removeModel(model);
      return true;
    });
    await this.read();
    return done === true;
  }

  /** A zip that another Headlight takes, without a network. */
  async save(model: ModelName): Promise<void> {
    this.#at = nameKey(model);
    const saved = await this.work.run(`Packing ${model.id}`, (signal) =>
      this.#engine.exportModel(model, signal),
    );
    if (saved !== null) saveBlob(saved.name, saved.blob);
  }

  /** Reads every file again and compares it with what was kept. */
  async check(model: ModelName): Promise<void> {
    this.#at = nameKey(model);
    const found = await this.work.run(`Checking ${model.id}`, (signal) =>
      this.#engine.checkModel(model, signal),
    );
    if (found === null) return;
    const said =
      found.damaged.length === 0
        ? 'Every file is what was downloaded.'
        : `Damaged: ${found.damaged.join(', ')}. Delete it and add it again.`;
    this.#checked = { ...this.#checked, [nameKey(model)]: said };
  }
}

/** Of a download that waits, as it is asked for again. */
export function wantedAgain({ id, revision, precision }: KeptModel): {
  readonly id: string;
  readonly revision: string;
  readonly precision: Precision;
} {
  return { id, revision, precision: precision ?? 'fp32' };
}
