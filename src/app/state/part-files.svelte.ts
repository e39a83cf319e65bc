/** The parts of the data as CSV files to take away. */
import type { Engine, ExportedFile } from '../../engine';
import { Work } from './work.svelte';

export type PartName = 'train' | 'validation' | 'test';

export class PartFiles {
  readonly #engine: Engine;
  readonly #project: string;
  #active = $state.raw<PartName | null>(null);
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** Which part's file is being made; null when none is. */
  get active(): PartName | null {
    return this.#active;
  }

  /** @returns the file; null when it failed or was stopped. */
  async make(part: PartName): Promise<ExportedFile | null> {
    this.#active = part;
    const file = await this.work.run('Preparing the file', (signal) =>
      this.#engine.dataFile(this.#project, part, null, signal),
    );
    this.#active = null;
    return file;
  }
}
