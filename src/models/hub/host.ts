/**
 * A folder on the web: a model's files with `headlight-model.json` beside them, on any host that serves files. What
 * the manifest names is downloaded, in pieces that are kept, and checked against its SHA-256; the revision is a hash
 * of what the manifest names, so that a folder that changes is another model.
 */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../../base';
import type { Network } from '../../platform';
import { findCached, isUnfinished, type CachedModel } from './cache';
import type { RemoteFile } from './download';
import { boundedBytes, passOver } from './hub-api';
import { keepFiles, type KeepSources } from './keep';
import {
  MANIFEST_NAME,
  MOST_MANIFEST_BYTES,
  readManifest,
  revisionOfFiles,
  type ModelManifest,
} from './manifest';

/** References are stored and shown: see `pinnedReferenceSchema`. */
const LONGEST_ADDRESS = 200;
const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The address as it names the folder: https (http on this machine), with a `/` at its end. That of the manifest
 * itself is taken for its folder's.
 * @throws HeadlightError `bad-setting`.
 */
export function folderAddress(text: string): string {
  const asked = text.trim();
  let url: URL;
  try {
    url = new URL(asked);
  } catch (cause) {
    throw new HeadlightError('bad-setting', `“${asked}” is not an address.`, {
      hint: 'Give the folder’s whole address, such as https://models.example.org/my-model/.',
      cause,
    });
  }
  const wrong = (why: string): HeadlightError =>
    new HeadlightError('bad-setting', `The folder’s address ${why}.`, {
      hint: 'Give one such as https://models.example.org/my-model/.',
    });
  const isHere = THIS_MACHINE.includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere))
    throw wrong('must begin with https://');
  if (url.username !== '' || url.password !== '') throw wrong('must not hold a password');
  if (url.search !== '' || url.hash !== '')
    throw wrong('must end where the folder does, without ? or #');
  const path = url.pathname.endsWith(`/${MANIFEST_NAME}`)
    ? url.pathname.slice(0, -MANIFEST_NAME.length)
    : url.pathname.replace(/\/?$/, '/');
  const address = url.origin + path;
  if (address.length > LONGEST_ADDRESS) throw wrong(`has more than ${LONGEST_ADDRESS} characters`);
  return address;
}

/**
 * Has the model of a folder in storage, downloading what is missing.
 *
 * @param address as `folderAddress` gives it
 * @param revision null: what the folder holds now; where it cannot be reached, the copy that is kept
 * @throws HeadlightError `network`, `not-found`, `bad-model`, `storage-full`, `aborted`.
 */
export async function* keepFolderOf(
  sources: KeepSources,
  address: string,
  revision: string | null,
  signal?: AbortSignal,
): Job<CachedModel> {
  const { storage } = sources;
  if (revision !== null) {
    const kept = await findCached(storage, 'host', address, revision);
    if (kept !== null && !(await isUnfinished(storage, kept))) return kept;
  }
  const meter = new ProgressMeter(`Asking ${new URL(address).host}`, 'MB', null);
  yield meter.at(0);
  let manifest: ModelManifest;
  try {
    manifest = await askManifest(sources.network, address, signal);
  } catch (error) {
    const kept = revision === null ? await findCached(storage, 'host', address, null) : null;
    if (kept === null || !(error instanceof HeadlightError) || error.code !== 'network')
      throw error;
    const short = kept.revision.slice(0, 12);
    yield meter.at(0, `${error.message} The copy kept on this device is used (revision ${short}).`);
    return kept;
  }
  const found = await revisionOfFiles(manifest.files);
  if (revision !== null && found !== revision) {
    throw new HeadlightError(
      'not-found',
      `${address} holds revision ${found.slice(0, 12)} now, but ${revision.slice(0, 12)} was asked for.`,
      { hint: 'Ask who keeps the folder for the older files, or train anew with what is there.' },
    );
  }
  // Asked there: files that are kept already are not downloaded again.
  return yield* download(sources, address, found, manifest, signal);
}

function download(
  sources: KeepSources,
  address: string,
  revision: string,
  manifest: ModelManifest,
  signal: AbortSignal | undefined,
): Job<CachedModel> {
  const { licence, name, description } = manifest;
  // Small files first: what cannot be used is seen before the weights are downloaded.
  const files = [...manifest.files]
    .sort((a, b) => a.bytes - b.bytes)
    .map((file): RemoteFile => {
      const url = address + file.name.split('/').map(encodeURIComponent).join('/');
      return { ...file, gitSha1: null, url, refusal: (response) => refusalOf(response, url) };
    });
  const about = {
    ...({ source: 'host', id: address, revision, licence } as const),
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  };
  return keepFiles(sources, { about, name: name ?? address, precision: null, files }, signal);
}

async function askManifest(
  network: Network,
  address: string,
  signal: AbortSignal | undefined,
): Promise<ModelManifest> {
  throwIfAborted(signal);
  const url = address + MANIFEST_NAME;
  const response = await network.fetch(url, {
    redirect: 'follow',
    credentials: 'omit',
    // What was answered a while ago may be of other files.
    cache: 'no-cache',
    ...(signal === undefined ? {} : { signal }),
  });
  if (!response.ok) throw await refusalOf(response, url);
  return readManifest(await manifestBytes(response, url), address);
}

async function manifestBytes(response: Response, url: string): Promise<Uint8Array> {
  try {
    return await boundedBytes(response, MOST_MANIFEST_BYTES);
  } catch (cause) {
    if (cause instanceof HeadlightError && cause.code === 'bad-model') {
      throw new HeadlightError('bad-model', `${url} is larger than one megabyte.`, {
        hint: 'Make it anew with: npx headlight models manifest FOLDER',
        cause,
      });
    }
    throw new HeadlightError('network', `${url} broke off.`, { hint: 'Start again.', cause });
  }
}

async function refusalOf(response: Response, url: string): Promise<HeadlightError> {
  await passOver(response);
  const { status } = response;
  if (status === 404 || status === 410) {
    return new HeadlightError('not-found', `There is no ${url}.`, {
      hint: url.endsWith(MANIFEST_NAME)
        ? 'The folder needs this file beside the model’s own. Make it with: npx headlight models manifest FOLDER'
        : 'The manifest names it, so whoever keeps the folder has to put it there.',
    });
  }
  if (status === 401 || status === 403) {
    return new HeadlightError('not-found', `${url} is not public (${status}).`, {
      hint: 'Headlight sends no password to a folder. Let it be read by everyone who may load this page, or save its files and choose them here.',
    });
  }
  return new HeadlightError('network', `${url} answered ${status}.`, {
    hint: 'Try again later; what was downloaded is kept.',
  });
}
