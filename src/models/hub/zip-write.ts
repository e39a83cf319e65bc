/**
 * A kept model as a zip: its files as they are, stored, with `headlight-model.json` last. It comes in pieces, so that
 * a gigabyte never stands in memory; each file's SHA-256 is checked on its way, so that a damaged copy leaves no zip.
 */
import { Zip, ZipPassThrough } from 'fflate';
import { HeadlightError, Sha256 } from '../../base';
import type { Assets, Storage } from '../../platform';
import type { EncoderReference } from '../types';
import { findCached, keptBytes, type CachedModel } from './cache';
import { MANIFEST_NAME, type ManifestFile } from './manifest';
import { readCatalogue, type CatalogueEntry } from './shipped';

/** The same for every entry, and the first that zip knows: the same model gives the same bytes. */
const MTIME = '1980-01-01T00:00:00';
/** The format's own limit without its later extension, which fflate does not write. */
const MOST_BYTES = 2 ** 32 - 2 ** 20;

/** A model to be carried away. */
export interface PackedModel {
  readonly about: {
    readonly source: CachedModel['source'] | 'shipped';
    readonly id: string;
    readonly revision: string;
    readonly licence: string | null;
    readonly name?: string;
    readonly description?: string;
  };
  /** `sha256` null: not known yet, written down as it is. */
  readonly files: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly sha256: string | null;
    pieces(): AsyncIterable<Uint8Array>;
  }[];
}

/**
 * @param reference a null revision: the one added last
 * @throws HeadlightError `not-found` when it is not on this device, whole.
 */
export async function packModel(
  { assets, storage }: { readonly assets: Assets; readonly storage: Storage },
  { source, id, revision }: Pick<EncoderReference, 'source' | 'id' | 'revision'>,
): Promise<PackedModel> {
  if (source === 'shipped') {
    const entry = (await readCatalogue(assets)).encoders.find((one) => one.id === id);
    if (entry !== undefined) return packedFromAssets(assets, entry);
  } else {
    const model = await findCached(storage, source, id, revision);
    if (model !== null) return packedFromStorage(storage, model);
  }
  throw new HeadlightError('not-found', `${id} is not on this device, whole.`, {
    hint: 'Add it first; a download that was stopped goes on where it was.',
  });
}

function packedFromStorage(storage: Storage, model: CachedModel): PackedModel {
  const { source, id, revision, licence, name, description } = model;
  return {
    about: {
      ...{ source, id, revision, licence },
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
    },
    files: model.files.map((file) => ({
      ...{ name: file.name, bytes: file.bytes, sha256: file.sha256 },
      pieces: () => keptBytes(storage, model, file),
    })),
  };
}

function packedFromAssets(assets: Assets, entry: CatalogueEntry): PackedModel {
  const { id, revision, licence, name, description } = entry;
  return {
    about: { source: 'shipped', id, revision, licence, name, description },
    files: entry.files.map((file) => ({
      ...file,
      sha256: file.name === entry.weights ? revision : null,
      async *pieces() {
        yield await assets.read(`models/${id}/${file.name}`);
      },
    })),
  };
}

/** Of its files alone. */
export function packedBytes(model: PackedModel): number {
  return model.files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** `owner_name-1a2b3c4d.zip` */
export function zipName({ about }: PackedModel): string {
  const plain = about.id
    .replace(/^https?:\/\//, '')
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[_.]+|_+$/g, '');
  return `${plain === '' ? 'model' : plain}-${about.revision.slice(0, 8)}.zip`;
}

/**
 * The zip, piece by piece.
 * @throws HeadlightError `storage` when a kept file is missing or damaged: what came until then is no zip;
 *   `bad-setting` above 4 GB.
 */
export async function* zipPieces(model: PackedModel): AsyncGenerator<Uint8Array, void, void> {
  if (packedBytes(model) > MOST_BYTES) {
    throw new HeadlightError(
      'bad-setting',
      `${model.about.id} is too large for a zip: over 4 GB.`,
      {
        hint: 'Copy the files themselves: npx headlight models manifest FOLDER makes a folder that can be added by its address.',
      },
    );
  }
  const ready: Uint8Array[] = [];
  const zip = new Zip((error, piece) => {
    if (error !== null) throw error;
    ready.push(piece);
  });
  const listed: ManifestFile[] = [];
  for (const file of model.files) {
    const entry = begin(zip, file.name);
    const hash = new Sha256();
    let bytes = 0;
    for await (const piece of file.pieces()) {
      hash.update(piece);
      bytes += piece.length;
      entry.push(piece, false);
      yield* ready.splice(0);
    }
    entry.push(new Uint8Array(), true);
    const sha256 = hash.digest();
    if (bytes !== file.bytes || sha256 !== (file.sha256 ?? sha256))
      throw notWhole(model, file.name);
    listed.push({ name: file.name, bytes, sha256 });
  }
  const manifest = { format: 'headlight.model', version: 1, ...model.about, files: listed };
  begin(zip, MANIFEST_NAME).push(new TextEncoder().encode(JSON.stringify(manifest, null, 2)), true);
  zip.end();
  yield* ready.splice(0);
}

function begin(zip: Zip, name: string): ZipPassThrough {
  const entry = new ZipPassThrough(name);
  entry.mtime = MTIME;
  zip.add(entry);
  return entry;
}

function notWhole({ about }: PackedModel, file: string): HeadlightError {
  return new HeadlightError(
    'storage',
    `The copy of ${about.id} is damaged: ${file} is not whole.`,
    {
      hint: 'Remove the model under “Kept on this device” and add it again.',
    },
  );
}
