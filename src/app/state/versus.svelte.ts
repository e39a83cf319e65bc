/** Two runs on the same test rows, with the engine's paired test. */
import type { Engine, RunComparison, RunView } from '../../engine';
import { Work } from './work.svelte';

export class Versus {
  readonly #engine: Engine;
  readonly #project: string;
  /** By pair: two places of the page ask, each about its own. */
  #answers = $state.raw<Readonly<Record<string, RunComparison>>>({});
  #asked: readonly string[] = [];
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** Of exactly these two in this order; null until it is known. */
  of(first: RunView, second: RunView): RunComparison | null {
    return this.#answers[pair(first, second)] ?? null;
  }

  async ask(first: RunView, second: RunView): Promise<void> {
    const key = pair(first, second);
    if (this.#asked.includes(key)) return;
    this.#asked = [...this.#asked, key];
    const answer = await this.work.attempt(() =>
      this.#engine.compareRuns(this.#project, first.id, second.id),
    );
    // What failed may be asked again.
    if (answer === null) this.#asked = this.#asked.filter((one) => one !== key);
    else this.#answers = { ...this.#answers, [key]: answer };
  }
}

function pair(first: RunView, second: RunView): string {
  return `${first.id} ${second.id}`;
}
