/**
 * Labels mended one stroke after another: each is saved as it is made, those that come while others are on their way go
 * together next, and each can be taken back.
 */
import type { Engine, LabelChange, ProjectView, RowPlace } from '../../engine';
import { mendedIn } from './mended';
import { Work } from './work.svelte';

type Labels = readonly string[];

interface Stroke {
  readonly rows: readonly RowPlace[];
  /** What takes it back; null where rows were kept as they are. */
  readonly changes: readonly LabelChange[] | null;
  /** Shows them as they were. */
  readonly show: () => void;
}

export class LabelMends {
  readonly #engine: Engine;
  readonly #project: string;
  readonly #data: () => ProjectView;
  readonly #saved: (view: ProjectView | null, done: boolean) => Promise<void>;
  /** Mended labels by row as they were written here, and as they were before the first stroke; null: none. */
  #written: Readonly<Record<string, Labels | null>> = {};
  #first: Readonly<Record<string, Labels | null>> = {};
  #waiting: readonly LabelChange[] = [];
  #strokes = $state.raw<readonly Stroke[]>([]);
  #saving = $state.raw(0);
  #line: Promise<void> = Promise.resolve();
  readonly work = new Work();

  /** @param saved is handed the project as it is after each change, and whether that could be saved. */
  constructor(
    engine: Engine,
    project: string,
    data: () => ProjectView,
    saved: (view: ProjectView | null, done: boolean) => Promise<void>,
  ) {
    this.#engine = engine;
    this.#project = project;
    this.#data = data;
    this.#saved = saved;
  }

  get canUndo(): boolean {
    return this.#strokes.length > 0;
  }
  get isSaving(): boolean {
    return this.#saving > 0;
  }
  /** Resolves when all strokes so far are saved. */
  get settled(): Promise<void> {
    return this.#line;
  }

  /** Strokes so far cannot be taken back any more. */
  begin(): void {
    this.#strokes = [];
    this.#written = {};
    this.#first = {};
  }

  /**
   * @param isBack whether these are the labels that the rows had before any stroke.
   * @param show shows them as they are now.
   */
  mend(rows: readonly RowPlace[], labels: Labels, isBack: boolean, show: () => void): void {
    const changes = rows.map((row) => ({ ...place(row), labels: this.#mendedOf(row) }));
    // What was there first stays.
    this.#first = { ...byRow(changes), ...this.#first };
    this.#strokes = [...this.#strokes, { rows: rows.map(place), changes, show }];
    // A label by hand is never the file's own: going back to the first one says it.
    const isRepair = this.#data().choice.label?.kind !== 'made';
    this.#write(
      changes.map((one) => ({
        ...one,
        labels: isBack && isRepair ? (this.#first[keyOf(one)] ?? null) : labels,
      })),
    );
  }

  /** The labels are right as they are. */
  keep(rows: readonly RowPlace[], show: () => void): void {
    const places = rows.map(place);
    this.#strokes = [...this.#strokes, { rows: places, changes: null, show }];
    this.#look(places, true);
  }

  /** @returns whether there was a stroke to take back. */
  undo(): boolean {
    const last = this.#strokes.at(-1);
    if (last === undefined) return false;
    this.#strokes = this.#strokes.slice(0, -1);
    last.show();
    const { rows, changes } = last;
    if (changes !== null) this.#write(changes);
    else this.#look(rows, false);
    return true;
  }

  /** The label that was mended by hand and stands now; null: none was. */
  #mendedOf(one: RowPlace): Labels | null {
    const { choice } = this.#data();
    // Taking a label by hand back brings out the one before it.
    if (choice.label?.kind === 'made') return null;
    const written = this.#written[keyOf(one)];
    if (written !== undefined) return written;
    const repairs = mendedIn(choice.repairs);
    return repairs.find(({ file, row }) => file === one.file && row === one.row)?.labels ?? null;
  }

  #write(changes: readonly LabelChange[]): void {
    this.#written = { ...this.#written, ...byRow(changes) };
    const isFirst = this.#waiting.length === 0;
    this.#waiting = [...this.#waiting, ...changes];
    if (!isFirst) return;
    this.#queue(async () => {
      const view = await this.work.run('Mending labels', (signal) => {
        const changes = this.#waiting;
        this.#waiting = [];
        return this.#engine.mendLabels(this.#project, changes, signal);
      });
      return { view, done: view !== null };
    });
  }

  #look(rows: readonly RowPlace[], kept: boolean): void {
    this.#queue(async () => {
      const done = await this.work.attempt(async () => {
        await this.#engine.keepLabels(this.#project, rows, kept);
        return true;
      });
      return { view: null, done: done === true };
    });
  }

  #queue(save: () => Promise<{ readonly view: ProjectView | null; readonly done: boolean }>): void {
    this.#saving += 1;
    this.#line = this.#line.then(async () => {
      const { view, done } = await save();
      this.#saving -= 1;
      await this.#saved(view, done);
    });
  }
}

function byRow(changes: readonly LabelChange[]): Record<string, Labels | null> {
  return Object.fromEntries(changes.map((one) => [keyOf(one), one.labels]));
}

function keyOf({ file, row }: RowPlace): string {
  return `${row}/${file}`;
}

function place({ file, row }: RowPlace): RowPlace {
  return { file, row };
}
