/**
 * Mutated files for the readers of models, by seed: what comes of one is a model or a HeadlightError, soon, and in
 * bounded memory. One mutator for all readers; a reader is a name, its files, and what reads them. Used by the tests
 * (a small share) and by `npm run bench -- models-fuzz <reader>` (all of it).
 */
import { HeadlightError, seededRandom } from '../../src/base';

export type Random = ReturnType<typeof seededRandom>;

export interface FuzzReader {
  readonly name: string;
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Other than by its bytes: what knows how such a file is made. Default: by bytes alone. */
  readonly mutate?: (file: Uint8Array, random: Random) => Uint8Array;
  /** Reads it; throws only HeadlightErrors, none of them `internal`. */
  read(bytes: Uint8Array, file: string, random: Random): Promise<void> | void;
}

export interface FuzzCount {
  inputs: number;
  read: number;
  refused: number;
  slowestMs: number;
  /** Of ArrayBuffers, which the heap's own bound leaves out. */
  mostBytes: number;
  readonly codes: Record<string, number>;
}

export const LIMIT_MS = 4000;
export const LIMIT_BYTES = 1 << 30;

/** Other bytes in their place, pieces moved, doubled or cut, the end cut off. */
export function damage(bytes: Uint8Array, random: Random): Uint8Array {
  let made: Uint8Array<ArrayBuffer> = Uint8Array.from(bytes).slice(
    0,
    random.integer(20) === 0 ? random.integer(bytes.length) : undefined,
  );
  for (let edits = 1 + random.integer(5); edits > 0 && made.length > 0; edits--) {
    const at = random.integer(made.length);
    const kind = random.integer(6);
    if (kind === 0) made[at] = random.integer(256);
    else if (kind === 1) made[at] = (made[at] ?? 0) ^ (1 << random.integer(8));
    else if (kind === 2)
      made.fill([0, 0xff, 0x80, 0x7f][random.integer(4)] ?? 0, at, at + 1 + random.integer(9));
    else if (kind === 3)
      made.copyWithin(at, random.integer(made.length), random.integer(made.length));
    else if (kind === 4) made = joined(made.subarray(0, at), made.subarray(at + random.integer(9)));
    else {
      const from = random.integer(made.length);
      made = joined(
        made.subarray(0, at),
        made.slice(from, from + random.integer(64)),
        made.subarray(at),
      );
    }
  }
  return made;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function newCount(): FuzzCount {
  return { inputs: 0, read: 0, refused: 0, slowestMs: 0, mostBytes: 0, codes: {} };
}

/** @throws Error naming the seed when a promise is broken. */
export async function fuzzModel(reader: FuzzReader, seed: number, count: FuzzCount): Promise<void> {
  const random = seededRandom(seed);
  const file = reader.files[random.integer(reader.files.length)];
  if (file === undefined) throw new Error(`${reader.name} has no files`);
  const mutate = reader.mutate !== undefined && random.integer(2) === 0 ? reader.mutate : damage;
  const bytes = mutate(file.bytes, random);
  // Time of the processor: other work on the machine is no fault of a reader.
  const started = process.cpuUsage();
  count.inputs++;
  try {
    await reader.read(bytes, file.name, random);
    count.read++;
  } catch (error) {
    if (!(error instanceof HeadlightError) || error.code === 'internal') {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Error(`seed ${seed}, ${file.name}: ${what}`, { cause: error });
    }
    count.refused++;
    count.codes[error.code] = (count.codes[error.code] ?? 0) + 1;
  }
  const { user, system } = process.cpuUsage(started);
  const ms = (user + system) / 1000;
  const { arrayBuffers } = process.memoryUsage();
  count.slowestMs = Math.max(count.slowestMs, Math.round(ms));
  count.mostBytes = Math.max(count.mostBytes, arrayBuffers);
  if (ms > LIMIT_MS) throw new Error(`seed ${seed}, ${file.name}: took ${Math.round(ms)} ms`);
  if (arrayBuffers > LIMIT_BYTES)
    throw new Error(`seed ${seed}, ${file.name}: ${arrayBuffers} bytes of memory`);
}
