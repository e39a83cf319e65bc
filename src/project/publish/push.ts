/**
 * Uploads an exported folder to the Hugging Face Hub, or to a host that answers as it does, in one commit:
 * it is there whole or not at all. `@huggingface/hub` speaks the protocol and is loaded when this runs.
 *
 * The token is held in memory while this runs, sent to the Hub's own address and to no other, and
 * written nowhere: not to storage, not into an error, not into a file.
 *
 * Large files: the Hub names the place they go to. Its present storage (Xet) lies under `*.hf.co`, which the
 * page's egress policy allows together with huggingface.co. Were the Hub to name another place, the policy
 * refuses it and the error says so; the command line has no such policy.
 */
import type { CommitOutput, CommitProgressEvent, RepoDesignation } from '@huggingface/hub';
import {
  abortedError,
  HeadlightError,
  ProgressMeter,
  throwIfAborted,
  toHeadlightError,
  type Job,
} from '../../base';
import { DEFAULT_HOST } from '../../models';
import type { Network } from '../../platform';
import { readAhead } from './ahead';

export interface HubDestination {
  /** `owner/name`; made when it is not there. */
  readonly repository: string;
  /** Used for this upload only. */
  readonly token: string;
  /** Of a repository that is made now; one that is there stays as it is. */
  readonly private: boolean;
  /** The Hub or a mirror of it; null or absent: https://huggingface.co. */
  readonly hubUrl?: string | null;
}

const REPOSITORY = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9_][\w.-]{0,95}$/;
const TOKEN = /^hf_[\w.-]+$/;
const MB = 1e6;

/** @throws HeadlightError `bad-setting` for a name or a token that cannot be one. */
export function checkUpload({ repository, token }: HubDestination): void {
  if (!REPOSITORY.test(repository) || /\.\.|--|\.git$/.test(repository)) {
    throw new HeadlightError('bad-setting', `“${repository}” cannot be a repository’s name.`, {
      hint: 'Give it as owner/name: your name on the Hub, a slash, letters, digits, “-”, “_” and “.”.',
    });
  }
  if (!TOKEN.test(token)) {
    throw new HeadlightError('bad-setting', 'This is not an access token of the Hub.', {
      hint: 'It starts with hf_ and holds letters and digits only. Copy it again from the Hub: Settings, Access Tokens.',
    });
  }
}

/**
 * @param files by their path in the folder.
 * @returns the repository's address.
 * @throws HeadlightError `bad-setting` when name or token are refused, `network` when the Hub cannot be
 *   reached or breaks off (then nothing is published; large files that arrived are not sent again), `aborted`.
 */
export async function* pushToHub(
  files: ReadonlyMap<string, Uint8Array>,
  destination: HubDestination,
  network: Pick<Network, 'fetch'>,
  signal?: AbortSignal,
): Job<{ readonly url: string }> {
  checkUpload(destination);
  throwIfAborted(signal);
  const host = (destination.hubUrl ?? DEFAULT_HOST).replace(/\/+$/, '');
  const { repository, token } = destination;
  const sizes = new Map([...files].map(([path, bytes]) => [path, bytes.length]));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const meter = new ProgressMeter(`Uploading to ${repository}`, 'MB', round(total / MB));
  yield meter.at(0);
  const hub = await import('@huggingface/hub');
  const repo: RepoDesignation = { type: 'model', name: repository };
  const common = {
    repo,
    accessToken: token,
    hubUrl: host,
    fetch: hubFetch(network, host, token, signal),
  };
  try {
    if (!(await hub.repoExists(common))) {
      await create(() =>
        hub.createRepo({ ...common, visibility: destination.private ? 'private' : 'public' }),
      );
    } else if (destination.private) {
      yield meter.at(0, `${repository} is there already; who may see it stays as it is.`);
    }
    throwIfAborted(signal);
    const sent = new Map<string, number>();
    const commit = readAhead(
      hub.commitIter({
        ...common,
        title: 'Upload a model trained in Headlight',
        operations: [...files].map(([path, bytes]) => ({
          operation: 'addOrUpdate',
          path,
          // A Blob copies; the bytes are never of a shared buffer.
          content: new Blob([bytes as Uint8Array<ArrayBuffer>]),
        })),
        ...(signal === undefined ? {} : { abortSignal: signal }),
      }),
    );
    let step: IteratorResult<CommitProgressEvent, CommitOutput | undefined>;
    while (!(step = await commit.next()).done) {
      const { value } = step;
      if (value.event !== 'fileProgress' || value.state !== 'uploading') continue;
      sent.set(value.path, (sizes.get(value.path) ?? 0) * value.progress);
      const done = [...sent.values()].reduce((sum, size) => sum + size, 0);
      yield meter.at(round(done / MB));
    }
    yield meter.at(round(total / MB));
    return { url: `${host}/${repository}` };
  } catch (error) {
    throw plainError(error, destination, host, signal);
  }
}

/** 409: somebody made it since we asked. */
async function create(request: () => Promise<unknown>): Promise<void> {
  try {
    await request();
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
  }
}

/**
 * Through the platform, so that it is counted and the policy's refusals are told apart; without cookies, and
 * with the person's token for the Hub itself alone, whatever address the Hub's answers name.
 */
function hubFetch(
  network: Pick<Network, 'fetch'>,
  host: string,
  token: string,
  signal: AbortSignal | undefined,
): (input: RequestInfo | URL, init?: RequestInit) => Promise<Response> {
  const { origin } = new URL(host);
  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    const isHub = new URL(url).origin === origin;
    const headers = new Headers(init.headers);
    if (!isHub && headers.get('authorization')?.includes(token) === true)
      headers.delete('authorization');
    try {
      return await network.fetch(url, {
        ...init,
        headers,
        credentials: 'omit',
        ...((init.signal ?? null) === null && signal !== undefined ? { signal } : {}),
      });
    } catch (error) {
      // In a task of its own, when the client's generator waits for it (see ahead.ts).
      await new Promise((resolve) => setTimeout(resolve, 0));
      const known = toHeadlightError(error);
      if (isHub || known.code !== 'network') throw known;
      throw new HeadlightError(
        'network',
        `The Hub wants its large files at ${new URL(url).origin}. ${known.message}`,
        {
          hint: 'Nothing was published. Try again: large files that arrived are not sent again. If this page may not reach that address, save the folder and upload it with “hf upload”, or use the command line.',
        },
      );
    }
  };
}

function plainError(
  error: unknown,
  { repository, token }: HubDestination,
  host: string,
  signal: AbortSignal | undefined,
): HeadlightError {
  if (signal?.aborted === true) return abortedError();
  const status = statusOf(error);
  if (status === 401) {
    return new HeadlightError('bad-setting', `${host} does not know this access token.`, {
      hint: `Make one with the permission to write at ${host}/settings/tokens, and paste it whole.`,
    });
  }
  if (status === 403) {
    return new HeadlightError('bad-setting', `This access token may not write to ${repository}.`, {
      hint: `Use a token with the permission to write, and a repository under your own name or an organisation of yours.`,
    });
  }
  // The Hub's own words may repeat what was sent.
  const words = (error instanceof Error ? error.message : String(error)).replaceAll(token, 'hf_…');
  if (status !== null) {
    return new HeadlightError('network', `${host} answered ${status}: ${words}`, {
      hint: 'Nothing was published. Try again later, or save the folder and upload it by hand.',
    });
  }
  const known = toHeadlightError(error);
  if (known.code === 'network') {
    return new HeadlightError('network', known.message.replaceAll(token, 'hf_…'), {
      hint: known.hint ?? 'Nothing was published. Check the connection, then try again.',
    });
  }
  return new HeadlightError('network', `The upload to ${host} broke off: ${words}`, {
    hint: 'Nothing was published. Check the connection and try again: large files that arrived are not sent again.',
  });
}

/** The status of an answer that the Hub's client turned into an error; null for other errors. */
function statusOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('statusCode' in error)) return null;
  return typeof error.statusCode === 'number' ? error.statusCode : null;
}

function round(megabytes: number): number {
  return Math.round(megabytes * 100) / 100;
}
