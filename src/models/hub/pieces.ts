/**
 * One file in the area `models` as numbered pieces, `<key>/000000` and on: written as they come from the network and
 * never joined on the disk. A kept model's manifest names them, so that publishing copies nothing, and a file is put
 * together once, in memory, when the model is opened.
 */
import { joinedBytes, sha256 } from '../../base';
import type { Storage } from '../../platform';

/** What a cut download loses at most, and what is in memory twice while a file is read. */
export const PIECE_BYTES = 4 * 2 ** 20;
/** On a slow line a piece is written before it is full. */
const WRITE_AFTER_MS = 10_000;

/** A piece as the manifest names it. */
export interface Piece {
  readonly bytes: number;
  readonly sha256: string;
}

/** Where the pieces of a model's file lie, under the model's prefix. */
export function piecesKey(prefix: string, name: string): string {
  return `${prefix}parts/${encodeURIComponent(name)}`;
}

export function pieceKey(key: string, number: number): string {
  return `${key}/${String(number).padStart(6, '0')}`;
}

/** Writes a file piece by piece, or goes on with one that was begun. */
export class PieceWriter {
  readonly #storage: Storage;
  readonly #key: string;
  readonly #pieces: Piece[] = [];
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #pendingSince = 0;
  #stored = 0;

  private constructor(storage: Storage, key: string) {
    this.#storage = storage;
    this.#key = key;
  }

  /**
   * Goes on after the pieces that are kept: those from the first on without a gap.
   *
   * @param onBytes is handed their bytes in order, for a hash of the whole.
   */
  static async open(
    storage: Storage,
    key: string,
    onBytes: (bytes: Uint8Array) => void,
  ): Promise<PieceWriter> {
    const writer = new PieceWriter(storage, key);
    for (;;) {
      const bytes = await storage.read('models', pieceKey(key, writer.#pieces.length));
      if (bytes === null || bytes.length === 0) return writer;
      onBytes(bytes);
      writer.#pieces.push({ bytes: bytes.length, sha256: await sha256(bytes) });
      writer.#stored += bytes.length;
    }
  }

  /** Kept or about to be. */
  get bytes(): number {
    return this.#stored + this.#pendingBytes;
  }

  get keptBytes(): number {
    return this.#stored;
  }

  /** Those that are kept. */
  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** @param bytes are the writer's from now on. */
  async add(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    if (this.#pendingBytes === 0) this.#pendingSince = Date.now();
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= PIECE_BYTES || Date.now() - this.#pendingSince >= WRITE_AFTER_MS)
      await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    let rest = joinedBytes(this.#pending);
    while (rest.length > 0) {
      this.#pending = [rest];
      this.#pendingBytes = rest.length;
      // A host may hand over any amount at once; a piece a little larger is not worth a second one.
      const bytes = rest.length <= 2 * PIECE_BYTES ? rest : rest.slice(0, PIECE_BYTES);
      const hash = await sha256(bytes);
      await this.#storage.write('models', pieceKey(this.#key, this.#pieces.length), bytes);
      this.#pieces.push({ bytes: bytes.length, sha256: hash });
      this.#stored += bytes.length;
      rest = rest.subarray(bytes.length);
    }
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  /** Forgets all pieces, and those that an earlier writer left behind a gap. */
  async restart(): Promise<void> {
    await this.#storage.deleteAll('models', `${this.#key}/`);
    this.#pieces.length = 0;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#stored = 0;
  }
}

/** Writes a file that stands in memory. @returns its pieces. */
export async function writePieces(
  storage: Storage,
  key: string,
  bytes: Uint8Array,
): Promise<readonly Piece[]> {
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    await storage.write('models', pieceKey(key, pieces.length), piece);
    pieces.push({ bytes: piece.length, sha256: await sha256(piece) });
  }
  return pieces;
}

/**
 * Reads the pieces in order, the next one while this one is used, each checked by its hash.
 *
 * @returns the number of the first that is missing or not what was kept; null when all are whole.
 */
export async function readPieces(
  storage: Storage,
  key: string,
  pieces: readonly Piece[],
  onBytes: (bytes: Uint8Array) => void | Promise<void>,
): Promise<number | null> {
  const read = (number: number): Promise<Uint8Array | null> =>
    storage.read('models', pieceKey(key, number));
  let coming = read(0);
  for (const [number, piece] of pieces.entries()) {
    const bytes = await coming;
    if (number + 1 < pieces.length) {
      coming = read(number + 1);
      // Awaited in the next round; until then a failure is not an unhandled one.
      coming.catch(() => undefined);
    }
    if (bytes?.length !== piece.bytes || (await sha256(bytes)) !== piece.sha256) return number;
    await onBytes(bytes);
  }
  return null;
}
