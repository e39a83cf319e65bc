/** What a model with its tokenizer says of typed texts. */
import { finish, HeadlightError } from '../base';
import { tagWords } from '../data';
import type { Predictions } from './engine';
import type { FinetunedModel } from './finetuned-model';
import type { PredictionTask } from './predict-table';
import { argmax } from './text-rows';
import { spaced, tokenize } from './tokenize';

/** @throws HeadlightError `bad-setting` when a model of pairs is given single texts. */
export async function answer(
  model: FinetunedModel,
  { task, classes, thresholds, pairColumn, maxLength }: PredictionTask,
  texts: readonly string[],
  pairs: readonly string[] | null,
): Promise<Predictions> {
  const started = performance.now();
  if (pairColumn !== null && pairs?.length !== texts.length) {
    throw new HeadlightError('bad-setting', 'This classifier was trained on pairs of texts.', {
      hint: 'Give a second text for each.',
    });
  }
  const isWords = task === 'token_classification';
  const read = texts.map((text) => (isWords ? spaced(text) : text));
  const sequences = read.map((text, at) =>
    tokenize(
      model.tokenizer,
      { text, pair: pairColumn === null ? null : (pairs?.[at] ?? ''), isWords },
      maxLength,
    ),
  );
  const rows = await finish(model.probabilities(sequences));
  const milliseconds = performance.now() - started;
  if (!isWords) {
    return {
      classes,
      probabilities: rows.map((row) => [...row]),
      thresholds: thresholds === null ? null : Array.from(thresholds),
      milliseconds,
      words: null,
    };
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
