/** Which words a prediction hangs on: the text again and again with one word left out. A hint, no explanation. */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../base';
import { leaveOneOutWords, type WordImportanceHint } from '../learning/evaluate';
import type { Engine } from './engine';

/** A batch is one call of the model, between which a stop is seen. */
const BATCH = 16;
const MOST_WORDS = 300;

export async function* explainText(
  predictTexts: Engine['predictTexts'],
  project: string,
  run: string,
  text: string,
  pair: string | null,
  classIndex: number | null,
  signal?: AbortSignal,
): Job<WordImportanceHint> {
  const meter = new ProgressMeter('Leaving words out', 'texts', null);
  let done = 0;
  let wake: () => void = () => undefined;
  const state = { ended: false };
  const hint = leaveOneOutWords(
    pair === null ? text : [text, pair],
    async (texts) => {
      throwIfAborted(signal);
      const { probabilities, words } = await predictTexts(
        project,
        run,
        texts.map((one) => (typeof one === 'string' ? one : one[0])),
        ...(pair === null ? [] : [texts.map((one) => (typeof one === 'string' ? '' : one[1]))]),
      );
      if (words !== null) {
        throw new HeadlightError('bad-setting', 'Each word has a tag of its own already.', {
          hint: 'Words are weighed for the class of a whole text.',
        });
      }
      done += texts.length;
      wake();
      return Float64Array.from(probabilities.flat());
    },
    {
      batchSize: BATCH,
      maxWords: MOST_WORDS,
      ...(classIndex === null ? {} : { classIndex }),
    },
  );
  const ended = hint.then(
    () => undefined,
    () => undefined,
  );
  void ended.then(() => {
    state.ended = true;
    wake();
  });
  for (let seen = 0; !state.ended;) {
    if (seen === done) await new Promise<void>((resolve) => (wake = resolve));
    if (seen !== done) yield meter.at((seen = done));
  }
  return await hint;
}
