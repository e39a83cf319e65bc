/**
 * A model from a zip: one that Headlight saved keeps its source and revision, so that recipes find it, and each file
 * is checked against the manifest; of any other the files of one folder in it are taken, as if it had been dropped.
 * The zip stays where it lies: only what belongs to the model is read.
 */
import { HeadlightError, ProgressMeter, Sha256, throwIfAborted, type Job } from '../../base';
import type { SourceFile } from '../../data';
import type { Storage } from '../../platform';
import type { EncoderReference, Precision } from '../types';
import { findCached, modelPrefix, publishFiles, type CachedModel } from './cache';
import type { ModelFile } from './encoder';
import { checkRepositoryId } from './hub-api';
import { folderAddress } from './host';
import {
  MANIFEST_NAME,
  MOST_MANIFEST_BYTES,
  readManifest,
  revisionOfFiles,
  type ModelManifest,
} from './manifest';
import { folderOfModel, wantedOf } from './picked';
import { ZipFile } from './zip-read';

/** What a zip holds: a model that is kept now, one that ships, or the files of a folder. */
export type ZipContent =
  | { readonly kind: 'kept'; readonly model: CachedModel }
  | { readonly kind: 'shipped'; readonly reference: Omit<EncoderReference, 'precision'> }
  | { readonly kind: 'folder'; readonly name: string; readonly files: readonly ModelFile[] };

/**
 * @param storage null: nothing is kept, and every zip is read as a folder.
 * @throws HeadlightError `bad-file` when it is no zip or damaged, `bad-model` when it holds no model that can be
 *   used, `storage-full`, `aborted`. What was written is removed then.
 */
export async function* readModelZip(
  storage: Storage,
  file: SourceFile,
  precision: Precision,
  signal?: AbortSignal,
): Job<ZipContent> {
  const zip = await ZipFile.open(file);
  const names = zip.names.filter(isOfPerson);
  if (names.includes('headlight.json')) {
    throw new HeadlightError(
      'bad-file',
      `${file.name} is a project that Headlight saved, not a model.`,
      {
        hint: 'Drop it in the step “Data”, or under “Projects”.',
      },
    );
  }
  const at = manifestOf(names);
  if (at !== null) {
    const manifest = await manifestIn(zip, at, file.name);
    const root = at.slice(0, -MANIFEST_NAME.length);
    for (const { name, bytes } of manifest.files) {
      if (!names.includes(root + name) || zip.bytesOf(root + name) !== bytes)
        throw notWhole(file.name, name);
    }
    const about = origin(manifest, file.name);
    if (about?.source === 'shipped') return { kind: 'shipped', reference: about };
    if (about !== null) {
      const model = yield* keep(storage, zip, root, about, manifest, signal);
      return { kind: 'kept', model };
    }
    const files = yield* read(
      zip,
      root,
      manifest.files.map(({ name }) => name),
      manifest,
      signal,
    );
    return { kind: 'folder', name: manifest.id ?? manifest.name ?? plainName(file.name), files };
  }
  const root = folderOfModel(names);
  const inside = names.flatMap((name) => (name.startsWith(root) ? [name.slice(root.length)] : []));
  const id = root === '' ? plainName(file.name) : (root.split('/').at(-2) ?? 'model');
  const wanted = wantedOf(inside, precision, id, `in ${file.name}`);
  const files = yield* read(zip, root, wanted, null, signal);
  return { kind: 'folder', name: id, files };
}

/** What systems put into zips beside a person's files. */
function isOfPerson(name: string): boolean {
  return !name.split('/').some((part) => part.startsWith('.') || part === '__MACOSX');
}

/** The manifest that lies least deep. */
function manifestOf(names: readonly string[]): string | null {
  const all = names.filter((name) => name === MANIFEST_NAME || name.endsWith(`/${MANIFEST_NAME}`));
  return all.sort((a, b) => a.split('/').length - b.split('/').length)[0] ?? null;
}

async function manifestIn(zip: ZipFile, name: string, what: string): Promise<ModelManifest> {
  if (zip.bytesOf(name) > MOST_MANIFEST_BYTES)
    return readManifest(new Uint8Array(MOST_MANIFEST_BYTES + 1), what);
  return readManifest(await zip.read(name), what);
}

type Origin = Pick<CachedModel, 'id' | 'revision'> & {
  readonly source: 'hub' | 'host' | 'shipped';
};

/** Where the manifest says it is from; null: a folder, whose revision is found anew. */
function origin({ source, id, revision }: ModelManifest, what: string): Origin | null {
  if (source === undefined || source === 'folder') return null;
  const wrong = (): HeadlightError =>
    new HeadlightError('bad-model', `${what} does not say what model of ${source} it holds.`, {
      hint: 'Save it again where it came from.',
    });
  if (id === undefined || revision === undefined) throw wrong();
  if (source === 'hub') {
    checkRepositoryId(id, revision);
    if (revision.length !== 40) throw wrong();
  } else if (revision.length !== 64) throw wrong();
  if (source === 'host' && folderAddress(id) !== id) throw wrong();
  return { source, id, revision };
}

async function* keep(
  storage: Storage,
  zip: ZipFile,
  root: string,
  about: Origin & { readonly source: 'hub' | 'host' | 'shipped' },
  manifest: ModelManifest,
  signal: AbortSignal | undefined,
): Job<CachedModel> {
  const { source, id, revision } = about;
  if (source === 'shipped') throw new HeadlightError('internal', 'a shipped model is not kept');
  const { files } = manifest;
  if (source === 'host' && (await revisionOfFiles(files)) !== revision)
    throw notWhole(zip.name, MANIFEST_NAME);
  const there = await findCached(storage, source, id, revision);
  if (there !== null) {
    const same = files.every(({ name, sha256 }) =>
      there.files.some((kept) => kept.name === name && kept.sha256 === sha256),
    );
    if (same) return there;
    throw new HeadlightError(
      'bad-model',
      `${id} is kept here already, with other files of the same revision.`,
      {
        hint: `One of the two is not what it says. Ask whoever gave you ${zip.name}, or remove the kept model first.`,
      },
    );
  }
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  await checkRoom(storage, total, id);
  const meter = new ProgressMeter(`Adding ${id}`, 'MB', total / 1e6);
  const prefix = modelPrefix(source, id, revision);
  const written: string[] = [];
  try {
    let done = 0;
    for (const file of files) {
      yield meter.at(done / 1e6);
      throwIfAborted(signal);
      written.push(prefix + file.name);
      await storage.writePieces('models', prefix + file.name, checked(zip, root, file, signal));
      done += file.bytes;
    }
    yield meter.at(done / 1e6);
    const { licence, name, description } = manifest;
    const more = {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
    };
    return await publishFiles(
      storage,
      { ...{ source, id, revision, licence }, ...more, carried: true },
      files,
    );
  } catch (error) {
    for (const key of written) await storage.delete('models', key);
    throw error;
  }
}

/** Known before it is written, where the browser says what it has. */
async function checkRoom(storage: Storage, bytes: number, id: string): Promise<void> {
  const room = await storage.estimate();
  if (room === null || room.quotaBytes - room.usageBytes >= bytes) return;
  const megabytes = (count: number): string => Math.max(0, count / 1e6).toFixed(0);
  throw new HeadlightError(
    'storage-full',
    `${id} needs ${megabytes(bytes)} MB, and there is room for ${megabytes(room.quotaBytes - room.usageBytes)} MB.`,
    { hint: 'Remove kept models or old projects, or free space on this device.' },
  );
}

async function* checked(
  zip: ZipFile,
  root: string,
  file: ModelManifest['files'][number],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const hash = new Sha256();
  for await (const piece of zip.pieces(root + file.name)) {
    throwIfAborted(signal);
    hash.update(piece);
    yield piece;
  }
  if (hash.digest() !== file.sha256) throw notWhole(zip.name, file.name);
}

async function* read(
  zip: ZipFile,
  root: string,
  names: readonly string[],
  manifest: ModelManifest | null,
  signal: AbortSignal | undefined,
): Job<readonly ModelFile[]> {
  const total = names.reduce((sum, name) => sum + zip.bytesOf(root + name), 0);
  const meter = new ProgressMeter(`Reading ${zip.name}`, 'MB', total / 1e6);
  const files: ModelFile[] = [];
  let done = 0;
  for (const name of names) {
    yield meter.at(done / 1e6);
    throwIfAborted(signal);
    const bytes = await zip.read(root + name);
    const listed = manifest?.files.find((one) => one.name === name);
    if (listed !== undefined) {
      const hash = new Sha256();
      hash.update(bytes);
      if (hash.digest() !== listed.sha256) throw notWhole(zip.name, name);
    }
    files.push({ name, bytes });
    done += bytes.length;
  }
  yield meter.at(done / 1e6);
  return files;
}

function plainName(zip: string): string {
  return zip.replace(/^.*[/\\]/, '').replace(/\.zip$/i, '') || 'model';
}

function notWhole(what: string, name: string): HeadlightError {
  return new HeadlightError(
    'bad-model',
    `${what}: ${name} is missing, or not what its manifest says.`,
    {
      hint: 'Save the zip again where it came from; do not change what is in it.',
    },
  );
}
