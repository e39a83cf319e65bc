/**
 * Keywords as whole words in any script. A text and the keywords are brought to one form first (NFKC, one space for
 * runs of white space, straight apostrophes; where case is ignored, case folded: “STRASSE” is “Straße”). A keyword of
 * several words is a phrase.
 *
 * A word ends where a letter or digit meets something else. Han, kana, Thai, Lao, Khmer and Burmese are written without
 * spaces between words: there a keyword may stand anywhere.
 */

/** Written without effect on what is read: zero-width space, word joiner, byte order mark, soft hyphen. */
const INVISIBLE = /[\u00ad\u200b\u2060\ufeff]/gu;
const APOSTROPHES = /[\u2018\u2019\u02bc]/gu;
const WORD = /[\p{L}\p{N}\p{M}]/u;
const MARK = /\p{M}/u;
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

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

/** @param folded a text in the form of `foldWords`, with the same `ignoreCase` as the keyword. */
export function hasKeyword(folded: string, keyword: string): boolean {
  for (let at = folded.indexOf(keyword); at >= 0; at = folded.indexOf(keyword, at + 1)) {
    const end = at + keyword.length;
    if (
      isBetweenWords(signBefore(folded, at), signAt(keyword, 0)) &&
      isBetweenWords(signBefore(keyword, keyword.length), signAt(folded, end))
    )
      return true;
  }
  return false;
}

/** Whether a word may end after one sign and another begin with the next; '' is the text's end. */
function isBetweenWords(left: string, right: string): boolean {
  // A mark belongs to the letter before it, in every script.
  if (MARK.test(right) && WORD.test(left)) return false;
  if (!WORD.test(left) || !WORD.test(right)) return true;
  return UNSPACED.test(left) || UNSPACED.test(right);
}

function signAt(text: string, at: number): string {
  const sign = text.codePointAt(at);
  return sign === undefined ? '' : String.fromCodePoint(sign);
}

function signBefore(text: string, at: number): string {
  if (at <= 0) return '';
  const last = text.charCodeAt(at - 1);
  const isSecondHalf = last >= 0xdc00 && last <= 0xdfff && at >= 2;
  const pair = isSecondHalf ? signAt(text, at - 2) : '';
  return pair.length === 2 ? pair : text.charAt(at - 1);
}
