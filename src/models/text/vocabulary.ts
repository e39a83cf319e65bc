/**
 * `tokenizer.json` of a model that was published without one, made of its vocabulary as `AutoTokenizer` makes it:
 * WordPiece of `vocab.txt` (BERT, DistilBERT, ELECTRA, MPNet), byte-level BPE of `vocab.json` and `merges.txt`
 * (RoBERTa, DeBERTa v1, GPT-2, GPT-Neo), Unigram of a SentencePiece model (DeBERTa v2 and v3, ALBERT, XLM-R).
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/convert_slow_tokenizer.py
 */
import * as v from 'valibot';
import { SENTENCEPIECE_FILES, UNIGRAM_TYPES, unigramTokenizer } from './unigram';
import {
  bertPairs,
  checkSize,
  damaged,
  frame,
  named,
  parsed,
  robertaPairs,
  settingsSchema,
  utf8,
  type IdOf,
  type Settings,
  type Specials,
} from './tokenizer-json';

/** The files that stand in for `tokenizer.json`, all of a kind together. */
export const VOCABULARY_FILES: readonly (readonly string[])[] = [
  ['vocab.txt'],
  ['vocab.json', 'merges.txt'],
  ...SENTENCEPIECE_FILES.map((name) => [name]),
];

/** The files that a tokenizer is made of, among those of a model; `tokenizer.json` where there is none of them. */
export function tokenizerNames(names: readonly string[]): readonly string[] {
  const ways = [['tokenizer.json'], ...VOCABULARY_FILES];
  return ways.find((all) => all.every((name) => names.includes(name))) ?? ['tokenizer.json'];
}

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
  'deberta-v2': BERT_SPECIALS,
  albert: { ...BERT_SPECIALS, pad: '<pad>', unk: '<unk>' },
  'xlm-roberta': ROBERTA_SPECIALS,
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
  const make = WORDPIECE.includes(type)
    ? wordPiece
    : UNIGRAM_TYPES.includes(type)
      ? unigramTokenizer
      : byteLevel;
  const json = make(type, find, specials, settings);
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
  const lines = utf8(file, 'vocab.txt').replace(/\n$/, '').split('\n');
  const vocab: Record<string, number> = emptyVocabulary();
  lines.forEach((line, at) => (vocab[line.replace(/\r$/, '')] = at));
  checkSize(lines.length, 'vocab.txt');
  return {
    ...frame(idIn(vocab), specials),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: settings.tokenize_chinese_chars ?? true,
      strip_accents: settings.strip_accents ?? null,
      lowercase: settings.do_lower_case ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor:
      type === 'mpnet' ? robertaPairs(idIn(vocab), specials) : bertPairs(idIn(vocab), specials),
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
  const pairs = utf8(merges, 'merges.txt')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#version'));
  const broken = pairs.findIndex((line) => line.split(' ').length !== 2);
  if (broken >= 0) throw damaged('merges.txt', `merge ${broken + 1} is no pair`);
  const prefix = settings.add_prefix_space ?? false;
  const space = { type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: true };
  return {
    ...frame(idIn(vocab), specials),
    normalizer: null,
    pre_tokenizer: { ...space, use_regex: true },
    post_processor:
      type === 'roberta'
        ? robertaPairs(idIn(vocab), specials)
        : type === 'deberta'
          ? bertPairs(idIn(vocab), specials)
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

/** Without the names that every object has: a vocabulary may hold `constructor`. */
function emptyVocabulary(): Record<string, number> {
  return Object.create(null) as Record<string, number>;
}

function idIn(vocab: Readonly<Record<string, number>>): IdOf {
  return (token) => vocab[token];
}
