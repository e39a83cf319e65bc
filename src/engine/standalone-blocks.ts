/**
 * Files inside an HTML file: compressed, as base64, in script elements of a type that no browser runs. Cut into
 * elements of a few megabytes, each of whole groups of four characters, so that no parser meets its limit.
 */
import { HeadlightError } from '../base';

/** What a file costs in HTML: four characters for three bytes. */
export const BASE64_SHARE = 4 / 3;
/** The attribute that carries a file's name. */
export const BLOCK_ATTRIBUTE = 'data-file';

/** Bytes of compressed content an element; a multiple of three. */
const ELEMENT_BYTES = 3 * (1 << 21);
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const CODES = new TextEncoder().encode(ALPHABET);
const PADDING = '='.charCodeAt(0);

/** The elements of a file, in order. @param name holds no quote and no `<`. */
export async function fileBlocks(name: string, bytes: Uint8Array): Promise<Uint8Array[]> {
  return packedBlocks(name, await compressed(bytes));
}

/** As `fileBlocks`, of what is gzip already. */
export function packedBlocks(name: string, packed: Uint8Array): Uint8Array[] {
  if (/["<&]/.test(name)) throw new HeadlightError('internal', `a block cannot be called ${name}`);
  const encoder = new TextEncoder();
  const opening = encoder.encode(
    `<script type="application/octet-stream" ${BLOCK_ATTRIBUTE}="${name}">`,
  );
  const closing = encoder.encode('</script>\n');
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < packed.length || at === 0; at += ELEMENT_BYTES) {
    pieces.push(opening, base64(packed.subarray(at, at + ELEMENT_BYTES)), closing);
  }
  return pieces;
}

/**
 * The file that stood in these elements.
 * @throws HeadlightError `bad-file` when the file was cut off or changed on its way.
 */
export async function fileOfBlocks(texts: readonly string[], name: string): Promise<Uint8Array> {
  try {
    const parts = texts.map(fromBase64);
    const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new HeadlightError('bad-file', `This page is damaged: ${name} in it cannot be read.`, {
      hint: 'Get the file again from whoever made it; it may have been cut off on its way.',
      cause,
    });
  }
}

async function compressed(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** As ASCII bytes: a string of them would stand in memory once more. */
function base64(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let to = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    out[to++] = CODES[a >> 2] ?? 0;
    out[to++] = CODES[((a & 3) << 4) | (b >> 4)] ?? 0;
    out[to++] = at + 1 < bytes.length ? (CODES[((b & 15) << 2) | (c >> 6)] ?? 0) : PADDING;
    out[to++] = at + 2 < bytes.length ? (CODES[c & 63] ?? 0) : PADDING;
  }
  return out;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  return bytes;
}
