/** The shown run beside another on the same test rows, with the engine's paired test. */
import type { Engine, RunComparison, RunView } from '../../engine';
import { Work } from './work.svelte';

export class Versus {
  readonly #engine: Engine;
  readonly #project: string;
  #answer = $state.raw<RunComparison | null>(null);
  #asked = 0;
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** Of exactly these two; null until it is known. */
  of(first: RunView, second: RunView): RunComparison | null {
    const answer = this.#answer;
    return answer?.first === first.id && answer.second === second.id ? answer : null;
  }

  async ask(first: RunView, second: RunView): Promise<void> {
    if (this.of(first, second) !== null) return;
    const asked = ++this.#asked;
    const answer = await this.work.attempt(() =>
      this.#engine.compareRuns(this.#project, first.id, second.id),
    );
    // Another pair has been asked about meanwhile: this answer is stale.
    if (answer !== null && asked === this.#asked) this.#answer = answer;
  }
}
