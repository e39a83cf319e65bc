/** Rows that are not what they should be: without a text, too long, not text at all, or cut wrongly. */
import { cellsOf } from '../labels';
import type { AuditFinding, LabelledTexts, RowOrigin, Table } from '../types';
import { wordCount } from '../columns';
import { listed, many, origins, percent } from '../words';

const ROWS_SHOWN = 100;

/** @param columns the columns of the texts: one, or two for pairs. */
export function auditEmpty(tables: readonly Table[], columns: readonly string[]): AuditFinding[] {
  const rows: RowOrigin[] = [];
  let count = 0;
  for (const table of tables) {
    const all = columns.map((name) => cellsOf(table, name));
    for (let row = 0; row < table.rowCount; row++) {
      if (all.every((cells) => (cells.at(row) ?? '').trim() !== '')) continue;
      count++;
      if (rows.length < ROWS_SHOWN) {
        rows.push({ file: table.name, row, line: table.lines[row] ?? 0 });
      }
    }
  }
  if (count === 0) return [];
  return [
    {
      id: 'empty_texts',
      severity: 'note',
      title: `${many(count, 'row has', 'rows have')} no text`,
      detail: `In ${listed(columns)} there is nothing but white space. These rows are left out of training and test.`,
      count,
      rows,
      repair: null,
    },
  ];
}

export interface TokenLimit {
  /** The most tokens that the model reads of a text. */
  readonly tokens: number;
  /** Tokens of a text; estimated by its words when left out. */
  readonly count?: (text: string) => number;
}

/** An English word is about 1.3 tokens. */
const TOKENS_A_WORD = 1.3;
const LONG_LOOKED_AT = 2000;

/** The share of texts longer than the model's limit; of many that could be, 2,000 are counted. */
export function auditLength(data: LabelledTexts, limit: TokenLimit): AuditFinding[] {
  const both = (row: number): string =>
    data.pairs === null
      ? (data.texts[row] ?? '')
      : `${data.texts[row] ?? ''} ${data.pairs[row] ?? ''}`;
  const count =
    limit.count ?? ((text: string): number => Math.ceil(wordCount(text) * TOKENS_A_WORD));
  // A token is at least one character, so a shorter text cannot be too long.
  const candidates: number[] = [];
  data.texts.forEach((text, row) => {
    if (text.length + (data.pairs?.[row]?.length ?? 0) > limit.tokens) candidates.push(row);
  });
  const stride = Math.max(1, Math.ceil(candidates.length / LONG_LOOKED_AT));
  const long: number[] = [];
  let looked = 0;
  for (let at = 0; at < candidates.length; at += stride) {
    looked++;
    const row = candidates[at] ?? 0;
    if (count(both(row)) > limit.tokens) long.push(row);
  }
  if (long.length === 0) return [];
  const rows = stride === 1 ? long.length : Math.round((long.length / looked) * candidates.length);
  const share = rows / Math.max(1, data.texts.length);
  const estimated = stride > 1 || limit.count === undefined;
  return [
    {
      id: 'long_texts',
      severity: share > 0.1 ? 'warn' : 'note',
      title: `${estimated ? 'About ' : ''}${percent(share)} of the texts are longer than the model reads`,
      detail: `The model reads ${limit.tokens} tokens; of ${estimated ? 'about ' : ''}${many(rows, 'text')} it sees the beginning only.${limit.count === undefined ? ' Tokens are estimated from words.' : ''} Choose a longer limit, or a model that reads more, if what matters stands at the end.`,
      count: rows,
      rows: origins(data, long),
      repair: null,
    },
  ];
}

export type Junk = 'control' | 'replacement' | 'encoded' | 'markup';
/** One control character that slipped in does no harm; a NUL, or this share of the text, is no text. */
const CONTROL_SHARE = 0.02;
const ENCODED = /[A-Za-z0-9+/]{120,}|[0-9A-Fa-f]{64,}/;
const LONGEST_WORD = 63;
const TAG = /<\/?[a-z][^<>]*>/gi;
const PAGE = /<!doctype html|<html[\s>]|<script[\s>]/i;

/** What makes a cell no text; null of a text. */
export function junkOf(text: string): Junk | null {
  let controls = 0;
  let word = 0;
  let longest = 0;
  let markup = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 32) {
      // Not those from 0x80 on: punctuation of Windows-1252 that was converted wrongly, as in many old files.
      if (code === 0xfffd) return 'replacement';
      if (code === 60) markup = true;
      word++;
      continue;
    }
    if (word > longest) longest = word;
    word = 0;
    if (code === 0) return 'control';
    if (code < 32 && (code < 9 || code > 13 || code === 11 || code === 12)) controls++;
  }
  if (controls > CONTROL_SHARE * text.length) return 'control';
  if (Math.max(word, longest) > LONGEST_WORD) {
    const [run] = ENCODED.exec(text) ?? [];
    // A long word of one kind of sign is shouting, not an encoded file.
    if (run !== undefined && /\d.*\d.*\d/.test(run) && /[a-z]/i.test(run) && varied(run)) {
      return 'encoded';
    }
  }
  if (!markup) return null;
  if (PAGE.test(text)) return 'markup';
  const tags = text.match(TAG) ?? [];
  const inTags = tags.reduce((sum, tag) => sum + tag.length, 0);
  return tags.length >= 4 && inTags > 0.3 * text.length ? 'markup' : null;
}

function varied(run: string): boolean {
  return new Set(run.slice(0, 120)).size >= 12;
}

const JUNK_WORDS: Readonly<Record<Junk, string>> = {
  control: 'control characters, as of a binary file',
  replacement: 'the sign � for characters that could not be read: try another encoding',
  encoded: 'an encoded file (base64 or hexadecimal)',
  markup: 'the markup of a web page',
};

export function auditJunk(data: LabelledTexts): AuditFinding[] {
  const rows: number[] = [];
  const counts = new Map<Junk, number>();
  data.texts.forEach((text, row) => {
    const pair = data.pairs?.[row];
    const junk = junkOf(text) ?? (pair === undefined ? null : junkOf(pair));
    if (junk === null) return;
    rows.push(row);
    counts.set(junk, (counts.get(junk) ?? 0) + 1);
  });
  if (rows.length === 0) return [];
  const kinds = [...counts].map(([junk, count]) => `${count} with ${JUNK_WORDS[junk]}`);
  const all = rows.flatMap((row) => data.origin[row] ?? []);
  return [
    {
      id: 'binary_junk',
      severity: 'warn',
      title: `${many(rows.length, 'row does', 'rows do')} not look like text`,
      detail: `${kinds.join('; ')}.`,
      count: rows.length,
      rows: all.slice(0, ROWS_SHOWN),
      repair: { kind: 'drop_rows', reason: 'not text', rows: all },
    },
  ];
}

export function auditRagged(tables: readonly Table[]): AuditFinding[] {
  return tables.flatMap((table): AuditFinding[] => {
    const count = table.problemCount;
    if (count === 0) return [];
    const [first] = table.problems;
    return [
      {
        id: 'ragged_rows',
        severity: 'warn',
        title: `${table.name}: ${many(count, 'row')} could not be taken as ${count === 1 ? 'it stands' : 'they stand'}`,
        detail: `${first === undefined ? '' : `The first is line ${first.line}: ${first.problem} `}Mend the file, or read it with another delimiter, if there are many.`,
        count,
        rows: table.problems.slice(0, ROWS_SHOWN).map(({ line }) => ({
          file: table.name,
          row: rowOfLine(table, line),
          line,
        })),
        repair: null,
      },
    ];
  });
}

/** The row that begins at this line; -1 when the row was left out. */
function rowOfLine({ lines }: Table, line: number): number {
  let low = 0;
  let high = lines.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = lines[middle] ?? 0;
    if (at === line) return middle;
    if (at < line) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
