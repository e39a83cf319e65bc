/**
 * The review table: a page of texts with what is proposed, the row that is worked on, and a label a stroke. Each is
 * saved as it is made; the rows stay where they are until the page is turned.
 */
import type {
  LabellingEngine,
  LabellingView,
  ReviewPage,
  ReviewQuery,
  ReviewRow,
} from '../../engine';
import type { HandLabel } from '../../learning/labelling';
import { Work } from './work.svelte';

export const REVIEW_ROWS = 10;

export type ReviewFilter = Omit<ReviewQuery, 'from' | 'count'>;

export const REVIEW_START: ReviewFilter = {
  state: 'open',
  label: null,
  confidence: null,
  disagreement: false,
  order: 'unsure',
};

export class Review {
  readonly #engine: LabellingEngine;
  readonly #project: string;
  readonly #labelled: (hand: LabellingView['hand']) => void;
  #filter = $state.raw<ReviewFilter>(REVIEW_START);
  #page = $state.raw<ReviewPage | null>(null);
  #from = $state.raw(0);
  #at = $state.raw(0);
  #saving = $state.raw(0);
  #said = $state.raw('');
  #asked = 0;
  #line: Promise<unknown> = Promise.resolve();
  /** Reading pages. */
  readonly reading = new Work();
  /** Saving labels. */
  readonly saving = new Work();

  constructor(
    engine: LabellingEngine,
    project: string,
    labelled: (hand: LabellingView['hand']) => void,
  ) {
    this.#engine = engine;
    this.#project = project;
    this.#labelled = labelled;
  }

  get filter(): ReviewFilter {
    return this.#filter;
  }
  /** null until it has been read; the former page stays while the next is read. */
  get page(): ReviewPage | null {
    return this.#page;
  }
  get from(): number {
    return this.#from;
  }
  /** The row that is worked on, within the page. */
  get at(): number {
    return this.#at;
  }
  get current(): ReviewRow | null {
    return this.#page?.rows[this.#at] ?? null;
  }
  /** Whether something is on its way to storage. */
  get isSaving(): boolean {
    return this.#saving > 0;
  }
  /** What the last stroke did, for those who do not see it. */
  get said(): string {
    return this.#said;
  }

  async open(): Promise<void> {
    if (this.#page === null) await this.#read(0, 0);
  }
  async filterBy(change: Partial<ReviewFilter>): Promise<void> {
    this.#filter = { ...this.#filter, ...change };
    await this.#read(0, 0);
  }
  /** After the proposals have changed. */
  async refresh(): Promise<void> {
    const page = this.#page;
    if (page === null) return;
    await this.#read(this.#from, this.#at);
    // What was here may be elsewhere now, or fewer.
    if (this.#from > 0 && this.#page?.rows.length === 0) await this.#read(0, 0);
  }

  select(at: number): void {
    const rows = this.#page?.rows.length ?? 0;
    this.#at = Math.max(0, Math.min(at, rows - 1));
  }

  /** To the next row, over the end of the page. */
  async move(by: 1 | -1): Promise<void> {
    const page = this.#page;
    if (page === null || this.#turning) return;
    const to = this.#at + by;
    if (to >= 0 && to < page.rows.length) this.#at = to;
    else if (to < 0 && this.#from > 0) await this.turn(-1);
    else if (to > 0) await this.turn(1);
  }

  /** Until the next page is there nothing is labelled: a quick stroke would fall on the row before it. */
  async turn(by: 1 | -1): Promise<void> {
    if (this.#turning) return;
    this.#turning = true;
    try {
      await this.#turn(by);
    } finally {
      this.#turning = false;
    }
  }
  #turning = false;

  /** Rows that have left the filter by being labelled have left the pages before, too. */
  async #turn(by: 1 | -1): Promise<void> {
    const page = this.#page;
    if (page === null) return;
    if (by < 0) {
      const from = Math.max(0, this.#from - REVIEW_ROWS);
      await this.#read(from, REVIEW_ROWS - 1);
      return;
    }
    const stayed = page.rows.filter((row) => this.#stays(row)).length;
    const total = page.total - (page.rows.length - stayed);
    const from = this.#from + stayed;
    if (from < total) await this.#read(from, 0);
    else if (stayed < page.rows.length) {
      this.#said = 'That was the last page.';
      await this.#read(Math.max(0, total - REVIEW_ROWS), REVIEW_ROWS);
    } else this.#said = 'This is the last row.';
  }

  async turnTo(from: number): Promise<void> {
    await this.#read(from, 0);
  }

  /** @param labels null: skipped. */
  label(labels: readonly string[] | null): void {
    const row = this.current;
    if (row === null || this.#turning) return;
    // What was labelled to measure by goes on being measured by, corrected.
    const isHeld = row.hand !== null && row.hand.labels !== null && row.hand.held_out;
    const about = { held_out: isHeld, how: isHeld ? row.hand.how : 'review' } as const;
    const hand: HandLabel = { ...row.origin, labels, ...about, at: Date.now() };
    this.#show(row, hand);
    this.#said =
      labels === null
        ? 'Skipped.'
        : labels.length === 0
          ? 'Saved: no label.'
          : `Saved: ${labels.join(', ')}.`;
    this.#save(row, hand);
    void this.move(1);
  }

  async undo(): Promise<void> {
    const hand = await this.#queue(() => this.#engine.undoLabel(this.#project));
    if (hand === null) return;
    this.#labelled(hand);
    this.#said = 'The last label is taken back.';
    const undone = this.#made.pop();
    const at = this.#page?.rows.findIndex((row) => isSame(row, undone)) ?? -1;
    const row = this.#page?.rows[at];
    if (row === undefined || undone === undefined) {
      await this.#read(this.#from, this.#at);
      return;
    }
    this.#show(row, undone.before);
    this.#at = at;
  }
  /** Labels of this visit, so that undoing shows what was there. */
  readonly #made: (Pick<HandLabel, 'file' | 'row'> & { readonly before: HandLabel | null })[] = [];

  #save(row: ReviewRow, hand: HandLabel): void {
    const { file, row: place } = row.origin;
    const { labels, held_out, how } = hand;
    const made = { file, row: place, before: row.hand };
    this.#made.push(made);
    void this.#queue(() =>
      this.#engine.labelRow(this.#project, { file, row: place, labels, held_out, how }),
    ).then((counts) => {
      if (counts !== null) {
        this.#labelled(counts);
        return;
      }
      this.#made.splice(this.#made.indexOf(made), 1);
      this.#show(row, row.hand);
    });
  }

  /** One after the other, in the order of the strokes. */
  async #queue<Answer>(call: () => Promise<Answer>): Promise<Answer | null> {
    this.#saving++;
    const mine = this.#line.then(() => this.saving.attempt(call));
    this.#line = mine;
    const answer = await mine;
    this.#saving--;
    return answer;
  }

  #show(row: ReviewRow, hand: HandLabel | null): void {
    const page = this.#page;
    if (page === null) return;
    const { file, row: place } = row.origin;
    this.#page = {
      ...page,
      rows: page.rows.map((one) =>
        one.origin.file === file && one.origin.row === place ? { ...one, hand } : one,
      ),
    };
  }

  /** Whether a row of the page is still what the filter asks for. */
  #stays({ hand }: ReviewRow): boolean {
    const { state } = this.#filter;
    if (state === 'open') return hand === null;
    if (state === 'skipped') return hand !== null && hand.labels === null;
    return true;
  }

  async #read(from: number, at: number): Promise<void> {
    const asked = ++this.#asked;
    await this.#line;
    const page = await this.reading.attempt(() =>
      this.#engine.reviewRows(this.#project, { ...this.#filter, from, count: REVIEW_ROWS }),
    );
    // A later question has been asked meanwhile: this answer is stale.
    if (page === null || asked !== this.#asked) return;
    this.#page = page;
    this.#from = from;
    this.#at = Math.max(0, Math.min(at, page.rows.length - 1));
  }
}

function isSame(row: ReviewRow, other: Pick<HandLabel, 'file' | 'row'> | undefined): boolean {
  return row.origin.file === other?.file && row.origin.row === other.row;
}
