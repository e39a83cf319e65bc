/**
 * The map of characters that a SentencePiece model was trained with (`precompiled_charsmap`), as Rust's tokenizers
 * apply it, grapheme by grapheme. The library here has NFKC in its place, whatever the map says: another map, such as
 * one that folds case, would be passed over without a word.
 *
 * The map is a double-array trie from UTF-8 to places in a blob of texts, each of which ends in a zero.
 * @see https://github.com/huggingface/spm_precompiled/blob/main/src/lib.rs
 */
import { PrecompiledNormalizer, type Tokenizer } from '@huggingface/tokenizers';
import { HeadlightError } from '../../base';

/** What one character becomes; the longest of Unicode is 33 bytes. */
const LONGEST_BYTES = 1024;
/** A grapheme of more bytes is taken character by character. */
const GRAPHEME_BYTES = 5;
/** Graphemes whose answer is remembered. */
const MOST_REMEMBERED = 20_000;

/** @throws HeadlightError `bad-model` when the map of a `tokenizer.json` is damaged. */
export function applyCharsmaps({ normalizer }: Tokenizer): void {
  const visit = (step: unknown): void => {
    if (typeof step !== 'function' && (typeof step !== 'object' || step === null)) return;
    if (step instanceof PrecompiledNormalizer) {
      const map: unknown = step.charsmap;
      // Without one, such as in files that only say “Precompiled”, the library's is all there is.
      if (typeof map === 'string' && map !== '') step.normalize = charsmap(fromBase64(map));
    } else if ('normalizers' in step && Array.isArray(step.normalizers)) {
      step.normalizers.forEach(visit);
    }
  };
  visit(normalizer);
}

/**
 * @param bytes of `precompiled_charsmap`
 * @throws HeadlightError `bad-model` when they are cut off.
 */
export function charsmap(bytes: Uint8Array): (text: string) => string {
  const find = reader(bytes);
  const encoder = new TextEncoder();
  const known = new Map<string, string>();
  const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
  const change = (grapheme: string): string => {
    const utf8 = encoder.encode(grapheme);
    const whole = utf8.length <= GRAPHEME_BYTES ? find(utf8) : null;
    if (whole !== null) return whole;
    return Array.from(grapheme, (char) => find(encoder.encode(char)) ?? char).join('');
  };
  const remembered = (grapheme: string): string => {
    const before = known.get(grapheme);
    if (before !== undefined) return before;
    const now = change(grapheme);
    if (known.size < MOST_REMEMBERED) known.set(grapheme, now);
    return now;
  };
  return (text) => {
    // Of plain ASCII each character is a grapheme, and most texts of most people need no more.
    const graphemes = /^[\x20-\x7e]*$/.test(text)
      ? text
      : Array.from(segmenter.segment(text), ({ segment }) => segment);
    let made = '';
    for (const grapheme of graphemes) made += remembered(grapheme);
    return made;
  };
}

/** Finds what the shortest beginning that the map has becomes; null: it has none. */
function reader(bytes: Uint8Array): (utf8: Uint8Array) => string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 4 ? 0 : view.getUint32(0, true);
  if (size === 0 || size % 4 !== 0 || size > bytes.length - 4)
    throw damaged(`it says ${size} bytes of a trie, and has ${bytes.length}`);
  const units = Uint32Array.from({ length: size / 4 }, (_, at) => view.getUint32(4 + 4 * at, true));
  const texts = bytes.subarray(4 + size);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const textAt = (start: number): string => {
    const end = texts.subarray(start, start + LONGEST_BYTES).indexOf(0);
    if (start >= texts.length || end < 0)
      throw damaged(`what begins at ${start} of its texts does not end`);
    try {
      return decoder.decode(texts.subarray(start, start + end));
    } catch (cause) {
      throw damaged(`what begins at ${start} of its texts is not UTF-8`, cause);
    }
  };
  return (utf8) => {
    let at = offset(units[0] ?? 0);
    for (const byte of utf8) {
      if (byte === 0) return null;
      at = (at ^ byte) >>> 0;
      const unit = units[at];
      if (unit === undefined || (unit & 0x8000_00ff) >>> 0 !== byte) return null;
      at = (at ^ offset(unit)) >>> 0;
      if ((unit & 0x100) !== 0) {
        const leaf = units[at];
        return leaf === undefined ? null : textAt(leaf & 0x7fff_ffff);
      }
    }
    return null;
  };
}

/** From a node to its children. */
function offset(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch (cause) {
    throw damaged('it is not base64', cause);
  }
}

function damaged(what: string, cause?: unknown): HeadlightError {
  return new HeadlightError('bad-model', `The tokenizer's map of characters is damaged: ${what}.`, {
    hint: 'Download or copy the model again.',
    ...(cause === undefined ? {} : { cause }),
  });
}
