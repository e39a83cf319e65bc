/**
 * A local Hub with a gated repository, perhaps under a path as mirrors have, whose large files lie on another server:
 * it answers about tokens as huggingface.co does, and both write down which `Authorization` they were sent.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ModelFile } from '../../src/models';

export interface GatedHub {
  /** With the path, without a `/` at its end. */
  readonly host: string;
  /** The origin that large files are led on to. */
  readonly storage: string;
  /** Every request: which server, its path, and the header or null. */
  readonly seen: { readonly at: 'hub' | 'storage'; path: string; authorization: string | null }[];
  close(): Promise<void>;
}

export interface GatedHubOptions {
  readonly id: string;
  readonly commit: string;
  readonly files: readonly ModelFile[];
  /** The one that may read. */
  readonly token: string;
  /** One that is accepted but has not agreed. */
  readonly notAgreed?: string;
  /** One of the fine-grained kind that may not read gated repositories. */
  readonly fineGrained?: string;
  /** Such as `/hf`. */
  readonly path?: string;
}

const LARGE = 2000;

export async function startGatedHub(options: GatedHubOptions): Promise<GatedHub> {
  const { id, commit, files, path: prefix = '' } = options;
  const seen: GatedHub['seen'] = [];
  const cors = {
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'authorization, range',
    'access-control-expose-headers': 'x-error-code, x-error-message, etag, content-range',
  };

  const note = (at: 'hub' | 'storage', request: IncomingMessage): string => {
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '');
    const authorization = request.headers.authorization ?? null;
    if (request.method !== 'OPTIONS') seen.push({ at, path, authorization });
    return path;
  };
  const send = (response: ServerResponse, bytes: Uint8Array, headers = {}): void => {
    response.writeHead(200, { ...cors, ...headers, 'content-length': bytes.length });
    response.end(bytes);
  };
  const refuse = (
    response: ServerResponse,
    status: number,
    code: string,
    message: string,
  ): void => {
    const about = { ...(code === '' ? {} : { 'x-error-code': code }), 'x-error-message': message };
    response.writeHead(status, { ...cors, ...about });
    response.end(message);
  };

  const storageServer = createServer((request, response) => {
    const path = note('storage', request);
    const file = files.find(({ name }) => path === `/${name}`);
    if (file === undefined) refuse(response, 404, '', 'no such object');
    else send(response, file.bytes);
  });
  const storage = await listen(storageServer);

  const hubServer = createServer((request, response) => {
    if (request.method === 'OPTIONS') {
      response.writeHead(204, cors);
      response.end();
      return;
    }
    const path = note('hub', request);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
    if (token === null) {
      refuse(response, 401, 'GatedRepo', `Access to model ${id} is restricted. Please log in.`);
    } else if (token === options.notAgreed) {
      refuse(
        response,
        403,
        'GatedRepo',
        `Access to model ${id} is restricted and you are not in the authorized list.`,
      );
    } else if (token === options.fineGrained) {
      refuse(
        response,
        403,
        '',
        'Please enable access to public gated repositories in your fine-grained token settings to view this repository.',
      );
    } else if (token !== options.token) {
      refuse(response, 401, '', 'Invalid username or password.');
    } else if (path === `${prefix}/api/models/${id}/revision/main`) {
      const siblings = files.map(({ name, bytes }) => ({
        rfilename: name,
        size: bytes.length,
        ...(bytes.length < LARGE
          ? {
              blobId: createHash('sha1')
                .update(`blob ${bytes.length}\0`)
                .update(bytes)
                .digest('hex'),
            }
          : {
              lfs: { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length },
            }),
      }));
      send(response, Buffer.from(JSON.stringify({ id, sha: commit, gated: 'manual', siblings })), {
        'content-type': 'application/json',
      });
    } else {
      const file = files.find(({ name }) => path === `${prefix}/${id}/resolve/${commit}/${name}`);
      if (file === undefined) refuse(response, 404, 'EntryNotFound', 'no such file');
      else if (file.bytes.length < LARGE) send(response, file.bytes);
      else {
        response.writeHead(302, { ...cors, location: `${storage}/${file.name}` });
        response.end();
      }
    }
  });
  const hub = await listen(hubServer);
  return {
    host: hub + prefix,
    storage,
    seen,
    close: async () => {
      await Promise.all([hubServer, storageServer].map(close));
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
