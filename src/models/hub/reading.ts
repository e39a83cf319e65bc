/** Reading what is kept of a model: each file once, into one buffer, checked on the way. */
import { HeadlightError, sha256 } from '../../base';
import type { Storage } from '../../platform';
import type { ModelFile } from './encoder';
import { modelPrefix, type AboutModel, type CachedFile, type CachedModel } from './kept-manifest';
import { PIECE_BYTES, pieceKey, piecesKey, readPieces } from './pieces';

type ModelName = Pick<AboutModel, 'source' | 'id' | 'revision'>;

/** A kept file that is missing or not what was kept. */
export class DamagedFile extends HeadlightError {
  readonly file: CachedFile;
  /** The first piece that is; null of a file in one entry. */
  readonly piece: number | null;

  constructor(model: ModelName, file: CachedFile, piece: number | null, isMissing: boolean) {
    super(
      'storage',
      `The kept copy of ${model.id} is damaged: ${file.name} is ${isMissing ? 'missing' : 'not what was kept'}.`,
      { hint: 'Remove the model under “Kept on this device” and add it again.' },
    );
    this.file = file;
    this.piece = piece;
  }
}

/**
 * @param names which files; absent: all
 * @throws DamagedFile `storage`.
 */
export async function readCached(
  storage: Storage,
  model: CachedModel,
  names?: readonly string[],
): Promise<readonly ModelFile[]> {
  const files: ModelFile[] = [];
  for (const file of model.files) {
    if (names?.includes(file.name) === false) continue;
    const bytes = await readFile(storage, model, file);
    files.push({ name: file.name, bytes, sha256: file.sha256 });
  }
  return files;
}

/** @throws DamagedFile `storage`. */
export async function readFile(
  storage: Storage,
  model: ModelName,
  file: CachedFile,
): Promise<Uint8Array> {
  const prefix = modelPrefix(model.source, model.id, model.revision);
  if (file.pieces === undefined) {
    const bytes = await storage.read('models', prefix + file.name);
    if (bytes === null || (await sha256(bytes)) !== file.sha256)
      throw new DamagedFile(model, file, null, bytes === null);
    return bytes;
  }
  const bytes = new Uint8Array(file.bytes);
  let at = 0;
  const key = piecesKey(prefix, file.name);
  const bad = await readPieces(storage, key, file.pieces, (piece) => {
    bytes.set(piece, at);
    at += piece.length;
  });
  if (bad !== null) throw new DamagedFile(model, file, bad, false);
  return bytes;
}

/**
 * The bytes of a kept file in order, a few megabytes at a time. Unchecked: whoever writes them elsewhere compares the
 * whole with `file.sha256`.
 */
export async function* keptBytes(
  storage: Storage,
  model: ModelName,
  file: CachedFile,
): AsyncGenerator<Uint8Array, void, void> {
  const prefix = modelPrefix(model.source, model.id, model.revision);
  const read = (name: string, at: number): Promise<Uint8Array | null> =>
    storage.readRange('models', name, at, at + PIECE_BYTES);
  const places =
    file.pieces === undefined
      ? [{ key: prefix + file.name, bytes: file.bytes }]
      : file.pieces.map(({ bytes }, number) => ({
          key: pieceKey(piecesKey(prefix, file.name), number),
          bytes,
        }));
  for (const { key, bytes } of places) {
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      const piece = await read(key, at);
      if (piece === null || piece.length === 0) return;
      yield piece;
    }
  }
}
