/** What SHA-1 and SHA-256 share (FIPS 180-4): bytes that come in pieces, blocks of 64, the padding at the end. */
import { hex } from './hash';

export abstract class BlockHash {
  readonly #block = new Uint8Array(64);
  #filled = 0;
  #length = 0;

  /** The words of the state, big-endian in the digest. */
  protected abstract readonly state: Int32Array;
  /** Mixes the 64 bytes at `at` into the state. */
  protected abstract mix(bytes: Uint8Array, at: number): void;

  update(bytes: Uint8Array): void {
    this.#length += bytes.length;
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(64 - this.#filled, bytes.length);
      this.#block.set(bytes.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < 64) return;
      this.mix(this.#block, 0);
      this.#filled = 0;
    }
    for (; at + 64 <= bytes.length; at += 64) this.mix(bytes, at);
    this.#block.set(bytes.subarray(at));
    this.#filled = bytes.length - at;
  }

  /** Lower-case hex; nothing can follow. */
  digest(): string {
    const length = this.#length;
    const padding = new Uint8Array((this.#filled < 56 ? 56 : 120) - this.#filled + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(padding.length - 4, (length * 8) >>> 0);
    this.update(padding);
    const bytes = new Uint8Array(4 * this.state.length);
    const out = new DataView(bytes.buffer);
    this.state.forEach((word, index) => out.setInt32(4 * index, word));
    return hex(bytes);
  }
}
