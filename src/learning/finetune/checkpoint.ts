/**
 * Checkpoints of a training that has not ended, in storage's area `checkpoints`:
 *
 *     <scope>/index.json           what there is; written last, so that it never names what is not there
 *     <scope>/<serial>/<part>      values and moments, float32, little-endian, one array after the other
 *     <scope>/best-<serial>/<part> the values of the best evaluation so far, written when it changes
 *
 * A kill while writing leaves the index before and all that it names. What no index names is deleted with
 * the next checkpoint.
 */
import * as v from 'valibot';
import { HeadlightError, type CurvePoint } from '../../base';
import type { Storage } from '../../platform';
import { curvePointSchema, evaluationPointSchema } from './curve';
import type { Snapshot, TrainerState } from './trainer';

const VERSION = 1;
const AREA = 'checkpoints';
/** IndexedDB copies what it is given: parts of this size keep that small. */
const PART_BYTES = 32 * 2 ** 20;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const storedArrays = v.object({
  serial: v.string(),
  tableFactor: v.number(),
  /** Names and lengths in the order in which they stand in the parts. */
  arrays: v.array(v.tuple([v.string(), count])),
  parts: count,
  bytes: count,
});

const positionSchema = v.object({
  /** Optimiser steps done; with the seed it says where in the data and in the randomness training is. */
  step: count,
  steps: count,
  history: v.array(curvePointSchema),
  /** Losses since the last point of the history. */
  pending: v.object({ sum: v.number(), count }),
  best: v.nullable(v.object({ step: count, evaluation: evaluationPointSchema })),
  /** Evaluations in a row that were not better. */
  withoutBetter: count,
  ended: v.nullable(v.picklist(['finished', 'early_stopping'])),
  seconds: v.number(),
  tokens: count,
});

/** Where a training is, beside its arrays. */
export type Position = v.InferOutput<typeof positionSchema>;

const indexSchema = v.object({
  kind: v.literal('headlight.checkpoint'),
  version: v.literal(VERSION),
  identity: v.string(),
  meta: v.unknown(),
  saved: v.number(),
  serial: count,
  position: positionSchema,
  current: storedArrays,
  best: v.nullable(storedArrays),
});
type Index = v.InferOutput<typeof indexSchema>;
type StoredArrays = v.InferOutput<typeof storedArrays>;

/** What is known of a training that has not ended, without reading its weights. */
export interface UnfinishedTraining {
  readonly step: number;
  readonly steps: number;
  /** Milliseconds since the epoch of the checkpoint. */
  readonly saved: number;
  readonly bytes: number;
  readonly history: readonly CurvePoint[];
  /** Whether an evaluation has been made, so that there is a best to keep. */
  readonly hasBest: boolean;
  readonly identity: string;
  /** `FinetuneRequest.meta`; null where there was none. */
  readonly meta: unknown;
}

/**
 * The last checkpoint under this scope, or null.
 * @throws HeadlightError `bad-project` when it cannot be read, `storage`.
 */
export async function readUnfinished(
  storage: Storage,
  scope: string,
): Promise<UnfinishedTraining | null> {
  const index = await readIndex(storage, scope);
  if (index === null) return null;
  const { step, steps, history, best } = index.position;
  return {
    step,
    steps,
    saved: index.saved,
    bytes: index.current.bytes + (index.best?.bytes ?? 0),
    history,
    hasBest: best !== null,
    identity: index.identity,
    meta: index.meta ?? null,
  };
}

/** Forgets the checkpoint under this scope. */
export function discardFinetune(storage: Storage, scope: string): Promise<void> {
  return storage.deleteAll(AREA, `${scope}/`);
}

export interface Kept {
  readonly position: Position;
  readonly state: TrainerState;
  /** The values of `position.best`. */
  readonly best: Snapshot | null;
}

/** Writes and reads the checkpoints of one training. */
export class Checkpoints {
  readonly #storage: Storage;
  readonly #scope: string;
  readonly #identity: string;
  readonly #meta: unknown;
  #index: Index | null = null;
  #read = false;

  constructor(storage: Storage, scope: string, identity: string, meta: unknown) {
    this.#storage = storage;
    this.#scope = scope;
    this.#identity = identity;
    this.#meta = meta;
  }

  /**
   * The last checkpoint of this very training; `other` when there is one of another, null when none.
   * @throws HeadlightError `bad-project` when it is damaged.
   */
  async read(): Promise<Kept | 'other' | null> {
    const index = await readIndex(this.#storage, this.#scope);
    this.#index = index;
    this.#read = true;
    if (index === null) return null;
    if (index.identity !== this.#identity) return 'other';
    return {
      position: index.position,
      state: await this.#load(index.current),
      best: index.best === null ? null : await this.#load(index.best),
    };
  }

  /**
   * Commits a checkpoint; the one before stays until this one is whole.
   * @param best values of `position.best`; only written when it is another than before.
   * @throws HeadlightError `storage-full`.
   */
  async write(position: Position, state: TrainerState, best: Snapshot | null): Promise<void> {
    if (!this.#read) await this.read();
    const before = this.#index;
    const serial = (before?.serial ?? 0) + 1;
    const own = before?.identity === this.#identity ? before : null;
    const sameBest = own !== null && own.position.best?.step === position.best?.step;
    const current = await this.#store(String(serial), state);
    let storedBest: StoredArrays | null = null;
    if (best !== null)
      storedBest =
        sameBest && own.best !== null ? own.best : await this.#store(`best-${serial}`, best);
    const index: Index = {
      kind: 'headlight.checkpoint',
      version: VERSION,
      identity: this.#identity,
      meta: this.#meta ?? null,
      saved: Date.now(),
      serial,
      position,
      current,
      best: storedBest,
    };
    const bytes = new TextEncoder().encode(JSON.stringify(index));
    await this.#storage.write(AREA, `${this.#scope}/index.json`, bytes);
    this.#index = index;
    await this.#sweep(index);
  }

  /** Deletes what the index does not name. */
  async #sweep({ current, best }: Index): Promise<void> {
    const kept = [`${this.#scope}/index.json`];
    const folders = [`${this.#scope}/${current.serial}/`];
    if (best !== null) folders.push(`${this.#scope}/${best.serial}/`);
    for (const { key } of await this.#storage.entries(AREA, `${this.#scope}/`)) {
      if (kept.includes(key) || folders.some((folder) => key.startsWith(folder))) continue;
      await this.#storage.delete(AREA, key);
    }
  }

  async #store(serial: string, { arrays, tableFactor }: TrainerState): Promise<StoredArrays> {
    const names: [string, number][] = [];
    let total = 0;
    for (const [name, values] of arrays) {
      names.push([name, values.length]);
      total += values.byteLength;
    }
    let part = new Uint8Array(Math.min(PART_BYTES, total));
    let filled = 0;
    let written = 0;
    let parts = 0;
    for (const values of arrays.values()) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      for (let at = 0; at < bytes.length;) {
        const piece = bytes.subarray(at, at + part.length - filled);
        part.set(piece, filled);
        filled += piece.length;
        at += piece.length;
        if (filled < part.length) continue;
        await this.#storage.write(AREA, `${this.#scope}/${serial}/${parts}`, part);
        written += part.length;
        parts += 1;
        filled = 0;
        part = new Uint8Array(Math.min(PART_BYTES, total - written));
      }
    }
    return { serial, tableFactor, arrays: names, parts, bytes: total };
  }

  async #load({ serial, arrays, parts, bytes, tableFactor }: StoredArrays): Promise<TrainerState> {
    const found = new Map<string, Float32Array>();
    for (const [name, length] of arrays) found.set(name, new Float32Array(length));
    const targets = [...found.values()].map(
      (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    );
    let target = 0;
    let filled = 0;
    let total = 0;
    for (let part = 0; part < parts; part++) {
      const read = await this.#storage.read(AREA, `${this.#scope}/${serial}/${part}`);
      if (read === null) throw damaged();
      total += read.length;
      for (let at = 0; at < read.length;) {
        const into = targets[target];
        if (into === undefined) throw damaged();
        const piece = read.subarray(at, at + into.length - filled);
        into.set(piece, filled);
        filled += piece.length;
        at += piece.length;
        if (filled === into.length) {
          target += 1;
          filled = 0;
        }
      }
    }
    if (total !== bytes) throw damaged();
    return { arrays: found, tableFactor };
  }
}

async function readIndex(storage: Storage, scope: string): Promise<Index | null> {
  const bytes = await storage.read(AREA, `${scope}/index.json`);
  if (bytes === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw damaged(cause);
  }
  const parsed = v.safeParse(indexSchema, value);
  if (!parsed.success) throw damaged(new v.ValiError(parsed.issues));
  return parsed.output;
}

function damaged(cause?: unknown): HeadlightError {
  return new HeadlightError('bad-project', 'The checkpoint of this fine-tune cannot be read.', {
    hint: 'Discard the unfinished fine-tune and start again.',
    cause,
  });
}
