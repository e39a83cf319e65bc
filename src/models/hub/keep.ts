/**
 * Has a model's files on this device: downloads those that are missing, one job at a time among all tabs and
 * processes, and publishes the manifest when all are whole.
 */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job, type Progress } from '../../base';
import type { Locks, Network, Release, Storage } from '../../platform';
import type { Precision } from '../types';
import { downloadFile, type RemoteFile } from './download';
import {
  modelPrefix,
  readManifest,
  readTicket,
  TICKET,
  writeManifest,
  writeTicket,
  type AboutModel,
  type CachedFile,
  type CachedModel,
} from './kept-manifest';
import { pieceKey, piecesKey } from './pieces';
import { readFile } from './reading';
import { requireRoom } from './room';

const LOOK_EVERY_MS = 500;

export interface KeepSources {
  readonly storage: Storage;
  readonly network: Network;
  readonly locks: Locks;
}

export interface Wanted {
  readonly about: AboutModel;
  /** For people. */
  readonly name: string;
  /** What it was asked for in, so that an unfinished download can be asked for again. */
  readonly precision: Precision | null;
  /** All that the model needs, in the order they are to come. */
  readonly files: readonly RemoteFile[];
  /**
   * Handed each file of `look` when it is whole, before the next one comes: what cannot be used is refused before
   * its weights are downloaded.
   */
  readonly look?: {
    readonly names: readonly string[];
    readonly check: (name: string, bytes: Uint8Array) => void;
  };
}

/**
 * Aborting pauses: what has come is kept, and asking again goes on from there.
 *
 * @throws HeadlightError as `downloadFile`; `storage-full` before the first byte where it will not fit.
 */
export async function* keepFiles(
  sources: KeepSources,
  wanted: Wanted,
  signal?: AbortSignal,
): Job<CachedModel> {
  const { storage, locks } = sources;
  const { source, id, revision } = wanted.about;
  const prefix = modelPrefix(source, id, revision);
  const total = wanted.files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const release = yield* takeTurn(locks, storage, wanted, prefix, total, signal);
  try {
    const before = await readManifest(storage, prefix);
    const has = new Map(before?.files.map((file) => [file.name, file]));
    const missing = wanted.files.filter(({ name }) => !has.has(name));
    if (before !== null && missing.length === 0) {
      // Another job has brought them, or a ticket was left when it was killed after its manifest.
      if ((await readTicket(storage, prefix)) !== null)
        await storage.delete('models', prefix + TICKET);
      return before;
    }
    const files = yield* downloadAll(sources, wanted, prefix, has, total, signal);
    // Files that a zip brought stay what they are: nobody has compared them with the host's.
    const carried = before?.carried === true ? { carried: true } : {};
    const manifest = await writeManifest(storage, { ...wanted.about, ...carried }, files);
    await storage.delete('models', prefix + TICKET);
    return manifest;
  } catch (error) {
    // A gated or missing model, of which nothing came, is no download that waits to go on.
    const isRefused = error instanceof HeadlightError && error.code === 'not-found';
    const hasCome = (await storage.entries('models', `${prefix}parts/`)).length > 0;
    // A model of an older Headlight has no parts, and stays.
    if (isRefused && !hasCome && (await readManifest(storage, prefix)) === null)
      await storage.deleteAll('models', prefix);
    throw error;
  } finally {
    release();
  }
}

/** Waits while another job downloads the same model, and shows how far that is. */
async function* takeTurn(
  locks: Locks,
  storage: Storage,
  { name, files }: Wanted,
  prefix: string,
  total: number,
  signal: AbortSignal | undefined,
): Job<Release> {
  throwIfAborted(signal);
  const lock = `models/${prefix}`;
  const free = await locks.tryAcquire(lock);
  if (free !== null) return free;
  const meter = new ProgressMeter(`Waiting for another download of ${name}`, 'MB', total / 1e6);
  const turn = locks.acquire(lock, signal);
  turn.catch(() => undefined); // awaited below; a job that is dropped before leaves nobody to tell
  let isTaken = false;
  try {
    let note: string | undefined =
      `${name} is being downloaded already, in another tab or program. It is not downloaded twice.`;
    for (;;) {
      const came = await cameOf(storage, prefix, files);
      yield meter.at(Math.min(came, total) / 1e6, note);
      note = undefined;
      const release = await Promise.race([turn, later(LOOK_EVERY_MS)]);
      if (release === null) continue;
      isTaken = true;
      return release;
    }
  } finally {
    if (!isTaken)
      void turn.then(
        (release) => release(),
        () => undefined,
      );
  }
}

async function* downloadAll(
  { storage, network }: KeepSources,
  wanted: Wanted,
  prefix: string,
  has: ReadonlyMap<string, CachedFile>,
  total: number,
  signal: AbortSignal | undefined,
): Job<readonly CachedFile[]> {
  const { about, name: model, files } = wanted;
  const came = await cameOf(storage, prefix, files, has);
  await requireRoom(storage, about.id, Math.max(0, total - came));
  const sizes = files.map(({ name, bytes }) => ({ name, bytes }));
  await writeTicket(storage, about, wanted.precision, sizes);
  const meter = new ProgressMeter(`Downloading ${model}`, 'MB', total / 1e6, came / 1e6);
  const kept = new Map(has);
  let done = 0;
  for (const [index, file] of files.entries()) {
    const { name } = file;
    const at = (bytes: number): Progress => ({
      ...meter.at((done + bytes) / 1e6),
      file: { name, bytes, totalBytes: file.bytes, number: index + 1, count: files.length },
    });
    const there = kept.get(name);
    const key = piecesKey(prefix, name);
    const whole =
      there ?? (yield* mapped(downloadFile({ network, storage, file, model, key, signal }), at));
    yield at(whole.bytes);
    kept.set(name, whole);
    if (wanted.look?.names.includes(name) === true) {
      const bytes = await readFile(storage, about, whole);
      try {
        wanted.look.check(name, bytes);
      } catch (error) {
        // What can never be used is no download that waits to go on.
        if (has.size === 0) await storage.deleteAll('models', prefix);
        throw error;
      }
    }
    done += whole.bytes;
  }
  for (const { name } of files) await storage.delete('models', `${piecesKey(prefix, name)}/etag`);
  throwIfAborted(signal);
  return [...kept.values()];
}

/** Bytes of the wanted files that are on this device, whole or in part. */
export async function cameOf(
  storage: Storage,
  prefix: string,
  files: readonly Pick<RemoteFile, 'name' | 'bytes'>[],
  has: ReadonlyMap<string, CachedFile> = new Map(),
): Promise<number> {
  const entries = await storage.entries('models', `${prefix}parts/`);
  const sizes = new Map(entries.map(({ key, bytes }) => [key, bytes]));
  let came = 0;
  for (const { name, bytes } of files) {
    let here = has.get(name)?.bytes ?? 0;
    if (here === 0)
      for (let number = 0; ; number++) {
        const size = sizes.get(pieceKey(piecesKey(prefix, name), number));
        if (size === undefined) break;
        here += size;
      }
    came += Math.min(here, bytes ?? here);
  }
  return came;
}

async function* mapped<Part, Result>(
  source: AsyncGenerator<Part, Result, void>,
  map: (part: Part) => Progress,
): Job<Result> {
  try {
    for (;;) {
      const step = await source.next();
      if (step.done) return step.value;
      yield map(step.value);
    }
  } finally {
    // A job that is dropped closes its connection.
    await source.return(undefined as never);
  }
}

function later(milliseconds: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), milliseconds));
}
