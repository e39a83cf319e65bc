/**
 * `tokenizer.json` of a SentencePiece model, as transformers' `DebertaV2Converter`, `AlbertConverter` (but for two things,
 * named below) and `XLMRobertaConverter` make it: its pieces with their scores, its map of characters, and what each
 * family does before. As there, `byte_fallback`, `add_dummy_prefix` and `remove_extra_whitespaces` of the file are not
 * asked: what is unknown is the unknown token, a space is put before, and several are one.
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/convert_slow_tokenizer.py
 */
import { readSentencePiece, type Piece, type SentencePieceModel } from './sentencepiece';
import {
  bertPairs,
  frame,
  robertaPairs,
  type AddedToken,
  type Settings,
  type Specials,
} from './tokenizer-json';

export const SENTENCEPIECE_FILES: readonly string[] = [
  'spm.model',
  'spiece.model',
  'sentencepiece.bpe.model',
];
export const UNIGRAM_TYPES: readonly string[] = ['deberta-v2', 'albert', 'xlm-roberta'];

/** The order in which transformers adds special tokens that no piece stands for: `[MASK]` of DeBERTa-v3. */
const ROLES = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const;
const SPACE = '▁';

/**
 * @param type of the model: one of `UNIGRAM_TYPES`
 * @returns null when none of its files is there.
 * @throws HeadlightError `bad-model` when it cannot be used.
 */
export function unigramTokenizer(
  type: string,
  find: (name: string) => Uint8Array | null,
  specials: Specials,
  settings: Settings,
): unknown {
  for (const name of SENTENCEPIECE_FILES) {
    const file = find(name);
    if (file !== null) return converted(type, readSentencePiece(file, name), specials, settings);
  }
  return null;
}

function converted(
  type: string,
  model: SentencePieceModel,
  specials: Specials,
  settings: Settings,
): unknown {
  const vocab = vocabulary(type, model);
  const ids = new Map(vocab.map(([text], id) => [text, id]));
  const missing = new Set<string>();
  for (const role of ROLES) {
    const token = specials[role];
    if (token !== undefined && !ids.has(token)) missing.add(token);
  }
  for (const token of missing) ids.set(token, ids.size);
  const idOf = (token: string): number | undefined => ids.get(token);
  const metaspace = {
    type: 'Metaspace',
    replacement: SPACE,
    prepend_scheme: (settings.add_prefix_space ?? true) ? 'always' : 'never',
    split: true,
  };
  return {
    ...frame(idOf, specials, ownTokens(type, model.pieces, idOf)),
    normalizer: { type: 'Sequence', normalizers: normalizers(type, model.charsmap, settings) },
    pre_tokenizer: preTokenizer(type, metaspace, settings),
    post_processor:
      type === 'xlm-roberta' ? robertaPairs(idOf, specials) : bertPairs(idOf, specials),
    decoder: metaspace,
    model: {
      type: 'Unigram',
      unk_id: type === 'xlm-roberta' ? FAIRSEQ.length - 1 : model.unknown,
      vocab,
      byte_fallback: false,
    },
  };
}

/** Of fairseq, before the pieces of XLM-R, in the place of the three that SentencePiece has. */
const FAIRSEQ = ['<s>', '<pad>', '</s>', '<unk>'];
const OWN_FIRST = 3;

function vocabulary(type: string, { pieces }: SentencePieceModel): readonly [string, number][] {
  if (type === 'xlm-roberta') {
    const names = pieces.slice(OWN_FIRST).map(({ text, score }): [string, number] => [text, score]);
    return [...FAIRSEQ.map((text): [string, number] => [text, 0]), ...names, ['<mask>', 0]];
  }
  return pieces.map(({ text, score }) => [
    text,
    // ALBERT never takes “9,” for one piece.
    type === 'albert' && /\p{Nd},$/u.test(text) ? score - 100 : score,
  ]);
}

/**
 * Control pieces are special tokens, those of the user stand whole in a text. ALBERT's of the user are `(`, `-`, `.` and
 * such: set apart, what follows would begin with a space, other than in training and in the published `tokenizer.json`.
 */
function ownTokens(
  type: string,
  pieces: readonly Piece[],
  idOf: (token: string) => number | undefined,
): readonly AddedToken[] {
  return pieces.flatMap(({ text, kind }) => {
    const id = idOf(text);
    const isOwn = kind === 'control' || (kind === 'userDefined' && type !== 'albert');
    if (id === undefined || !isOwn) return [];
    return [{ content: text, id, special: kind === 'control' }];
  });
}

function normalizers(type: string, charsmap: Uint8Array, settings: Settings): readonly object[] {
  const mapped =
    charsmap.length === 0 ? [] : [{ type: 'Precompiled', precompiled_charsmap: base64(charsmap) }];
  // A final capital sigma is σ in Rust, character by character, and ς in JavaScript.
  const lower = [replace({ String: 'Σ' }, 'σ'), { type: 'Lowercase' }];
  if (type === 'xlm-roberta') return [...mapped, strip(false), replace({ Regex: ' {2,}' }, SPACE)];
  const oneSpace = replace({ Regex: ' {2,}' }, ' ');
  if (type === 'deberta-v2')
    return [...(settings.do_lower_case === true ? lower : []), strip(true), ...mapped, oneSpace];
  return [
    replace({ String: '``' }, '"'),
    replace({ String: "''" }, '"'),
    ...(settings.keep_accents === true ? [] : [{ type: 'NFKD' }, { type: 'StripAccents' }]),
    ...((settings.do_lower_case ?? true) ? lower : []),
    ...mapped,
    oneSpace,
  ];
}

/** Each mark of punctuation alone; as `Punctuation`, of which the two libraries think differently. */
const PUNCTUATION = {
  type: 'Split',
  pattern: { Regex: '[\\p{P}\\x21-\\x2F\\x3A-\\x40\\x5B-\\x60\\x7B-\\x7E]' },
  behavior: 'Isolated',
  invert: false,
};

function preTokenizer(type: string, metaspace: object, settings: Settings): object {
  // As the published ones: a space at the end of a text is no token.
  if (type === 'albert') return sequence({ type: 'WhitespaceSplit' }, metaspace);
  return settings.split_by_punct === true ? sequence(PUNCTUATION, metaspace) : metaspace;
}

function sequence(...pretokenizers: readonly object[]): object {
  return { type: 'Sequence', pretokenizers };
}

function replace(pattern: object, content: string): object {
  return { type: 'Replace', pattern, content };
}

function strip(left: boolean): object {
  return { type: 'Strip', strip_left: left, strip_right: true };
}

function base64(bytes: Uint8Array): string {
  let text = '';
  const step = 0x8000;
  for (let at = 0; at < bytes.length; at += step)
    text += String.fromCharCode(...bytes.subarray(at, at + step));
  return btoa(text);
}
