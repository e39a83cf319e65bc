/** What is kept on this device, and where models come from. */
import type { Engine, KeptItem } from '../../engine';
import type { Shell, ShippedFile } from './shell';
import { Work } from './work.svelte';

export const HUGGING_FACE = 'https://huggingface.co';

/** Models that ship, each under its folder's name; the runtimes together. */
export interface ShippedItem {
  /** The encoder's id; null: the runtimes. */
  readonly encoder: string | null;
  readonly bytes: number;
}

export function shippedItems(files: readonly ShippedFile[]): readonly ShippedItem[] {
  const items: { encoder: string | null; bytes: number }[] = [];
  for (const { path, bytes } of files) {
    const encoder = /^models\/([^/]+)\//.exec(path)?.[1] ?? null;
    const item = items.find((other) => other.encoder === encoder);
    if (item === undefined) items.push({ encoder, bytes });
    else item.bytes += bytes;
  }
  return items.sort((a, b) => b.bytes - a.bytes);
}

export class Stored {
  readonly #engine: Engine;
  readonly #shell: Shell;
  #items = $state.raw<readonly KeptItem[] | null>(null);
  #shipped = $state.raw<readonly ShippedItem[]>([]);
  #host = $state.raw<string | null>(null);
  readonly work = new Work();

  constructor(engine: Engine, shell: Shell) {
    this.#engine = engine;
    this.#shell = shell;
  }

  /** null until it has been read. */
  get items(): readonly KeptItem[] | null {
    return this.#items;
  }
  /** Models and runtimes of this build, kept for work without a network. The largest first. */
  get shipped(): readonly ShippedItem[] {
    return this.#shipped;
  }
  get bytes(): number {
    return [...(this.#items ?? []), ...this.#shipped].reduce((sum, item) => sum + item.bytes, 0);
  }
  /** The mirror that was set; null: Hugging Face's own address. */
  get host(): string | null {
    return this.#host;
  }

  async read(): Promise<void> {
    const answers = await this.work.attempt(() => this.#ask());
    if (answers === null) return;
    [this.#items, this.#host] = answers;
    this.#shipped = shippedItems(answers[2]);
  }

  #ask(): Promise<[readonly KeptItem[], string | null, readonly ShippedFile[]]> {
    return Promise.all([this.#engine.kept(), this.#engine.modelHost(), this.#shell.keptFiles()]);
  }

  /**
   * Lets the page fetch models from this host, then reloads. Does not return when it succeeds.
   * @param host null: nothing but the page's own address may be reached.
   */
  async allowHost(host: string | null): Promise<void> {
    await this.work.attempt(async () => {
      const before = await this.#engine.modelHost();
      await this.#engine.setModelHost(host === HUGGING_FACE ? null : host);
      try {
        await this.#shell.setModelHost(host);
      } catch (error) {
        await this.#engine.setModelHost(before);
        throw error;
      }
    });
  }

  /** Lets the page fetch a model from this folder on the web too, then reloads. Does not return when it succeeds. */
  async allowFolder(address: string): Promise<void> {
    await this.work.attempt(() => this.#shell.setFolder(address));
  }

  /** Added models, and the copies of those that ship. */
  async clearModels(): Promise<void> {
    const done = await this.#attempted(async () => {
      await this.#engine.clearModels();
      await this.#shell.clearKeptFiles();
    });
    if (done) await this.read();
  }

  async forgetEverything(): Promise<boolean> {
    const done = await this.#attempted(async () => {
      await this.#engine.forgetEverything();
      await this.#shell.clearKeptFiles();
    });
    if (done) await this.read();
    return done;
  }

  /**
   * Takes the policy back to the page's own address, and reloads where a host was allowed: the last thing
   * that is forgotten.
   */
  async forgetHost(): Promise<boolean> {
    return this.#attempted(async () => {
      const asked = [this.#shell.allowedModelHost(), this.#shell.allowedFolder()];
      const isNone = (await Promise.all(asked)).every((address) => address === null);
      // The folder goes with the host.
      if (!isNone) await this.#shell.setModelHost(null);
    });
  }

  async #attempted(work: () => Promise<void>): Promise<boolean> {
    const done = await this.work.attempt(async () => {
      await work();
      return true;
    });
    return done === true;
  }
}
