/** Storage in memory, for tests of what stands on storage; can be made to fail like a full disk. */
import { HeadlightError } from '../../src/base';
import { joined, type Area, type Storage, type StoredEntry } from '../../src/platform';

export interface MemoryStorage extends Storage {
  /** Writes beyond this many bytes in all throw `storage-full`. */
  quota: number;
  /** Every write so far, as `area/key`, in order. */
  readonly writes: string[];
}

export function memoryStorage(): MemoryStorage {
  const kept = new Map<string, { bytes: Uint8Array; written: number }>();
  const at = (area: Area, key: string): string => `${area}/${key}`;
  const total = (): number =>
    [...kept.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  const storage: MemoryStorage = {
    quota: Infinity,
    writes: [],
    async read(area, key) {
      return kept.get(at(area, key))?.bytes.slice() ?? null;
    },
    async write(area, key, bytes) {
      if (total() + bytes.byteLength > storage.quota) {
        throw new HeadlightError('storage-full', 'There is no room left to store this.');
      }
      storage.writes.push(at(area, key));
      kept.set(at(area, key), { bytes: bytes.slice(), written: Date.now() });
    },
    async readRange(area, key, start, end) {
      return kept.get(at(area, key))?.bytes.slice(start, end) ?? null;
    },
    async writePieces(area, key, pieces) {
      await storage.write(area, key, await joined(pieces));
    },
    async delete(area, key) {
      kept.delete(at(area, key));
    },
    async deleteAll(area, prefix) {
      for (const key of kept.keys()) if (key.startsWith(at(area, prefix))) kept.delete(key);
    },
    async entries(area, prefix = '') {
      const found: StoredEntry[] = [];
      for (const [key, { bytes, written }] of kept) {
        if (!key.startsWith(at(area, prefix))) continue;
        found.push({
          key: key.slice(area.length + 1),
          bytes: bytes.byteLength,
          written,
          lastUsed: written,
        });
      }
      return found.sort((a, b) => (a.key < b.key ? -1 : 1));
    },
    async estimate() {
      return { usageBytes: total(), quotaBytes: storage.quota, persisted: true };
    },
    async persist() {
      return true;
    },
    async clear() {
      kept.clear();
    },
  };
  return storage;
}
