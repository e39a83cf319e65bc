/**
 * SHA-1 of bytes that come in pieces (FIPS 180-4): what git names contents by. It says that a file came as the
 * Hub has it, not who made it.
 */
import { BlockHash } from './block-hash';

export class Sha1 extends BlockHash {
  protected override readonly state = Int32Array.of(
    0x67452301,
    0xefcdab89,
    0x98badcfe,
    0x10325476,
    0xc3d2e1f0,
  );
  readonly #words = new Int32Array(80);

  protected override mix(bytes: Uint8Array, at: number): void {
    const w = this.#words;
    for (let i = 0; i < 16; i++) {
      const j = at + 4 * i;
      w[i] =
        ((bytes[j] ?? 0) << 24) |
        ((bytes[j + 1] ?? 0) << 16) |
        ((bytes[j + 2] ?? 0) << 8) |
        (bytes[j + 3] ?? 0);
    }
    for (let i = 16; i < 80; i++) {
      const word = (w[i - 3] ?? 0) ^ (w[i - 8] ?? 0) ^ (w[i - 14] ?? 0) ^ (w[i - 16] ?? 0);
      w[i] = (word << 1) | (word >>> 31);
    }
    const state = this.state;
    let [a = 0, b = 0, c = 0, d = 0, e = 0] = state;
    for (let i = 0; i < 80; i++) {
      const mixed =
        i < 20
          ? ((b & c) | (~b & d)) + 0x5a827999
          : i < 40
            ? (b ^ c ^ d) + 0x6ed9eba1
            : i < 60
              ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
              : (b ^ c ^ d) + 0xca62c1d6;
      const next = (((a << 5) | (a >>> 27)) + mixed + e + (w[i] ?? 0)) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    [a, b, c, d, e].forEach((value, i) => {
      state[i] = ((state[i] ?? 0) + value) | 0;
    });
  }
}

/** The name git gives a file's content: SHA-1 of `blob <bytes>`, a zero byte, and the content. */
export class GitBlobSha1 extends Sha1 {
  /** @param bytes how many will come: git hashes that first. */
  constructor(bytes: number) {
    super();
    this.update(new TextEncoder().encode(`blob ${bytes}\0`));
  }
}
