/** Languages by their ISO 639-1 code, with the names people search them by. */

/** Code, name, and other names it is looked for by. */
const NAMES: readonly (readonly [code: string, ...names: string[]])[] = [
  ['multilingual', 'many languages', 'multilingual', 'multi-lingual', 'languages'],
  ['en', 'English'],
  ['de', 'German', 'deutsch'],
  ['fr', 'French', 'français', 'francais'],
  ['es', 'Spanish', 'español', 'espanol'],
  ['it', 'Italian', 'italiano'],
  ['pt', 'Portuguese', 'português', 'portugues'],
  ['nl', 'Dutch', 'nederlands'],
  ['sv', 'Swedish', 'svenska'],
  ['pl', 'Polish', 'polski'],
  ['tr', 'Turkish', 'türkçe', 'turkce'],
  ['ru', 'Russian', 'русский'],
  ['el', 'Greek', 'ελληνικά'],
  ['ar', 'Arabic', 'العربية'],
  ['he', 'Hebrew', 'עברית'],
  ['hi', 'Hindi', 'हिन्दी'],
  ['th', 'Thai', 'ไทย'],
  ['ko', 'Korean', '한국어'],
  ['ja', 'Japanese', '日本語'],
  ['zh', 'Chinese', '中文'],
];

/** Every code that has a name here. */
export const LANGUAGES: readonly string[] = NAMES.map(([code]) => code);

/** `German` of `de`; the code itself where there is no name for it. */
export function languageName(code: string): string {
  return NAMES.find(([known]) => known === code)?.[1] ?? code;
}

/** The codes of languages that a word names, or begins to name from three letters on. */
export function languagesNamed(word: string): readonly string[] {
  const asked = word.toLowerCase();
  return NAMES.flatMap(([code, ...names]) =>
    names.some((name) => {
      const known = name.toLowerCase();
      return known === asked || (asked.length >= 3 && known.startsWith(asked));
    })
      ? [code]
      : [],
  );
}
