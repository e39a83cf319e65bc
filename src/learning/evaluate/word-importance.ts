/**
 * A hint which words mattered: how much the probability falls when each is left out (Li, Monroe & Jurafsky
 * 2016, Understanding Neural Networks through Representation Erasure). A hint, not an explanation: words that
 * say the same cover for each other, and a text with a hole is not a text the classifier has learnt from.
 */
import { HeadlightError } from '../../base';

/** One text, or two that are judged together. */
export type TextOrPair = string | readonly [string, string];

export interface WordEffect {
  readonly word: string;
  /** 0, or 1 for the second text of a pair. */
  readonly part: 0 | 1;
  /** Place in that text, in UTF-16 units; `end` is behind the word. */
  readonly start: number;
  readonly end: number;
  /** Probability of the class with the word minus without it: above 0 the word speaks for the class. */
  readonly effect: number;
}

export interface WordImportanceHint {
  readonly class_index: number;
  readonly probability: number;
  readonly words: readonly WordEffect[];
  /** Words behind the first `maxWords` were not tried. */
  readonly truncated: boolean;
}

export interface WordImportanceSettings {
  /** Class that the effects are on; default: the most probable one. */
  readonly classIndex?: number;
  readonly batchSize?: number;
  readonly maxWords?: number;
  /** What stands in the word's place, e.g. `[MASK]`; default: nothing. */
  readonly replacement?: string;
}

/**
 * @param predict probabilities of some texts, [texts, classes] row-major.
 * @throws HeadlightError `internal` when `predict` gives another number of probabilities for a later batch.
 */
export async function leaveOneOutWords(
  text: TextOrPair,
  predict: (texts: TextOrPair[]) => Promise<Float64Array> | Float64Array,
  settings: WordImportanceSettings = {},
): Promise<WordImportanceHint> {
  const { batchSize = 32, maxWords = 300, replacement = '' } = settings;
  const whole = await predict([text]);
  const classes = whole.length;
  const class_index = settings.classIndex ?? whole.indexOf(Math.max(...whole));
  const probability = whole[class_index];
  if (probability === undefined)
    throw new HeadlightError('internal', `There is no class ${class_index} among ${classes}.`);
  const parts: readonly string[] = typeof text === 'string' ? [text] : text;
  const found = parts.flatMap((part, index) => wordsOf(part, index === 0 ? 0 : 1));
  const tried = found.slice(0, maxWords);
  const words: WordEffect[] = [];
  for (let from = 0; from < tried.length; from += batchSize) {
    const batch = tried.slice(from, from + batchSize);
    const answers = await predict(batch.map((word) => without(text, word, replacement)));
    if (answers.length !== batch.length * classes) {
      throw new HeadlightError(
        'internal',
        `${answers.length} probabilities for ${batch.length} texts of ${classes} classes.`,
      );
    }
    batch.forEach((word, i) =>
      words.push({ ...word, effect: probability - answers[i * classes + class_index]! }),
    );
  }
  return { class_index, probability, words, truncated: found.length > tried.length };
}

/** Words by Unicode's rules, so that scripts without spaces have words too. */
function wordsOf(text: string, part: 0 | 1): Omit<WordEffect, 'effect'>[] {
  const segments = new Intl.Segmenter('en', { granularity: 'word' }).segment(text);
  return Array.from(segments)
    .filter(({ isWordLike }) => isWordLike === true)
    .map(({ segment, index }) => ({
      word: segment,
      part,
      start: index,
      end: index + segment.length,
    }));
}

function without(
  text: TextOrPair,
  { part, start, end }: Omit<WordEffect, 'effect'>,
  replacement: string,
): TextOrPair {
  const cut = (from: string): string => from.slice(0, start) + replacement + from.slice(end);
  if (typeof text === 'string') return cut(text);
  return part === 0 ? [cut(text[0]), text[1]] : [text[0], cut(text[1])];
}
