/** What the chosen encoder's precisions cost and lose on the project's texts, and taking another one of them. */
import { DEFAULT_PRECISION_ROWS, type Engine, type PrecisionComparison } from '../../engine';
import type { Precision } from '../../models';
import type { Encoders } from './encoders.svelte';
import { Work } from './work.svelte';

const SEED = 0;

export class Precisions {
  readonly #engine: Engine;
  readonly #encoders: Encoders;
  #compared = $state.raw<{ readonly of: string; readonly comparison: PrecisionComparison } | null>(
    null,
  );
  readonly work = new Work();

  constructor(engine: Engine, encoders: Encoders) {
    this.#engine = engine;
    this.#encoders = encoders;
  }

  /** Of this project and the files of the encoder that is chosen now, in whichever precision; else null. */
  of(project: string): PrecisionComparison | null {
    return this.#compared?.of === this.#key(project) ? this.#compared.comparison : null;
  }

  async compare(project: string): Promise<void> {
    const { chosen, embed, device } = this.#encoders;
    const of = this.#key(project);
    if (chosen === null || embed === null || of === null) return;
    const settings = { device, rows: DEFAULT_PRECISION_ROWS, seed: SEED };
    const comparison = await this.work.run('Comparing precisions', (signal) =>
      this.#engine.comparePrecisions(project, chosen.info.reference, embed, settings, signal),
    );
    if (comparison !== null) this.#compared = { of, comparison };
  }

  /** Chooses the encoder in another precision, of the files that are here; its features stay as they were set. */
  async use(precision: Precision): Promise<void> {
    const { chosen, embed } = this.#encoders;
    if (chosen === null || embed === null) return;
    const entry = await this.work.run('Keeping the precision', (signal) =>
      this.#engine.keepPrecision(chosen.info.reference, precision, signal),
    );
    if (entry === null) return;
    await this.#encoders.load();
    this.#encoders.choose(entry);
    this.#encoders.adopt({ encoder: entry.info.reference, embed });
  }

  #key(project: string): string | null {
    const { chosen, embed } = this.#encoders;
    if (chosen === null) return null;
    const { source, id, revision } = chosen.info.reference;
    return JSON.stringify([project, source, id, revision, embed]);
  }
}
