/** A repository of the Hub on this device: which revision, which files, and whether they are there already. */
import { HeadlightError, type Job } from '../../base';
import type { Storage } from '../../platform';
import { parseEncoderConfig } from '../encoders';
import type { Precision } from '../types';
import { findCached, isUnfinished, type CachedModel } from './cache';
import type { RemoteFile } from './download';
import { askRepository, checkRepositoryId, fileUrl, refusal, type Repository } from './hub-api';
import { cameOf, keepFiles, type KeepSources } from './keep';
import { modelPrefix } from './kept-manifest';
import { neededFiles } from './needed';
import { megabytes } from './progress';
import { roomFor } from './room';

/** Configurations and tokenizers are read whole; none is nearly as large. */
const MOST_SMALL_BYTES = 64e6;
/** Names that decide which files a precision is made of. */
const CHOSEN_BY = /^(?:[^/]+\/)?[^/]+\.(?:json|txt|model|safetensors|bin|onnx|onnx[._]data[^/]*)$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** What a download would take, before its first byte. */
export interface DownloadPlan {
  readonly id: string;
  /** The commit that the revision is at. */
  readonly revision: string;
  readonly licence: string | null;
  readonly files: readonly { readonly name: string; readonly bytes: number | null }[];
  /** Of all files. */
  readonly bytes: number;
  /** Of them on this device already, whole or in part. */
  readonly bytesKept: number;
  /** null: the browser does not say. */
  readonly freeBytes: number | null;
  readonly fits: boolean;
}

/**
 * Has the files that this precision is made of on this device. A pinned revision that is kept is found without a
 * request; a branch is asked about again, and where the host cannot be reached the copy that is kept is used.
 *
 * @throws HeadlightError `not-found`, `network`, `bad-model`, `bad-setting`, `storage-full`, `aborted`.
 */
export async function* keepFromHub(
  sources: KeepSources,
  host: string,
  id: string,
  revision: string | null,
  precision: Precision,
  signal?: AbortSignal,
): Job<CachedModel> {
  const { storage, network } = sources;
  checkRepositoryId(id, revision);
  // Only a commit names its content.
  if (revision !== null && COMMIT.test(revision)) {
    const kept = await findCached(storage, 'hub', id, revision);
    if (kept !== null && (await isEnough(storage, kept, precision))) return kept;
  }
  let repository: Repository;
  try {
    repository = await askRepository(network, host, id, revision, signal);
  } catch (error) {
    const kept = revision === null ? await findCached(storage, 'hub', id, null) : null;
    const isOffline = error instanceof HeadlightError && error.code === 'network';
    if (kept === null || !isOffline || !(await isEnough(storage, kept, precision))) throw error;
    const short = kept.revision.slice(0, 12);
    const note = `${error.message} The copy kept on this device is used (revision ${short}).`;
    yield megabytes(`Reading ${id}`, 0, bytesOf(kept.files), note);
    return kept;
  }
  const { files, weights } = remoteFiles(repository, host, id, precision);
  const look = {
    names: ['config.json'],
    check(_name: string, bytes: Uint8Array): void {
      // An exported graph needs no architecture that is known here.
      if (weights !== 'onnx') parseEncoderConfig(bytes);
    },
  };
  const about = {
    ...({ source: 'hub', id, revision: repository.commit, licence: repository.licence } as const),
    offered: repository.files.map(({ name }) => name).filter((name) => CHOSEN_BY.test(name)),
  };
  return yield* keepFiles(sources, { about, name: id, precision, files, look }, signal);
}

/** Asks the host what a download would take. @throws HeadlightError as `keepFromHub`. */
export async function planDownload(
  { storage, network }: Pick<KeepSources, 'storage' | 'network'>,
  host: string,
  id: string,
  revision: string | null,
  precision: Precision,
  signal?: AbortSignal,
): Promise<DownloadPlan> {
  const repository = await askRepository(network, host, id, revision, signal);
  const { files } = remoteFiles(repository, host, id, precision);
  const kept = await findCached(storage, 'hub', id, repository.commit);
  const has = new Map(kept?.files.map((file) => [file.name, file]));
  const prefix = modelPrefix('hub', id, repository.commit);
  const bytesKept = await cameOf(storage, prefix, files, has);
  const bytes = bytesOf(files);
  const room = await roomFor(storage, Math.max(0, bytes - bytesKept));
  return {
    id,
    revision: repository.commit,
    licence: repository.licence,
    files: files.map((file) => ({ name: file.name, bytes: file.bytes })),
    bytes,
    bytesKept,
    freeBytes: room.free,
    fits: room.fits,
  };
}

/** Whether the kept files are those that this precision is made of. */
async function isEnough(
  storage: Storage,
  kept: CachedModel,
  precision: Precision,
): Promise<boolean> {
  // Without the names that the repository has, as before they were kept: what is there is what there is.
  if (kept.offered === undefined) return !(await isUnfinished(storage, kept));
  const here = new Set(kept.files.map(({ name }) => name));
  return neededFiles(kept.offered, precision, kept.id).names.every((name) => here.has(name));
}

function remoteFiles(
  repository: Repository,
  host: string,
  id: string,
  precision: Precision,
): { readonly files: readonly RemoteFile[]; readonly weights: string } {
  const { commit } = repository;
  const byName = new Map(repository.files.map((file) => [file.name, file]));
  const { names, weights } = neededFiles([...byName.keys()], precision, id);
  const files = names.flatMap((name): RemoteFile[] => {
    const file = byName.get(name);
    if (file === undefined) return [];
    const isSmall = !weights.files.includes(name) || name.endsWith('.json');
    if (isSmall && (file.bytes ?? 0) > MOST_SMALL_BYTES) {
      throw new HeadlightError(
        'bad-model',
        `${name} of ${id} is said to have ${Math.round((file.bytes ?? 0) / 1e6)} MB: it is no such file.`,
        { hint: 'Choose another model or another revision of it.' },
      );
    }
    const url = fileUrl(host, repository.id, commit, name);
    return [{ ...file, url, refusal: (response) => refusal(response, host, id, commit) }];
  });
  return { files, weights: weights.format };
}

function bytesOf(files: readonly { readonly bytes: number | null }[]): number {
  return files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
}
