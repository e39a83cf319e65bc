/**
 * Keywords as whole words in any script. A text and the keywords are brought to one form first (NFKC, one space for
 * runs of white space, straight apostrophes; where case is ignored, case folded: “STRASSE” is “Straße”). A keyword of
 * several words is a phrase.
 *
 * A word ends where a letter or digit meets something else. Han, kana, Thai, Lao, Khmer and Burmese are written without
 * spaces between words: there a keyword may stand anywhere. A mark belongs to the letter before it, in every script.
 */

/** Written without effect on what is read: zero-width space, word joiner, byte order mark, soft hyphen. */
const INVISIBLE = /[\u00ad\u200b\u2060\ufeff]/gu;
const APOSTROPHES = /[\u2018\u2019\u02bc]/gu;
const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;

const MARK = String.raw`\p{M}`;
const WORD = String.raw`[\p{L}\p{N}\p{M}]`;
const UNSPACED = String.raw`[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]`;
/** Of a script with spaces between words. */
const SPACED = `(?!${UNSPACED})${WORD}`;

const isMark = new RegExp(`^${MARK}`, 'u');
const isWord = new RegExp(`^${WORD}`, 'u');
const isSpaced = new RegExp(`^${SPACED}`, 'u');

/** The one form of a text or keyword. */
export function foldWords(text: string, ignoreCase: boolean): string {
  const plain = text
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .replace(APOSTROPHES, "'")
    .replace(/\p{White_Space}+/gu, ' ');
  if (!ignoreCase) return plain;
  // Upper and then lower case is Unicode's folding but for a few letters.
  return plain.toUpperCase().toLowerCase().normalize('NFKC').replaceAll('ς', 'σ');
}

/** The keywords of a list that is divided by commas or lines, each once; empty when there is none. */
export function readKeywords(list: string, ignoreCase: boolean): readonly string[] {
  // Divided after folding: it makes a comma of the full-width one.
  const words = list.split(/[,，、\n]/u).map((word) => foldWords(word, ignoreCase).trim());
  return [...new Set(words)].filter((word) => word !== '');
}

/**
 * One expression for all keywords, which are plain signs between two looks at a single neighbour: JavaScript's own
 * engine needs no more steps for it than there are signs in the text times signs in the keywords.
 * @param keywords as `readKeywords` gives them, at least one. It is to be asked of texts in the form of `foldWords`,
 *   with the same `ignoreCase`.
 */
export function keywordExpression(keywords: readonly string[]): RegExp {
  // The looks are large, so they are written once for all keywords that need the same.
  const alike = new Map<string, { before: string; after: string; words: string[] }>();
  for (const keyword of keywords) {
    const signs = Array.from(keyword);
    const before = lookBefore(signs.at(0) ?? '');
    const after = lookAfter(signs.at(-1) ?? '');
    const own = alike.get(before + after) ?? { before, after, words: [] };
    own.words.push(keyword.replace(SYNTAX, '\\$&'));
    alike.set(before + after, own);
  }
  const choices = Array.from(
    alike.values(),
    ({ before, after, words }) => `${before}(?:${words.join('|')})${after}`,
  );
  return new RegExp(choices.join('|'), 'u');
}

/** What may not stand before a keyword that begins with a sign. */
function lookBefore(first: string): string {
  if (isMark.test(first)) return `(?<!${WORD})`;
  return isSpaced.test(first) ? `(?<!${SPACED})` : '';
}

/** What may not stand after a keyword that ends with a sign. */
function lookAfter(last: string): string {
  if (!isWord.test(last)) return '';
  return isSpaced.test(last) ? `(?!${MARK}|${SPACED})` : `(?!${MARK})`;
}
