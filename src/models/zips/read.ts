/**
 * A zip read where it lies: only the entries that are asked for, a few megabytes at a time. What is stored is read
 * as it stands; what is deflated is unpacked by fflate in pieces. Neither may be more than the directory says, and
 * the checksum must be its own.
 */
import { Inflate } from 'fflate';
import { crc32, HeadlightError } from '../../base';
import type { SourceFile } from '../../data';
import {
  damaged,
  readZipDirectory,
  viewOf,
  type UnreadableEntry,
  type ZipEntry,
} from './directory';

const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const PIECE = 4 * 2 ** 20;
/** Deflate makes at most a thousand bytes of one: so much goes in at a time. */
const DEFLATED_PIECE = 1 << 16;
/** WebAssembly's memory is no larger. */
const MOST_WHOLE = 4 * 2 ** 30;

export class ZipFile {
  readonly #file: SourceFile;
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  readonly #unreadable: readonly UnreadableEntry[];

  private constructor(
    file: SourceFile,
    entries: readonly ZipEntry[],
    unreadable: readonly UnreadableEntry[],
  ) {
    this.#file = file;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
    this.#unreadable = unreadable;
  }

  /** @throws HeadlightError `bad-file` when it is no zip, damaged, or would unpack to more than it should. */
  static async open(file: SourceFile): Promise<ZipFile> {
    const { entries, unreadable } = await readZipDirectory(file);
    return new ZipFile(file, entries, unreadable);
  }

  /** Of the zip itself. */
  get name(): string {
    return this.#file.name;
  }

  /** Every file in it, also one that cannot be read here. */
  get names(): readonly string[] {
    return [...this.#entries.keys(), ...this.#unreadable.map(({ name }) => name)];
  }

  /** Unpacked. @throws HeadlightError `bad-file` when it cannot be read here, `not-found`. */
  bytesOf(name: string): number {
    return this.#entry(name).bytes;
  }

  /** @throws HeadlightError `bad-file` naming the entry when it is damaged or cannot be read here. */
  async *pieces(name: string): AsyncGenerator<Uint8Array, void, void> {
    const entry = this.#entry(name);
    let seen = 0;
    let sum = 0;
    for await (const piece of this.#unpacked(entry)) {
      seen += piece.length;
      if (seen > entry.bytes) throw this.#damaged(entry, 'is larger than it says');
      sum = crc32(piece, sum);
      yield piece;
    }
    if (seen !== entry.bytes) throw this.#damaged(entry, 'is cut short');
    if (sum !== entry.crc32) throw this.#damaged(entry, 'is not what was packed');
  }

  /** The whole of an entry. @throws as `pieces`. */
  async read(name: string): Promise<Uint8Array> {
    const entry = this.#entry(name);
    if (entry.bytes > MOST_WHOLE) throw this.#damaged(entry, 'is larger than a model can be');
    const bytes = new Uint8Array(entry.bytes);
    let at = 0;
    for await (const piece of this.pieces(name)) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  #entry(name: string): ZipEntry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    const why = this.#unreadable.find((one) => one.name === name)?.why;
    if (why === undefined) throw new HeadlightError('not-found', `${this.name} holds no ${name}.`);
    throw new HeadlightError('bad-file', `${name} in ${this.name} ${why}.`, {
      hint: 'Unpack the zip with the program that made it, and drop the folder.',
    });
  }

  async *#unpacked(entry: ZipEntry): AsyncGenerator<Uint8Array, void, void> {
    const start = await this.#start(entry);
    const end = start + entry.packedBytes;
    if (!entry.isDeflated) {
      for (let at = start; at < end; at += PIECE)
        yield await this.#file.slice(at, Math.min(at + PIECE, end));
      return;
    }
    const ready: Uint8Array[] = [];
    const inflate = new Inflate((piece) => ready.push(piece));
    for (let at = start; at < end; at += DEFLATED_PIECE) {
      const packed = await this.#file.slice(at, Math.min(at + DEFLATED_PIECE, end));
      try {
        inflate.push(packed, at + DEFLATED_PIECE >= end);
      } catch (cause) {
        throw this.#damaged(entry, 'cannot be unpacked', cause);
      }
      yield* ready.splice(0);
    }
  }

  /** Where the content begins: the entry's own header may be longer than the directory's. */
  async #start(entry: ZipEntry): Promise<number> {
    const header = await this.#file.slice(entry.at, entry.at + LOCAL_BYTES);
    const view = viewOf(header);
    if (header.length < LOCAL_BYTES || view.getUint32(0, true) !== LOCAL)
      throw this.#damaged(entry, 'is not where the directory says');
    const start = entry.at + LOCAL_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
    if (start + entry.packedBytes > this.#file.size) throw this.#damaged(entry, 'is cut short');
    return start;
  }

  #damaged(entry: ZipEntry, why: string, cause?: unknown): HeadlightError {
    const error = damaged(this.name, `${entry.name} ${why}`);
    if (cause === undefined) return error;
    return new HeadlightError(error.code, error.message, { hint: error.hint ?? '', cause });
  }
}
