/** Files as the readers take them: bytes in pieces, whatever they come from. */
import { HeadlightError } from '../base';
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
    slice: async (start, end) => {
      try {
        return new Uint8Array(await blob.slice(start, end).arrayBuffer());
      } catch (cause) {
        throw new HeadlightError('bad-file', `${name} cannot be read.`, {
          hint: 'It may have been moved or changed since. Choose it again.',
          cause,
        });
      }
    },
  };
}

/** A file as it can be handed over: bytes, a Blob (which crosses to a worker without being read), or a file. */
export type InputFile = FileBytes | { readonly name: string; readonly blob: Blob } | SourceFile;

export function sourceOf(input: InputFile): SourceFile {
  if ('bytes' in input) return fileOfBytes(input.name, input.bytes);
  return 'blob' in input ? fileOfBlob(input.name, input.blob) : input;
}

const PIECE = 1 << 22;

/** All of a file, a few megabytes at a time. */
export async function* piecesOf(file: SourceFile): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < file.size; start += PIECE) {
    yield await file.slice(start, Math.min(start + PIECE, file.size));
  }
}

/** Pasted text as a file. */
export function fileOfText(name: string, text: string): SourceFile {
  return fileOfBytes(name, new TextEncoder().encode(text));
}

/** The whole of a file, for those who need it whole. */
export async function bytesOfFile(file: SourceFile): Promise<FileBytes> {
  return { name: file.name, bytes: await file.slice(0, file.size) };
}
