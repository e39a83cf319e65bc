/** The fine-tuned model that typing uses: the last one stays open. */
import { HeadlightError, finish } from '../base';
import { tagWords } from '../data';
import type { Platform } from '../platform';
import { multiLabelFigures } from '../project';
import type { Predictions } from './engine';
import { FinetunedModel } from './finetuned-model';
import { deviceForTyping, shapeOf, type LoadedRun } from './prediction';
import type { FinetuneRun } from './run-documents';
import { argmax } from './text-rows';
import { spaced, tokenize } from './tokenize';

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
    return answer(await this.#live, texts, pairs);
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
      return await answer(await opening, texts, pairs);
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

/** @throws HeadlightError `bad-setting` when a run of pairs is given single texts. */
async function answer(
  { document, model }: Live,
  texts: readonly string[],
  pairs: readonly string[] | null,
): Promise<Predictions> {
  const { recipe, record } = document;
  const { classes } = record.data;
  const started = performance.now();
  if (recipe.data.text_pair !== null && pairs?.length !== texts.length) {
    throw new HeadlightError('bad-setting', 'This run was trained on pairs of texts.', {
      hint: 'Give a second text for each.',
    });
  }
  const isWords = recipe.task === 'token_classification';
  const read = texts.map((text) => (isWords ? spaced(text) : text));
  const sequences = read.map((text, at) =>
    tokenize(
      model.tokenizer,
      { text, pair: recipe.data.text_pair === null ? null : (pairs?.[at] ?? ''), isWords },
      recipe.finetune.max_length,
    ),
  );
  const rows = await finish(model.probabilities(sequences));
  const milliseconds = performance.now() - started;
  if (!isWords) {
    const thresholds = multiLabelFigures(record)?.thresholds ?? null;
    const probabilities = rows.map((row) => [...row]);
    return { classes, probabilities, thresholds, milliseconds, words: null };
  }
  const words = rows.map((row, at) =>
    tagWords(read[at] ?? '').flatMap((word, position) => {
      const shares = row.subarray(position * classes.length, (position + 1) * classes.length);
      // Words beyond the longest text have no tag.
      if (shares.length === 0) return [];
      const best = argmax(shares);
      return [{ word, tag: classes[best] ?? '', probability: shares[best] ?? 0 }];
    }),
  );
  const probabilities = texts.map(() => []);
  return { classes, probabilities, thresholds: null, milliseconds, words };
}
