/** Files as the readers take them: bytes in pieces, whatever they come from. */
import type { FileBytes, SourceFile } from './types';

/** Bytes in memory as a file; a piece is a view of them, not a copy. */
export function fileOfBytes(name: string, bytes: Uint8Array): SourceFile {
  return {
    name,
    size: bytes.length,
    slice: (start, end) => Promise.resolve(bytes.subarray(start, end)),
  };
}

/** A dropped file (or any Blob): nothing is read until a piece is asked for. */
export function fileOfBlob(name: string, blob: Blob): SourceFile {
  return {
    name,
    size: blob.size,
    slice: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  };
}

/** Pasted text as a file. */
export function fileOfText(name: string, text: string): SourceFile {
  return fileOfBytes(name, new TextEncoder().encode(text));
}

/** The whole of a file, for those who need it whole. */
export async function bytesOfFile(file: SourceFile): Promise<FileBytes> {
  return { name: file.name, bytes: await file.slice(0, file.size) };
}
