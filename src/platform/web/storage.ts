/**
 * `Storage` over IndexedDB. Contents lie in one object store an area; sizes and times in a store beside
 * them, written in the same transaction, so that a write is there whole or not at all and a listing reads
 * no content.
 */
import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from 'idb';
import { HeadlightError } from '../../base';
import { AREAS, type Area, type Storage, type StoredEntry } from '../platform';
import { askPageToPersist } from './persist';

const STORES = [...AREAS, 'meta'] as const;

interface Meta {
  readonly bytes: number;
  readonly written: number;
  readonly lastUsed: number;
}

/** Large files are Blobs: the browser keeps them on the disk, and a piece can be read by itself. */
type Content = Uint8Array | Blob;

interface HeadlightDatabase extends DBSchema {
  projects: { key: string; value: Content };
  files: { key: string; value: Content };
  features: { key: string; value: Content };
  runs: { key: string; value: Content };
  checkpoints: { key: string; value: Content };
  labelling: { key: string; value: Content };
  models: { key: string; value: Content };
  settings: { key: string; value: Content };
  /** Keyed by `[area, key]`. */
  meta: { key: [Area, string]; value: Meta };
}

type Stores = [Area, 'meta'];
type Database = IDBPDatabase<HeadlightDatabase>;
type Upgrade = (
  database: Database,
  transaction: IDBPTransaction<HeadlightDatabase, (Area | 'meta')[], 'versionchange'>,
) => void | Promise<void>;

export const DATABASE_NAME = 'headlight';

/**
 * Step `i` takes the database from version `i` to `i + 1`. A step that has been released is never changed;
 * a new layout is a new step at the end.
 */
export const UPGRADES: readonly Upgrade[] = [
  (database) => {
    for (const area of ['projects', 'files', 'features', 'runs', 'models', 'settings'] as const)
      database.createObjectStore(area);
    database.createObjectStore('meta');
  },
  (database) => {
    database.createObjectStore('checkpoints');
  },
  (database) => {
    database.createObjectStore('labelling');
  },
];

export interface StorageOptions {
  readonly name?: string;
  readonly upgrades?: readonly Upgrade[];
}

export function createStorage(options: StorageOptions = {}): Storage {
  const { name = DATABASE_NAME, upgrades = UPGRADES } = options;
  let opening: Promise<Database> | null = null;
  let upgradeError: unknown = null;

  function database(): Promise<Database> {
    opening ??= openDB<HeadlightDatabase>(name, upgrades.length, {
      upgrade(opened, from, _to, transaction) {
        void upgradeFrom(from, opened, transaction);
      },
      // A newer Headlight in another tab wants to upgrade: let it; the next call opens anew, and says
      // so when this tab has become too old.
      blocking: (_current, _blocked, event) => {
        opening = null;
        (event.target as IDBDatabase).close();
      },
      terminated: () => {
        opening = null;
      },
    }).catch((error: unknown) => {
      opening = null;
      throw upgradeError ?? error;
    });
    return opening;
  }

  /** A step that fails aborts the transaction, so that opening fails and the old layout stays. */
  async function upgradeFrom(from: number, ...args: Parameters<Upgrade>): Promise<void> {
    try {
      for (const step of upgrades.slice(from)) await step(...args);
    } catch (error) {
      upgradeError = error;
      args[1].abort();
    }
  }

  async function guarded<Result>(
    what: string,
    work: (opened: Database) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work(await database());
    } catch (error) {
      throw storageError(error, what);
    }
  }

  const storage: Storage = {
    read: (area, key) =>
      guarded(`read ${area}/${key}`, async (opened) => {
        const content = await opened.get(area, key);
        if (content === undefined) return null;
        await markUsed(opened, area, key);
        return content instanceof Blob ? new Uint8Array(await content.arrayBuffer()) : content;
      }),

    readRange: (area, key, start, end) =>
      guarded(`read ${area}/${key}`, async (opened) => {
        const content = await opened.get(area, key);
        if (content === undefined) return null;
        if (start === 0) await markUsed(opened, area, key);
        const piece = content.slice(start, end);
        return piece instanceof Blob ? new Uint8Array(await piece.arrayBuffer()) : piece;
      }),

    writePieces: (area, key, pieces) =>
      guarded(`keep ${area}/${key}`, async (opened) => {
        const parts: Blob[] = [];
        for await (const piece of pieces) parts.push(new Blob([piece as Uint8Array<ArrayBuffer>]));
        const whole = new Blob(parts);
        const now = Date.now();
        const meta: Meta = { bytes: whole.size, written: now, lastUsed: now };
        await together(
          opened.transaction<Stores, 'readwrite'>([area, 'meta'], 'readwrite'),
          (writing) => [
            writing.objectStore(area).put(whole, key),
            writing.objectStore('meta').put(meta, [area, key]),
          ],
        );
      }),

    write: (area, key, bytes) =>
      guarded(`keep ${area}/${key} (${bytes.byteLength} bytes)`, async (opened) => {
        const now = Date.now();
        const meta: Meta = { bytes: bytes.byteLength, written: now, lastUsed: now };
        // A view is stored with its whole buffer: cut it out. Shared memory cannot be stored at all.
        const whole =
          bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
            ? bytes
            : new Uint8Array(bytes);
        await together(
          opened.transaction<Stores, 'readwrite'>([area, 'meta'], 'readwrite'),
          (writing) => [
            writing.objectStore(area).put(whole, key),
            writing.objectStore('meta').put(meta, [area, key]),
          ],
        );
      }),

    delete: (area, key) =>
      guarded(`delete ${area}/${key}`, (opened) =>
        together(
          opened.transaction<Stores, 'readwrite'>([area, 'meta'], 'readwrite'),
          (writing) => [
            writing.objectStore(area).delete(key),
            writing.objectStore('meta').delete([area, key]),
          ],
        ),
      ),

    deleteAll: (area, prefix) =>
      guarded(`delete ${area}/${prefix}`, (opened) =>
        together(
          opened.transaction<Stores, 'readwrite'>([area, 'meta'], 'readwrite'),
          (writing) => [
            writing.objectStore(area).delete(keysUnder(prefix)),
            writing.objectStore('meta').delete(metaKeysUnder(area, prefix)),
          ],
        ),
      ),

    entries: (area, prefix = '') =>
      guarded(`list ${area}/${prefix}`, async (opened) => {
        const reading = opened.transaction('meta');
        const range = metaKeysUnder(area, prefix);
        const [keys, metas] = await Promise.all([
          reading.store.getAllKeys(range),
          reading.store.getAll(range),
        ]);
        const entries: StoredEntry[] = [];
        keys.forEach(([, key], i) => {
          const meta = metas[i];
          if (meta !== undefined) entries.push({ key, ...meta });
        });
        return entries;
      }),

    async estimate() {
      if (!('storage' in navigator) || !('estimate' in navigator.storage)) return null;
      const [{ usage, quota }, persisted] = await Promise.all([
        navigator.storage.estimate(),
        navigator.storage.persisted(),
      ]);
      return { usageBytes: usage ?? 0, quotaBytes: quota ?? 0, persisted };
    },

    persist: () => askPageToPersist(),

    clear: () =>
      guarded('forget everything', (opened) => {
        const clearing = opened.transaction(STORES, 'readwrite');
        return together(clearing, () => STORES.map((store) => clearing.objectStore(store).clear()));
      }),
  };
  return storage;
}

/** A full disk can still be read, so that a project can be saved from it: only `lastUsed` stays behind. */
async function markUsed(opened: Database, area: Area, key: string): Promise<void> {
  const marking = opened.transaction('meta', 'readwrite');
  try {
    const meta = await marking.store.get([area, key]);
    // Deleted meanwhile: then it must not come back as an entry without content.
    const marked =
      meta === undefined ? [] : [marking.store.put({ ...meta, lastUsed: Date.now() }, [area, key])];
    await Promise.all([...marked, marking.done]);
  } catch (error) {
    marking.done.catch(() => undefined); // the error caught here is its cause
    if (!isQuotaExceeded(error)) throw error;
  }
}

/**
 * Starts the requests of one transaction and waits for its commit, which alone says that it is kept. When
 * one fails, the commit fails with the cause, and the others' rejections say nothing more.
 */
async function together<Transaction extends { readonly done: Promise<void>; abort(): void }>(
  transaction: Transaction,
  requests: (transaction: Transaction) => readonly Promise<unknown>[],
): Promise<void> {
  let started: readonly Promise<unknown>[];
  try {
    started = requests(transaction);
  } catch (error) {
    transaction.done.catch(() => undefined); // aborted here; the error thrown is the cause
    transaction.abort();
    throw error;
  }
  await Promise.all([...started, transaction.done]);
}

function keysUnder(prefix: string): IDBKeyRange {
  return IDBKeyRange.bound(prefix, `${prefix}\uffff`);
}

function metaKeysUnder(area: Area, prefix: string): IDBKeyRange {
  return IDBKeyRange.bound([area, prefix], [area, `${prefix}\uffff`]);
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : '';
}

function isQuotaExceeded(error: unknown): boolean {
  return nameOf(error) === 'QuotaExceededError';
}

function storageError(error: unknown, what: string): HeadlightError {
  if (error instanceof HeadlightError) return error;
  if (isQuotaExceeded(error)) {
    return new HeadlightError('storage-full', `There is no room left on this device to ${what}.`, {
      hint: 'Remove cached models or old projects, or free space on this device, then start again; what was committed is kept.',
      cause: error,
    });
  }
  if (nameOf(error) === 'VersionError') {
    return new HeadlightError('storage', 'A newer Headlight has been used in this browser.', {
      hint: 'Reload the page to get the newer version.',
      cause: error,
    });
  }
  return new HeadlightError('storage', `This browser's storage cannot be used to ${what}.`, {
    hint: 'A private window or a setting may forbid it: allow this site to store data, or use a normal window.',
    cause: error,
  });
}
