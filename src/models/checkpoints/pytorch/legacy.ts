/**
 * What `torch.save` wrote before 1.6: three small pickles (a magic number, a version, facts of the machine), the
 * state dict's pickle, the keys of its storages, and then each storage: its length (int64) and its elements.
 * Many of the Hub's older models are kept so.
 */
import { HeadlightError } from '../../../base';
import { byteLengthOf, shown, type Checkpoint } from '../checkpoint';
import { storageOf } from './archive';
import type { Storage, Value } from './globals';
import { isKind, unpickle } from './pickle';
import { stateDict } from './tensors';

/** Protocol, then LONG1 of ten bytes: 0x1950a86a20f9469cfc6c. */
const MAGIC = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
const VERSION = 1001;

export function isLegacy(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && MAGIC.every((byte, i) => bytes[2 + i] === byte);
}

/** @throws HeadlightError `bad-model`. */
export function readLegacy(bytes: Uint8Array, file: string): Checkpoint {
  const storages = new Map<string, Storage>();
  const described = (id: Value): Storage => {
    const storage = storageOf(id, file);
    const known = storages.get(storage.key) ?? storage;
    if (known.dtype !== storage.dtype || known.length !== storage.length)
      throw damaged(file, `the storage ${shown(storage.key)} is described twice, differently`);
    storages.set(storage.key, known);
    return known;
  };
  const none = (): Storage => {
    throw damaged(file, 'a storage stands where none belongs');
  };
  const version = unpickle(bytes, 2 + MAGIC.length, file, none);
  if (version.value !== VERSION) throw damaged(file, 'it is of a version that torch never wrote');
  const machine = unpickle(bytes, version.end, file, none);
  if (!isKind(machine.value, 'dict') || machine.value.entries.get('little_endian') !== true)
    throw damaged(file, 'its numbers do not stand in little-endian order');
  const state = unpickle(bytes, machine.end, file, described);
  const keys = unpickle(bytes, state.end, file, none);
  if (!isKind(keys.value, 'list')) throw damaged(file, 'it has no list of its storages');

  const found = new Map<string, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = keys.end;
  for (const key of keys.value.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || found.has(storage.key))
      throw damaged(file, 'its list of storages is not that of its tensors');
    const length = byteLengthOf(storage.dtype ?? 'U8', [storage.length]) ?? Infinity;
    if (at + 8 + length > bytes.length)
      throw damaged(file, `the storage ${shown(storage.key)} is cut short`);
    if (view.getBigInt64(at, true) !== BigInt(storage.length))
      throw damaged(file, `the storage ${shown(storage.key)} is not of the length described`);
    found.set(storage.key, bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return stateDict(
    state.value,
    ({ key }) => {
      const storage = found.get(key);
      if (storage === undefined) throw damaged(file, `the storage ${shown(key)} is not in it`);
      return storage;
    },
    file,
  );
}

function damaged(file: string, what: string): HeadlightError {
  return new HeadlightError('bad-model', `${file} cannot be read: ${what}.`, {
    hint: 'Download or copy the file again; if it stays so, choose a model with model.safetensors.',
  });
}
