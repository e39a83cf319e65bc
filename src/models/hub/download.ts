/**
 * One file of a repository, in pieces that are kept as they arrive, so that a download that was cut
 * goes on with a range request. Addresses name a commit, so the content behind them never changes;
 * ETag, size and SHA-256 are checked all the same wherever they are known.
 */
import { HeadlightError, sha256, throwIfAborted } from '../../base';
import type { Network, Storage } from '../../platform';
import { fileUrl, refusal, request, type Repository, type RepositoryFile } from './hub-api';

/** Pieces are written when they are this large: what a cut download loses at most. */
const PIECE_BYTES = 4 * 2 ** 20;
/** Tries in a row without one byte of progress. */
const MOST_FRUITLESS = 3;

export interface Download {
  readonly network: Network;
  readonly storage: Storage;
  readonly host: string;
  readonly repository: Repository;
  readonly file: RepositoryFile;
  /** Pieces stand under this key in the area `models`. */
  readonly partKey: string;
  readonly signal: AbortSignal | undefined;
  /** Of a file that does not lie where the Hub has them: its address, and what a refusal means there. */
  readonly place?: {
    readonly url: string;
    readonly refusal: (response: Response) => Promise<HeadlightError>;
  };
}

/**
 * Yields the bytes there are so far, returns the whole file. The pieces stay until `forgetParts`.
 *
 * @throws HeadlightError `network` when it stops (what has come is kept), `not-found`, `storage-full`,
 *   `bad-model` when the content is not what the Hub says it is, `aborted`.
 */
export async function* downloadFile(download: Download): AsyncGenerator<number, Uint8Array, void> {
  const parts = await Parts.open(download);
  let fruitless = 0;
  let damaged = 0;
  for (;;) {
    const before = parts.bytes;
    yield before;
    const cut = yield* fetchRest(download, parts);
    if (cut === null) {
      const whole = await parts.join();
      const wrong = await wrongContent(download.file, whole);
      if (wrong === null) return whole;
      // Once from the start: the kept pieces may be what is wrong.
      await parts.restart();
      damaged += 1;
      if (damaged < 2) continue;
      throw new HeadlightError(
        'bad-model',
        `${download.file.name} of ${download.repository.id} ${wrong}.`,
        {
          hint: 'Try again later, or from another model host.',
        },
      );
    }
    fruitless = parts.bytes > before ? 0 : fruitless + 1;
    if (fruitless >= MOST_FRUITLESS) throw stopped(download, parts.bytes, cut);
    await wait(200 * 2 ** fruitless, download.signal);
  }
}

export async function forgetParts(storage: Storage, partKey: string): Promise<void> {
  await storage.deleteAll('models', `${partKey}/`);
}

/** @returns null when the file is whole, else what cut it off. */
async function* fetchRest(
  { network, host, repository, file, signal, place }: Download,
  parts: Parts,
): AsyncGenerator<number, Error | null, void> {
  if (file.bytes !== null && parts.bytes === file.bytes && parts.bytes > 0) return null;
  const url = place?.url ?? fileUrl(host, repository.id, repository.commit, file.name);
  const from = parts.bytes;
  let response: Response;
  try {
    response = await request(network, url, from > 0 ? { Range: `bytes=${from}-` } : {}, signal);
  } catch (error) {
    if (from > 0 && error instanceof HeadlightError && error.code === 'network') return error;
    throw error;
  }
  if (response.status === 416) {
    await response.arrayBuffer().catch(() => null);
    await parts.restart();
    return new Error('the range was refused');
  }
  if (!response.ok) {
    throw place === undefined
      ? await refusal(response, host, repository.id, repository.commit)
      : await place.refusal(response);
  }
  const etag = response.headers.get('x-linked-etag') ?? response.headers.get('etag');
  if (!(await parts.accept(response.status, response.headers.get('content-range'), etag)))
    return new Error('the file on the host is another one now');
  try {
    for await (const piece of bytesOf(response)) {
      await parts.add(piece);
      throwIfAborted(signal);
      yield parts.bytes;
    }
  } catch (error) {
    await parts.flush();
    throwIfAborted(signal);
    if (error instanceof HeadlightError) throw error;
    return error instanceof Error ? error : new Error(String(error));
  }
  await parts.flush();
  if (file.bytes !== null && parts.bytes < file.bytes)
    return new Error('the connection ended early');
  return null;
}

async function* bytesOf(response: Response): AsyncGenerator<Uint8Array, void, void> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // After an early end the rest is not wanted; that cancelling a broken stream fails is no news.
    await reader.cancel().catch(() => undefined);
  }
}

/** The pieces of one file, kept under `<partKey>/<number>`, with the ETag they belong to. */
class Parts {
  readonly #storage: Storage;
  readonly #key: string;
  #etag: string | null;
  #count: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #stored: number;

  private constructor(
    storage: Storage,
    key: string,
    etag: string | null,
    count: number,
    stored: number,
  ) {
    this.#storage = storage;
    this.#key = key;
    this.#etag = etag;
    this.#count = count;
    this.#stored = stored;
  }

  static async open({ storage, partKey }: Download): Promise<Parts> {
    const entries = await storage.entries('models', `${partKey}/`);
    const etag = await storage.read('models', `${partKey}/etag`);
    let count = 0;
    let stored = 0;
    // Only the unbroken run from the start counts.
    for (const { key, bytes } of entries) {
      if (key !== pieceKey(partKey, count)) continue;
      count += 1;
      stored += bytes;
    }
    return new Parts(
      storage,
      partKey,
      etag === null ? null : new TextDecoder().decode(etag),
      count,
      stored,
    );
  }

  get bytes(): number {
    return this.#stored + this.#pendingBytes;
  }

  /** @returns false when the answer does not continue what is kept; then that is forgotten. */
  async accept(status: number, range: string | null, etag: string | null): Promise<boolean> {
    const plain = etag?.replace(/^W\//, '') ?? null;
    const asked = this.bytes;
    if (asked > 0) {
      const other = plain !== null && this.#etag !== null && plain !== this.#etag;
      const start = range === null ? null : /^bytes (\d+)-/.exec(range)?.[1];
      const elsewhere = status === 206 && typeof start === 'string' && Number(start) !== asked;
      if (other || elsewhere) {
        await this.restart();
        return false;
      }
      // The host ignored the range and sends the whole file.
      if (status !== 206) await this.restart();
    }
    if (plain !== null && this.#etag === null) {
      this.#etag = plain;
      await this.#storage.write('models', `${this.#key}/etag`, new TextEncoder().encode(plain));
    }
    return true;
  }

  async add(piece: Uint8Array): Promise<void> {
    this.#pending.push(piece);
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes >= PIECE_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    const bytes = concat(this.#pending, this.#pendingBytes);
    await this.#storage.write('models', pieceKey(this.#key, this.#count), bytes);
    this.#count += 1;
    this.#stored += bytes.length;
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  async join(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (let number = 0; number < this.#count; number++) {
      const piece = await this.#storage.read('models', pieceKey(this.#key, number));
      if (piece !== null) pieces.push(piece);
    }
    return concat(
      pieces,
      pieces.reduce((sum, { length }) => sum + length, 0),
    );
  }

  async restart(): Promise<void> {
    await forgetParts(this.#storage, this.#key);
    this.#etag = null;
    this.#count = 0;
    this.#stored = 0;
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}

function pieceKey(partKey: string, number: number): string {
  return `${partKey}/${String(number).padStart(6, '0')}`;
}

function concat(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/** @returns null when all that is known of the file holds. */
async function wrongContent(file: RepositoryFile, bytes: Uint8Array): Promise<string | null> {
  if (file.bytes !== null && bytes.length !== file.bytes)
    return `came with ${bytes.length} bytes instead of ${file.bytes}`;
  if (file.sha256 !== null && (await sha256(bytes)) !== file.sha256)
    return 'came damaged: its SHA-256 is not the one the Hub names';
  return null;
}

function stopped(
  { host, file, repository }: Download,
  bytes: number,
  cause: Error,
): HeadlightError {
  const megabytes = (count: number): string => (count / 1e6).toFixed(1);
  const of = file.bytes === null ? '' : ` of ${megabytes(file.bytes)}`;
  return new HeadlightError(
    'network',
    `The download of ${file.name} (${repository.id}) from ${host} stopped at ${megabytes(bytes)}${of} MB.`,
    { hint: 'What has come is kept. Start again; it goes on from there.', cause },
  );
}

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  throwIfAborted(signal);
}
