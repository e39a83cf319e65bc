/** The rows that an audit finding names, read a page at a time when they are asked for. */
import type { RowOrigin } from '../../data';
import type { DataRow, Engine } from '../../engine';
import { Work } from './work.svelte';

export const AUDIT_ROWS_A_PAGE = 10;

export interface AuditRow extends DataRow {
  readonly origin: RowOrigin;
}

export class AuditRows {
  readonly #engine: Engine;
  readonly #project: string;
  readonly #rows: readonly RowOrigin[];
  #page = $state.raw<readonly AuditRow[] | null>(null);
  #offset = $state.raw(0);
  #asked = 0;
  readonly work = new Work();

  constructor(engine: Engine, project: string, rows: readonly RowOrigin[]) {
    this.#engine = engine;
    this.#project = project;
    this.#rows = rows;
  }

  /** null until the first page has been read. */
  get page(): readonly AuditRow[] | null {
    return this.#page;
  }
  get offset(): number {
    return this.#offset;
  }

  async turn(offset: number): Promise<void> {
    const asked = ++this.#asked;
    const wanted = this.#rows.slice(offset, offset + AUDIT_ROWS_A_PAGE);
    const read = await this.work.attempt(() => this.#engine.dataRows(this.#project, wanted));
    // A later page has been asked for meanwhile.
    if (read === null || asked !== this.#asked) return;
    this.#offset = offset;
    this.#page = wanted.flatMap((origin, at) => {
      const row = read[at];
      return row === undefined ? [] : [{ ...row, origin }];
    });
  }
}
