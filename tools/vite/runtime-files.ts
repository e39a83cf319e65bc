/**
 * Vite plugin: the runtimes' files under `runtime/<name>-<version>/`, copied into the build and served in
 * development. Vite would rename them, and try to transform their scripts.
 */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';
import {
  ORT_FILES,
  ORT_PACKAGE,
  runtimeFolder,
  TFJS_WASM_FILES,
  TFJS_WASM_PACKAGE,
} from '../../src/platform/web/files.ts';

const root = join(import.meta.dirname, '../..');
const require = createRequire(join(root, 'package.json'));

/** The version of an installed package, and its folder. */
export function installed(name: string): { readonly version: string; readonly folder: string } {
  const folder = join(root, 'node_modules', name);
  const { version } = require(join(folder, 'package.json')) as { version: string };
  return { version, folder };
}

interface RuntimeFile {
  /** Relative to the page. */
  readonly path: string;
  readonly source: string;
  /** Bytes `[start, end)` of the source; absent: all. */
  readonly part?: readonly [number, number];
}

/** Larger than any part must be, smaller than what hosts refuse. */
const PART_BYTES = 16 * 1024 * 1024;

export function runtimeFiles(): RuntimeFile[] {
  const files: RuntimeFile[] = [];
  const ort = installed(ORT_PACKAGE);
  const ortFolder = runtimeFolder(ORT_PACKAGE, ort.version);
  for (const { mjs, wasm } of Object.values(ORT_FILES)) {
    files.push({ path: ortFolder + mjs, source: join(ort.folder, 'dist', mjs) });
    wasm.forEach((name, i) => {
      const source = join(ort.folder, 'dist', name.replace(/\.part\d$/, ''));
      const end = i + 1 === wasm.length ? Infinity : (i + 1) * PART_BYTES;
      files.push({
        path: ortFolder + name,
        source,
        ...(wasm.length > 1 ? { part: [i * PART_BYTES, end] as const } : {}),
      });
    });
  }
  const tfjs = installed(TFJS_WASM_PACKAGE);
  for (const name of TFJS_WASM_FILES) {
    files.push({
      path: runtimeFolder(TFJS_WASM_PACKAGE, tfjs.version) + name,
      source: join(tfjs.folder, 'dist', name),
    });
  }
  return files;
}

export function runtimeFilesPlugin(): Plugin {
  const files = runtimeFiles();
  return {
    name: 'headlight:runtime-files',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = (request.url ?? '').replace(/[?#].*$/, '').replace(/^\//, '');
        const file = files.find((candidate) => candidate.path === path);
        if (file === undefined) {
          next();
          return;
        }
        for (const [name, value] of Object.entries(server.config.server.headers)) {
          if (value !== undefined) response.setHeader(name, value);
        }
        response.setHeader('Content-Type', contentType(file.path));
        const [start, end] = file.part ?? [0, Infinity];
        createReadStream(file.source, { start, end: end - 1 }).pipe(response);
      });
    },
    async generateBundle() {
      for (const file of files) {
        const bytes = await readFile(file.source);
        const [start, end] = file.part ?? [0, bytes.byteLength];
        this.emitFile({
          type: 'asset',
          fileName: file.path,
          source: bytes.subarray(start, Math.min(end, bytes.byteLength)),
        });
      }
    },
  };
}

function contentType(path: string): string {
  if (path.endsWith('.mjs')) return 'text/javascript';
  return path.endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream';
}

/** What `src/platform/web/globals.d.ts` declares. */
export function buildConstants(): Record<string, string> {
  const { version } = require(join(root, 'package.json')) as { version: string };
  return {
    __HEADLIGHT_VERSION__: JSON.stringify(version),
    __ORT_VERSION__: JSON.stringify(installed(ORT_PACKAGE).version),
    __TFJS_VERSION__: JSON.stringify(installed('@tensorflow/tfjs-core').version),
  };
}

/** Where a package's own files lie; for the licences. */
export function packageFolderOf(file: string): string | null {
  const match = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(`${dirname(file)}/`);
  return match?.[1] ?? null;
}
