/** Using what was trained: a typed text, live; a file, whole. */
import type { Engine, PredictedFile, Predictions } from '../../engine';
import { readFile } from './files';
import { Work } from './work.svelte';

/** Typing pauses this long before the text is asked about. */
const PAUSE_MS = 120;

/**
 * Asks for the latest text only: one question at a time on the wire, those typed meanwhile skipped, and an
 * answer to a text that is no longer there dropped.
 */
export class LivePrediction {
  readonly #engine: Pick<Engine, 'predictTexts'>;
  readonly #project: string;
  #text = $state.raw('');
  #pair = $state.raw('');
  #answer = $state.raw<{ readonly text: string; readonly predictions: Predictions } | null>(null);
  #waiting = $state.raw(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #run = '';
  #wantsPair = false;
  #asking = false;
  #generation = 0;
  readonly work = new Work();

  constructor(engine: Pick<Engine, 'predictTexts'>, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  get text(): string {
    return this.#text;
  }
  /** The second text, for a run of pairs. */
  get pair(): string {
    return this.#pair;
  }
  /** The last answer; of the text before while `waiting`. null without a text. */
  get predictions(): Predictions | null {
    return this.#answer?.predictions ?? null;
  }
  /** Whether the answer shown is not (yet) of the text shown. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** @param pair the second text, of a run of pairs; both are needed before anything is asked. */
  type(run: string, text: string, pair: string | null = null): void {
    this.#run = run;
    this.#text = text;
    this.#pair = pair ?? '';
    this.#wantsPair = pair !== null;
    clearTimeout(this.#timer);
    if (this.#isEmpty()) {
      this.#generation++;
      this.#answer = null;
      this.#waiting = false;
      return;
    }
    this.#waiting = true;
    this.#timer = setTimeout(() => void this.#ask(), PAUSE_MS);
  }

  /** Another run predicts now: the answer is gone, the text stays. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#generation++;
    this.#answer = null;
    this.#waiting = false;
  }

  #isEmpty(): boolean {
    return this.#text.trim() === '' || (this.#wantsPair && this.#pair.trim() === '');
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      for (;;) {
        const text = this.#text;
        const pair = this.#pair;
        const generation = this.#generation;
        const predictions = await this.work.attempt(() =>
          this.#wantsPair
            ? this.#engine.predictTexts(this.#project, this.#run, [text], [pair])
            : this.#engine.predictTexts(this.#project, this.#run, [text]),
        );
        if (predictions === null) {
          this.#waiting = false;
          return;
        }
        const current = generation === this.#generation;
        if (current && text === this.#text && pair === this.#pair) {
          this.#answer = { text, predictions };
          this.#waiting = false;
          return;
        }
        if (this.#isEmpty() || !this.#waiting) return;
      }
    } finally {
      this.#asking = false;
    }
  }
}

export class FilePrediction {
  readonly #engine: Pick<Engine, 'predictFile'>;
  readonly #project: string;
  #file = $state.raw<File | null>(null);
  #result = $state.raw<PredictedFile | null>(null);
  #asked = 0;
  readonly work = new Work();

  constructor(engine: Pick<Engine, 'predictFile'>, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  get name(): string | null {
    return this.#file?.name ?? null;
  }
  get result(): PredictedFile | null {
    return this.#result;
  }

  /** @param textColumn null: found by its name, else by its content. */
  async predict(run: string, file: File, textColumn: string | null): Promise<void> {
    const asked = ++this.#asked;
    this.#file = file;
    this.#result = null;
    const source = await this.work.attempt(() => readFile(file));
    // While it was read, another file was given or another run shown.
    if (source === null || asked !== this.#asked) return;
    const result = await this.work.run('Predicting', (signal) =>
      this.#engine.predictFile(this.#project, run, source, textColumn, signal),
    );
    if (asked === this.#asked) this.#result = result;
  }

  /** The same file with another text column. */
  async again(run: string, textColumn: string): Promise<void> {
    if (this.#file !== null) await this.predict(run, this.#file, textColumn);
  }

  reset(): void {
    this.#asked++;
    this.work.stop();
    this.work.dismiss();
    this.#file = null;
    this.#result = null;
  }
}
