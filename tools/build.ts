/**
 * Builds the page into `dist/` when it is missing or older than its sources. What it was built from is kept
 * as a hash outside `dist/`, which is published as it is.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const STAMP = join(ROOT, 'node_modules/.cache/headlight/dist.sha256');
const SOURCES = [
  'index.html',
  'package-lock.json',
  'package.json',
  'public',
  'src',
  'svelte.config.js',
  'tools',
  'vite.config.ts',
  'workers',
];
/** Larger files (weights) are told apart by size and time: reading them takes longer than it saves. */
const READ_UP_TO = 1 << 20;

/** @returns whether it was built. @throws when the build fails. */
export async function buildIfStale(
  say: (line: string) => void = () => undefined,
): Promise<boolean> {
  const wanted = await hashOfSources();
  const built = await readFile(STAMP, 'utf8').catch(() => '');
  const isThere = await access(join(ROOT, 'dist/index.html')).then(
    () => true,
    () => false,
  );
  if (isThere && built === wanted) return false;
  say(isThere ? 'The page is older than its sources; building it.' : 'Building the page.');
  await build();
  return true;
}

/** @throws when the build fails. */
export async function build(): Promise<void> {
  const before = await hashOfSources();
  await runNode([join(ROOT, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn']);
  await mkdir(dirname(STAMP), { recursive: true });
  await writeFile(STAMP, before);
}

function runNode(command: readonly string[]): Promise<void> {
  return new Promise((fulfil, reject) => {
    const child = spawn(process.execPath, command, {
      cwd: ROOT,
      // The page's stdout belongs to whoever asked for it.
      stdio: ['ignore', process.stderr, process.stderr],
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) fulfil();
      else reject(new Error(`vite build failed with exit code ${code ?? 'none'}.`));
    });
  });
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of SOURCES) await addToHash(hash, source);
  return hash.digest('hex');
}

async function addToHash(hash: ReturnType<typeof createHash>, path: string): Promise<void> {
  const full = join(ROOT, path);
  const info = await stat(full).catch(() => null);
  if (info === null) return;
  if (info.isDirectory()) {
    for (const name of (await readdir(full)).sort()) await addToHash(hash, `${path}/${name}`);
    return;
  }
  hash.update(`${path}\n${info.size}\n`);
  if (info.size > READ_UP_TO) hash.update(String(info.mtimeMs));
  else hash.update(await readFile(full));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
