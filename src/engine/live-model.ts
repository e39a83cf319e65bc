/** The fine-tuned model that typing uses: the last one stays open. */
import type { Platform } from '../platform';
import { multiLabelFigures } from '../project';
import { answer } from './answer';
import type { Predictions } from './engine';
import { FinetunedModel } from './finetuned-model';
import type { PredictionTask } from './predict-table';
import { deviceForTyping, shapeOf, type LoadedRun } from './prediction';
import type { FinetuneRun } from './run-documents';

interface Live {
  readonly key: string;
  readonly document: FinetuneRun;
  readonly model: FinetunedModel;
}

export class LiveModel {
  readonly #platform: Platform;
  #live: Promise<Live> | null = null;
  #key = '';

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** With the model that is open; null when it is of another run. */
  async predict(
    project: string,
    run: string,
    texts: readonly string[],
    pairs: readonly string[] | null,
  ): Promise<Predictions | null> {
    if (this.#key !== keyOf(project, run) || this.#live === null) return null;
    return answerOf(await this.#live, texts, pairs);
  }

  async open(
    project: string,
    run: LoadedRun & { readonly method: 'finetune' },
    texts: readonly string[],
    pairs: readonly string[] | null,
  ): Promise<Predictions> {
    const { document, files } = run;
    await this.release();
    const key = keyOf(project, document.id);
    const opening = (async () => {
      const device = await deviceForTyping(this.#platform, document.recipe.device);
      const model = await FinetunedModel.open(this.#platform, files, shapeOf(document), device);
      return { key, document, model };
    })();
    this.#key = key;
    this.#live = opening;
    try {
      return await answerOf(await opening, texts, pairs);
    } catch (error) {
      if (this.#live === opening) this.#live = null;
      throw error;
    }
  }

  async release(): Promise<void> {
    const live = this.#live;
    this.#live = null;
    if (live === null) return;
    // One that could not be opened has nothing to close; whoever asked for it was told.
    const opened = await live.catch(() => null);
    await opened?.model.close();
  }
}

function keyOf(project: string, run: string): string {
  return `${project}/${run}`;
}

function answerOf(
  { document, model }: Live,
  texts: readonly string[],
  pairs: readonly string[] | null,
): Promise<Predictions> {
  const { recipe, record } = document;
  const about: PredictionTask = {
    task: recipe.task,
    classes: record.data.classes,
    thresholds: multiLabelFigures(record)?.thresholds ?? null,
    pairColumn: recipe.data.text_pair,
    maxLength: recipe.finetune.max_length,
  };
  return answer(model, about, texts, pairs);
}
