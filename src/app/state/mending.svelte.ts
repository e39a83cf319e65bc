/** Labels that the person mends by hand: repairs of the project's data, each of which can be undone. */
import type { Engine, ProjectView, RunView } from '../../engine';
import { mendedIn, mendedSince, type MendedLabel } from './mended';
import { Work } from './work.svelte';

/** A row of a run, as rows and maps name it. */
export interface MendableRow {
  /** Index into the labelled texts of the run. */
  readonly index: number;
  readonly file: string;
  readonly fileRow: number;
  /** Class indices that it has in the run. */
  readonly actual: readonly number[];
}

export class Mending {
  readonly #engine: Engine;
  readonly #project: string;
  readonly #view: () => ProjectView;
  readonly #changed: (view: ProjectView) => void;
  readonly work = new Work();

  /** @param changed is handed the project as it is after each change. */
  constructor(
    engine: Engine,
    project: string,
    view: () => ProjectView,
    changed: (view: ProjectView) => void,
  ) {
    this.#engine = engine;
    this.#project = project;
    this.#view = view;
    this.#changed = changed;
  }

  /** In the order in which they were mended. */
  get mended(): readonly MendedLabel[] {
    return mendedIn(this.#view().choice.repairs);
  }
  /** How many of them stand in the test part. */
  get tested(): number {
    const changes = this.#view().summary?.changes ?? [];
    return changes.filter(({ repair, part }) => repair.kind === 'set_label' && part === 'both')
      .length;
  }

  of({ file, fileRow }: Pick<MendableRow, 'file' | 'fileRow'>): MendedLabel | null {
    return this.mended.find((one) => one.file === file && one.row === fileRow) ?? null;
  }

  /** How many labels are not what the run was made with: mended since, or undone. */
  since({ recipe }: RunView): number {
    return mendedSince(mendedIn(recipe.data.repairs), this.mended);
  }

  /** @returns whether it is mended; else `work.error` says why. */
  async set(run: string, row: MendableRow, labels: readonly string[]): Promise<boolean> {
    const view = await this.work.run('Mending the label', (signal) =>
      this.#engine.setLabel(this.#project, run, row.index, labels, signal),
    );
    if (view !== null) this.#changed(view);
    return view !== null;
  }

  async undo(label: MendedLabel): Promise<void> {
    await this.#keep((one) => one.file !== label.file || one.row !== label.row);
  }
  async undoAll(): Promise<void> {
    await this.#keep(() => false);
  }

  async #keep(isKept: (label: MendedLabel) => boolean): Promise<void> {
    const { choice } = this.#view();
    const repairs = choice.repairs.filter(
      (repair) => repair.kind !== 'set_label' || isKept(repair),
    );
    const view = await this.work.run('Undoing', (signal) =>
      this.#engine.configureData(this.#project, { ...choice, repairs }, signal),
    );
    if (view !== null) this.#changed(view);
  }
}
