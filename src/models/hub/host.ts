/**
 * A folder on the web: a model's files with `headlight-model.json` beside them, on any host that serves files. What
 * the manifest names is downloaded, in pieces that are kept, and checked against its SHA-256; the revision is a hash
 * of what the manifest names, so that a folder that changes is another model.
 */
import { HeadlightError, ProgressMeter, sha256, throwIfAborted, type Job } from '../../base';
import type { Network, Storage } from '../../platform';
import { findCached, modelPrefix, publishFiles, type CachedModel } from './cache';
import { downloadFile, forgetParts } from './download';
import {
  MANIFEST_NAME,
  MOST_MANIFEST_BYTES,
  readManifest,
  revisionOfFiles,
  type ManifestFile,
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
  sources: { readonly storage: Storage; readonly network: Network },
  address: string,
  revision: string | null,
  signal?: AbortSignal,
): Job<CachedModel> {
  const { storage } = sources;
  if (revision !== null) {
    const kept = await findCached(storage, 'host', address, revision);
    if (kept !== null) return kept;
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
  const kept = await findCached(storage, 'host', address, found);
  return kept ?? (yield* download(sources, address, found, manifest, signal));
}

async function* download(
  { storage, network }: { readonly storage: Storage; readonly network: Network },
  address: string,
  revision: string,
  manifest: ModelManifest,
  signal: AbortSignal | undefined,
): Job<CachedModel> {
  const name = manifest.name ?? address;
  const prefix = modelPrefix('host', address, revision);
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const repository = { id: name, commit: revision, files: [], licence: manifest.licence };
  const meter = new ProgressMeter(`Downloading ${name}`, 'MB', total / 1e6);
  let done = 0;
  // Small files first: what cannot be used is seen before the weights are downloaded.
  for (const file of [...manifest.files].sort((a, b) => a.bytes - b.bytes)) {
    if (await isKept(storage, prefix + file.name, file)) {
      done += file.bytes;
      continue;
    }
    const partKey = `${prefix}parts/${file.name.replaceAll('/', '_')}`;
    const url = address + file.name.split('/').map(encodeURIComponent).join('/');
    const place = { url, refusal: (response: Response) => refusalOf(response, url) };
    const job = downloadFile({
      ...{
        network,
        storage,
        host: new URL(address).host,
        repository,
        file,
        partKey,
        signal,
        place,
      },
    });
    for (;;) {
      const step = await job.next();
      if (step.done) {
        await storage.write('models', prefix + file.name, step.value);
        break;
      }
      yield meter.at((done + step.value) / 1e6);
    }
    await forgetParts(storage, partKey);
    done += file.bytes;
  }
  yield meter.at(done / 1e6);
  throwIfAborted(signal);
  const { licence, files, description } = manifest;
  return publishFiles(
    storage,
    {
      source: 'host',
      id: address,
      revision,
      licence,
      name,
      ...(description === undefined ? {} : { description }),
    },
    files,
  );
}

/** Of a download that was stopped between two files. */
async function isKept(storage: Storage, key: string, file: ManifestFile): Promise<boolean> {
  const [entry] = await storage.entries('models', key);
  if (entry?.key !== key || entry.bytes !== file.bytes) return false;
  const bytes = await storage.read('models', key);
  return bytes !== null && (await sha256(bytes)) === file.sha256;
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
  return readManifest(await boundedBytes(response, url), address);
}

/** A host that goes on sending is not listened to for ever. */
async function boundedBytes(response: Response, url: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const step = await reader?.read();
      if (step === undefined || step.done) break;
      pieces.push(step.value);
      bytes += step.value.length;
      if (bytes > MOST_MANIFEST_BYTES) break;
    }
  } catch (cause) {
    throw new HeadlightError('network', `${url} broke off.`, { hint: 'Start again.', cause });
  } finally {
    // After an early end the rest is not wanted.
    await reader?.cancel().catch(() => undefined);
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

async function refusalOf(response: Response, url: string): Promise<HeadlightError> {
  // Read to its end, so that the connection is free again.
  await response.arrayBuffer().catch(() => null);
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
