/**
 * `tokenizer.json` of a model that was published without one, made of its vocabulary as `AutoTokenizer` makes it:
 * WordPiece of `vocab.txt` (BERT, DistilBERT, ELECTRA, MPNet), byte-level BPE of `vocab.json` and `merges.txt`
 * (RoBERTa, DeBERTa v1, GPT-2, GPT-Neo). A SentencePiece model (`spm.model`) is not read.
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/convert_slow_tokenizer.py
 */
import * as v from 'valibot';
import { HeadlightError, readJson } from '../../base';

/** The files that stand in for `tokenizer.json`, all of a kind together. */
export const VOCABULARY_FILES: readonly (readonly string[])[] = [
  ['vocab.txt'],
  ['vocab.json', 'merges.txt'],
];

/** The files that a tokenizer is made of, among those of a model; `tokenizer.json` where there is none of them. */
export function tokenizerNames(names: readonly string[]): readonly string[] {
  const ways = [['tokenizer.json'], ...VOCABULARY_FILES];
  return ways.find((all) => all.every((name) => names.includes(name))) ?? ['tokenizer.json'];
}

/** More than any vocabulary has. */
const MOST_ENTRIES = 2_000_000;

const token = v.optional(v.nullable(v.union([v.string(), v.object({ content: v.string() })])));
const settingsSchema = v.object({
  do_lower_case: v.optional(v.nullable(v.boolean())),
  strip_accents: v.optional(v.nullable(v.boolean())),
  tokenize_chinese_chars: v.optional(v.nullable(v.boolean())),
  add_prefix_space: v.optional(v.nullable(v.boolean())),
  cls_token: token,
  sep_token: token,
  bos_token: token,
  eos_token: token,
  pad_token: token,
  unk_token: token,
  mask_token: token,
});
type Settings = v.InferOutput<typeof settingsSchema>;
type Role = 'cls' | 'sep' | 'pad' | 'unk' | 'mask' | 'bos' | 'eos';
type Specials = Readonly<Partial<Record<Role, string>>>;

const WORDPIECE = ['bert', 'distilbert', 'electra', 'mpnet'];
const BERT_SPECIALS: Specials = {
  cls: '[CLS]',
  sep: '[SEP]',
  pad: '[PAD]',
  unk: '[UNK]',
  mask: '[MASK]',
};
const ROBERTA_SPECIALS: Specials = {
  cls: '<s>',
  sep: '</s>',
  pad: '<pad>',
  unk: '<unk>',
  mask: '<mask>',
};
const GPT_SPECIALS: Specials = { eos: '<|endoftext|>' };
const SPECIALS: Readonly<Record<string, Specials>> = {
  bert: BERT_SPECIALS,
  distilbert: BERT_SPECIALS,
  electra: BERT_SPECIALS,
  // Its unknown is BERT's: the vocabulary is BERT's, with the special tokens of RoBERTa before it.
  mpnet: { ...ROBERTA_SPECIALS, unk: '[UNK]' },
  roberta: ROBERTA_SPECIALS,
  deberta: BERT_SPECIALS,
  gpt2: GPT_SPECIALS,
  gpt_neo: GPT_SPECIALS,
};

/**
 * @param config bytes of `config.json`
 * @param find a file of the model by its name; null where it has none
 * @returns null when the vocabulary's files are not there, or the architecture has no such tokenizer.
 * @throws HeadlightError `bad-model` when they are there and broken.
 */
export function tokenizerOfVocabulary(
  config: Uint8Array,
  find: (name: string) => Uint8Array | null,
): Uint8Array | null {
  const { model_type: type = '' } = parsed(
    v.object({ model_type: v.optional(v.string()) }),
    config,
    'config.json',
  );
  const usual = SPECIALS[type];
  if (usual === undefined || !Object.hasOwn(SPECIALS, type)) return null;
  const said = find('tokenizer_config.json');
  const settings: Settings =
    said === null ? {} : parsed(settingsSchema, said, 'tokenizer_config.json');
  const specials = named(usual, settings);
  const json = WORDPIECE.includes(type)
    ? wordPiece(type, find, specials, settings)
    : byteLevel(type, find, specials, settings);
  return json === null ? null : new TextEncoder().encode(JSON.stringify(json));
}

function wordPiece(
  type: string,
  find: (name: string) => Uint8Array | null,
  specials: Specials,
  settings: Settings,
): unknown {
  const file = find('vocab.txt');
  if (file === null) return null;
  const lines = text(file, 'vocab.txt').replace(/\n$/, '').split('\n');
  const vocab: Record<string, number> = emptyVocabulary();
  lines.forEach((line, at) => (vocab[line.replace(/\r$/, '')] = at));
  checkSize(lines.length, 'vocab.txt');
  return {
    ...frame(vocab, specials),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: settings.tokenize_chinese_chars ?? true,
      strip_accents: settings.strip_accents ?? null,
      lowercase: settings.do_lower_case ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: type === 'mpnet' ? robertaPairs(vocab, specials) : bertPairs(vocab, specials),
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: specials.unk,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

function byteLevel(
  type: string,
  find: (name: string) => Uint8Array | null,
  specials: Specials,
  settings: Settings,
): unknown {
  const [vocabulary, merges] = [find('vocab.json'), find('merges.txt')];
  if (vocabulary === null || merges === null) return null;
  const known = parsed(v.record(v.string(), v.number()), vocabulary, 'vocab.json');
  const vocab = Object.assign(emptyVocabulary(), known);
  checkSize(Object.keys(known).length, 'vocab.json');
  const pairs = text(merges, 'merges.txt')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#version'));
  const broken = pairs.findIndex((line) => line.split(' ').length !== 2);
  if (broken >= 0) throw damaged('merges.txt', `merge ${broken + 1} is no pair`);
  const prefix = settings.add_prefix_space ?? false;
  const space = { type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: true };
  return {
    ...frame(vocab, specials),
    normalizer: null,
    pre_tokenizer: { ...space, use_regex: true },
    post_processor:
      type === 'roberta'
        ? robertaPairs(vocab, specials)
        : type === 'deberta'
          ? bertPairs(vocab, specials)
          : { ...space, trim_offsets: false },
    decoder: { ...space, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: pairs,
    },
  };
}

/** What every `tokenizer.json` has: special tokens that are in the vocabulary, in the order of their ids. */
function frame(vocab: Readonly<Record<string, number>>, specials: Specials): object {
  const added = [...new Set(Object.values(specials))]
    .flatMap((content) => {
      const id = vocab[content];
      return id === undefined ? [] : [{ content, id }];
    })
    .sort((a, b) => a.id - b.id)
    .map(({ content, id }) => ({
      id,
      content,
      single_word: false,
      // As `AutoTokenizer`: a mask takes the space before it in RoBERTa's family.
      lstrip: content === '<mask>',
      rstrip: false,
      normalized: false,
      special: true,
    }));
  return { version: '1.0', truncation: null, padding: null, added_tokens: added };
}

function bertPairs(vocab: Readonly<Record<string, number>>, specials: Specials): unknown {
  return template(vocab, specials, (cls, sep) => ({
    single: [special(cls, 0), sequence('A', 0), special(sep, 0)],
    pair: [special(cls, 0), sequence('A', 0), special(sep, 0), sequence('B', 1), special(sep, 1)],
  }));
}

function robertaPairs(vocab: Readonly<Record<string, number>>, specials: Specials): unknown {
  return template(vocab, specials, (cls, sep) => ({
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
  vocab: Readonly<Record<string, number>>,
  { cls = '', sep = '' }: Specials,
  form: (cls: string, sep: string) => object,
): unknown {
  const entry = (content: string): object => {
    const id = vocab[content];
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
function named(usual: Specials, settings: Settings): Specials {
  const roles = Object.keys(usual) as Role[];
  return Object.fromEntries(
    roles.map((role) => {
      const said = settings[`${role}_token`];
      return [role, typeof said === 'string' ? said : (said?.content ?? usual[role])];
    }),
  );
}

/** Without the names that every object has: a vocabulary may hold `constructor`. */
function emptyVocabulary(): Record<string, number> {
  return Object.create(null) as Record<string, number>;
}

function checkSize(entries: number, name: string): void {
  if (entries > MOST_ENTRIES) throw damaged(name, `it has ${entries} entries`);
}

function parsed<Schema extends v.GenericSchema>(
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

function text(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw damaged(name, 'it is not UTF-8', cause);
  }
}

function damaged(name: string, what: string, cause?: unknown): HeadlightError {
  return new HeadlightError('bad-model', `${name} cannot be used: ${what}.`, {
    hint: 'Download or copy the model again, or choose one that has tokenizer.json.',
    ...(cause === undefined ? {} : { cause }),
  });
}
