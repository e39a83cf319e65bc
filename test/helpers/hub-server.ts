/**
 * A local server that answers as the Hugging Face Hub does: the API with commit and LFS hashes,
 * `resolve` for files (large ones by redirect to another path), ETag, ranges, error codes. It counts
 * what it was asked, and can cut a download off in the middle.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ModelFile } from '../../src/models';

export interface HubRepository {
  readonly id: string;
  /** 40 hex digits. */
  readonly commit: string;
  readonly files: readonly ModelFile[];
  readonly licence?: string;
  readonly gated?: boolean;
}

export interface HubRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly status: number;
}

export interface HubServer {
  /** `http://127.0.0.1:<port>` */
  readonly host: string;
  readonly requests: HubRequest[];
  /** Adds a repository, or moves its main branch to a new commit; old commits stay. */
  put(repository: HubRepository): void;
  /** The next `times` answers for this file break off after so many bytes. */
  cut(file: string, afterBytes: number, times?: number): void;
  /** Answers for this file in another way, until null is given. */
  behave(file: string, behaviour: Behaviour | null): void;
  /** Answers with these bytes where others were promised. */
  corrupt(file: string, bytes: Uint8Array): void;
  close(): Promise<void>;
}

/** What a host does that is not what the Hub does. */
export type Behaviour = (asked: {
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** The first byte that was asked for; null: the whole file. */
  readonly start: number | null;
  /** How often this file has been asked for before. */
  readonly times: number;
  readonly response: ServerResponse;
  /** As the Hub would. */
  readonly usual: () => void;
}) => void;

/** Files from this size on are "LFS": hashed in the API and redirected. */
const LARGE = 2000;

export async function startHubServer(): Promise<HubServer> {
  const repositories = new Map<string, HubRepository[]>();
  const requests: HubRequest[] = [];
  const cuts = new Map<string, { after: number; times: number }>();
  const corrupted = new Map<string, Uint8Array>();
  const behaviours = new Map<string, { behaviour: Behaviour; times: number }>();

  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '');
    requests.push({
      method: request.method ?? '',
      path,
      range: request.headers.range ?? null,
      get status() {
        return response.statusCode;
      },
    });
    // As the Hub: pages of any origin may read, and a few headers more than browsers show by themselves.
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader(
      'access-control-expose-headers',
      'X-Repo-Commit,X-Error-Code,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag',
    );
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { 'access-control-allow-headers': 'authorization, range' });
      response.end();
      return;
    }
    answer(path, request, response);
  });

  function answer(path: string, request: IncomingMessage, response: ServerResponse): void {
    const api = /^\/api\/models\/(.+)\/revision\/([^/]+)$/.exec(path);
    if (api !== null) {
      answerApi(api[1] ?? '', api[2] ?? '', response);
      return;
    }
    const resolve = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    if (resolve !== null) {
      const [, id = '', revision = '', name = ''] = resolve;
      const found = findRevision(id, revision);
      if (found === null) {
        refuse(response, 401, 'RepoNotFound');
        return;
      }
      if (found.gated) {
        refuse(response, 401, 'GatedRepo');
        return;
      }
      const file = found.files.find((one) => one.name === name);
      if (file === undefined) {
        refuse(response, 404, 'EntryNotFound');
        return;
      }
      if (file.bytes.length < LARGE) {
        send(file, request, response);
        return;
      }
      response.writeHead(302, {
        location: `/lfs/${id}/${found.commit}/${name}`,
        'x-linked-etag': `"${sha256(file.bytes)}"`,
        'x-repo-commit': found.commit,
      });
      response.end('Found. Redirecting');
      return;
    }
    const large = /^\/lfs\/(.+)\/([0-9a-f]{40})\/(.+)$/.exec(path);
    if (large !== null) {
      const [, id = '', commit = '', name = ''] = large;
      const file = findRevision(id, commit)?.files.find((one) => one.name === name);
      if (file !== undefined) {
        send(file, request, response);
        return;
      }
    }
    refuse(response, 404, 'EntryNotFound');
  }

  function findRevision(id: string, revision: string): HubRepository | null {
    const commits = repositories.get(id) ?? [];
    if (revision === 'main') return commits.at(-1) ?? null;
    return commits.find(({ commit }) => commit === revision) ?? null;
  }

  function answerApi(id: string, revision: string, response: ServerResponse): void {
    if (!repositories.has(id)) {
      refuse(response, 401, 'RepoNotFound');
      return;
    }
    const found = findRevision(id, revision);
    if (found === null) {
      refuse(response, 404, 'RevisionNotFound');
      return;
    }
    const body = {
      id,
      sha: found.commit,
      private: false,
      gated: found.gated === true ? 'auto' : false,
      tags: ['bert', ...(found.licence === undefined ? [] : [`license:${found.licence}`])],
      siblings: [{ name: '.gitattributes', bytes: new Uint8Array(10) }, ...found.files].map(
        (file) => ({
          rfilename: file.name,
          size: file.bytes.length,
          // Of a large file it names the pointer that git has in its place.
          blobId: gitBlob(
            file.bytes.length < LARGE
              ? file.bytes
              : new TextEncoder().encode(`pointer to ${sha256(file.bytes)}`),
          ),
          ...(file.bytes.length < LARGE
            ? {}
            : { lfs: { sha256: sha256(file.bytes), size: file.bytes.length, pointerSize: 133 } }),
        }),
      ),
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  function send(file: ModelFile, request: IncomingMessage, response: ServerResponse): void {
    const bytes = corrupted.get(file.name) ?? file.bytes;
    const etag = `"${sha256(file.bytes)}"`;
    const odd = behaviours.get(file.name);
    if (odd !== undefined) {
      const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
      odd.behaviour({
        ...{ bytes, etag, response, times: odd.times++ },
        start: asked === undefined ? null : Number(asked),
        usual: () => sendUsual(file, bytes, etag, request, response),
      });
      return;
    }
    sendUsual(file, bytes, etag, request, response);
  }

  function sendUsual(
    file: ModelFile,
    bytes: Uint8Array,
    etag: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const start = range === null ? 0 : Number(range[1]);
    if (start >= bytes.length && range !== null) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` });
      response.end();
      return;
    }
    const body = bytes.subarray(start);
    response.writeHead(range === null ? 200 : 206, {
      etag,
      'accept-ranges': 'bytes',
      'content-length': body.length,
      ...(range === null
        ? {}
        : { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    const cut = cuts.get(file.name);
    if (cut !== undefined && cut.times > 0) {
      cut.times -= 1;
      // After the bytes have left, so that the client gets them before the connection breaks.
      response.write(body.subarray(0, cut.after), () => setTimeout(() => response.destroy(), 30));
      return;
    }
    response.end(body);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `http://127.0.0.1:${port}`,
    requests,
    put(repository) {
      const commits = repositories.get(repository.id) ?? [];
      repositories.set(repository.id, [...commits, repository]);
    },
    cut: (file, after, times = 1) => void cuts.set(file, { after, times }),
    behave(file, behaviour) {
      if (behaviour === null) behaviours.delete(file);
      else behaviours.set(file, { behaviour, times: 0 });
    },
    corrupt: (file, bytes) => void corrupted.set(file, bytes),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'x-error-code': code, 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: code }));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function gitBlob(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
