/** The test sentences of a run that labels words, put together from its words, a stretch of them at a time. */
import type { Engine, RunView } from '../../engine';
import { Gather, type Sentence } from './gather';
import { Work } from './work.svelte';

/** Words asked for at once: few enough that the page stays quick. */
const STRETCH = 3000;
/** Beyond this many words the sentences are not put together; the table of words remains. */
const MOST_WORDS = 60_000;

export class Sentences {
  readonly #engine: Engine;
  readonly #project: string;
  #run = $state.raw<string | null>(null);
  #sentences = $state.raw<readonly Sentence[]>([]);
  #tooMany = $state.raw(false);
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  /** In the order of the file; null until they have been read. */
  of(run: RunView): readonly Sentence[] | null {
    return this.#run === run.id ? this.#sentences : null;
  }
  /** Whether there are too many words to put together. */
  get tooMany(): boolean {
    return this.#tooMany;
  }

  async read(run: RunView): Promise<void> {
    if (this.#run === run.id) return;
    this.#tooMany = false;
    const gather = new Gather(run.record.data.classes);
    const done = await this.work.attempt(async () => {
      for (let offset = 0; ; offset += STRETCH) {
        const { total, rows } = await this.#engine.runRows(this.#project, run.id, {
          part: 'test',
          actual: null,
          predicted: null,
          offset,
          limit: STRETCH,
        });
        if (total > MOST_WORDS) {
          this.#tooMany = true;
          return false;
        }
        gather.add(rows);
        if (offset + rows.length >= total || rows.length === 0) return true;
      }
    });
    if (done !== true) return;
    this.#sentences = gather.sentences();
    this.#run = run.id;
  }
}
