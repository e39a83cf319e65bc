/** Files in and out of the page. */
import { HeadlightError } from '../../base';
import type { FileBytes } from '../../data';
import type { ExportedFile } from '../../engine';

/** @throws HeadlightError `bad-file` when the browser cannot read it (moved, or no permission). */
export async function readFile(file: File, name: string = file.name): Promise<FileBytes> {
  try {
    return { name, bytes: new Uint8Array(await file.arrayBuffer()) };
  } catch (cause) {
    throw new HeadlightError('bad-file', `${file.name} cannot be read.`, {
      hint: 'It may have been moved or changed since. Choose it again.',
      cause,
    });
  }
}

export function isZip(name: string): boolean {
  return /\.zip$/i.test(name);
}

/** Offers the bytes as a download. */
export function download(file: ExportedFile): void {
  saveBlob(file.name, new Blob([file.bytes as Uint8Array<ArrayBuffer>], { type: file.mime }));
}

export function saveBlob(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // Safari reads the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A folder as it was dropped or picked. */
export interface PickedFolder {
  readonly name: string;
  /** `path` is within the folder: `config.json`, `1_Pooling/config.json`. */
  readonly files: readonly { readonly path: string; readonly file: File }[];
}

/** From `<input webkitdirectory>`. */
export function pickedFolder(files: readonly File[]): PickedFolder {
  const name = files[0]?.webkitRelativePath.split('/')[0] ?? '';
  return {
    name: name === '' ? 'folder' : name,
    files: files.map((file) => ({
      path: file.webkitRelativePath.split('/').slice(1).join('/') || file.name,
      file,
    })),
  };
}

/** How deep a dropped folder is read: sentence-transformers keeps its pooling one level down. */
const FOLDER_DEPTH = 1;

/** What was dropped: plain files, or a folder. Rejects when the browser cannot list the folder. */
export async function dropped(
  transfer: DataTransfer,
): Promise<{ readonly files: readonly File[]; readonly folder: PickedFolder | null }> {
  // Both must be taken before the first await: the transfer is emptied after the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const files = [...transfer.files];
  const directory = entries.find((entry) => entry?.isDirectory === true);
  if (directory === undefined || directory === null) return { files, folder: null };
  const found = await listFolder(directory as FileSystemDirectoryEntry, FOLDER_DEPTH, '');
  return { files: [], folder: { name: directory.name, files: found } };
}

async function listFolder(
  directory: FileSystemDirectoryEntry,
  depth: number,
  prefix: string,
): Promise<PickedFolder['files'][number][]> {
  const reader = directory.createReader();
  const found: PickedFolder['files'][number][] = [];
  for (;;) {
    // A reader hands out a hundred entries at a time, then none.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (entries.length === 0) return found;
    for (const entry of entries) {
      if (entry.isFile) {
        const file = await new Promise<File>((resolve, reject) => {
          (entry as FileSystemFileEntry).file(resolve, reject);
        });
        found.push({ path: prefix + entry.name, file });
      } else if (depth > 0) {
        const inner = entry as FileSystemDirectoryEntry;
        found.push(...(await listFolder(inner, depth - 1, `${prefix}${entry.name}/`)));
      }
    }
  }
}
