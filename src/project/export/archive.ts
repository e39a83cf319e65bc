/**
 * Zips in and out, by fflate. In: bounded, so that a zip bomb is refused by what its directory declares
 * before anything is unpacked, and by name, so that no entry leaves its folder.
 */
import { unzipSync, zipSync, type Zippable } from 'fflate';
import { HeadlightError } from '../../base';

/** Unpacked size that is refused: more than a page can hold beside a model. */
const MOST_BYTES = 1.5 * 2 ** 30;
const MOST_ENTRIES = 10_000;
/** Texts and JSON deflate 3 to 30 times; deflate's own limit, about 1,030, is reached only on purpose. */
const MOST_RATIO = 200;
/** The same for every entry, and the first that zip knows. */
const MTIME = '1980-01-01T00:00:00';

export type ArchiveFiles = ReadonlyMap<string, Uint8Array>;

/** The same files give the same bytes: entries sorted, times fixed. */
export function writeArchive(files: ArchiveFiles): Uint8Array {
  const entries: Zippable = {};
  for (const name of [...files.keys()].sort()) {
    const bytes = files.get(name);
    if (bytes === undefined) continue;
    // Weights do not deflate; texts and JSON do.
    const level = /\.(onnx|safetensors|zip)$/.test(name) ? 0 : 6;
    entries[name] = [bytes, { level, mtime: MTIME }];
  }
  const zip = zipSync(entries);
  // What deflates so well that reading would take it for a bomb is stored as it is.
  const crammed: string[] = [];
  unzipSync(zip, {
    filter({ name, size, originalSize }) {
      if (tooSmall(size, originalSize)) crammed.push(name);
      return false;
    },
  });
  if (crammed.length === 0) return zip;
  for (const name of crammed) {
    const bytes = files.get(name);
    if (bytes !== undefined) entries[name] = [bytes, { level: 0, mtime: MTIME }];
  }
  return zipSync(entries);
}

function tooSmall(packed: number, unpacked: number): boolean {
  return unpacked > MOST_RATIO * packed + 2 ** 20;
}

/**
 * @param what how the file is called in an error.
 * @throws HeadlightError `bad-file` when it is no zip, damaged, or absurdly large.
 */
export function readArchive(bytes: Uint8Array, what: string): ArchiveFiles {
  let total = 0;
  let entries = 0;
  let unpacked: Record<string, Uint8Array>;
  try {
    unpacked = unzipSync(bytes, {
      filter(entry) {
        entries += 1;
        total += entry.originalSize;
        if (
          entries > MOST_ENTRIES ||
          total > MOST_BYTES ||
          tooSmall(entry.size, entry.originalSize)
        ) {
          throw new HeadlightError('bad-file', `${what} would unpack to more than it should.`, {
            hint: 'It is not a file that Headlight saved.',
          });
        }
        if (entry.name.split(/[/\\]/).includes('..') || /^([/\\]|[a-z]:)/i.test(entry.name)) {
          throw new HeadlightError('bad-file', `${what} holds an entry outside its folder.`, {
            hint: 'It is not a file that Headlight saved.',
          });
        }
        return !entry.name.endsWith('/');
      },
    });
  } catch (cause) {
    if (cause instanceof HeadlightError) throw cause;
    throw new HeadlightError('bad-file', `${what} is not a zip file, or it is damaged.`, {
      hint: 'Choose the zip as it was saved, or save it again.',
      cause,
    });
  }
  return new Map(Object.entries(unpacked));
}
