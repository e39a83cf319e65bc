/**
 * Likely wrong labels of a project: looking for them, the page of rows that is worked on, pairs of texts alike. Rows
 * stay where they are until the page is turned.
 */
import {
  DEFAULT_LABEL_ERRORS,
  type AlikePage,
  type AlikePair,
  type Engine,
  type ExportedFile,
  type JudgedRow,
  type LabelErrorPage,
  type LabelErrorQuery,
  type LabelErrorRow,
  type LabelErrorsView,
  type ProjectView,
} from '../../engine';
import type { Encoders } from './encoders.svelte';
import { LabelMends } from './label-mends.svelte';
import { Work } from './work.svelte';

export const ERROR_ROWS = 8;

export type ErrorFilter = Omit<LabelErrorQuery, 'from' | 'count'>;

const ALL_OPEN: ErrorFilter = { state: 'open', given: null, suggested: null, part: null };

export class LabelErrors {
  readonly #engine: Engine;
  readonly #encoders: Encoders;
  readonly #project: string;
  #view = $state.raw<LabelErrorsView | null>(null);
  #asked = $state.raw(false);
  #filter = $state.raw<ErrorFilter>(ALL_OPEN);
  #page = $state.raw<LabelErrorPage | null>(null);
  #from = $state.raw(0);
  #at = $state.raw(0);
  #pairs = $state.raw<AlikePage | null>(null);
  #pairsFrom = $state.raw(0);
  #said = $state.raw('');
  #reads = 0;
  readonly mends: LabelMends;
  /** Looking for them. */
  readonly work = new Work();
  /** Reading pages. */
  readonly reading = new Work();

  /** @param changed is handed the project as it is after each label that was mended. */
  constructor(
    engine: Engine,
    encoders: Encoders,
    project: string,
    data: () => ProjectView,
    changed: (view: ProjectView) => void,
  ) {
    this.#engine = engine;
    this.#encoders = encoders;
    this.#project = project;
    this.mends = new LabelMends(engine, project, data, async (view, done) => {
      if (view !== null) changed(view);
      // What could not be saved must not look as if it were.
      if (!done) await this.#read(this.#from, this.#at);
      await this.#count();
    });
  }

  /** The last look; null when there is none, or it has not been asked for. */
  get view(): LabelErrorsView | null {
    return this.#view;
  }
  /** Whether it is known if there is one. */
  get ready(): boolean {
    return this.#asked;
  }
  get filter(): ErrorFilter {
    return this.#filter;
  }
  get page(): LabelErrorPage | null {
    return this.#page;
  }
  get from(): number {
    return this.#from;
  }
  /** The row that is worked on, within the page. */
  get at(): number {
    return this.#at;
  }
  get current(): LabelErrorRow | null {
    return this.#page?.rows[this.#at] ?? null;
  }
  get pairs(): AlikePage | null {
    return this.#pairs;
  }
  get pairsFrom(): number {
    return this.#pairsFrom;
  }
  /** What the last stroke did, for those who do not see it. */
  get said(): string {
    return this.#said;
  }
  /** What would judge the rows; null while no encoder is chosen. */
  get encoder(): string | null {
    return this.#encoders.chosen?.info.name ?? null;
  }

  /** Takes up the last look. */
  async arrive(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    await this.#count();
    if (this.#view !== null) await this.#readBoth();
  }

  /** @returns whether it came to its end; else `work.error` says why. */
  async look(): Promise<boolean> {
    const chosen = this.#encoders.settings();
    if (chosen === null) return false;
    const { encoder, embed, device } = chosen;
    await this.mends.settled;
    const view = await this.work.run('Looking for wrong labels', (signal) =>
      this.#engine.labelErrors(
        this.#project,
        { ...DEFAULT_LABEL_ERRORS, encoder, embed, device },
        signal,
      ),
    );
    if (view === null) return false;
    this.#view = view;
    this.#filter = ALL_OPEN;
    this.#said = `${view.listed} ${view.listed === 1 ? 'label looks' : 'labels look'} wrong.`;
    this.mends.begin();
    await this.#readBoth();
    return true;
  }

  async filterBy(change: Partial<ErrorFilter>): Promise<void> {
    this.#filter = { ...this.#filter, ...change };
    await this.turnTo(0);
  }

  async turnTo(from: number, at = 0): Promise<void> {
    // What is on its way to storage changes what a page holds.
    await this.mends.settled;
    await this.#read(from, at);
  }

  async turnPairsTo(from: number): Promise<void> {
    await this.mends.settled;
    const pairs = await this.reading.attempt(() =>
      this.#engine.alikePairs(this.#project, from, ERROR_ROWS),
    );
    if (pairs === null) return;
    this.#pairs = pairs;
    this.#pairsFrom = from;
  }

  select(at: number): void {
    this.#at = Math.max(0, Math.min(at, (this.#page?.rows.length ?? 1) - 1));
  }

  /** To the next row, over the end of the page. */
  async move(by: 1 | -1): Promise<void> {
    const page = this.#page;
    if (page === null || this.#turning) return;
    const to = this.#at + by;
    if (to >= 0 && to < page.rows.length) {
      this.#at = to;
      return;
    }
    this.#turning = true;
    try {
      if (by > 0) await this.#turnOn(page);
      else if (this.#from > 0)
        await this.turnTo(Math.max(0, this.#from - ERROR_ROWS), ERROR_ROWS - 1);
    } finally {
      this.#turning = false;
    }
  }
  /** Until the next page is there nothing is mended or kept: a quick stroke would fall on the row before it. */
  #turning = false;

  /** The current row takes what is suggested. */
  accept(): void {
    const row = this.current;
    if (row !== null) this.mend(row.suggested);
  }

  /** @param labels in the order of the classes; of one class one. */
  mend(labels: readonly string[]): void {
    const row = this.current;
    if (row === null || this.#turning) return;
    if (!isSame(labels, row.labels)) this.#mendRow(row, labels, []);
    else if (isSame(labels, row.given)) this.#keep([row]);
    void this.move(1);
  }

  /** A person looked, and the label of the current row is right. */
  keep(): void {
    const row = this.current;
    if (row === null || this.#turning) return;
    this.#keep([row]);
    void this.move(1);
  }

  /** Both texts of a pair get the labels of one of them, copies too. */
  settle(pair: AlikePair, as: 'a' | 'b'): void {
    const [right, wrong, copies] =
      as === 'a' ? [pair.a, pair.b, pair.copies[1]] : [pair.b, pair.a, pair.copies[0]];
    this.#mendRow(wrong, right.labels, copies);
  }

  /** Both labels of a pair are right. */
  keepPair({ a, b }: AlikePair): void {
    this.#keep([a, b]);
  }

  undo(): void {
    if (this.mends.undo()) this.#said = 'Taken back.';
  }

  /** null when it could not be made; `reading.error` says why. */
  async file(): Promise<ExportedFile | null> {
    await this.mends.settled;
    return this.reading.attempt(() => this.#engine.labelErrorsFile(this.#project));
  }

  stop(): void {
    this.work.stop();
  }

  #mendRow(row: JudgedRow, labels: readonly string[], copies: AlikePair['copies'][0]): void {
    const isBack = isSame(labels, row.given);
    this.mends.mend([row.origin, ...copies], labels, isBack, () => this.#show(row));
    this.#show({ ...row, labels, state: isBack ? 'open' : 'mended' });
    this.#said = `Saved: ${labels.join(', ') || 'no label'}.`;
  }

  #keep(rows: readonly JudgedRow[]): void {
    this.mends.keep(
      rows.map(({ origin }) => origin),
      () => {
        for (const row of rows) this.#show(row);
      },
    );
    for (const row of rows) this.#show({ ...row, state: 'kept' });
    this.#said = 'Kept as it is.';
  }

  /** As it is now, wherever the row stands on this page: as a row, or in a pair. */
  #show({ origin, labels, state }: JudgedRow): void {
    const isIt = (one: JudgedRow): boolean =>
      one.origin.file === origin.file && one.origin.row === origin.row;
    const now = <Row extends JudgedRow>(one: Row): Row =>
      isIt(one) ? { ...one, labels, state } : one;
    const page = this.#page;
    if (page !== null) {
      const at = page.rows.findIndex(isIt);
      if (at >= 0) this.select(at);
      this.#page = { ...page, rows: page.rows.map(now) };
    }
    const pairs = this.#pairs;
    if (pairs === null) return;
    this.#pairs = {
      ...pairs,
      pairs: pairs.pairs.map((pair) => ({ ...pair, a: now(pair.a), b: now(pair.b) })),
    };
  }

  /** Rows that have left the filter have left the pages before, too. */
  async #turnOn(page: LabelErrorPage): Promise<void> {
    const { state } = this.#filter;
    const stayed = page.rows.filter((row) => state === 'all' || row.state === state).length;
    const left = page.rows.length - stayed;
    const next = this.#from + stayed;
    if (next < page.total - left) await this.turnTo(next);
    else if (left === 0) this.#said = 'This is the last of them.';
    else {
      this.#said = 'That was the last of them.';
      await this.turnTo(Math.max(0, page.total - left - ERROR_ROWS));
    }
  }

  async #read(from: number, at: number): Promise<void> {
    const read = ++this.#reads;
    const query = { ...this.#filter, from, count: ERROR_ROWS };
    const page = await this.reading.attempt(() =>
      this.#engine.labelErrorRows(this.#project, query),
    );
    if (page === null || read !== this.#reads) return;
    this.#page = page;
    this.#from = from;
    this.select(at);
  }

  async #readBoth(): Promise<void> {
    await this.turnTo(0);
    await this.turnPairsTo(0);
  }

  /** How many are open, kept and mended by now. */
  async #count(): Promise<void> {
    const view = await this.reading.attempt(() => this.#engine.lastLabelErrors(this.#project));
    this.#view = view;
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
