/**
 * Serves the built page on this machine only, with the headers that isolate it and hold it to its egress
 * policy. Answers GET and HEAD, and only to the names of this machine: a foreign page that points its own
 * name at 127.0.0.1 (DNS rebinding) is refused.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import sirv from 'sirv';
import { HeadlightError } from '../src/base';
import { securityHeaders } from '../src/platform/web/policy';

const ADDRESS = '127.0.0.1';
const OWN_NAMES = new Set(['127.0.0.1', 'localhost']);
export const DEFAULT_PORT = 5273;
/** Ports tried after the default one. */
const NEXT_PORTS = 50;
/** What the table of types that sirv uses lacks. */
const TYPES: Readonly<Record<string, string>> = {
  '.onnx': 'application/octet-stream',
  '.safetensors': 'application/octet-stream',
  '.csv': 'text/csv;charset=utf-8',
};

export interface ServeOptions {
  /** The built page. */
  readonly folder: string;
  /** Exactly this port (0: any free one); absent: the default one, else the next free one. */
  readonly port?: number;
  /** The address models may be fetched from, beside the page's own; null: none. */
  readonly modelHost?: string | null;
}

export interface RunningPage {
  /** Such as `http://localhost:5273/`. */
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** @throws HeadlightError `bad-setting` when the port is taken. */
export async function servePage(options: ServeOptions): Promise<RunningPage> {
  const server = createServer(pageHandler(options.folder, options.modelHost ?? null));
  const port = await listen(server, options.port);
  return {
    address: `http://localhost:${port}/`,
    port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
        server.closeAllConnections();
      }),
  };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function pageHandler(folder: string, modelHost: string | null): Handler {
  const files = sirv(folder, {
    etag: true,
    // A request for a file that is not there is an error, never the page.
    single: false,
    setHeaders(response, path) {
      const type = TYPES[extname(path)];
      if (type !== undefined) response.setHeader('Content-Type', type);
      // Names in assets/ carry a hash of their content; everything else is asked for again.
      const lasting = path.startsWith('/assets/');
      response.setHeader(
        'Cache-Control',
        lasting ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
    },
  });
  const headers = securityHeaders(modelHost);
  return (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (!isOwnName(request.headers.host)) {
      answer(response, 403, 'This server answers to localhost and 127.0.0.1 only.');
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      answer(response, 405, 'Only GET and HEAD are answered.');
      return;
    }
    // Ranges counted from the end, and several at once, may be answered with the whole file; sirv would
    // answer with another range.
    if (!/^bytes=\d+-\d*$/.test(request.headers.range ?? '')) delete request.headers.range;
    response.setHeader('Accept-Ranges', 'bytes');
    files(request, response, () => {
      answer(response, 404, 'There is no such file here.');
    });
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain;charset=utf-8' }).end(`${text}\n`);
}

/** The Host header, its port left aside. */
function isOwnName(host: string | undefined): boolean {
  return host !== undefined && OWN_NAMES.has(host.replace(/:\d+$/, '').toLowerCase());
}

async function listen(server: Server, wanted: number | undefined): Promise<number> {
  const last = wanted ?? DEFAULT_PORT + NEXT_PORTS;
  for (let port = wanted ?? DEFAULT_PORT; ; port++) {
    try {
      return await listenOn(server, port);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (port < last && (code === 'EADDRINUSE' || code === 'EACCES')) continue;
      throw new HeadlightError('bad-setting', `Port ${port} cannot be used (${code}).`, {
        hint: 'Choose another one with --port, or 0 for any free one.',
        cause: error,
      });
    }
  }
}

function listenOn(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, ADDRESS, () => {
      server.removeListener('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
