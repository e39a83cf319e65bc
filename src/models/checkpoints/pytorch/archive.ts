/**
 * The zip that `torch.save` has written since 1.6: `data.pkl`, which describes the tensors, and one stored entry a
 * storage, aligned. The zip's directory is checked by the reader of zips; here nothing is unpacked, so that
 * nothing can grow: storages are views into the file.
 */
import { fileOfBytes } from '../../../data';
import { HeadlightError } from '../../../base';
import { readZipDirectory, type ZipEntry } from '../../zips';
import { byteLengthOf, shown, type Checkpoint } from '../checkpoint';
import { isStorageClass, type Storage, type Value } from './globals';
import { isKind, unpickle } from './pickle';
import { stateDict } from './tensors';

const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;

/** @throws HeadlightError `bad-model`. */
export async function readArchive(bytes: Uint8Array, file: string): Promise<Checkpoint> {
  const entries = await storedEntries(bytes, file);
  const folder = folderOf([...entries.keys()], file);
  const order = entries.get(`${folder}byteorder`);
  if (order !== undefined && new TextDecoder().decode(order) !== 'little')
    throw damaged(file, 'its numbers do not stand in little-endian order');
  const { value } = unpickle(entries.get(`${folder}data.pkl`) ?? new Uint8Array(), 0, file, (id) =>
    storageOf(id, file),
  );
  return stateDict(
    value,
    (storage) => {
      const found = entries.get(`${folder}data/${storage.key}`);
      if (found === undefined)
        throw damaged(file, `the storage ${shown(storage.key)} is not in it`);
      const wanted = byteLengthOf(storage.dtype ?? 'U8', [storage.length]);
      if (found.length !== wanted)
        throw damaged(
          file,
          `the storage ${shown(storage.key)} has ${found.length} bytes where ${wanted} are described`,
        );
      return found;
    },
    file,
  );
}

/** ('storage', class, key, device, length), as torch names the bytes of tensors. */
export function storageOf(id: Value, file: string): Storage {
  const [tag, made, key, , length, view] = isKind(id, 'tuple') ? id.items : [];
  if (
    tag !== 'storage' ||
    !isKind(made, 'global') ||
    !isStorageClass(made) ||
    typeof key !== 'string' ||
    typeof length !== 'number' ||
    !Number.isSafeInteger(length) ||
    length < 0 ||
    (view !== undefined && view !== null)
  )
    throw damaged(file, 'a storage of it is not described as torch does');
  return { kind: 'storage', dtype: made.dtype, key, length };
}

/** By name, as views. Whatever is packed or lies over something else is refused. */
async function storedEntries(
  bytes: Uint8Array,
  file: string,
): Promise<ReadonlyMap<string, Uint8Array>> {
  let directory;
  try {
    directory = await readZipDirectory(fileOfBytes(file, bytes));
  } catch (error) {
    if (!(error instanceof HeadlightError) || error.code !== 'bad-file') throw error;
    throw new HeadlightError('bad-model', error.message, { hint: HINT, cause: error });
  }
  const strange = directory.unreadable[0];
  if (strange !== undefined) throw damaged(file, `${shown(strange.name)} ${strange.why}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Map<string, Uint8Array>();
  let before = 0;
  for (const entry of [...directory.entries].sort((a, b) => a.at - b.at)) {
    if (entry.isDeflated)
      throw damaged(file, `${shown(entry.name)} is compressed, which torch does not do`);
    const start = startOf(view, entry);
    if (start === null || entry.at < before)
      throw damaged(file, `${shown(entry.name)} is not where the directory says`);
    before = start + entry.bytes;
    entries.set(entry.name, bytes.subarray(start, before));
  }
  return entries;
}

/** Of the content: torch pads the entry's own header, so that tensors are aligned. null: it is not there. */
function startOf(view: DataView, { at, bytes }: ZipEntry): number | null {
  if (at + LOCAL_BYTES > view.byteLength || view.getUint32(at, true) !== LOCAL) return null;
  const start = at + LOCAL_BYTES + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  return start + bytes > view.byteLength ? null : start;
}

/** torch puts all into one folder, named as the file once was. */
function folderOf(names: readonly string[], file: string): string {
  const pickles = names.filter((name) => /^([^/]*\/)?data\.pkl$/.test(name));
  const folder = pickles[0]?.slice(0, -'data.pkl'.length);
  if (folder === undefined || pickles.length > 1)
    throw damaged(file, 'it is a zip, but not one that torch.save wrote: it has no data.pkl');
  if (names.some((name) => name.startsWith(`${folder}code/`)))
    throw new HeadlightError(
      'bad-model',
      `${file} is a TorchScript program, and not only weights.`,
      { hint: 'Save the weights alone: torch.save(model.state_dict(), …), or as safetensors.' },
    );
  return folder;
}

const HINT =
  'Download or copy the file again; if it stays so, choose a model with model.safetensors.';

function damaged(file: string, what: string): HeadlightError {
  return new HeadlightError('bad-model', `${file} cannot be read: ${what}.`, { hint: HINT });
}
