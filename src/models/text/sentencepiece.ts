/**
 * A SentencePiece model (`spm.model`, `spiece.model`, `sentencepiece.bpe.model`): its pieces with their scores, and the
 * map of characters that its normaliser uses. Nothing of the file is believed: the work is bounded by its length, and
 * what the library itself would refuse is refused here.
 * @see https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
 */
import { HeadlightError } from '../../base';
import { MessageReader } from '../../graph/onnx';
import { checkSize, damaged } from './tokenizer-json';

/** What a piece is for. `unused` and `byte` are kept as they come, as transformers' converters do. */
export type PieceKind = 'normal' | 'unknown' | 'control' | 'userDefined' | 'unused' | 'byte';

export interface Piece {
  readonly text: string;
  /** Log probability. */
  readonly score: number;
  readonly kind: PieceKind;
}

export interface SentencePieceModel {
  /** In the order of their ids. */
  readonly pieces: readonly Piece[];
  /** The position of the one piece that stands for what is unknown. */
  readonly unknown: number;
  /** A trie and the texts that it points to; empty: characters stay as they are. */
  readonly charsmap: Uint8Array;
}

/** The largest (of 250 000 pieces) take 5 MB. */
const MOST_BYTES = 16e6;
/** Of all pieces together: each becomes a node of a trie. The largest have 2 million. */
const MOST_CHARACTERS = 6_000_000;
const LONGEST_PIECE = 1000;

const KINDS: readonly (PieceKind | undefined)[] = [
  ...([undefined, 'normal', 'unknown', 'control', 'userDefined', 'unused', 'byte'] as const),
];
const ALGORITHMS = ['', 'Unigram', 'BPE', 'whole words', 'single characters'];
const UNIGRAM = 1;

/**
 * @param name of the file, for messages
 * @throws HeadlightError `bad-model` when it is damaged, or made by another algorithm than Unigram.
 */
export function readSentencePiece(bytes: Uint8Array, name: string): SentencePieceModel {
  if (bytes.length > MOST_BYTES)
    throw damaged(name, `${Math.round(bytes.length / 1e6)} MB are more than any such file has`);
  try {
    return readModel(bytes, name);
  } catch (error) {
    if (!(error instanceof HeadlightError) || error.message.startsWith(name)) throw error;
    // The wire format's reader speaks of ONNX.
    throw damaged(name, 'it is cut off, damaged, or no SentencePiece model', error);
  }
}

function readModel(bytes: Uint8Array, name: string): SentencePieceModel {
  const pieces: Piece[] = [];
  const seen = new Set<string>();
  let charsmap: Uint8Array = new Uint8Array();
  let algorithm = UNIGRAM;
  let characters = 0;
  let unknown = -1;
  const reader = new MessageReader(bytes, 'vocabulary');
  while (reader.next()) {
    if (reader.field === 1) {
      checkSize(pieces.length, name);
      const piece = readPiece(reader.message('piece'), name, pieces.length);
      characters += piece.text.length;
      if (seen.has(piece.text))
        throw damaged(name, `the piece “${piece.text.slice(0, 40)}” stands in it twice`);
      if (characters > MOST_CHARACTERS)
        throw damaged(name, `its pieces have more than ${MOST_CHARACTERS} characters`);
      if (piece.kind === 'unknown') {
        if (unknown >= 0) throw damaged(name, 'it has two pieces for what is unknown');
        unknown = pieces.length;
      }
      seen.add(piece.text);
      pieces.push(piece);
    } else if (reader.field === 2) algorithm = readAlgorithm(reader.message('training'), algorithm);
    else if (reader.field === 3) charsmap = readCharsmap(reader.message('normaliser'), charsmap);
    else reader.skip();
  }
  if (algorithm !== UNIGRAM) {
    const said = ALGORITHMS[algorithm] ?? `the unknown algorithm ${algorithm}`;
    throw new HeadlightError('bad-model', `${name} is made by ${said}, not by Unigram.`, {
      hint: 'Choose a model that has tokenizer.json, or save one in Python: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER).',
    });
  }
  if (unknown < 0) throw damaged(name, 'it has no piece for what is unknown');
  return { pieces, unknown, charsmap };
}

function readPiece(reader: MessageReader, name: string, at: number): Piece {
  let text = '';
  let score = 0;
  let kind: PieceKind | undefined = 'normal';
  while (reader.next()) {
    if (reader.field === 1) text = reader.string();
    else if (reader.field === 2) score = reader.float();
    else if (reader.field === 3) kind = KINDS[reader.integer()];
    else reader.skip();
  }
  if (text === '') throw damaged(name, `piece ${at} is empty`);
  if (text.length > LONGEST_PIECE) throw damaged(name, `piece ${at} has ${text.length} characters`);
  if (!Number.isFinite(score)) throw damaged(name, `the score of piece ${at} is no number`);
  if (kind === undefined) throw damaged(name, `piece ${at} is of no known kind`);
  return { text, score, kind };
}

function readAlgorithm(reader: MessageReader, before: number): number {
  let algorithm = before;
  while (reader.next()) {
    if (reader.field === 3) algorithm = reader.integer();
    else reader.skip();
  }
  return algorithm;
}

function readCharsmap(reader: MessageReader, before: Uint8Array): Uint8Array {
  let charsmap = before;
  while (reader.next()) {
    if (reader.field === 2) charsmap = reader.bytes();
    else reader.skip();
  }
  return charsmap;
}
