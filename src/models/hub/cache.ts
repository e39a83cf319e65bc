/**
 * Models kept on this device, in the storage area `models`: `<source>/<id>/<revision>/<file>`. The
 * manifest is written last: a model without one is a download under way, not a model.
 */
import * as v from 'valibot';
import { HeadlightError, sha256 } from '../../base';
import type { Storage } from '../../platform';
import type { EncoderReference } from '../types';
import type { ModelFile } from './encoder';

const MANIFEST = 'headlight-model.json';
/** `<source>/<id>/<revision>/…`: a revision is a commit or a hash, an id may have a slash. */
const ID_OF_KEY = /^(?:hub|folder|host)\/(.+?)\/[0-9a-f]{40,64}\//;

const manifestSchema = v.object({
  format: v.literal('headlight.model'),
  version: v.literal(1),
  source: v.picklist(['hub', 'folder', 'host']),
  id: v.string(),
  revision: v.string(),
  licence: v.nullable(v.string()),
  /** What a folder on the web says of itself: a name and one line; the id alone of the others. */
  name: v.optional(v.string()),
  description: v.optional(v.string()),
  /** It came in a zip, which says itself where it is from. */
  carried: v.optional(v.boolean()),
  /** Milliseconds since the epoch. */
  added: v.number(),
  files: v.array(v.object({ name: v.string(), bytes: v.number(), sha256: v.string() })),
});

export type CachedModel = v.InferOutput<typeof manifestSchema>;

export type CachedSource = CachedModel['source'];

export interface ListedModel extends CachedModel {
  /** Of all its files. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly lastUsed: number;
}

export function modelPrefix(source: CachedSource, id: string, revision: string): string {
  // An address is one part of the key.
  return `${source}/${source === 'host' ? encodeURIComponent(id) : id}/${revision}/`;
}

/** The models that are kept whole, newest first. Damaged manifests are passed over: see `clearCached`. */
export async function listCached(storage: Storage): Promise<readonly ListedModel[]> {
  const models: ListedModel[] = [];
  for (const { key, lastUsed } of await storage.entries('models')) {
    if (!key.endsWith(`/${MANIFEST}`)) continue;
    const manifest = await readManifest(storage, key);
    if (manifest === null) continue;
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    models.push({ ...manifest, bytes, lastUsed });
  }
  return models.sort((a, b) => b.added - a.added);
}

/**
 * @param revision null: the one added last
 * @returns null when it is not kept whole.
 */
export async function findCached(
  storage: Storage,
  source: CachedSource,
  id: string,
  revision: string | null,
): Promise<CachedModel | null> {
  if (revision !== null) return readManifest(storage, modelPrefix(source, id, revision) + MANIFEST);
  const models = await listCached(storage);
  return models.find((model) => model.source === source && model.id === id) ?? null;
}

/** @throws HeadlightError `storage` when a file is missing or not what it was. */
export async function readCached(
  storage: Storage,
  model: CachedModel,
): Promise<readonly ModelFile[]> {
  const prefix = modelPrefix(model.source, model.id, model.revision);
  const files: ModelFile[] = [];
  for (const { name, sha256: expected } of model.files) {
    const bytes = await storage.read('models', prefix + name);
    if (bytes === null || (await sha256(bytes)) !== expected) {
      throw new HeadlightError(
        'storage',
        `The kept copy of ${model.id} is damaged: ${name} is ${bytes === null ? 'missing' : 'not what was kept'}.`,
        { hint: 'Remove the model under “Kept on this device” and add it again.' },
      );
    }
    files.push({ name, bytes });
  }
  return files;
}

/** Keeps a whole model. The manifest last: until it stands, nothing is published. */
export async function publish(
  storage: Storage,
  model: Omit<CachedModel, 'format' | 'version' | 'added' | 'files'>,
  files: readonly ModelFile[],
): Promise<CachedModel> {
  const prefix = modelPrefix(model.source, model.id, model.revision);
  const listed: CachedModel['files'] = [];
  for (const { name, bytes } of files) {
    await storage.write('models', prefix + name, bytes);
    listed.push({ name, bytes: bytes.length, sha256: await sha256(bytes) });
  }
  return publishFiles(storage, model, listed);
}

/** Writes the manifest of a model whose files stand in storage already: now it is there. */
export async function publishFiles(
  storage: Storage,
  model: Omit<CachedModel, 'format' | 'version' | 'added' | 'files'>,
  files: CachedModel['files'],
): Promise<CachedModel> {
  const manifest: CachedModel = {
    format: 'headlight.model',
    version: 1,
    ...model,
    added: Date.now(),
    files,
  };
  const key = modelPrefix(model.source, model.id, model.revision) + MANIFEST;
  await storage.write('models', key, new TextEncoder().encode(JSON.stringify(manifest)));
  return manifest;
}

/** Removes one model, or with a null revision all its revisions; downloads under way too. */
export async function removeCached(
  storage: Storage,
  reference: Pick<EncoderReference, 'source' | 'id' | 'revision'>,
): Promise<void> {
  const { source, id, revision } = reference;
  if (source === 'shipped') return;
  await storage.deleteAll(
    'models',
    revision === null
      ? modelPrefix(source, id, '').slice(0, -1)
      : modelPrefix(source, id, revision),
  );
}

/** What lies here without being a model: a download that was stopped, files whose manifest is gone. */
export interface Leftover {
  /** The model they were for. */
  readonly id: string;
  readonly bytes: number;
  /** Milliseconds since the epoch: of the file that was used last. */
  readonly lastUsed: number;
}

/** Everything in the area `models` that `listCached` does not count, by model, largest first. */
export async function listLeftovers(storage: Storage): Promise<readonly Leftover[]> {
  const whole = new Set(
    (await listCached(storage)).flatMap(({ source, id, revision, files }) =>
      [MANIFEST, ...files.map(({ name }) => name)].map(
        (name) => modelPrefix(source, id, revision) + name,
      ),
    ),
  );
  const leftovers = new Map<string, Leftover>();
  for (const { key, bytes, lastUsed } of await storage.entries('models')) {
    if (whole.has(key)) continue;
    const id = ID_OF_KEY.exec(key)?.[1] ?? key;
    const before = leftovers.get(id);
    leftovers.set(id, {
      id,
      bytes: bytes + (before?.bytes ?? 0),
      lastUsed: Math.max(lastUsed, before?.lastUsed ?? 0),
    });
  }
  return [...leftovers.values()].sort((a, b) => b.bytes - a.bytes);
}

/** Removes every kept model, and all that `listLeftovers` lists. */
export async function clearCached(storage: Storage): Promise<void> {
  await storage.deleteAll('models', '');
}

async function readManifest(storage: Storage, key: string): Promise<CachedModel | null> {
  const bytes = await storage.read('models', key);
  if (bytes === null) return null;
  try {
    const parsed = v.safeParse(manifestSchema, JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.output : null;
  } catch {
    // Not JSON: the same as not there, and fetched again.
    return null;
  }
}
