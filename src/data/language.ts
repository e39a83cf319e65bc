/**
 * Which language texts are in, roughly: by the scripts they are written in, and for Latin letters by their most
 * frequent words. Good enough to say that an English encoder may not suit; nothing is decided by it.
 */

/** ISO 639-1 by script. Cyrillic is taken for Russian, Arabic letters for Arabic: the encoder to choose is the same. */
const SCRIPTS: readonly (readonly [language: string, letters: RegExp])[] = [
  ['ja', /[\p{Script=Hiragana}\p{Script=Katakana}]/gu],
  ['ko', /\p{Script=Hangul}/gu],
  ['zh', /\p{Script=Han}/gu],
  ['ru', /\p{Script=Cyrillic}/gu],
  ['el', /\p{Script=Greek}/gu],
  ['ar', /\p{Script=Arabic}/gu],
  ['he', /\p{Script=Hebrew}/gu],
  ['hi', /\p{Script=Devanagari}/gu],
  ['th', /\p{Script=Thai}/gu],
];

/** Words that stand in nearly every paragraph of a language, and in few of the others. */
const COMMON: Readonly<Record<string, readonly string[]>> = {
  en: 'the and of to is that it for with was this are you not have be they from but which will would been my your'.split(
    ' ',
  ),
  de: 'der die und das nicht ist ein eine zu mit auf für ich sich den dem auch wie bei sind wird noch nach oder mein aber wurde'.split(
    ' ',
  ),
  fr: 'le la les et des est une du pas que pour dans ce qui il sur au avec je vous ne plus mais nous cette été être'.split(
    ' ',
  ),
  es: 'el los las que y en un una por con para del se su lo es como más pero muy está fue mi sin también'.split(
    ' ',
  ),
  it: 'il che di è un una per non sono della con del gli si come anche più ma nel alla molto questo mi ho'.split(
    ' ',
  ),
  pt: 'o os que e não um uma para com do da em se por mais mas como foi ao muito você meu está são isso'.split(
    ' ',
  ),
  nl: 'de het een en van ik niet is dat op te zijn voor met die er maar om hem ook als bij naar heb wordt'.split(
    ' ',
  ),
  sv: 'och att det som en är på för inte med har jag av till den ett var om men så från kan mycket'.split(
    ' ',
  ),
  pl: 'i w na nie się z jest to że do jak po co tak o ale od za czy już przez być są bardzo'.split(
    ' ',
  ),
  tr: 've bir bu da için de çok ile ne gibi daha var ama olarak kadar değil sonra ben şey mi'.split(
    ' ',
  ),
};
/** Texts that are looked at, and letters of each. */
const MOST_TEXTS = 400;
const MOST_LETTERS = 500;
/** Letters and words below which nothing is said. */
const FEW_LETTERS = 60;
const FEW_WORDS = 12;
/** Of all letters that are in a script. */
const MOST_OF = 0.5;
/** Japanese is written with Chinese characters too: this share of kana is enough. */
const KANA = 0.08;
/** Of a text's words; below it none of the languages is recognised. */
const COMMON_SHARE = 0.12;
/** The first language must be so many times as frequent as the second. */
const LEAD = 1.5;

/**
 * @returns the ISO 639-1 code of most of the texts; null when it is not clear.
 */
export function languageOf(texts: readonly string[]): string | null {
  const step = Math.max(1, Math.floor(texts.length / MOST_TEXTS));
  const sample = texts
    .filter((_, at) => at % step === 0)
    .slice(0, MOST_TEXTS)
    .map((text) => text.slice(0, MOST_LETTERS))
    .join('\n');
  const letters = sample.match(/\p{L}/gu)?.length ?? 0;
  if (letters < FEW_LETTERS) return scriptOf(sample, letters, FEW_LETTERS / 6);
  return scriptOf(sample, letters, 1) ?? wordsLanguage(sample);
}

function scriptOf(sample: string, letters: number, least: number): string | null {
  if (letters < least) return null;
  for (const [language, pattern] of SCRIPTS) {
    const share = (sample.match(pattern)?.length ?? 0) / letters;
    if (share > (language === 'ja' ? KANA : MOST_OF)) return language;
  }
  return null;
}

function wordsLanguage(sample: string): string | null {
  const words = sample.toLowerCase().match(/\p{L}+/gu) ?? [];
  if (words.length < FEW_WORDS) return null;
  const counts = Object.entries(COMMON).map(([language, common]) => {
    const known = new Set(common);
    return { language, share: words.filter((word) => known.has(word)).length / words.length };
  });
  counts.sort((a, b) => b.share - a.share);
  const [first, second] = counts;
  if (first === undefined || first.share < COMMON_SHARE) return null;
  return first.share >= LEAD * (second?.share ?? 0) ? first.language : null;
}
