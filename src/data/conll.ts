/**
 * CoNLL files (a word and its tag a line, a blank line between sentences) to a table with a sentence a row:
 * column `words` holds the words joined by single spaces, column `tags` their tags likewise, in IOB2. So a
 * sentence of named entities goes through every room as a row of text does.
 *
 * Two or more columns, divided by tabs or else by spaces; the first is the word, the last the tag.
 * `-DOCSTART-` lines and comments before a sentence are left out. IOB1 (an entity begins with `I-`) and the
 * BIOES and BILOU schemes are written as IOB2 (Ramshaw and Marcus 1995; Tjong Kim Sang and Veenstra 1999).
 */
import { HeadlightError } from '../base';
import type { EncodingName, FileBytes, Table } from './types';

export const WORDS_COLUMN = 'words';
export const TAGS_COLUMN = 'tags';

const LOOKED_AT = 400;
const TAG = /^(?:O|[BIESLU]-\S+)$/;
const ENTITY = /^[BIESLU]-/;
const DOCUMENT_START = /^-DOCSTART-/;

/** Whether most of the first lines are a word and a tag, which no table of texts is. */
export function looksLikeConll(text: string): boolean {
  let start = 0;
  let lines = 0;
  let tagged = 0;
  let entities = 0;
  while (start < text.length && lines < LOOKED_AT) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end < 0 ? text.length : end).replace(/\r$/, '');
    start = end < 0 ? text.length : end + 1;
    if (line.trim() === '' || DOCUMENT_START.test(line)) continue;
    const found = cells(line);
    const tag = found.at(-1) ?? '';
    if (line.startsWith('#') && !TAG.test(tag)) continue;
    lines++;
    if (!TAG.test(tag) || found.length < 2) continue;
    tagged++;
    if (ENTITY.test(tag)) entities++;
  }
  return lines >= 2 && entities > 0 && tagged >= 0.97 * lines;
}

function cells(line: string): string[] {
  const trimmed = line.replace(/^ +| +$/g, '');
  return (trimmed.includes('\t') ? trimmed.split('\t') : trimmed.split(/ +/)).map((cell) =>
    cell.trim(),
  );
}

interface Sentence {
  readonly line: number;
  readonly words: string[];
  readonly tags: string[];
}

/**
 * @throws HeadlightError `bad-table` naming the line that has no tag, or a tag that is none, or when there
 *   is no sentence; `bad-labels` when no word is tagged as part of an entity.
 */
export function parseConll(
  file: Pick<FileBytes, 'name'>,
  text: string,
  encoding: EncodingName,
): Table {
  const sentences = readSentences(file.name, text);
  if (sentences.length === 0) {
    throw new HeadlightError('bad-table', `${file.name} holds no sentence.`, {
      hint: 'A CoNLL file has a word and its tag on each line, and a blank line between sentences.',
    });
  }
  if (!sentences.some(({ tags }) => tags.some((tag) => ENTITY.test(tag)))) {
    throw new HeadlightError('bad-labels', `No word of ${file.name} is tagged as an entity.`, {
      hint: 'The last column must hold tags such as B-PER, I-PER and O.',
    });
  }
  const prefix = commonPrefix(sentences);
  if (prefix !== '') {
    for (const { words } of sentences)
      words.forEach((word, at) => (words[at] = word.slice(prefix.length)));
  }
  const scheme = toIob2(sentences);
  return {
    name: file.name,
    columns: [
      { name: WORDS_COLUMN, cells: sentences.map(({ words }) => words.join(' ')) },
      { name: TAGS_COLUMN, cells: sentences.map(({ tags }) => tags.join(' ')) },
    ],
    rowCount: sentences.length,
    format: 'conll',
    lines: Int32Array.from(sentences, ({ line }) => line),
    encoding,
    delimiter: '\t',
    hasHeader: false,
    headerReason: `A CoNLL file: a word and its tag a line${scheme === 'IOB2' ? '' : `, tags in ${scheme}, read as IOB2`}${prefix === '' ? '' : `, “${prefix}” before each word left out`}.`,
    problems: [],
    problemCount: 0,
    rejected: { rows: [], count: 0, truncated: false },
  };
}

function readSentences(name: string, text: string): Sentence[] {
  const sentences: Sentence[] = [];
  let sentence: Sentence | null = null;
  let columns = 0;
  text.split(/\r\n|\r|\n/).forEach((line, index) => {
    const number = index + 1;
    if (line.trim() === '') {
      sentence = null;
      return;
    }
    if (DOCUMENT_START.test(line)) {
      sentence = null;
      return;
    }
    const found = cells(line);
    // CoNLL-U and its like put comments before a sentence; a tagged `#` within one is a word.
    if (sentence === null && line.startsWith('#') && !TAG.test(found.at(-1) ?? '')) return;
    const [word = ''] = found;
    const tag = found.at(-1) ?? '';
    if (found.length < 2) {
      throw new HeadlightError('bad-table', `${name}, line ${number}: “${cut(word)}” has no tag.`, {
        hint: 'Each line needs a word and a tag, divided by a tab or a space; sentences are divided by blank lines.',
      });
    }
    columns ||= found.length;
    if (!TAG.test(tag)) {
      const missing =
        found.length < columns ? ` It has ${found.length} columns, not ${columns}.` : '';
      throw new HeadlightError(
        'bad-table',
        `${name}, line ${number}: “${cut(tag)}” is no tag.${missing}`,
        { hint: 'Tags are O, or B- and I- with the type of the entity: B-PER, I-PER.' },
      );
    }
    if (word === '') {
      throw new HeadlightError('bad-table', `${name}, line ${number}: the word is missing.`, {
        hint: 'Each line needs a word and a tag, divided by a tab or a space.',
      });
    }
    if (sentence === null) {
      sentence = { line: number, words: [], tags: [] };
      sentences.push(sentence);
    }
    // One word stays one word: spaces divide words from here on.
    sentence.words.push(word.replace(/ /g, '_'));
    sentence.tags.push(tag);
  });
  return sentences;
}

/** `en:` before every word, as WikiANN has it; '' when there is none. */
function commonPrefix(sentences: readonly Sentence[]): string {
  const prefix = /^[a-z]{2,3}:/.exec(sentences[0]?.words[0] ?? '')?.[0] ?? '';
  if (prefix === '') return '';
  const everywhere = sentences.every(({ words }) =>
    words.every((word) => word.startsWith(prefix) && word.length > prefix.length),
  );
  return everywhere ? prefix : '';
}

/** Rewrites the tags in place. @returns the scheme that they were in. */
function toIob2(sentences: readonly Sentence[]): 'IOB1' | 'IOB2' | 'BIOES' | 'BILOU' {
  let beginsWithB = 0;
  let beginsWithI = 0;
  const prefixes = new Set<string>();
  for (const { tags } of sentences) {
    let before = 'O';
    for (const tag of tags) {
      prefixes.add(tag.charAt(0));
      if (tag.startsWith('B-')) beginsWithB++;
      else if (tag.startsWith('I-') && (before === 'O' || before.slice(2) !== tag.slice(2)))
        beginsWithI++;
      before = tag;
    }
  }
  if (prefixes.has('E') || prefixes.has('S')) return rename(sentences, 'BIOES');
  if (prefixes.has('L') || prefixes.has('U')) return rename(sentences, 'BILOU');
  // A few entities of an IOB2 file may begin with I- by mistake; they are left as the file has them.
  if (beginsWithI <= beginsWithB) return 'IOB2';
  for (const { tags } of sentences) {
    let before = 'O';
    tags.forEach((tag, at) => {
      const begins = tag.startsWith('I-') && (before === 'O' || before.slice(2) !== tag.slice(2));
      if (begins) tags[at] = `B-${tag.slice(2)}`;
      before = tag;
    });
  }
  return 'IOB1';
}

function rename(sentences: readonly Sentence[], scheme: 'BIOES' | 'BILOU'): typeof scheme {
  for (const { tags } of sentences) {
    tags.forEach((tag, at) => {
      if (/^[SU]-/.test(tag)) tags[at] = `B-${tag.slice(2)}`;
      else if (/^[EL]-/.test(tag)) tags[at] = `I-${tag.slice(2)}`;
    });
  }
  return scheme;
}

function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
