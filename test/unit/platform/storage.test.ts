import { chmod, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawn } from 'node:child_process';
import { AREAS } from '../../../src/platform';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFolderStorage, defaultHome, storageError } from '../../../src/platform/node/storage';
import { withMemoryAreas } from '../../../src/platform/node/memory-areas';
import { keyToPath, pathToKey } from '../../../src/platform/node/storage-keys';
import { ODD_KEYS, STORAGE_CONTRACT } from '../../helpers/storage-contract';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-storage-'));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

describe('the storage contract, kept by a folder', () => {
  for (const { promise, check } of STORAGE_CONTRACT) {
    test(promise, async () => check(await createFolderStorage(home)));
  }
});

describe('the storage contract, kept by areas in memory', () => {
  for (const { promise, check } of STORAGE_CONTRACT) {
    test(promise, async () => check(withMemoryAreas(await createFolderStorage(home), [...AREAS])));
  }

  test('nothing of theirs reaches the disk; the other areas do', async () => {
    const disk = await createFolderStorage(home);
    const storage = withMemoryAreas(disk, ['files']);
    await storage.write('files', 'texts.csv', Uint8Array.of(1));
    await storage.write('models', 'm', Uint8Array.of(2));
    expect(await disk.entries('files')).toEqual([]);
    expect((await disk.entries('models')).map(({ key }) => key)).toEqual(['m']);
  });
});

describe('keys as paths', () => {
  test.each(ODD_KEYS)('%j comes back, stays inside, and fits every disk', (key) => {
    const path = keyToPath(key);
    expect(pathToKey(path)).toBe(key);
    expect(resolve('/home', ...path).startsWith('/home/')).toBe(true);
    expect(resolve('/home', ...path)).toBe(`/home/${path.join('/')}`);
    for (const name of path) {
      expect(name).toMatch(/^[a-z0-9_.!%A-F~+-]+$/);
      expect(name.length).toBeLessThanOrEqual(200);
      expect(name).not.toMatch(/^\.|\.$/);
    }
  });

  test('keys that differ only in capitals differ on a disk that does not tell them apart', () => {
    const lower = (key: string): string => keyToPath(key).join('/').toLowerCase();
    expect(lower('Model')).not.toBe(lower('model'));
    expect(lower('!model')).not.toBe(lower('Model'));
  });

  test('what other programs leave in the folder is no key', async () => {
    const storage = await createFolderStorage(home);
    await storage.write('models', 'm/w', Uint8Array.of(1));
    await writeFile(join(home, 'models', '.DS_Store'), 'x');
    await mkdir(join(home, 'models', 'plain'), { recursive: true });
    await writeFile(join(home, 'models', 'plain', 'file'), 'x');
    expect((await storage.entries('models')).map(({ key }) => key)).toEqual(['m/w']);
  });
});

describe('a write is there whole or not at all', () => {
  test('a process killed while it writes leaves the old value', async () => {
    const storage = await createFolderStorage(home);
    const size = 3_000_000;
    await storage.write('features', 'shard', new Uint8Array(size).fill(1));
    // The child goes through the same steps in a loop until it is killed.
    const script = `
      import { createFolderStorage } from ${JSON.stringify(resolve('src/platform/node/storage.ts'))};
      const storage = await createFolderStorage(process.argv[2] ?? '');
      process.stdout.write('ready');
      for (let i = 1; ; i++) await storage.write('features', 'shard', new Uint8Array(${size}).fill(i % 250));`;
    const file = join(home, 'writer.mts');
    await writeFile(file, script);
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, ['--import', 'tsx', file, home], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise((done) => child.stdout.once('data', done));
      await new Promise((done) => setTimeout(done, 20 + 37 * round));
      child.kill('SIGKILL');
      await new Promise((done) => child.once('exit', done));
      const kept = await storage.read('features', 'shard');
      expect(kept?.length).toBe(size);
      expect(new Set(kept).size).toBe(1);
    }
  });

  test('what killed processes left behind is swept after a day, not before', async () => {
    await createFolderStorage(home);
    const left = join(home, 'tmp', 'left');
    await writeFile(left, 'x');
    await createFolderStorage(home);
    expect(await readdir(join(home, 'tmp'))).toEqual(['left']);
    const old = new Date(Date.now() - 25 * 3600 * 1000);
    await utimes(left, old, old);
    await createFolderStorage(home);
    expect(await readdir(join(home, 'tmp'))).toEqual([]);
  });
});

describe('errors say what to do', () => {
  test('a full disk is `storage-full` and names the folder', () => {
    const error = storageError(
      Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }),
      '/h/models/x',
      '/h',
    );
    expect(error).toMatchObject({ code: 'storage-full' });
    expect(error.message).toContain('/h');
    expect(error.hint).toContain('HEADLIGHT_HOME');
  });

  test('a folder that cannot be made is `storage` with its path', async () => {
    const blocked = join(home, 'a file');
    await writeFile(blocked, 'x');
    await expect(createFolderStorage(join(blocked, 'home'))).rejects.toMatchObject({
      code: 'storage',
      message: expect.stringContaining(blocked) as string,
    });
  });

  test('a file that may not be read is `storage`, not missing', async () => {
    const storage = await createFolderStorage(home);
    // A folder where the file should be: also fails for root, who may read everything.
    await mkdir(join(home, 'models', 'weights'), { recursive: true });
    await expect(storage.read('models', 'weights')).rejects.toMatchObject({
      code: 'storage',
      message: expect.stringContaining('weights') as string,
    });
  });

  test('storage that is read-only can still be read', async () => {
    const storage = await createFolderStorage(home);
    await storage.write('models', 'm', Uint8Array.of(4));
    await chmod(join(home, 'models'), 0o500);
    await chmod(join(home, 'models', 'm'), 0o400);
    expect(await storage.read('models', 'm')).toEqual(Uint8Array.of(4));
    await chmod(join(home, 'models'), 0o700);
  });
});

describe('where it is kept', () => {
  test('HEADLIGHT_HOME, else the cache folder of the system', () => {
    expect(defaultHome({ HEADLIGHT_HOME: '/data/h' })).toBe(resolve('/data/h'));
    if (process.platform === 'linux') {
      expect(defaultHome({ XDG_CACHE_HOME: '/x/cache' })).toBe('/x/cache/headlight');
      // The XDG specification has relative paths ignored.
      expect(defaultHome({ XDG_CACHE_HOME: 'relative' })).toMatch(/\/\.cache\/headlight$/);
    } else {
      expect(defaultHome({})).toContain('headlight');
    }
  });

  test('only its owner can read what is kept', async () => {
    const storage = await createFolderStorage(home);
    await storage.write('files', 'texts.csv', Uint8Array.of(1));
    const { mode } = await stat(join(home, 'files', 'texts.csv'));
    if (process.platform !== 'win32') expect(mode & 0o077).toBe(0);
  });
});
