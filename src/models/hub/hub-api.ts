/** What the Hugging Face Hub (or a mirror that answers as it does) says about a repository. */
import * as v from 'valibot';
import {
  HeadlightError,
  joinedBytes,
  readJson,
  throwIfAborted,
  toHeadlightError,
} from '../../base';
import type { Network } from '../../platform';

export const DEFAULT_HOST = 'https://huggingface.co';

export interface RepositoryFile {
  readonly name: string;
  readonly bytes: number | null;
  /** Known for large files (kept by LFS); null otherwise. */
  readonly sha256: string | null;
  /** git's name of a small file's content; null for large ones, whose name is that of their pointer. */
  readonly gitSha1: string | null;
}

export interface Repository {
  /** As the Hub spells it. */
  readonly id: string;
  /** The commit that the revision was at. */
  readonly commit: string;
  readonly files: readonly RepositoryFile[];
  readonly licence: string | null;
}

/** Of the largest repositories with every checkpoint of a training; nobody needs all of their names. */
const MOST_ANSWER_BYTES = 32e6;
const MOST_FILES = 100_000;

const size = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 45));
const answerSchema = v.object({
  id: v.optional(v.string()),
  sha: v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/)),
  siblings: v.pipe(
    v.array(
      v.object({
        rfilename: v.string(),
        size: v.optional(v.nullable(size)),
        blobId: v.optional(v.nullable(v.string())),
        lfs: v.optional(
          v.nullable(
            v.object({
              sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
              size: v.optional(size),
            }),
          ),
        ),
      }),
    ),
    v.maxLength(MOST_FILES),
  ),
  cardData: v.optional(v.nullable(v.object({ license: v.optional(v.unknown()) }))),
  tags: v.optional(v.array(v.string())),
});

/** `owner/name`, or one of the Hub's old names without an owner. No part may start with a dot. */
const ID = /^[A-Za-z0-9_][\w.-]*(\/[A-Za-z0-9_][\w.-]*)?$/;
const REVISION = /^[A-Za-z0-9_][\w./-]*$/;

/** @throws HeadlightError `bad-setting` for an id or a revision that cannot be one. */
export function checkRepositoryId(id: string, revision: string | null): void {
  if (!ID.test(id) || id.includes('..')) {
    throw new HeadlightError('bad-setting', `“${id}” is not the id of a Hugging Face repository.`, {
      hint: 'Give it as owner/name, as in sentence-transformers/all-MiniLM-L6-v2.',
    });
  }
  if (revision !== null && (!REVISION.test(revision) || revision.includes('..'))) {
    throw new HeadlightError('bad-setting', `“${revision}” is not a revision of a repository.`, {
      hint: 'Give a branch, a tag or a commit.',
    });
  }
}

/**
 * Asks for a revision (null: the main branch) and pins it to its commit.
 *
 * @throws HeadlightError `not-found` when there is no such repository or revision or it is not public,
 *   `network` when the host cannot be reached or does not answer as the Hub does.
 */
export async function askRepository(
  network: Network,
  host: string,
  id: string,
  revision: string | null,
  signal?: AbortSignal,
): Promise<Repository> {
  checkRepositoryId(id, revision);
  const at = encodeURIComponent(revision ?? 'main');
  const url = `${host}/api/models/${id}/revision/${at}?blobs=true`;
  const response = await request(network, url, {}, signal);
  if (!response.ok) throw await refusal(response, host, id, revision);
  let answer: v.InferOutput<typeof answerSchema>;
  try {
    const bytes = await boundedBytes(response, MOST_ANSWER_BYTES);
    answer = v.parse(
      answerSchema,
      readJson(bytes, 'the answer', { maxBytes: MOST_ANSWER_BYTES, maxDepth: 32 }),
    );
  } catch (error) {
    throwIfAborted(signal);
    throw new HeadlightError('network', `${host} does not answer as the Hugging Face Hub does.`, {
      hint: 'Check the address of the model host in the settings.',
      cause: error,
    });
  }
  const { license } = answer.cardData ?? {};
  const tag = answer.tags?.find((one) => one.startsWith('license:'))?.slice('license:'.length);
  return {
    // The name that files are asked for under: the one that was asked for, unless the host spells out another.
    id: answer.id !== undefined && ID.test(answer.id) && !answer.id.includes('..') ? answer.id : id,
    commit: answer.sha,
    files: answer.siblings.flatMap(({ rfilename, size: bytes, blobId, lfs }) =>
      isInside(rfilename)
        ? [
            {
              name: rfilename,
              bytes: lfs?.size ?? bytes ?? null,
              sha256: lfs?.sha256 ?? null,
              gitSha1: !lfs && /^[0-9a-f]{40}$/.test(blobId ?? '') ? (blobId ?? null) : null,
            },
          ]
        : [],
    ),
    licence: typeof license === 'string' ? license : (tag ?? null),
  };
}

/** A path below the repository: no other is asked for. */
function isInside(name: string): boolean {
  return (
    name.length <= 1000 &&
    name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/**
 * The whole answer; a host that goes on sending is not listened to for ever.
 * @throws HeadlightError `bad-model` beyond the bound; whatever breaks the stream.
 */
export async function boundedBytes(response: Response, most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const step = await reader?.read();
      if (step === undefined || step.done) break;
      pieces.push(step.value);
      length += step.value.length;
      if (length > most)
        throw new HeadlightError('bad-model', `The answer has more than ${most / 1e6} MB.`);
    }
  } finally {
    // After an early end the rest is not wanted; that cancelling a broken stream fails is no news.
    await reader?.cancel().catch(() => undefined);
  }
  return joinedBytes(pieces);
}

/** What a refusal may say beside its status. */
const MOST_REFUSAL_BYTES = 64e3;

/** Reads an answer that is not wanted to its end, so that the connection is free again; a long one is broken off. */
export async function passOver(response: Response): Promise<void> {
  await boundedBytes(response, MOST_REFUSAL_BYTES).catch(() => undefined);
}

export function fileUrl(host: string, id: string, commit: string, name: string): string {
  const path = name.split('/').map(encodeURIComponent).join('/');
  return `${host}/${id}/resolve/${commit}/${path}`;
}

/** Fetches, and says in plain words when that fails. Status codes are left to the caller. */
export async function request(
  network: Network,
  url: string,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Response> {
  throwIfAborted(signal);
  try {
    return await network.fetch(url, {
      headers,
      redirect: 'follow',
      // Cookies of the Hub have no business here.
      credentials: 'omit',
      // What is kept is kept here: the browser's own cache would hold half a gigabyte a second time, and would answer
      // a part of a file from what it has of it.
      cache: 'no-store',
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    throwIfAborted(signal);
    const known = toHeadlightError(error);
    if (known.code !== 'internal') throw known;
    throw new HeadlightError(
      'network',
      `${new URL(url).origin} cannot be reached: ${known.message}`,
      {
        hint: 'Check the connection and the address of the model host, or use an encoder that ships with Headlight.',
        cause: error,
      },
    );
  }
}

/**
 * The error for an answer that is no success. The Hub answers 401 for a repository that does not exist,
 * so that private ones cannot be guessed; `X-Error-Code` tells them apart where it can be read.
 */
export async function refusal(
  response: Response,
  host: string,
  id: string,
  revision: string | null,
): Promise<HeadlightError> {
  const code = response.headers.get('x-error-code');
  const { status } = response;
  await passOver(response);
  if (code === 'GatedRepo' || status === 403) {
    return new HeadlightError(
      'not-found',
      `${id} is gated: its owners ask for an agreement first.`,
      {
        hint: 'Agree to its conditions on its page and give your access token; or download its files there and drop the folder here.',
      },
    );
  }
  if (code === 'RevisionNotFound') {
    return new HeadlightError('not-found', `${id} has no revision “${revision ?? 'main'}”.`, {
      hint: 'Check the branch, tag or commit, or leave it out for the newest.',
    });
  }
  if (status === 404 || status === 401) {
    return new HeadlightError('not-found', `There is no public model ${id} on ${host}.`, {
      hint: 'Check the spelling: owner/name. A private model needs your access token, or can be dropped as a folder.',
    });
  }
  if (status === 429) {
    return new HeadlightError('network', `${host} asks to wait: too many requests.`, {
      hint: 'Wait a few minutes and start again; the download goes on from there.',
    });
  }
  return new HeadlightError('network', `${host} answered ${status} for ${id}.`, {
    hint: 'Try again later; what was downloaded is kept.',
  });
}
