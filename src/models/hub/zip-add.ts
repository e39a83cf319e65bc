/**
 * A model from a zip: one that Headlight saved keeps its source and revision, so that recipes find it, and each file
 * is checked against the manifest; of any other the files of one folder in it are taken, as if it had been dropped.
 * The zip stays where it lies: only what belongs to the model is read.
 */
import { HeadlightError, ProgressMeter, Sha256, throwIfAborted, type Job } from '../../base';
import type { SourceFile } from '../../data';
import type { Locks, Storage } from '../../platform';
import type { EncoderReference, Precision } from '../types';
import { ZipFile } from '../zips';
import { findCached, modelPrefix, publishFiles, type CachedFile, type CachedModel } from './cache';
import type { ModelFile } from './encoder';
import { checkRepositoryId } from './hub-api';
import { folderAddress } from './host';
import {
  MANIFEST_NAME,
  MOST_MANIFEST_BYTES,
  readManifest,
  revisionOfFiles,
  type ManifestFile,
  type ModelManifest,
} from './manifest';
import { TICKET } from './kept-manifest';
import { folderOfModel, readWanted, wantedOf, type UnreadFile } from './picked';
import { PieceWriter, piecesKey } from './pieces';
import { requireRoom } from './room';

interface Place {
  readonly storage: Storage;
  readonly locks: Locks;
}

/** What a zip holds: a model that is kept now, one that ships, or the files of a folder. */
export type ZipContent =
  | {
      readonly kind: 'kept';
      readonly model: CachedModel;
      /** false: it was on this device before. */
      readonly isNew: boolean;
    }
  | { readonly kind: 'shipped'; readonly reference: Omit<EncoderReference, 'precision'> }
  | { readonly kind: 'folder'; readonly name: string; readonly files: readonly ModelFile[] };

/**
 * @throws HeadlightError `bad-file` when it is no zip or damaged, `bad-model` when it holds no model that can be
 *   used, `storage-full`, `aborted`. What was written is removed then.
 */
export async function* readModelZip(
  place: Place,
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
      const carried = { zip, root, about: { ...about, source: about.source }, manifest };
      return { kind: 'kept', ...(yield* keepOnce(place, carried, signal)) };
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

/** A model that a zip says it holds. */
interface Carried {
  readonly zip: ZipFile;
  readonly root: string;
  readonly about: Origin & { readonly source: 'hub' | 'host' };
  readonly manifest: ModelManifest;
}

interface Kept {
  readonly model: CachedModel;
  readonly isNew: boolean;
}

/** Not while a tab or another program writes the same model. */
async function* keepOnce(
  { storage, locks }: Place,
  carried: Carried,
  signal: AbortSignal | undefined,
): Job<Kept> {
  const { source, id, revision } = carried.about;
  const release = await locks.acquire(`models/${modelPrefix(source, id, revision)}`, signal);
  try {
    return yield* keep(storage, carried, signal);
  } finally {
    release();
  }
}

async function* keep(
  storage: Storage,
  { zip, root, about, manifest }: Carried,
  signal: AbortSignal | undefined,
): Job<Kept> {
  const { source, id, revision } = about;
  const { files } = manifest;
  if (source === 'host' && (await revisionOfFiles(files)) !== revision)
    throw notWhole(zip.name, MANIFEST_NAME);
  const there = await findCached(storage, source, id, revision);
  if (there !== null) {
    const same = files.every(({ name, sha256 }) =>
      there.files.some((kept) => kept.name === name && kept.sha256 === sha256),
    );
    if (same) return { model: there, isNew: false };
    throw new HeadlightError(
      'bad-model',
      `${id} is kept here already, with other files of the same revision.`,
      {
        hint: `One of the two is not what it says. Ask whoever gave you ${zip.name}, or remove the kept model first.`,
      },
    );
  }
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  await requireRoom(storage, id, total);
  const meter = new ProgressMeter(`Adding ${id}`, 'MB', total / 1e6);
  const prefix = modelPrefix(source, id, revision);
  const kept: CachedFile[] = [];
  let begun = 0;
  let isWhole = false;
  try {
    let done = 0;
    for (const file of files) {
      yield meter.at(done / 1e6);
      throwIfAborted(signal);
      begun += 1;
      kept.push(await keepEntry(storage, zip, { root, prefix }, file, signal));
      done += file.bytes;
    }
    yield meter.at(done / 1e6);
    const { licence, name, description } = manifest;
    const more = {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
    };
    const named = { ...{ source, id, revision, licence }, ...more, carried: true };
    const model = await publishFiles(storage, named, kept);
    isWhole = true;
    // Of a download that was stopped: nothing is to come any more.
    await storage.delete('models', prefix + TICKET);
    return { model, isNew: true };
  } finally {
    // Also when the job is dropped in the middle.
    if (!isWhole)
      for (const { name } of files.slice(0, begun))
        await storage.deleteAll('models', `${piecesKey(prefix, name)}/`);
  }
}

/** Writes one file in pieces, as a download leaves it. */
async function keepEntry(
  storage: Storage,
  zip: ZipFile,
  at: { readonly root: string; readonly prefix: string },
  file: ManifestFile,
  signal: AbortSignal | undefined,
): Promise<CachedFile> {
  const writer = await PieceWriter.open(storage, piecesKey(at.prefix, file.name), () => undefined);
  // What a download left is the same bytes, but not yet known to be.
  await writer.restart();
  const hash = new Sha256();
  for await (const piece of zip.pieces(at.root + file.name)) {
    throwIfAborted(signal);
    hash.update(piece);
    await writer.add(piece);
  }
  await writer.flush();
  if (hash.digest() !== file.sha256) throw notWhole(zip.name, file.name);
  return { ...file, pieces: [...writer.pieces] };
}

function read(
  zip: ZipFile,
  root: string,
  names: readonly string[],
  manifest: ModelManifest | null,
  signal: AbortSignal | undefined,
): Job<readonly ModelFile[]> {
  const there = new Set(zip.names);
  const find = (name: string): UnreadFile | null =>
    there.has(root + name)
      ? { bytes: zip.bytesOf(root + name), read: () => readEntry(zip, root, name, manifest) }
      : null;
  return readWanted(zip.name, names, find, signal);
}

async function readEntry(
  zip: ZipFile,
  root: string,
  name: string,
  manifest: ModelManifest | null,
): Promise<Uint8Array> {
  const bytes = await zip.read(root + name);
  const listed = manifest?.files.find((one) => one.name === name);
  if (listed === undefined) return bytes;
  const hash = new Sha256();
  hash.update(bytes);
  if (hash.digest() !== listed.sha256) throw notWhole(zip.name, name);
  return bytes;
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
