/**
 * Text to token ids, exactly as Hugging Face's fast tokenizers give them, truncation included.
 *
 * The tokenizer is the one inside transformers.js (`@huggingface/tokenizers`), taken directly: its
 * wrapper in transformers.js would bring a second ONNX Runtime and an image library into the command
 * line, and cuts the closing special token off long texts, which Python does not.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { HeadlightError, readJson, toHeadlightError } from '../../base';
import { applyCharsmaps } from './charsmap';

export interface TokenizerFile {
  readonly name: 'tokenizer.json' | 'tokenizer_config.json';
  readonly bytes: Uint8Array;
}

export interface Encoded {
  /** Token ids, special ones included: at most the number that was asked for. */
  readonly ids: readonly number[];
  /** Whether the text was longer than that. */
  readonly truncated: boolean;
}

export interface PairTokens {
  readonly opening: readonly number[];
  /** `[SEP]` for BERT, `</s></s>` for RoBERTa, nothing for GPT-2. */
  readonly between: readonly number[];
  readonly closing: readonly number[];
}

export interface TextTokenizer {
  /**
   * @param maxTokens special tokens counted, as in `transformers` with `truncation=True`.
   * @returns an empty list for a text without tokens when the tokenizer adds no special ones.
   */
  encode(text: string, maxTokens: number): number[];
  encodeWithNotice(text: string, maxTokens: number): Encoded;
  /**
   * Tokens of a word that stands among others, no special ones: a byte-level tokenizer (RoBERTa, GPT-2, DeBERTa v1)
   * reads it after a space, as `add_prefix_space=True`, which `transformers` demands for words that come split.
   */
  encodeWord(word: string): readonly number[];
  /** Tokens of the whole text, special ones counted. */
  tokenCount(text: string): number;
  readonly padId: number;
  /** Special tokens added to each text: 2 for BERT ([CLS], [SEP]), 0 for static embeddings. */
  readonly specialTokens: number;
  /** Those of them that stand after the text: [SEP]'s id for BERT, none for static embeddings. */
  readonly closingIds: readonly number[];
  /** The special tokens around and between the texts of a pair. */
  readonly pairTokens: PairTokens;
  readonly vocabularySize: number;
  /** The files it was made from, to go along with an exported model. */
  readonly files: readonly TokenizerFile[];
}

/**
 * @param tokenizerJson bytes of `tokenizer.json`
 * @param tokenizerConfig bytes of `tokenizer_config.json`, null when the model has none
 * @throws HeadlightError `bad-model` when either is not what it should be.
 */
export function loadTokenizer(
  tokenizerJson: Uint8Array,
  tokenizerConfig: Uint8Array | null,
): TextTokenizer {
  const json = parseJson(tokenizerJson, 'tokenizer.json');
  const config =
    tokenizerConfig === null ? {} : parseJson(tokenizerConfig, 'tokenizer_config.json');
  checkIds(json);
  const { tokenizer, special, padId, pairTokens, vocabularySize } = usable(() => {
    const made = new Tokenizer(json, config);
    applyCharsmaps(made);
    const found = findSpecialTokens(made);
    return {
      tokenizer: made,
      special: found,
      padId: findPadId(made, config),
      pairTokens: findPairTokens(made, found),
      vocabularySize: made.get_vocab(true).size,
    };
  });

  const repair = bertRepair(json);
  const allIds = (text: string): number[] => usable(() => idsOf(tokenizer, repair(text)));

  const encodeWithNotice = (text: string, maxTokens: number): Encoded => {
    if (!(maxTokens > special.count)) {
      throw new HeadlightError(
        'bad-setting',
        `maxTokens is ${maxTokens}, but this model adds ${special.count} special tokens to each text.`,
        { hint: `Set maxTokens to ${special.count + 1} or more.` },
      );
    }
    const ids = allIds(text);
    if (ids.length <= maxTokens) return { ids, truncated: false };
    // The closing special tokens stay: what is cut is the end of the text before them.
    const head = ids.slice(0, maxTokens - special.closing.length);
    return { ids: [...head, ...special.closing], truncated: true };
  };

  let words: Tokenizer | null = null;
  return {
    encodeWithNotice,
    encodeWord(word) {
      return usable(() => {
        words ??= isByteLevel(json) ? new Tokenizer(afterSpace(json), config) : tokenizer;
        return idsOf(words, repair(word), { add_special_tokens: false });
      });
    },
    encode: (text, maxTokens) => encodeWithNotice(text, maxTokens).ids as number[],
    tokenCount: (text) => allIds(text).length,
    padId,
    specialTokens: special.count,
    closingIds: special.closing,
    pairTokens,
    vocabularySize,
    files: [
      { name: 'tokenizer.json', bytes: tokenizerJson },
      ...(tokenizerConfig === null
        ? []
        : [{ name: 'tokenizer_config.json' as const, bytes: tokenizerConfig }]),
    ],
  };
}

/** Five times the largest vocabularies. */
const MOST_TOKENS = 5_000_000;

/** The library keeps tokens in a list by their ids, and walks all of it: one id of a billion would never end. */
function checkIds(json: Record<string, unknown>): void {
  const { added_tokens: added, model } = json;
  const vocabulary =
    typeof model === 'object' && model !== null ? (model as { vocab?: unknown }).vocab : undefined;
  const ids: unknown[] = Array.isArray(added)
    ? added.map((token: unknown) =>
        typeof token === 'object' && token !== null ? (token as { id?: unknown }).id : token,
      )
    : [];
  // A list holds its tokens in order, with scores; of a table each has its id.
  const isTable =
    typeof vocabulary === 'object' && vocabulary !== null && !Array.isArray(vocabulary);
  const all = isTable ? ids.concat(Object.values(vocabulary)) : ids;
  for (const id of all) {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < MOST_TOKENS) continue;
    throw new HeadlightError(
      'bad-model',
      `tokenizer.json cannot be used: it gives a token the id ${String(id).slice(0, 40)}.`,
      { hint: 'Choose a model whose tokenizer.json was saved by the tokenizers library.' },
    );
  }
}

/** What the library throws at a `tokenizer.json` that it cannot use is the file's fault. */
function usable<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof HeadlightError) throw error;
    throw new HeadlightError(
      'bad-model',
      `tokenizer.json cannot be used: ${toHeadlightError(error).message}`,
      {
        hint: 'Choose a model whose tokenizer.json was saved by the tokenizers library.',
        cause: error,
      },
    );
  }
}

/** Every id is one: a vocabulary whose values are no whole numbers is found here, not in the graph. */
function idsOf(
  tokenizer: Tokenizer,
  text: string,
  options: { readonly add_special_tokens?: boolean } = {},
): number[] {
  const { ids } = tokenizer.encode(text, options);
  for (const id of ids)
    if (!Number.isSafeInteger(id) || id < 0)
      throw new Error(`its vocabulary has the id ${String(id)}`);
  return ids;
}

/**
 * `tokenizer.json` of a model of words, as `transformers` saves one that was made with `add_prefix_space=True`.
 * @returns null when it is not byte-level: nothing is to be changed.
 */
export function wordTokenizer(tokenizerJson: Uint8Array): Uint8Array | null {
  const json = parseJson(tokenizerJson, 'tokenizer.json');
  if (!isByteLevel(json)) return null;
  return new TextEncoder().encode(JSON.stringify(afterSpace(json)));
}

/** Whether some step of the pre-tokenizer turns bytes into characters, a space among them. */
function isByteLevel({ pre_tokenizer: step }: Record<string, unknown>): boolean {
  return JSON.stringify(step ?? null).includes('"type":"ByteLevel"');
}

/** With a space put before every text that has none. */
function afterSpace(json: Record<string, unknown>): Record<string, unknown> {
  const spaced = (step: unknown): unknown => {
    if (typeof step !== 'object' || step === null) return step;
    const { type, pretokenizers } = step as Record<string, unknown>;
    if (type === 'ByteLevel') return { ...step, add_prefix_space: true };
    return Array.isArray(pretokenizers)
      ? { ...step, pretokenizers: pretokenizers.map(spaced) }
      : step;
  };
  return { ...json, pre_tokenizer: spaced(json['pre_tokenizer']) };
}

/**
 * Two things this library's BertNormalizer does otherwise than Hugging Face's, made good beforehand:
 * a final capital sigma becomes ς where Rust, character by character, gives σ; and ideographs beyond
 * the Basic Multilingual Plane are not set apart.
 */
function bertRepair(json: Record<string, unknown>): (text: string) => string {
  const normalizer = json['normalizer'];
  if (typeof normalizer !== 'object' || normalizer === null) return (text) => text;
  const { type, lowercase, handle_chinese_chars } = normalizer as Record<string, unknown>;
  if (type !== 'BertNormalizer') return (text) => text;
  return (text) => {
    let repaired = text;
    if (lowercase === true && text.includes('Σ')) repaired = repaired.replaceAll('Σ', 'σ');
    if (handle_chinese_chars === true && /[\ud840-\ud87e]/.test(text))
      repaired = repaired.replace(ASTRAL_IDEOGRAPH, ' $& ');
    return repaired;
  };
}

/** CJK Unified Ideographs Extension B to E and the supplementary compatibility block, as in BERT's own code. */
const ASTRAL_IDEOGRAPH =
  /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

interface SpecialTokens {
  readonly count: number;
  /** Those that stand after the text. */
  readonly closing: readonly number[];
}

/** Where the post-processor puts its tokens, found by trying a word with and without them. */
function findSpecialTokens(tokenizer: Tokenizer): SpecialTokens {
  const bare = idsOf(tokenizer, 'a', { add_special_tokens: false });
  const whole = idsOf(tokenizer, 'a');
  const before = whole.findIndex((_, start) => bare.every((id, i) => whole[start + i] === id));
  if (bare.length === 0 || before < 0) {
    throw new Error('it does not keep the text together between its special tokens');
  }
  return { count: whole.length - bare.length, closing: whole.slice(before + bare.length) };
}

/** Found by trying two words; as for two texts that follow each other where they cannot be told apart. */
function findPairTokens(tokenizer: Tokenizer, special: SpecialTokens): PairTokens {
  const bare = idsOf(tokenizer, 'a', { add_special_tokens: false });
  const { ids } = tokenizer.encode('a', { text_pair: 'a' });
  const stands = (start: number): boolean => bare.every((id, i) => ids[start + i] === id);
  const starts = ids.flatMap((_, start) => (stands(start) ? [start] : []));
  const [first, second] = [starts[0], starts.at(-1)];
  const opening = idsOf(tokenizer, 'a').slice(0, special.count - special.closing.length);
  if (first === undefined || second === undefined || second < first + bare.length)
    return { opening, between: special.closing, closing: special.closing };
  return {
    opening: ids.slice(0, first),
    between: ids.slice(first + bare.length, second),
    closing: ids.slice(second + bare.length),
  };
}

function findPadId(tokenizer: Tokenizer, config: Record<string, unknown>): number {
  const named = config['pad_token'];
  const token =
    typeof named === 'string'
      ? named
      : typeof named === 'object' && named !== null && 'content' in named
        ? String(named.content)
        : null;
  for (const candidate of [token, '[PAD]', '<pad>']) {
    const id = candidate === null ? undefined : tokenizer.token_to_id(candidate);
    if (id !== undefined) return id;
  }
  // Any id will do: padded positions are masked out of attention and pooling.
  return 0;
}

function parseJson(bytes: Uint8Array, name: string): Record<string, unknown> {
  const value = readJson(bytes, name);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HeadlightError('bad-model', `${name} does not hold a JSON object.`, {
      hint: 'Choose a folder with the tokenizer files that belong to the model.',
    });
  }
  return value as Record<string, unknown>;
}
