/** The full report of a run, its studies and its surest mistakes: asked for when they are looked at. */
import type { WordImportanceHint } from '../../learning/evaluate';
import {
  DEFAULT_CURVE,
  type CurveStudy,
  type Engine,
  type RepeatStudy,
  type RowPage,
  type RunReport,
} from '../../engine';
import type { RepeatSettings } from '../../learning/studies';
import { Work } from './work.svelte';

export const MISTAKES_A_PAGE = 10;
export const MOST_REPEATS = 100;

/** How the texts are divided anew, as it is filled in. */
export class RepeatForm {
  method = $state<RepeatSettings['method']>('folds');
  /** Of folds or of splits; null or out of range while it is typed, which the engine refuses in words. */
  number = $state<number | null>(5);
  testPercent = $state<number | null>(20);

  get settings(): RepeatSettings {
    const number = this.number ?? 0;
    if (this.method === 'folds') return { method: 'folds', folds: number, seed: 0 };
    return {
      method: 'seeds',
      seeds: Array.from({ length: Math.max(0, Math.min(MOST_REPEATS, number)) }, (_, seed) => seed),
      testShare: (this.testPercent ?? 0) / 100,
    };
  }
}

export class FullReport {
  readonly #engine: Engine;
  readonly #project: string;
  readonly run: string;
  #report = $state.raw<RunReport | null>(null);
  #curve = $state.raw<CurveStudy | null>(null);
  #repeats = $state.raw<RepeatStudy | null>(null);
  #mistakes = $state.raw<RowPage | null>(null);
  #offset = $state.raw(0);
  #opening: Promise<void> | null = null;
  readonly repeatForm = new RepeatForm();
  readonly work = new Work();
  readonly curveWork = new Work();
  readonly repeatsWork = new Work();
  readonly mistakesWork = new Work();

  constructor(engine: Engine, project: string, run: string) {
    this.#engine = engine;
    this.#project = project;
    this.run = run;
  }

  get report(): RunReport | null {
    return this.#report;
  }
  get curve(): CurveStudy | null {
    return this.#curve;
  }
  get repeats(): RepeatStudy | null {
    return this.#repeats;
  }
  get mistakes(): RowPage | null {
    return this.#mistakes;
  }
  get offset(): number {
    return this.#offset;
  }

  /** Figures and mistakes; once. Whoever asks meanwhile waits for the same: the report is shown and saved. */
  async open(): Promise<void> {
    if (this.#report !== null) return;
    this.#opening ??= this.#read().finally(() => (this.#opening = null));
    await this.#opening;
  }

  async #read(): Promise<void> {
    const report = await this.work.run('Report', (signal) =>
      this.#engine.runReport(this.#project, this.run, signal),
    );
    if (report === null) return;
    this.#report = report;
    await this.turn(0);
  }

  async turn(offset: number): Promise<void> {
    const page = await this.#page(offset);
    if (page === null) return;
    this.#mistakes = page;
    this.#offset = offset;
  }

  /** The first page of mistakes, whichever is looked at; null where it cannot be read, `mistakesWork` says why. */
  async surest(): Promise<RowPage | null> {
    return this.#offset === 0 && this.#mistakes !== null ? this.#mistakes : this.#page(0);
  }

  async drawCurve(): Promise<void> {
    const curve = await this.curveWork.run('Learning curve', (signal) =>
      this.#engine.learningCurve(this.#project, this.run, DEFAULT_CURVE, signal),
    );
    if (curve !== null) this.#curve = curve;
  }

  async repeat(): Promise<void> {
    const repeats = await this.repeatsWork.run('Other splits', (signal) =>
      this.#engine.repeatedFits(this.#project, this.run, this.repeatForm.settings, signal),
    );
    if (repeats !== null) this.#repeats = repeats;
  }

  /** What is being computed; what is there stays. */
  stop(): void {
    for (const work of [this.work, this.curveWork, this.repeatsWork]) work.stop();
  }

  #page(offset: number): Promise<RowPage | null> {
    return this.mistakesWork.attempt(() =>
      this.#engine.runRows(this.#project, this.run, {
        part: 'test',
        wrongOnly: true,
        actual: null,
        predicted: null,
        offset,
        limit: MISTAKES_A_PAGE,
      }),
    );
  }
}

/** Which words a prediction hangs on, for one text at a time. */
export class Explanation {
  readonly #engine: Engine;
  readonly #project: string;
  #of = $state.raw<string | null>(null);
  #hint = $state.raw<WordImportanceHint | null>(null);
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** Of exactly this text and pair under this run; null until it is known. */
  of(run: string, text: string, pair: string | null): WordImportanceHint | null {
    return this.#of === key(run, text, pair) ? this.#hint : null;
  }

  async ask(run: string, text: string, pair: string | null): Promise<void> {
    const hint = await this.work.run('Leaving words out', (signal) =>
      this.#engine.explainText(this.#project, run, text, pair, null, signal),
    );
    if (hint === null) return;
    this.#of = key(run, text, pair);
    this.#hint = hint;
  }
}

function key(run: string, text: string, pair: string | null): string {
  return JSON.stringify([run, text, pair]);
}
