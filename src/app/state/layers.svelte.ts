/**
 * The layer studies of one project: the one that runs, the one that is shown, and those that are kept. Cells are kept
 * as they are done, so an unfinished study goes on, also after a reload.
 */
import type {
  ExportedFile,
  LayersEngine,
  LayerStudy,
  LayerStudyFile,
  LayerStudySettings,
  LayerStudySummary,
} from '../../engine';
import type { LayerStudyForm } from './layers-form.svelte';
import { Work } from './work.svelte';

export class LayerStudies {
  readonly #engine: LayersEngine;
  readonly #project: string;
  #studies = $state.raw<readonly LayerStudySummary[] | null>(null);
  #shown = $state.raw<LayerStudy | null>(null);
  /** What is asked next; made by the step when it is first opened. */
  form = $state.raw<LayerStudyForm | null>(null);
  /** The study that runs. */
  readonly work = new Work();
  /** Reading the list, opening and deleting. */
  readonly list = new Work();
  /** Making files. */
  readonly saving = new Work();

  constructor(engine: LayersEngine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** Newest first; null until they have been read. */
  get studies(): readonly LayerStudySummary[] | null {
    return this.#studies;
  }
  get shown(): LayerStudy | null {
    return this.#shown;
  }
  /** The newest one that waits to go on. */
  get unfinished(): LayerStudySummary | null {
    return this.#studies?.find(({ best }) => best === null) ?? null;
  }

  async read(): Promise<void> {
    const studies = await this.list.attempt(() => this.#engine.layerStudies(this.#project));
    if (studies !== null) this.#studies = studies;
  }

  /** What an earlier visit found is shown again: the newest finished study of the data as it is. */
  async arrive(): Promise<void> {
    await this.read();
    if (this.#shown !== null || this.work.running || this.list.error !== null) return;
    const newest = this.#studies?.find(({ best, outdated }) => best !== null && !outdated);
    if (newest !== undefined) await this.open(newest.id);
  }

  /** After a job that a companion went on with was followed to its end: a study that is new here is shown. */
  async brought(): Promise<void> {
    const before = this.#studies?.flatMap(({ id, best }) => (best === null ? [] : [id])) ?? [];
    await this.read();
    const found = this.#studies?.find(({ id, best }) => best !== null && !before.includes(id));
    if (found !== undefined && !this.work.running) await this.open(found.id);
  }

  /** @returns whether it has been finished; it is then shown. */
  start(settings: LayerStudySettings): Promise<boolean> {
    return this.#run((signal) => this.#engine.layerStudy(this.#project, settings, signal));
  }

  /** Goes on with an unfinished one. @returns as `start`. */
  resume(study: string): Promise<boolean> {
    return this.#run((signal) => this.#engine.resumeLayerStudy(this.#project, study, signal));
  }

  async #run(job: (signal: AbortSignal) => ReturnType<LayersEngine['layerStudy']>) {
    const study = await this.work.run('Studying the layers', job);
    if (study !== null) this.#shown = study;
    await this.read();
    return study !== null;
  }

  async open(id: string): Promise<void> {
    const study = await this.list.attempt(() => this.#engine.openLayerStudy(this.#project, id));
    if (study !== null) this.#shown = study;
  }

  close(): void {
    this.#shown = null;
  }

  async delete(id: string): Promise<void> {
    const done = await this.list.attempt(async () => {
      await this.#engine.deleteLayerStudy(this.#project, id);
      return true;
    });
    if (done !== true) return;
    if (this.#shown?.id === id) this.#shown = null;
    await this.read();
  }

  /** null when it could not be made; `saving.error` says why. */
  file(id: string, kind: LayerStudyFile): Promise<ExportedFile | null> {
    return this.saving.attempt(() => this.#engine.layerStudyFile(this.#project, id, kind));
  }

  stop(): void {
    this.work.stop();
  }
}
