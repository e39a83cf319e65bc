/** The rows behind a cell of the confusion matrix, a page at a time. */
import type { Engine, LabelCell, RowPage, RowQuery } from '../../engine';
import { Work } from './work.svelte';

export const ROWS_A_PAGE = 10;

export interface Cell {
  /** Class indices; null for any. */
  readonly actual: number | null;
  readonly predicted: number | null;
  /** Of several labels a row: one of a label's four counts. */
  readonly label?: LabelCell;
}

export class Rows {
  readonly #engine: Engine;
  readonly #project: string;
  #part = $state.raw<RowQuery['part']>('test');
  #cell = $state.raw<Cell | null>(null);
  #page = $state.raw<RowPage | null>(null);
  #offset = $state.raw(0);
  #run = '';
  #asked = 0;
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  get part(): RowQuery['part'] {
    return this.#part;
  }
  /** The open cell; null when none is. */
  get cell(): Cell | null {
    return this.#cell;
  }
  /** null until it has been read; the former page stays while the next is read. */
  get page(): RowPage | null {
    return this.#page;
  }
  get offset(): number {
    return this.#offset;
  }

  async open(run: string, cell: Cell): Promise<void> {
    this.#run = run;
    this.#cell = cell;
    this.#offset = 0;
    this.#page = null;
    await this.#read();
  }

  async setPart(part: RowQuery['part']): Promise<void> {
    this.#part = part;
    if (this.#cell !== null) await this.open(this.#run, this.#cell);
  }

  async turn(offset: number): Promise<void> {
    this.#offset = offset;
    await this.#read();
  }

  close(): void {
    this.#asked++;
    this.#cell = null;
    this.#page = null;
  }

  async #read(): Promise<void> {
    const cell = this.#cell;
    if (cell === null) return;
    const asked = ++this.#asked;
    const page = await this.work.attempt(() =>
      this.#engine.runRows(this.#project, this.#run, {
        part: this.#part,
        actual: cell.actual,
        predicted: cell.predicted,
        cell: cell.label ?? null,
        offset: this.#offset,
        limit: ROWS_A_PAGE,
      }),
    );
    // A later question has been asked meanwhile: this answer is stale.
    if (page !== null && asked === this.#asked) this.#page = page;
  }
}
