/**
 * A local server that takes uploads as the Hugging Face Hub does: who a token belongs to, making a repository,
 * preupload, the LFS batch (basic, in parts, or Xet), the upload of the parts, and the commit. Large files
 * go to a second address, as on the Hub. It refuses what the Hub refuses, can break off, and keeps the
 * headers of every request, so that a test can see where the token went.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface UploadRequest {
  readonly method: string;
  readonly path: string;
  readonly host: 'hub' | 'storage';
  readonly authorization: string | null;
}

export interface PublishedRepository {
  readonly visibility: string;
  /** By path, as they are after the last commit. */
  readonly files: Map<string, Uint8Array>;
  readonly commits: string[];
}

export interface HubUploadServer {
  readonly host: string;
  readonly storageHost: string;
  readonly requests: UploadRequest[];
  /** Names (`owner/name`) with what was committed. */
  readonly repositories: Map<string, PublishedRepository>;
  /** Xorbs and shards that came by Xet. */
  readonly xet: { readonly xorbs: Uint8Array[]; readonly shards: Uint8Array[] };
  transfer: 'basic' | 'multipart' | 'xet';
  /** The next uploads of large files break off in their middle; with `of`, only of this SHA-256. */
  breakNext(times?: number, of?: string): void;
  close(): Promise<void>;
}

export interface HubUploadOptions {
  readonly token: string;
  readonly owner: string;
  /** Large files go to the Hub's own address; default: to another. */
  readonly storageOnHub?: boolean;
}

const LARGE = 1000;
const PART = 40_000;
const XET_TOKEN = 'xet-only-for-this-upload';

export async function startHubUploadServer(options: HubUploadOptions): Promise<HubUploadServer> {
  const requests: UploadRequest[] = [];
  const repositories = new Map<string, PublishedRepository>();
  const objects = new Map<string, Uint8Array>();
  const parts = new Map<string, Map<number, Uint8Array>>();
  const xet = { xorbs: [] as Uint8Array[], shards: [] as Uint8Array[] };
  let breaks = { left: 0, of: '' };

  const hub = createServer((request, response) => void answer('hub', request, response));
  const storage = createServer((request, response) => void answer('storage', request, response));
  const host = await listen(hub);
  const ownStorage = await listen(storage);
  const storageHost = options.storageOnHub === true ? host : ownStorage;

  const server: HubUploadServer = {
    host,
    storageHost,
    requests,
    repositories,
    xet,
    transfer: 'basic',
    breakNext: (left = 1, of = '') => void (breaks = { left, of }),
    async close() {
      for (const one of [hub, storage]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };

  async function answer(
    at: 'hub' | 'storage',
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    // Pages may ask, as at the Hub.
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', 'etag');
    if (request.method === 'OPTIONS') {
      response.writeHead(204, {
        'access-control-allow-methods': 'GET, POST, PUT',
        'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '',
      });
      response.end();
      return;
    }
    const url = new URL(request.url ?? '/', host);
    const path = decodeURIComponent(url.pathname);
    const where = /^\/(lfs|complete|v1)\//.test(path) ? 'storage' : at;
    const method = request.method ?? 'GET';
    const authorization = request.headers.authorization ?? null;
    requests.push({ method, path, host: where, authorization });
    const isUpload = method === 'PUT' || path.startsWith('/v1/xorbs');
    if (where === 'storage' && isUpload && breaks.left > 0 && path.includes(breaks.of)) {
      breaks.left--;
      // Late enough that what is sent at the same time arrives.
      request.once('data', () => setTimeout(() => request.socket.destroy(), 200));
      return;
    }
    const body = await read(request);
    if (where === 'storage') {
      takeLarge(method, path, url, authorization, body, response);
      return;
    }
    if (authorization !== `Bearer ${options.token}`) {
      send(response, 401, { error: 'Invalid credentials in Authorization header' });
      return;
    }
    const api = /^\/api\/models\/([^/]+\/[^/]+)(?:\/(preupload|commit)\/main)?$/.exec(path);
    const lfs = /^\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
    if (method === 'POST' && path === '/api/repos/create') create(json(body), response);
    else if (api?.[1] !== undefined && api[2] === undefined)
      send(response, repositories.has(api[1]) ? 200 : 404, { id: api[1] });
    else if (api?.[2] === 'preupload') preupload(json(body), response);
    else if (api?.[1] !== undefined) commit(api[1], body, response);
    else if (lfs !== null) batch(json(body), response);
    else send(response, 404, { error: `no ${method} ${path}` });
  }

  function create(body: Record<string, unknown>, response: ServerResponse): void {
    const { name, organization, visibility, type } = body as Record<string, string>;
    const id = `${organization}/${name}`;
    if (type !== 'model') send(response, 400, { error: 'no such type' });
    else if (organization !== options.owner)
      send(response, 403, {
        error: "You don't have the rights to create a model under this namespace",
      });
    else if (repositories.has(id))
      send(response, 409, { error: 'You already created this model repo' });
    else {
      repositories.set(id, { visibility: visibility ?? 'public', files: new Map(), commits: [] });
      send(response, 200, { url: `${host}/${id}`, id });
    }
  }

  function preupload(body: Record<string, unknown>, response: ServerResponse): void {
    const files = body['files'] as { path: string; size: number; sample: string }[];
    send(response, 200, {
      files: files.map(({ path, size }) => ({
        path,
        uploadMode: size >= LARGE || /\.(safetensors|onnx)$/.test(path) ? 'lfs' : 'regular',
      })),
    });
  }

  function batch(body: Record<string, unknown>, response: ServerResponse): void {
    const wanted = body['objects'] as { oid: string; size: number }[];
    if (!(body['transfers'] as string[]).includes(server.transfer)) {
      send(response, 400, { error: 'transfer not offered' });
      return;
    }
    send(response, 200, {
      transfer: server.transfer,
      objects: wanted.map(({ oid, size }) => ({
        oid,
        size,
        ...(objects.has(oid) ? {} : { actions: { upload: uploadAction(oid, size) } }),
      })),
    });
  }

  function uploadAction(oid: string, size: number): unknown {
    if (server.transfer === 'xet') {
      return {
        href: `${host}/api/xet-write-token`,
        header: {
          'X-Xet-Cas-Url': storageHost,
          'X-Xet-Access-Token': XET_TOKEN,
          'X-Xet-Token-Expiration': String(Math.floor(Date.now() / 1000) + 3600),
          'X-Xet-Session-Id': 'session',
        },
      };
    }
    if (server.transfer === 'basic') return { href: `${storageHost}/lfs/${oid}?signature=1` };
    const count = Math.ceil(size / PART);
    const addresses = Array.from({ length: count }, (_, index): [string, string] => [
      String(index + 1).padStart(5, '0'),
      `${storageHost}/lfs/${oid}?part=${index + 1}`,
    ]);
    return {
      href: `${storageHost}/complete/${oid}`,
      header: Object.fromEntries<string>([['chunk_size', String(PART)], ...addresses]),
    };
  }

  function takeLarge(
    method: string,
    path: string,
    url: URL,
    authorization: string | null,
    body: Uint8Array,
    response: ServerResponse,
  ): void {
    if (path.startsWith('/v1/')) {
      if (authorization !== `Bearer ${XET_TOKEN}`) send(response, 401, { error: 'xet token' });
      // Whether it has a chunk already: it never has.
      else if (method === 'GET') send(response, 404, { error: 'no such chunk' });
      else {
        (path.startsWith('/v1/shards') ? xet.shards : xet.xorbs).push(body);
        send(response, 200, { was_inserted: true });
      }
      return;
    }
    const oid = path.split('/').at(-1) ?? '';
    const part = url.searchParams.get('part');
    const held = parts.get(oid) ?? new Map<number, Uint8Array>();
    if (method === 'PUT' && part !== null) {
      parts.set(oid, held.set(Number(part), body));
      response.setHeader('etag', `"${part}"`);
      send(response, 200, {});
      return;
    }
    const whole =
      method === 'PUT'
        ? body
        : Buffer.concat([...held].sort(([a], [b]) => a - b).map(([, bytes]) => bytes));
    if (sha256(whole) !== oid)
      send(response, 400, { error: 'the content is not what its hash says' });
    else {
      objects.set(oid, whole);
      send(response, 200, {});
    }
  }

  function commit(id: string, body: Uint8Array, response: ServerResponse): void {
    const repository = repositories.get(id);
    if (repository === undefined) {
      send(response, 404, { error: 'Repository not found' });
      return;
    }
    const lines = new TextDecoder().decode(body).split('\n');
    const next = new Map(repository.files);
    let title = '';
    for (const line of lines) {
      const { key, value } = JSON.parse(line) as { key: string; value: Record<string, string> };
      if (key === 'header') title = value['summary'] ?? '';
      else if (key === 'file') {
        next.set(value['path'] ?? '', Buffer.from(value['content'] ?? '', 'base64'));
      } else {
        const bytes = objects.get(value['oid'] ?? '');
        if (bytes === undefined && server.transfer !== 'xet') {
          send(response, 400, {
            error: `${value['path']}: LFS pointer to a file that is not there`,
          });
          return;
        }
        next.set(value['path'] ?? '', bytes ?? new TextEncoder().encode(`xet ${value['oid']}`));
      }
    }
    for (const [path, bytes] of next) repository.files.set(path, bytes);
    repository.commits.push(title);
    send(response, 200, {
      success: true,
      commitOid: 'c0ffee',
      commitUrl: `${host}/${id}/commit/c0ffee`,
    });
  }

  return server;
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function read(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function json(body: Uint8Array): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
