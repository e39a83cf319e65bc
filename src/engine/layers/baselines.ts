/** What needs no model: the most frequent class, and words alone. Per draw, on its rows; no word is cut. */
import { toHeadlightError, type Job } from '../../base';
import {
  DEFAULT_TFIDF,
  predictTfidf,
  tfidfLogistic,
  type TfidfSettings,
} from '../../learning/baselines';
import type { PartValue } from './schema';
import type { StudyRows } from './rows';
import { commonestOfTypes, majorityOf, shareOf } from './study-rows';

/** Of the words' penalty: chosen on validation rows, as the probes' own. */
const CS = [1, 10, 100];

/** @throws HeadlightError `aborted`; what else goes wrong with the words leaves them out, with a note. */
export async function* studyBaselines(
  study: StudyRows,
  signal?: AbortSignal,
): Job<PartValue<'baselines'>> {
  const majority = majorityOf(study);
  if (study.words) return { majority, words: commonestOfTypes(study), notes: [] };
  const words: number[] = [];
  const notes = new Set<string>();
  try {
    for (const draw of study.draws.keys()) {
      const found = yield* wordsOf(study, draw, signal);
      words.push(found.accuracy);
      for (const note of found.notes) notes.add(note);
    }
  } catch (error) {
    const { code, message } = toHeadlightError(error);
    if (code === 'aborted' || code === 'internal') throw error;
    return { majority, words: null, notes: [`Words alone could not be computed: ${message}`] };
  }
  return { majority, words, notes: [...notes] };
}

async function* wordsOf(
  { texts, labels, classes, draws }: StudyRows,
  draw: number,
  signal?: AbortSignal,
): Job<{ readonly accuracy: number; readonly notes: readonly string[] }> {
  const rows = draws[draw];
  if (rows === undefined) return { accuracy: 0, notes: [] };
  const of = (part: Int32Array): string[] => Array.from(part, (row) => texts[row] ?? '');
  const train = of(rows.train);
  const [validation, test] = [of(rows.validation), of(rows.test)];
  const targets = { kind: 'labels', labels: rows.train.map((row) => labels[row] ?? 0) } as const;
  const k = classes.length;
  const accuracyOf = (part: Int32Array, probabilities: Float64Array): number =>
    shareOf(part, (row, at) => labels[row] === argmax(probabilities, at * k, k));
  let best = { validation: -1, accuracy: 0, notes: [] as readonly string[] };
  for (const C of CS) {
    const settings: TfidfSettings = { ...DEFAULT_TFIDF, C };
    const job = tfidfLogistic(train, targets, classes, settings, signal);
    const { model, report } = yield* withoutNotes(job);
    const reached = accuracyOf(rows.validation, predictTfidf(model, validation));
    if (reached <= best.validation) continue;
    best = {
      validation: reached,
      accuracy: accuracyOf(rows.test, predictTfidf(model, test)),
      notes: report.notes,
    };
  }
  return best;
}

/** How many words a draw has says nothing to whoever waits. */
async function* withoutNotes<Result>(job: Job<Result>): Job<Result> {
  for (;;) {
    const step = await job.next();
    if (step.done === true) return step.value;
    const { note: _, ...progress } = step.value;
    yield progress;
  }
}

function argmax(values: Float64Array, from: number, count: number): number {
  let best = 0;
  for (let at = 1; at < count; at++)
    if ((values[from + at] ?? 0) > (values[from + best] ?? 0)) best = at;
  return best;
}
