/**
 * What every `tokenizer.json` that is made here has: its frame, special tokens, and templates for one text and for two;
 * and what tells of a file of a vocabulary that cannot be used.
 */
import * as v from 'valibot';
import { HeadlightError, readJson } from '../../base';

/** More than any vocabulary has. */
const MOST_ENTRIES = 2_000_000;

const token = v.optional(v.nullable(v.union([v.string(), v.object({ content: v.string() })])));
export const settingsSchema = v.object({
  do_lower_case: v.optional(v.nullable(v.boolean())),
  strip_accents: v.optional(v.nullable(v.boolean())),
  tokenize_chinese_chars: v.optional(v.nullable(v.boolean())),
  keep_accents: v.optional(v.nullable(v.boolean())),
  split_by_punct: v.optional(v.nullable(v.boolean())),
  add_prefix_space: v.optional(v.nullable(v.boolean())),
  cls_token: token,
  sep_token: token,
  bos_token: token,
  eos_token: token,
  pad_token: token,
  unk_token: token,
  mask_token: token,
});
export type Settings = v.InferOutput<typeof settingsSchema>;
/** Of a special token; undefined: the vocabulary has none of that name. */
export type IdOf = (token: string) => number | undefined;
type Role = 'cls' | 'sep' | 'pad' | 'unk' | 'mask' | 'bos' | 'eos';
export type Specials = Readonly<Partial<Record<Role, string>>>;

export interface AddedToken {
  readonly content: string;
  readonly id: number;
  readonly special: boolean;
}

/**
 * What every `tokenizer.json` has: special tokens that are in the vocabulary, in the order of their ids.
 * @param more tokens that the vocabulary itself has set apart
 */
export function frame(idOf: IdOf, specials: Specials, more: readonly AddedToken[] = []): object {
  const known = new Map(more.map((token) => [token.content, token]));
  for (const content of Object.values(specials)) {
    const id = idOf(content);
    if (id !== undefined) known.set(content, { content, id, special: true });
  }
  const added = [...known.values()]
    .sort((a, b) => a.id - b.id)
    .map(({ content, id, special }) => ({
      id,
      content,
      single_word: false,
      // As `AutoTokenizer`: a mask takes the space before it in RoBERTa's family.
      lstrip: content === '<mask>',
      rstrip: false,
      normalized: false,
      special,
    }));
  return { version: '1.0', truncation: null, padding: null, added_tokens: added };
}

export function bertPairs(idOf: IdOf, specials: Specials): unknown {
  return template(idOf, specials, (cls, sep) => ({
    single: [special(cls, 0), sequence('A', 0), special(sep, 0)],
    pair: [special(cls, 0), sequence('A', 0), special(sep, 0), sequence('B', 1), special(sep, 1)],
  }));
}

export function robertaPairs(idOf: IdOf, specials: Specials): unknown {
  return template(idOf, specials, (cls, sep) => ({
    single: [special(cls, 0), sequence('A', 0), special(sep, 0)],
    pair: [
      special(cls, 0),
      sequence('A', 0),
      special(sep, 0),
      special(sep, 0),
      sequence('B', 0),
      special(sep, 0),
    ],
  }));
}

function template(
  idOf: IdOf,
  { cls = '', sep = '' }: Specials,
  form: (cls: string, sep: string) => object,
): unknown {
  const entry = (content: string): object => {
    const id = idOf(content);
    if (id === undefined)
      throw damaged('the vocabulary', `it has no “${content}”, which every text needs`);
    return { id: content, ids: [id], tokens: [content] };
  };
  return {
    type: 'TemplateProcessing',
    ...form(cls, sep),
    special_tokens: { [cls]: entry(cls), [sep]: entry(sep) },
  };
}

function special(id: string, type: number): object {
  return { SpecialToken: { id, type_id: type } };
}

function sequence(id: 'A' | 'B', type: number): object {
  return { Sequence: { id, type_id: type } };
}

/** The usual special tokens, called what `tokenizer_config.json` calls them. */
export function named(usual: Specials, settings: Settings): Specials {
  const roles = Object.keys(usual) as Role[];
  return Object.fromEntries(
    roles.map((role) => {
      const said = settings[`${role}_token`];
      return [role, typeof said === 'string' ? said : (said?.content ?? usual[role])];
    }),
  );
}

export function checkSize(entries: number, name: string): void {
  if (entries > MOST_ENTRIES) throw damaged(name, `it has ${entries} entries`);
}

export function parsed<Schema extends v.GenericSchema>(
  schema: Schema,
  bytes: Uint8Array,
  name: string,
): v.InferOutput<Schema> {
  try {
    return v.parse(schema, readJson(bytes, name));
  } catch (cause) {
    throw damaged(name, 'it is not what it should be', cause);
  }
}

export function utf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw damaged(name, 'it is not UTF-8', cause);
  }
}

export function damaged(name: string, what: string, cause?: unknown): HeadlightError {
  return new HeadlightError('bad-model', `${name} cannot be used: ${what}.`, {
    hint: 'Download or copy the model again, or choose one that has tokenizer.json.',
    ...(cause === undefined ? {} : { cause }),
  });
}
