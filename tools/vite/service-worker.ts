/**
 * Vite plugin: builds `sw.js` once everything else is written, with the list of the build's files and
 * their hashes in it. Any change of any file makes a new service worker, hence a new release.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { build, type Plugin } from 'vite';

/** Large, or for some people only: kept when used. The rest is the shell, kept at installation. */
const NOT_SHELL =
  /^runtime\/|^standalone\/(?!sizes)|^models\/[^/]+\/|\.(?:txt|map)$|^(?:LICENSE|NOTICE)$/;

export function serviceWorkerPlugin(): Plugin {
  return {
    name: 'headlight:service-worker',
    apply: 'build',
    writeBundle: {
      order: 'post',
      sequential: true,
      async handler(options) {
        const folder = options.dir;
        if (folder === undefined) return;
        const files: Record<string, { hash: string; shell: boolean }> = {};
        for (const path of await filesUnder(folder)) {
          if (path === 'sw.js') continue;
          const bytes = await readFile(join(folder, path));
          const hash = createHash('sha256').update(bytes).digest('hex');
          files[path] = { hash, shell: !NOT_SHELL.test(path) };
        }
        await build({
          configFile: false,
          logLevel: 'warn',
          publicDir: false,
          define: { __FILES__: JSON.stringify(files) },
          build: {
            outDir: folder,
            emptyOutDir: false,
            target: 'es2022',
            lib: {
              entry: join(import.meta.dirname, '../../src/platform/web/service-worker.ts'),
              formats: ['iife'],
              name: 'headlightServiceWorker',
              fileName: () => 'sw.js',
            },
          },
        });
      },
    },
  };
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}
