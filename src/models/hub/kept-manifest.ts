/**
 * What stands beside a model in the area `models`, under `<source>/<id>/<revision>/`: `headlight-model.json` once it
 * is whole, and `headlight-download.json` while files of it are still to come. Both are read as if somebody else had
 * written them.
 */
import * as v from 'valibot';
import { HeadlightError, readJson } from '../../base';
import type { Storage } from '../../platform';
import { PRECISION_NAMES } from '../precisions';
import { PIECE_BYTES } from './pieces';

export const MANIFEST = 'headlight-model.json';
export const TICKET = 'headlight-download.json';

/** `<source>/<id>/<revision>/…`: a revision is a commit or a hash, an id may have a slash. */
const KEY = /^((hub|folder|host)\/(.+?)\/([0-9a-f]{40,64})\/)/;
const MOST_BYTES = 16e6;
const MOST_FILES = 2000;
const MOST_NAMES = 50_000;

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const size = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 45));
const fileName = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(1000),
  v.check((name) => name !== MANIFEST && name !== TICKET, 'a name of Headlight’s own'),
);
const piece = v.object({
  bytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4 * PIECE_BYTES)),
  sha256: hash,
});
const keptFile = v.pipe(
  v.object({
    name: fileName,
    bytes: size,
    sha256: hash,
    /** Absent: in one entry under its name. */
    pieces: v.exactOptional(v.array(piece)),
  }),
  v.check(
    ({ bytes, pieces }) =>
      pieces === undefined || pieces.reduce((sum, one) => sum + one.bytes, 0) === bytes,
    'pieces that are not the file',
  ),
);
const about = {
  source: v.picklist(['hub', 'folder', 'host']),
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(1000)),
  revision: v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/)),
  licence: v.nullable(v.string()),
  /** What a folder on the web says of itself: a name and one line; the id alone of the others. */
  name: v.exactOptional(v.string()),
  description: v.exactOptional(v.string()),
  /** It came in a zip, which says itself where it is from. */
  carried: v.exactOptional(v.boolean()),
  /** All names that the repository has at this revision: whether another precision needs other files. */
  offered: v.exactOptional(v.pipe(v.array(v.string()), v.maxLength(MOST_NAMES))),
};

const manifestSchema = v.object({
  format: v.literal('headlight.model'),
  /** 1 knew no pieces. */
  version: v.picklist([1, 2]),
  ...about,
  /** Milliseconds since the epoch. */
  added: v.number(),
  files: v.pipe(v.array(keptFile), v.maxLength(MOST_FILES)),
});

const ticketSchema = v.object({
  format: v.literal('headlight.download'),
  version: v.literal(1),
  ...about,
  precision: v.nullable(v.picklist(PRECISION_NAMES)),
  /** Milliseconds since the epoch. */
  started: v.number(),
  files: v.pipe(
    v.array(v.object({ name: fileName, bytes: v.nullable(size) })),
    v.maxLength(MOST_FILES),
  ),
});

export type CachedModel = v.InferOutput<typeof manifestSchema>;
export type CachedFile = CachedModel['files'][number];
export type CachedSource = CachedModel['source'];
/** What is known of a model beside its files. */
export type AboutModel = Omit<CachedModel, 'format' | 'version' | 'added' | 'files'>;
/** A download that has not ended: what it is to become. */
export type Ticket = v.InferOutput<typeof ticketSchema>;

export function modelPrefix(source: CachedSource, id: string, revision: string): string {
  // An address is one part of the key.
  return `${source}/${source === 'host' ? encodeURIComponent(id) : id}/${revision}/`;
}

/** Which model a key of the area belongs to; null when it is none of ours. */
export function modelOfKey(key: string): {
  readonly prefix: string;
  readonly source: CachedSource;
  readonly id: string;
  readonly revision: string;
} | null {
  const found = KEY.exec(key);
  if (found === null) return null;
  const [, prefix = '', source = '', id = '', revision = ''] = found;
  return { prefix, source: source as CachedSource, id: plainId(source, id), revision };
}

function plainId(source: string, id: string): string {
  if (source !== 'host') return id;
  try {
    return decodeURIComponent(id);
  } catch {
    return id; // not written by `modelPrefix`
  }
}

/** null when there is none, or one that says what it is not: the same as none, and made anew. */
export async function readManifest(storage: Storage, prefix: string): Promise<CachedModel | null> {
  const manifest = await readDocument(storage, prefix + MANIFEST, manifestSchema);
  return manifest !== null && belongs(manifest, prefix) ? manifest : null;
}

export async function writeManifest(
  storage: Storage,
  model: AboutModel,
  files: readonly CachedFile[],
  added = Date.now(),
): Promise<CachedModel> {
  const manifest: CachedModel = {
    format: 'headlight.model',
    version: 2,
    ...model,
    added,
    files: [...files],
  };
  const key = modelPrefix(model.source, model.id, model.revision) + MANIFEST;
  await storage.write('models', key, bytesOf(manifest));
  return manifest;
}

export async function readTicket(storage: Storage, prefix: string): Promise<Ticket | null> {
  const ticket = await readDocument(storage, prefix + TICKET, ticketSchema);
  return ticket !== null && belongs(ticket, prefix) ? ticket : null;
}

export async function writeTicket(
  storage: Storage,
  model: AboutModel,
  precision: Ticket['precision'],
  files: Ticket['files'],
): Promise<void> {
  const ticket: Ticket = {
    format: 'headlight.download',
    version: 1,
    ...model,
    precision,
    started: Date.now(),
    files,
  };
  const key = modelPrefix(model.source, model.id, model.revision) + TICKET;
  await storage.write('models', key, bytesOf(ticket));
}

/** A document that lies where another model's would is not believed. */
function belongs({ source, id, revision }: AboutModel, prefix: string): boolean {
  return modelPrefix(source, id, revision) === prefix;
}

async function readDocument<Schema extends v.GenericSchema>(
  storage: Storage,
  key: string,
  schema: Schema,
): Promise<v.InferOutput<Schema> | null> {
  const bytes = await storage.read('models', key);
  if (bytes === null) return null;
  try {
    const parsed = v.safeParse(schema, readJson(bytes, key, { maxBytes: MOST_BYTES, maxDepth: 8 }));
    return parsed.success ? parsed.output : null;
  } catch (error) {
    if (error instanceof HeadlightError && error.code === 'bad-model') return null;
    throw error;
  }
}

function bytesOf(document: CachedModel | Ticket): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}
