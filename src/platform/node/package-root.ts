/** Where Headlight itself lies on the disk: the folder with its package.json, from source or when built. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeadlightError } from '../../base';

export interface PackageRoot {
  readonly folder: string;
  readonly version: string;
}

let found: PackageRoot | null = null;

/** @throws HeadlightError `not-found` when the installation has been taken apart. */
export function packageRoot(): PackageRoot {
  found ??= findRoot(dirname(fileURLToPath(import.meta.url)));
  return found;
}

function findRoot(start: string): PackageRoot {
  for (let folder = start; ; folder = dirname(folder)) {
    const description = readPackage(join(folder, 'package.json'));
    if (description?.name === 'headlight') return { folder, version: description.version };
    if (folder === dirname(folder)) {
      throw new HeadlightError(
        'not-found',
        `Headlight's own folder was not found above ${start}.`,
        {
          hint: 'Install it again: npm ci in the clone, or the packed tarball.',
        },
      );
    }
  }
}

/** The version of a package that Headlight depends on, as it is installed. */
export function installedVersion(name: string): string {
  const require = createRequire(join(packageRoot().folder, 'package.json'));
  // Not through `require(name/package.json)`: packages with `exports` may not offer it.
  for (let folder = dirname(require.resolve(name)); ; folder = dirname(folder)) {
    const description = readPackage(join(folder, 'package.json'));
    if (description?.name === name) return description.version;
    if (folder === dirname(folder)) return 'unknown';
  }
}

function readPackage(path: string): { name: string; version: string } | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const value = JSON.parse(text) as { name?: unknown; version?: unknown };
  if (typeof value.name !== 'string' || typeof value.version !== 'string') return null;
  return { name: value.name, version: value.version };
}
