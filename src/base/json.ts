/**
 * JSON that comes from outside: a config, a tokenizer, an index of shards, an answer of a host. Its size and its
 * depth are bounded before the parser sees it, since a parser recurses as deep as it is told to.
 */
import { HeadlightError } from './error';

export interface JsonBounds {
  /** Default 64 MB: the largest tokenizers take 35. */
  readonly maxBytes?: number;
  /** Of objects and lists within each other; default 64. */
  readonly maxDepth?: number;
  /** What to do when it cannot be read. */
  readonly hint?: string;
}

const MAX_BYTES = 64e6;
const MAX_DEPTH = 64;

/**
 * @param name of the file, for the message
 * @throws HeadlightError `bad-model` when it is too large, nested too deep, not UTF-8 or not JSON.
 */
export function readJson(bytes: Uint8Array, name: string, bounds: JsonBounds = {}): unknown {
  const { maxBytes = MAX_BYTES, maxDepth = MAX_DEPTH } = bounds;
  const { hint = 'The file may be cut off or another one; download the model again.' } = bounds;
  if (bytes.length > maxBytes) {
    throw new HeadlightError(
      'bad-model',
      `${name} is larger than ${Math.round(maxBytes / 1e6)} MB: it is no such file.`,
      { hint },
    );
  }
  if (depthOf(bytes, maxDepth) > maxDepth) {
    throw new HeadlightError('bad-model', `${name} is nested deeper than ${maxDepth} levels.`, {
      hint,
    });
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new HeadlightError('bad-model', `${name} is not JSON.`, { hint, cause });
  }
}

/** Levels of objects and lists; counting stops above `enough`. Text in quotes counts nothing. */
function depthOf(bytes: Uint8Array, enough: number): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < bytes.length && deepest <= enough; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) deepest = Math.max(deepest, ++depth);
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth--;
  }
  return deepest;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
