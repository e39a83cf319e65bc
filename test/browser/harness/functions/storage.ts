/** The storage contract and IndexedDB's own cases, in the harness worker. */
import { createStorage, UPGRADES } from '../../../../src/platform/web/storage';
import { HeadlightError } from '../../../../src/base';
import { STORAGE_CONTRACT } from '../../../helpers/storage-contract';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const textOf = (value: Uint8Array | null): string | null =>
  value === null ? null : new TextDecoder().decode(value);

function codeOf(error: unknown): string {
  return error instanceof HeadlightError ? error.code : String(error);
}

/** Promise by promise: null when kept, else what was wrong. */
export async function storageContract(): Promise<Record<string, string | null>> {
  const storage = createStorage({ name: 'contract' });
  const found: Record<string, string | null> = {};
  for (const { promise, check } of STORAGE_CONTRACT) {
    await storage.clear();
    try {
      await check(storage);
      found[promise] = null;
    } catch (error) {
      found[promise] = String(error);
    }
  }
  return found;
}

/** Starts a large write and tells when it has started; the test then kills the worker. */
export function beginLargeWrite(key: string, megabytes: number): string {
  const storage = createStorage({ name: 'killed' });
  void storage.write('features', key, new Uint8Array(megabytes << 20).fill(1));
  return 'started';
}

/** What the killed write left: for each entry its listed size and the size that is read. */
export async function whatIsThere(): Promise<readonly { listed: number; read: number | null }[]> {
  const storage = createStorage({ name: 'killed' });
  const entries = await storage.entries('features');
  return Promise.all(
    entries.map(async ({ key, bytes }) => ({
      listed: bytes,
      read: (await storage.read('features', key))?.byteLength ?? null,
    })),
  );
}

/** A write whose second half fails as on a full disk: its code, and what of the old value is left. */
export async function writeOnFullDisk(): Promise<unknown> {
  const storage = createStorage({ name: 'full' });
  await storage.write('runs', 'run', text('old'));
  const put = Object.getOwnPropertyDescriptor(IDBObjectStore.prototype, 'put');
  const original = put?.value as (...args: unknown[]) => IDBRequest<IDBValidKey>;
  let puts = 0;
  IDBObjectStore.prototype.put = function (...args) {
    puts++;
    if (puts === 2) throw new DOMException('The disk is full', 'QuotaExceededError');
    return original.apply(this, args);
  };
  let code = 'nothing was thrown';
  try {
    await storage.write('runs', 'run', text('a longer new value'));
  } catch (error) {
    code = codeOf(error);
  } finally {
    if (put !== undefined) Object.defineProperty(IDBObjectStore.prototype, 'put', put);
  }
  return {
    code,
    puts,
    value: textOf(await storage.read('runs', 'run')),
    listed: (await storage.entries('runs')).map(({ bytes }) => bytes),
  };
}

/** Where IndexedDB is forbidden (a private window of some browsers). */
export async function forbiddenStorage(): Promise<string> {
  const open = Object.getOwnPropertyDescriptor(IDBFactory.prototype, 'open');
  IDBFactory.prototype.open = () => {
    throw new DOMException('Not allowed here', 'SecurityError');
  };
  try {
    await createStorage({ name: 'forbidden' }).read('runs', 'x');
    return 'nothing was thrown';
  } catch (error) {
    return codeOf(error);
  } finally {
    if (open !== undefined) Object.defineProperty(IDBFactory.prototype, 'open', open);
  }
}

/** A database of today under the Headlight of tomorrow, while a tab of today is open; and back. */
export async function upgrades(): Promise<unknown> {
  const today = createStorage({ name: 'upgraded' });
  await today.write('projects', 'p', text('kept'));
  const ran: number[] = [];
  const tomorrow = createStorage({
    name: 'upgraded',
    upgrades: [
      ...UPGRADES,
      async (_database, transaction) => {
        ran.push(transaction.db.version);
        const store = transaction.objectStore('projects');
        const before = await store.get('p');
        const was = before instanceof Uint8Array ? textOf(before) : null;
        await store.put(text(`${was ?? ''}, upgraded`), 'p');
      },
    ],
  });
  const value = textOf(await tomorrow.read('projects', 'p'));
  let back = 'nothing was thrown';
  try {
    await today.read('projects', 'p');
  } catch (error) {
    back = `${codeOf(error)}: ${error instanceof Error ? error.message : ''}`;
  }
  const broken = createStorage({
    name: 'upgraded',
    upgrades: [
      ...UPGRADES,
      () => undefined,
      async (_database, transaction) => {
        await transaction.objectStore('projects').clear();
        throw new Error('a step that fails');
      },
    ],
  });
  const failed = await broken
    .read('projects', 'p')
    .then(String, (error: unknown) =>
      error instanceof HeadlightError ? `${error.code}: ${String(error.cause)}` : String(error),
    );
  const left = textOf(await tomorrow.read('projects', 'p'));
  return { steps: UPGRADES.length, ran, value, back, failed, left };
}

/** Storage made by the first layout, opened by today's. */
export async function fromFirstLayout(): Promise<unknown> {
  const first = createStorage({ name: 'first', upgrades: UPGRADES.slice(0, 1) });
  await first.write('projects', 'p', text('old'));
  const today = createStorage({ name: 'first' });
  await today.write('checkpoints', 'p/1', text('new'));
  await today.write('labelling', 'p/settings.json', text('asked'));
  return {
    project: textOf(await today.read('projects', 'p')),
    checkpoint: textOf(await today.read('checkpoints', 'p/1')),
    labelling: textOf(await today.read('labelling', 'p/settings.json')),
  };
}
