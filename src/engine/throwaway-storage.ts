/** Storage that is gone with its owner: what a measurement writes is nobody's. */
import { joined, type Area, type Storage, type StoredEntry } from '../platform';

export function throwawayStorage(): Storage {
  const kept = new Map<string, { readonly bytes: Uint8Array; readonly written: number }>();
  const name = (area: Area, key: string): string => `${area}/${key}`;
  const named = (prefix: string): string[] =>
    [...kept.keys()].filter((key) => key.startsWith(prefix)).sort();
  return {
    read: (area, key) => Promise.resolve(kept.get(name(area, key))?.bytes.slice() ?? null),
    write(area, key, bytes) {
      kept.set(name(area, key), { bytes: bytes.slice(), written: Date.now() });
      return Promise.resolve();
    },
    readRange: (area, key, start, end) =>
      Promise.resolve(kept.get(name(area, key))?.bytes.slice(start, end) ?? null),
    async writePieces(area, key, pieces) {
      kept.set(name(area, key), { bytes: await joined(pieces), written: Date.now() });
    },
    delete(area, key) {
      kept.delete(name(area, key));
      return Promise.resolve();
    },
    deleteAll(area, prefix) {
      for (const key of named(name(area, prefix))) kept.delete(key);
      return Promise.resolve();
    },
    entries(area, prefix = '') {
      const entries = named(name(area, prefix)).map((key): StoredEntry => {
        const { bytes, written } = kept.get(key) ?? { bytes: new Uint8Array(), written: 0 };
        const short = key.slice(area.length + 1);
        return { key: short, bytes: bytes.length, written, lastUsed: written };
      });
      return Promise.resolve(entries);
    },
    estimate: () => Promise.resolve(null),
    persist: () => Promise.resolve(false),
    clear() {
      kept.clear();
      return Promise.resolve();
    },
  };
}
