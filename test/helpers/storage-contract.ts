/**
 * The promises of `Storage`, whatever keeps the bytes: run against the folder in Node and against IndexedDB
 * in a browser. Plain assertions, so that the same code runs in a page.
 */
import type { Storage } from '../../src/platform';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** Keys that have broken stores: nested, one the beginning of another, odd, long, hostile. */
export const ODD_KEYS: readonly string[] = [
  'a',
  'a/b',
  'a/b/c',
  'A',
  'a/B',
  'shards/0001',
  'with space/and ünïcode/日本語.csv',
  '../outside',
  '/absolute',
  'a//b',
  'trailing/',
  '.hidden',
  'dot./x',
  'con',
  'nul.txt',
  'percent%20sign',
  'plus+and~tilde!bang',
  'back\\slash:colon*star?<>|"',
  `${'long'.repeat(100)}/${'name%'.repeat(60)}`,
];

export interface StorageCheck {
  readonly promise: string;
  /** @throws Error when the promise is broken. */
  readonly check: (storage: Storage) => Promise<void>;
}

/** Each check starts from an empty storage. */
export const STORAGE_CONTRACT: readonly StorageCheck[] = [
  {
    promise: 'what was never written is null',
    async check(storage) {
      equal(await storage.read('projects', 'nothing'), null);
      equal(await storage.entries('projects'), []);
    },
  },
  {
    promise: 'gives back the bytes that were written, in the area they were written to',
    async check(storage) {
      await storage.write('models', 'm/config.json', bytes(1, 2, 3));
      equal(await storage.read('models', 'm/config.json'), bytes(1, 2, 3));
      equal(await storage.read('files', 'm/config.json'), null);
    },
  },
  {
    promise: 'keeps empty values and large ones',
    async check(storage) {
      const large = new Uint8Array(5_000_000).map((_, index) => (index * 31) % 251);
      await storage.write('features', 'empty', bytes());
      await storage.write('features', 'large', large);
      equal((await storage.read('features', 'empty'))?.length, 0);
      equal(await storage.read('features', 'large'), large);
    },
  },
  {
    promise: 'gives back a part of what was written, whole or in pieces, without the rest',
    async check(storage) {
      const large = new Uint8Array(3_000_000).map((_, index) => (index * 31) % 251);
      const pieces = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < large.length; at += 700_001) {
          yield await Promise.resolve(large.slice(at, at + 700_001));
        }
      };
      await storage.write('files', 'p/whole', large);
      await storage.writePieces('files', 'p/pieces', pieces());
      for (const key of ['p/whole', 'p/pieces']) {
        equal(
          await storage.readRange('files', key, 699_990, 700_010),
          large.slice(699_990, 700_010),
        );
        equal(await storage.readRange('files', key, 2_999_999, 4_000_000), large.slice(-1));
        equal((await storage.readRange('files', key, 5_000_000, 6_000_000))?.length, 0);
        equal(await storage.read('files', key), large);
      }
      equal(
        (await storage.entries('files')).map((entry) => entry.bytes),
        [3_000_000, 3_000_000],
      );
      equal(await storage.readRange('files', 'p/none', 0, 1), null);
    },
  },
  {
    promise: 'what fails half-way leaves what was there before',
    async check(storage) {
      await storage.write('files', 'f', bytes(1, 2));
      const failing = async function* (): AsyncGenerator<Uint8Array> {
        yield await Promise.resolve(bytes(3));
        throw new Error('the file is gone');
      };
      let failed = false;
      await storage.writePieces('files', 'f', failing()).catch(() => (failed = true));
      equal(failed, true);
      equal(await storage.read('files', 'f'), bytes(1, 2));
    },
  },
  {
    promise:
      'writes only the part of a buffer that was handed in, and is not changed by it afterwards',
    async check(storage) {
      const buffer = bytes(9, 9, 1, 2, 9, 9);
      await storage.write('files', 'view', buffer.subarray(2, 4));
      buffer.fill(7);
      equal(await storage.read('files', 'view'), bytes(1, 2));
    },
  },
  {
    promise: 'a second write replaces the first',
    async check(storage) {
      await storage.write('settings', 'k', bytes(1, 1, 1, 1));
      await storage.write('settings', 'k', bytes(2));
      equal(await storage.read('settings', 'k'), bytes(2));
      equal((await storage.entries('settings')).length, 1);
    },
  },
  {
    promise: 'any text is a key, and no two keys are the same',
    async check(storage) {
      for (const [index, key] of ODD_KEYS.entries()) {
        await storage.write('files', key, bytes(index));
      }
      for (const [index, key] of ODD_KEYS.entries()) {
        equal(await storage.read('files', key), bytes(index), key);
      }
      equal(
        (await storage.entries('files')).map(({ key }) => key),
        [...ODD_KEYS].sort(),
      );
      for (const key of ODD_KEYS) await storage.delete('files', key);
      equal(await storage.entries('files'), []);
    },
  },
  {
    promise: 'lists entries with a prefix, sorted by key, with sizes and times',
    async check(storage) {
      const before = Date.now() - 2000;
      for (const key of ['p/10', 'p/2', 'q/1', 'p']) await storage.write('runs', key, bytes(1, 2));
      const found = await storage.entries('runs', 'p/');
      equal(
        found.map(({ key }) => key),
        ['p/10', 'p/2'],
      );
      equal(
        (await storage.entries('runs')).map(({ key }) => key),
        ['p', 'p/10', 'p/2', 'q/1'],
      );
      for (const entry of found) {
        equal(entry.bytes, 2);
        ok(entry.written > before && entry.written <= Date.now() + 2000, 'written is not now');
        ok(entry.lastUsed >= entry.written, 'last used before it was written');
      }
    },
  },
  {
    promise: 'a read makes an entry the last used, and leaves when it was written',
    async check(storage) {
      await storage.write('models', 'old', bytes(1));
      const [before] = await storage.entries('models', 'old');
      await new Promise((resolve) => setTimeout(resolve, 50));
      await storage.read('models', 'old');
      const [after] = await storage.entries('models', 'old');
      ok((after?.lastUsed ?? 0) > (before?.lastUsed ?? 0), 'a read is not seen');
      ok(Math.abs((after?.written ?? 0) - (before?.written ?? 0)) < 1, 'a read changed `written`');
    },
  },
  {
    promise: 'deletes one key, and every key with a prefix, and nothing else',
    async check(storage) {
      for (const key of ['p/1', 'p/1/x', 'p/2', 'p2/1']) await storage.write('runs', key, bytes(1));
      await storage.write('files', 'p/1', bytes(1));
      await storage.delete('runs', 'p/1');
      await storage.delete('runs', 'not there');
      equal(
        (await storage.entries('runs')).map(({ key }) => key),
        ['p/1/x', 'p/2', 'p2/1'],
      );
      await storage.deleteAll('runs', 'p/');
      equal(
        (await storage.entries('runs')).map(({ key }) => key),
        ['p2/1'],
      );
      equal((await storage.entries('files')).length, 1);
    },
  },
  {
    promise: 'takes writes side by side, to one key and to many',
    async check(storage) {
      const same = Array.from({ length: 20 }, (_, index) =>
        storage.write('features', 'same', new Uint8Array(10_000).fill(index)),
      );
      const many = Array.from({ length: 50 }, (_, index) =>
        storage.write('features', `many/${index}`, bytes(index)),
      );
      await Promise.all([...same, ...many]);
      const kept = await storage.read('features', 'same');
      equal(kept?.length, 10_000);
      ok(kept?.every((value) => value === kept[0]) ?? false, 'one write was mixed into another');
      equal((await storage.entries('features', 'many/')).length, 50);
    },
  },
  {
    promise: 'says how much is used',
    async check(storage) {
      const before = (await storage.estimate())?.usageBytes ?? 0;
      await storage.write('models', 'weights', new Uint8Array(2_000_000).fill(1));
      const estimate = await storage.estimate();
      ok(estimate !== null && estimate.usageBytes >= before, 'usage went down');
      ok(estimate !== null && estimate.quotaBytes > estimate.usageBytes, 'quota below usage');
    },
  },
  {
    promise: 'forgets everything, and can be used again',
    async check(storage) {
      await storage.write('projects', 'p', bytes(1));
      await storage.write('models', 'm/w', bytes(1));
      await storage.clear();
      equal(await storage.read('projects', 'p'), null);
      equal(await storage.entries('models'), []);
      await storage.write('projects', 'p', bytes(2));
      equal(await storage.read('projects', 'p'), bytes(2));
    },
  },
];

function ok(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function equal(actual: unknown, expected: unknown, what = ''): void {
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) {
    const same =
      actual.length === expected.length && actual.every((byte, index) => byte === expected[index]);
    if (!same) throw new Error(`${what}: other bytes came back`);
    return;
  }
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: ${is} is not ${should}`);
}
