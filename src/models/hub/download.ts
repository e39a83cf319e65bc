/**
 * One file from a host, kept in pieces as it comes, so that a download that was cut, paused or left goes on with a
 * range request (`bytes=N-` alone, which asks no preflight of another origin). What comes is hashed on its way, and
 * the file is whole only when size and hash are what was announced.
 */
import { HeadlightError, throwIfAborted } from '../../base';
import type { Network, Storage } from '../../platform';
import {
  contentRange,
  isOtherTag,
  isPassing,
  retryAfter,
  taggedOrigin,
  unsatisfiedTotal,
} from './answer';
import { request } from './hub-api';
import { Incoming, type ExpectedContent } from './incoming';
import type { CachedFile } from './kept-manifest';

/** Tries in a row without one byte of progress. */
const MOST_FRUITLESS = 4;
/** Times a file is begun anew: it came damaged, or the host has another one. */
const MOST_RESTARTS = 2;
/** A host that says nothing for so long has lost the connection. */
const STALLED_MS = 45_000;

export interface RemoteFile extends ExpectedContent {
  readonly name: string;
  /** Names the content for good: a commit or a hash is part of it, or the hash is announced. */
  readonly url: string;
  /** What an answer that is no success means there. */
  readonly refusal: (response: Response) => Promise<HeadlightError>;
}

export interface Download {
  readonly network: Network;
  readonly storage: Storage;
  readonly file: RemoteFile;
  /** The model's name, for messages. */
  readonly model: string;
  /** `piecesKey`. */
  readonly key: string;
  readonly signal: AbortSignal | undefined;
}

/** How an answer ended. */
type Ending =
  | { readonly kind: 'whole' }
  /** What came is kept; more is to come. */
  | { readonly kind: 'cut'; readonly cause: Error; readonly waitMs?: number }
  /** What is kept is of no use. */
  | { readonly kind: 'wrong'; readonly why: string };

/**
 * Yields the bytes there are so far. Aborting pauses: what has come is kept, and the next call goes on from there.
 *
 * @throws HeadlightError `network` when it stops, `not-found`, `storage-full` (what has come is kept in each),
 *   `bad-model` when the content is not what was announced (nothing of it is kept), `aborted`.
 */
export async function* downloadFile(download: Download): AsyncGenerator<number, CachedFile, void> {
  const { storage, key, file, signal } = download;
  const incoming = await Incoming.open(storage, key, file);
  let fruitless = 0;
  for (let restarts = 0; ;) {
    const before = incoming.bytes;
    yield before;
    const ending = yield* receive(download, incoming, restarts);
    if (ending.kind === 'cut') {
      fruitless = incoming.bytes > before ? 0 : fruitless + 1;
      if (fruitless >= MOST_FRUITLESS) throw stopped(download, incoming.bytes, ending.cause);
      await wait(Math.max(200 * 2 ** fruitless, ending.waitMs ?? 0), signal);
      continue;
    }
    const end = ending.kind === 'whole' ? incoming.finish(file.name) : ending.why;
    if (typeof end !== 'string') return end;
    await incoming.restart();
    restarts += 1;
    if (restarts >= MOST_RESTARTS) throw notAsAnnounced(download, end);
  }
}

/** @param restarts so far: a host whose ETags change each time is no longer asked for them. */
async function* receive(
  download: Download,
  incoming: Incoming,
  restarts: number,
): AsyncGenerator<number, Ending, void> {
  if (incoming.isFull) return { kind: 'whole' };
  const { network, file, signal } = download;
  const from = incoming.bytes;
  const watch = new Watch(signal);
  try {
    let response: Response;
    try {
      const headers = from > 0 ? { Range: `bytes=${from}-` } : {};
      response = await request(network, file.url, headers, watch.signal);
    } catch (error) {
      throwIfAborted(signal);
      const cut = watch.stalled ?? error;
      const isNetwork = !(cut instanceof HeadlightError) || cut.code === 'network';
      if ((from > 0 || watch.stalled !== null) && isNetwork) return cutBy(cut);
      throw error;
    }
    const begun = await begin(download, incoming, response, restarts);
    if ('kind' in begun) {
      // The rest of this answer is not wanted; that cancelling a broken one fails is no news.
      await response.body?.cancel().catch(() => undefined);
      return begun;
    }
    return yield* takeIn(download, incoming, response, begun, watch);
  } finally {
    watch.end();
  }
}

interface Begun {
  /** Bytes at the start of the answer that are kept already. */
  readonly skip: number;
  /** Where the file ends; null while nobody has said. */
  readonly total: number | null;
  /** Where this answer ends. */
  readonly until: number | null;
}

/** Whether the answer goes on with what is kept. */
async function begin(
  { file }: Download,
  incoming: Incoming,
  response: Response,
  restarts: number,
): Promise<Begun | Ending> {
  const { status, headers } = response;
  const from = incoming.bytes;
  if (status === 416) {
    const total = unsatisfiedTotal(headers);
    if (file.bytes === null && total === from) return { kind: 'whole' };
    return {
      kind: 'wrong',
      why: `has ${total ?? 'fewer'} bytes on the host, which are fewer than came before`,
    };
  }
  if (!response.ok) {
    const waitMs = retryAfter(headers);
    const passing = isPassing(response, file.url);
    const error = await file.refusal(response);
    if (passing) return { kind: 'cut', cause: error, waitMs };
    throw error;
  }
  if (status !== 200 && status !== 206)
    return { kind: 'cut', cause: new Error(`the host answered ${status}`) };
  const tag = taggedOrigin(response, file.url);
  if (from > 0 && isOtherTag(incoming.tag, tag) && !(restarts > 0 && incoming.isJudged))
    return { kind: 'wrong', why: 'was changed on the host while it was downloaded' };
  const range = contentRange(headers);
  const whole: Begun = { skip: 0, total: file.bytes, until: null };
  let begun = whole;
  if (status === 206) {
    const part = partOf(range, from, incoming.isJudged, headers);
    if (part !== null) return part;
    if (range !== null && range !== 'bad') {
      if (file.bytes !== null && range.total !== null && range.total !== file.bytes)
        return {
          kind: 'wrong',
          why: `has ${range.total} bytes on the host instead of ${file.bytes}`,
        };
      begun = { skip: 0, total: file.bytes ?? range.total, until: range.end + 1 };
    }
  } else if (from > 0) {
    // The host knows no ranges and sends the whole file: what is kept is passed over, where a hash will tell
    // whether it is the same.
    if (incoming.isJudged) begun = { ...whole, skip: from };
    else await incoming.restart();
  }
  await incoming.keepTag(tag);
  return begun;
}

/** @returns null when the part is the one that was asked for. */
function partOf(
  range: ReturnType<typeof contentRange>,
  from: number,
  isJudged: boolean,
  headers: Headers,
): Ending | null {
  // Bytes of a compressed file are not bytes of the file.
  const coding = headers.get('content-encoding') ?? 'identity';
  if (coding !== 'identity')
    return { kind: 'wrong', why: `comes in compressed parts (${coding}), which cannot be joined` };
  // Hosts may hide the header from a page; then the hash alone says whether the part was the right one.
  if (range === null)
    return isJudged ? null : { kind: 'wrong', why: 'comes in parts that are not named' };
  if (range === 'bad') return { kind: 'wrong', why: 'comes in parts that are named wrongly' };
  return range.start === from
    ? null
    : { kind: 'wrong', why: `came from byte ${range.start} on instead of ${from}` };
}

async function* takeIn(
  { file, signal, model }: Download,
  incoming: Incoming,
  response: Response,
  { skip, total, until }: Begun,
  watch: Watch,
): AsyncGenerator<number, Ending, void> {
  const end = Math.min(total ?? Infinity, until ?? Infinity);
  let toSkip = skip;
  try {
    for await (const chunk of bytesOf(response)) {
      watch.heard();
      const piece = toSkip > 0 ? chunk.subarray(Math.min(toSkip, chunk.length)) : chunk;
      toSkip -= chunk.length - piece.length;
      if (incoming.bytes + piece.length > end)
        return { kind: 'wrong', why: `came with more bytes than the ${end} that were announced` };
      await incoming.add(piece);
      throwIfAborted(signal);
      yield incoming.bytes;
    }
  } catch (error) {
    if (error instanceof HeadlightError && error.code === 'storage-full')
      throw noRoom(file, model, incoming.keptBytes, error);
    await flushed(file, model, incoming);
    throwIfAborted(signal);
    if (error instanceof HeadlightError && error.code !== 'aborted') throw error;
    return cutBy(watch.stalled ?? error);
  }
  await flushed(file, model, incoming);
  const isShort = total === null ? toSkip > 0 : incoming.bytes < total;
  return isShort ? cutBy(new Error('the connection ended early')) : { kind: 'whole' };
}

async function flushed(file: RemoteFile, model: string, incoming: Incoming): Promise<void> {
  try {
    await incoming.flush();
  } catch (error) {
    if (error instanceof HeadlightError && error.code === 'storage-full')
      throw noRoom(file, model, incoming.keptBytes, error);
    throw error;
  }
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

/** Stops a request when the person does, or when the host has fallen silent. */
class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #stop = (): void => this.#controller.abort();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stalled: Error | null = null;

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    outer?.addEventListener('abort', this.#stop);
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the request was stopped; null unless the host fell silent. */
  get stalled(): Error | null {
    return this.#stalled;
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#stalled = new Error(`nothing came for ${STALLED_MS / 1000} seconds`);
      this.#controller.abort();
    }, STALLED_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#stop);
    // What is still open of an answer that nobody wants any more.
    this.#controller.abort();
  }
}

function cutBy(error: unknown): Ending {
  return { kind: 'cut', cause: error instanceof Error ? error : new Error(String(error)) };
}

function stopped({ file, model }: Download, bytes: number, cause: Error): HeadlightError {
  // What the host itself said comes first: that it asks to wait, that it is down.
  const said = cause instanceof HeadlightError ? ` ${cause.message}` : '';
  return new HeadlightError(
    'network',
    `The download of ${file.name} (${model}) from ${new URL(file.url).origin} stopped at ${share(bytes, file)}.${said}`,
    { hint: 'What has come is kept. Start again; it goes on from there.', cause },
  );
}

function notAsAnnounced({ file, model }: Download, why: string): HeadlightError {
  return new HeadlightError('bad-model', `${file.name} of ${model} ${why}.`, {
    hint: 'It was fetched anew and came no better. Try again later, or from another model host.',
  });
}

function noRoom(file: RemoteFile, model: string, bytes: number, cause: Error): HeadlightError {
  return new HeadlightError(
    'storage-full',
    `There is no room left for ${file.name} of ${model}: ${share(bytes, file)} are kept. ${cause.message}`,
    {
      hint: 'What has come is kept. Remove models or projects that you no longer need, or free space on this device, then start again; it goes on from there.',
      cause,
    },
  );
}

/** `12.0 of 438.0 MB` */
function share(bytes: number, file: RemoteFile): string {
  const megabytes = (count: number): string => (count / 1e6).toFixed(1);
  return `${megabytes(bytes)}${file.bytes === null ? '' : ` of ${megabytes(file.bytes)}`} MB`;
}

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done);
  });
  throwIfAborted(signal);
}
