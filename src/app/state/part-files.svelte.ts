/** The parts of the data as CSV files to take away. */
import type { Engine, ExportedFile } from '../../engine';
import { Work } from './work.svelte';

export type PartName = 'train' | 'validation' | 'test';

export class PartFiles {
  readonly #engine: Engine;
  readonly #project: string;
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** @returns the file; null when it failed or was stopped. */
  async make(part: PartName): Promise<ExportedFile | null> {
    return this.work.run('Preparing the file', (signal) =>
      this.#engine.dataFile(this.#project, part, null, signal),
    );
  }
}
