/**
 * Vite plugin: the page that a classifier file is made of, as assets under `standalone/`:
 * - `page.html`, the template, everything in it but the classifier;
 * - `onnxruntime.wasm.bin`, ONNX Runtime for one thread, gzip (without the ending that makes servers unpack it);
 * - `sizes.json`, the bytes of both, to be said before a file is made.
 *
 * The template's policy lets nothing out and runs no script but its own, which it names by hash.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { build, type InlineConfig, type Plugin } from 'vite';
import { ORT_PACKAGE } from '../../src/platform/web/files.ts';
import { licenceCollector, type LicenceCollector } from './licences.ts';
import { noCdnPlugin } from './no-cdn.ts';
import { buildConstants, installed } from './runtime-files.ts';

const root = join(import.meta.dirname, '../..');
const FOLDER = 'standalone/';

export interface StandaloneFile {
  readonly fileName: string;
  readonly source: string | Uint8Array;
}

export function standalonePlugin(): Plugin {
  let served: Promise<readonly StandaloneFile[]> | null = null;
  return {
    name: 'headlight:standalone',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = (request.url ?? '').replace(/[?#].*$/, '').replace(/^\//, '');
        if (!path.startsWith(FOLDER)) {
          next();
          return;
        }
        served ??= standaloneFiles();
        served.then((files) => {
          const file = files.find(({ fileName }) => fileName === path);
          if (file === undefined) next();
          else response.end(file.source);
        }, next);
      });
    },
    async generateBundle() {
      for (const file of await standaloneFiles()) this.emitFile({ type: 'asset', ...file });
    },
  };
}

export async function standaloneFiles(): Promise<readonly StandaloneFile[]> {
  const licences = licenceCollector();
  const worker = await bundled('workers/standalone.worker.ts', licences);
  const page = await bundled('src/app/standalone/main.ts', licences);
  const runtime = gzipSync(
    await readFile(join(installed(ORT_PACKAGE).folder, 'dist/ort-wasm-simd-threaded.wasm')),
    { level: 9 },
  );
  const html = template(page, worker.script, await licences.texts([ORT_PACKAGE]));
  const sizes = { page: Buffer.byteLength(html), runtime: runtime.byteLength };
  return [
    { fileName: `${FOLDER}page.html`, source: html },
    { fileName: `${FOLDER}onnxruntime.wasm.bin`, source: runtime },
    { fileName: `${FOLDER}sizes.json`, source: `${JSON.stringify(sizes)}\n` },
  ];
}

interface Bundle {
  readonly script: string;
  readonly style: string;
}

/** One script and one style sheet, whatever is imported. */
async function bundled(entry: string, licences: LicenceCollector): Promise<Bundle> {
  const config: InlineConfig = {
    configFile: false,
    root,
    logLevel: 'warn',
    publicDir: false,
    // Chromium starts no module from a file's blob: the worker is a classic script, which has no such address.
    define: { ...buildConstants(), 'import.meta.url': 'self.location.href' },
    // Without the condition that leaves ONNX Runtime's script outside.
    resolve: { conditions: ['module', 'browser', 'production'] },
    plugins: [svelte({ configFile: false }), licences.collect(), noCdnPlugin()],
    build: {
      write: false,
      target: 'es2022',
      cssCodeSplit: false,
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 2000,
      rolldownOptions: {
        input: join(root, entry),
        output: { format: 'iife', codeSplitting: false },
        // Of Vite's helper for chunks, of which there are none.
        checks: { emptyImportMeta: false },
      },
    },
  };
  const outputs = [await build(config)].flat();
  let script = '';
  let style = '';
  for (const output of outputs) {
    if (!('output' in output)) throw new Error('vite watched instead of building');
    for (const file of output.output) {
      if (file.type === 'chunk') script += file.code;
      else if (file.fileName.endsWith('.css')) style += String(file.source);
    }
  }
  if (script === '') throw new Error(`${entry} gave no script`);
  return { script: inElement(script.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '')), style };
}

/** A script that cannot end the element it stands in: in its strings, where alone these stand, it reads the same. */
function inElement(script: string): string {
  return script.replaceAll(/<(?=\/script|!--|script)/gi, '\\x3c');
}

function template({ script, style }: Bundle, worker: string, licences: string): string {
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}' 'wasm-unsafe-eval'`,
    `style-src '${hashOf(style)}'`,
    'worker-src blob:',
    "form-action 'none'",
    "base-uri 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Classifier</title>
<style>${style}</style>
</head>
<body>
<div id="app"><p>Opening the classifier…</p></div>
<noscript>This classifier runs in the page, so it needs JavaScript: allow it and reload.</noscript>
<script type="text/plain" id="headlight-licences">${licences.replaceAll(/<(?=\/script|!--|script)/gi, '(')}</script>
<script type="text/plain" id="headlight-worker">${worker}</script>
<!--headlight:content-->
<script>${script}</script>
</body>
</html>
`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
