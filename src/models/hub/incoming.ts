/** A file on its way: the pieces that are kept, the hashes of all that came, and the ETag it belongs to. */
import { GitBlobSha1, Sha256 } from '../../base';
import type { Storage } from '../../platform';
import type { CachedFile } from './kept-manifest';
import { PieceWriter } from './pieces';

export interface ExpectedContent {
  /** null: nobody said. */
  readonly bytes: number | null;
  /** Of large files. */
  readonly sha256: string | null;
  /** git's name of a small file's content. */
  readonly gitSha1: string | null;
}

export class Incoming {
  readonly #storage: Storage;
  readonly #key: string;
  readonly #expected: ExpectedContent;
  #writer!: PieceWriter;
  #sha256 = new Sha256();
  #git: GitBlobSha1 | null = null;
  #tag: string | null = null;

  private constructor(storage: Storage, key: string, expected: ExpectedContent) {
    this.#storage = storage;
    this.#key = key;
    this.#expected = expected;
    this.#startHashes();
  }

  /** Goes on with what is kept: it is read once, a piece at a time, for the hashes. */
  static async open(storage: Storage, key: string, expected: ExpectedContent): Promise<Incoming> {
    const incoming = new Incoming(storage, key, expected);
    incoming.#writer = await PieceWriter.open(storage, key, (bytes) => incoming.#hash(bytes));
    const tag = await storage.read('models', `${key}/etag`);
    incoming.#tag = tag === null ? null : new TextDecoder().decode(tag);
    if (expected.bytes !== null && incoming.bytes > expected.bytes) await incoming.restart();
    return incoming;
  }

  get bytes(): number {
    return this.#writer.bytes;
  }

  /** Of those that are written. */
  get keptBytes(): number {
    return this.#writer.keptBytes;
  }

  /** Whether as much has come as there is; unknown sizes are never full. */
  get isFull(): boolean {
    return this.bytes === this.#expected.bytes;
  }

  /** Whether a hash will tell what came wrong. */
  get isJudged(): boolean {
    const { bytes, sha256, gitSha1 } = this.#expected;
    return sha256 !== null || (gitSha1 !== null && bytes !== null);
  }

  get tag(): string | null {
    return this.#tag;
  }

  async keepTag(tag: string | null): Promise<void> {
    if (tag === null || tag === this.#tag) return;
    this.#tag = tag;
    await this.#storage.write('models', `${this.#key}/etag`, new TextEncoder().encode(tag));
  }

  async add(bytes: Uint8Array): Promise<void> {
    this.#hash(bytes);
    await this.#writer.add(bytes);
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Forgets what came. */
  async restart(): Promise<void> {
    await this.#writer.restart();
    this.#tag = null;
    this.#startHashes();
  }

  /** To be asked once, when all has come and is flushed. @returns what is wrong with it, else the file. */
  finish(name: string): CachedFile | string {
    const { bytes, sha256, gitSha1 } = this.#expected;
    const hash = this.#sha256.digest();
    if (bytes !== null && this.bytes !== bytes)
      return `came with ${this.bytes} bytes instead of ${bytes}`;
    if (sha256 !== null && hash !== sha256)
      return 'came damaged: its SHA-256 is not the one that was announced';
    if (this.#git !== null && this.#git.digest() !== gitSha1)
      return 'came damaged: its git SHA-1 is not the one that was announced';
    return { name, bytes: this.bytes, sha256: hash, pieces: [...this.#writer.pieces] };
  }

  #hash(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#git?.update(bytes);
  }

  #startHashes(): void {
    const { bytes, gitSha1 } = this.#expected;
    this.#sha256 = new Sha256();
    this.#git = gitSha1 === null || bytes === null ? null : new GitBlobSha1(bytes);
  }
}
