/** Whether fine-tuning is likely to be worth it, asked of the engine about one probe's run. */
import type { Engine, FinetuneAdvice, RunView } from '../../engine';
import { Work } from './work.svelte';

export class Advice {
  readonly #engine: Engine;
  readonly #project: string;
  #answer = $state.raw<{ readonly run: string; readonly value: FinetuneAdvice } | null>(null);
  #about = $state.raw<string | null>(null);
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** About the run that was asked about last; null until it is known. */
  get value(): FinetuneAdvice | null {
    return this.#answer !== null && this.#answer.run === this.#about ? this.#answer.value : null;
  }

  /** Another run is shown: what was said of the one before does not hold for it. */
  turnTo(run: RunView | null): void {
    if (this.#about === (run?.id ?? null)) return;
    this.work.stop();
    this.work.dismiss();
    this.#about = run?.id ?? null;
  }

  async ask(run: RunView): Promise<void> {
    this.turnTo(run);
    const value = await this.work.run('Finding out', (signal) =>
      this.#engine.adviseFinetune(this.#project, run.id, signal),
    );
    if (value !== null) this.#answer = { run: run.id, value };
  }

  stop(): void {
    this.work.stop();
  }
}
