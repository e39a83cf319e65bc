/** What is kept on this device, and where models come from. */
import type { Engine, KeptItem } from '../../engine';
import type { Shell } from './shell';
import { Work } from './work.svelte';

export const HUGGING_FACE = 'https://huggingface.co';

export class Stored {
  readonly #engine: Engine;
  readonly #shell: Shell;
  #items = $state.raw<readonly KeptItem[] | null>(null);
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
  get bytes(): number {
    return (this.#items ?? []).reduce((sum, item) => sum + item.bytes, 0);
  }
  /** The mirror that was set; null: Hugging Face's own address. */
  get host(): string | null {
    return this.#host;
  }

  async read(): Promise<void> {
    const answers = await this.work.attempt(() =>
      Promise.all([this.#engine.kept(), this.#engine.modelHost()]),
    );
    if (answers === null) return;
    [this.#items, this.#host] = answers;
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

  async clearModels(): Promise<void> {
    await this.work.attempt(() => this.#engine.clearModels());
    await this.read();
  }

  async forgetEverything(): Promise<boolean> {
    const done = await this.work.attempt(async () => {
      await this.#engine.forgetEverything();
      return true;
    });
    await this.read();
    return done === true;
  }
}
