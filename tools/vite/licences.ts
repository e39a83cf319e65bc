/**
 * Vite plugins: the licences of everything that is in the build, from what was really bundled. The
 * collector runs in every build, the workers' too; the writer once, in the page's.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { ORT_PACKAGE, TFJS_WASM_PACKAGE } from '../../src/platform/web/files.ts';
import { MIT_TEXT } from './licence-texts.ts';
import { installed, packageFolderOf } from './runtime-files.ts';

const root = join(import.meta.dirname, '../..');

/** Packages that publish no licence file: who holds the copyright, as their sources say. */
const HOLDERS: Readonly<Record<string, string>> = {
  // The package names nobody.
  'gearhash-jit': 'Copyright (c) the authors of gearhash-jit',
  'onnxruntime-common': 'Copyright (c) Microsoft Corporation',
  'onnxruntime-web': 'Copyright (c) Microsoft Corporation',
  seedrandom: 'Copyright (c) 2019 David Bau',
};

export interface LicenceCollector {
  /** Notes the packages of one build. */
  readonly collect: () => Plugin;
  /** Writes LICENSE, NOTICE and THIRD-PARTY-LICENSES.txt into the page's build. */
  readonly write: () => Plugin;
  /** The text of what was noted, and of these packages. */
  readonly texts: (names: readonly string[]) => Promise<string>;
}

export function licenceCollector(): LicenceCollector {
  const folders = new Set<string>();
  const texts = async (names: readonly string[]): Promise<string> => {
    for (const name of names) folders.add(installed(name).folder);
    const entries = await Promise.all([...folders].map(describe));
    const unique = new Map(entries.map((entry) => [entry.title, entry.text]));
    const sorted = [...unique].sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      'Headlight contains the following third-party software.\n',
      ...sorted.map(([title, text]) => `${'-'.repeat(80)}\n${title}\n\n${text.trim()}\n`),
    ].join('\n');
  };
  return {
    texts,
    collect: () => ({
      name: 'headlight:licences-collect',
      apply: 'build',
      generateBundle(_options, bundle) {
        for (const file of Object.values(bundle)) {
          if (file.type !== 'chunk') continue;
          for (const id of file.moduleIds) {
            const folder = packageFolderOf(id.replace(/^\0/, ''));
            if (folder !== null) folders.add(folder);
          }
        }
      },
    }),
    write: () => ({
      name: 'headlight:licences-write',
      apply: 'build',
      async generateBundle() {
        const source = await texts([ORT_PACKAGE, TFJS_WASM_PACKAGE]);
        this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-LICENSES.txt', source });
        for (const fileName of ['LICENSE', 'NOTICE']) {
          this.emitFile({ type: 'asset', fileName, source: await readFile(join(root, fileName)) });
        }
      },
    }),
  };
}

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

/** @throws when a package has neither a licence file nor a known licence: it must be looked at. */
async function describe(folder: string): Promise<{ title: string; text: string }> {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  ) as PackageJson;
  const title = `${name} ${version} (${license ?? 'see below'})`;
  const files = (await readdir(folder)).filter((file) =>
    /^(licen[cs]e|notice|copying)/i.test(file),
  );
  const texts = await Promise.all(files.sort().map((file) => readFile(join(folder, file), 'utf8')));
  if (texts.length > 0) return { title, text: texts.join('\n') };
  const holder = HOLDERS[name];
  if (license === 'MIT' && holder !== undefined) return { title, text: `${holder}\n\n${MIT_TEXT}` };
  if (license === 'Apache-2.0' && existsSync(join(root, 'LICENSE'))) {
    return { title, text: 'Licensed under the Apache License, Version 2.0: see the file LICENSE.' };
  }
  throw new Error(
    `${name} ${version} publishes no licence text: look at it and add it to HOLDERS.`,
  );
}
