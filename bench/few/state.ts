/**
 * What `npm run bench -- few` has measured so far: one JSON file, written after each single result, so that it can be
 * stopped at any time and goes on where it was. Results of another plan stand beside it, under their own keys.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Measured {
  readonly accuracy: number;
  readonly macro_f1: number | null;
  readonly seconds: number;
  readonly train_rows: number;
  readonly test_rows: number;
}

export class FewState {
  readonly #path: string;
  readonly #found: Map<string, Measured>;

  private constructor(path: string, found: Map<string, Measured>) {
    this.#path = path;
    this.#found = found;
  }

  static async open(path: string): Promise<FewState> {
    const text = await readFile(path, 'utf8').catch(() => '{}');
    return new FewState(
      path,
      new Map(Object.entries(JSON.parse(text) as Record<string, Measured>)),
    );
  }

  get(key: string): Measured | undefined {
    return this.#found.get(key);
  }

  async put(key: string, measured: Measured): Promise<void> {
    this.#found.set(key, measured);
    const sorted = [...this.#found].sort(([a], [b]) => (a < b ? -1 : 1));
    await mkdir(dirname(this.#path), { recursive: true });
    const next = `${this.#path}.next`;
    await writeFile(next, `${JSON.stringify(Object.fromEntries(sorted), null, 1)}\n`);
    await rename(next, this.#path);
  }
}

/** `trec 8 1 probe`: set, labels a class, seed, tool. */
export function keyOf(set: string, shots: number, seed: number, tool: string): string {
  return `${set} ${shots} ${seed} ${tool}`;
}
