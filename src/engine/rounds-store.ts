/**
 * Where the rounds of an unfinished self-training are kept, in storage's area `checkpoints`:
 *
 *     <project>/rounds/index.json   identity of the first training; the figures of the trainings that are done
 *     <project>/rounds/joined-<n>   what joined for round n, a safetensors file
 *
 * The index is written last and names only what is there. It goes when the run is kept, or discarded.
 */
import * as v from 'valibot';
import { HeadlightError } from '../base';
import { readSafetensors, writeSafetensors, type CheckpointTensor } from '../models';
import type { Storage } from '../platform';
import { studentRoundSchema, type StudentRound } from '../project';
import type { JoinedRows } from './students';

const AREA = 'checkpoints';

export interface KeptRounds {
  /** Of the trainings that are done, the first one's first. */
  readonly done: readonly StudentRound[];
  /** What joined for the next one; null for the first. */
  readonly joined: JoinedRows | null;
}

const indexSchema = v.object({
  kind: v.literal('headlight.rounds'),
  version: v.literal(1),
  identity: v.string(),
  done: v.array(studentRoundSchema),
});

export class RoundsStore {
  readonly #storage: Storage;
  readonly #project: string;
  readonly #identity: string;

  /** @param identity of the first training. */
  constructor(storage: Storage, project: string, identity: string) {
    this.#storage = storage;
    this.#project = project;
    this.#identity = identity;
  }

  /** null where there are none of this very training. @throws HeadlightError `bad-project` when they are damaged. */
  async read(): Promise<KeptRounds | null> {
    const bytes = await this.#storage.read(AREA, `${folder(this.#project)}index.json`);
    if (bytes === null) return null;
    const index = parse(bytes);
    if (index.identity !== this.#identity) return null;
    const joined = await this.#storage.read(AREA, this.#joined(index.done.length));
    if (joined === null) throw damaged();
    return { done: index.done, joined: readJoined(joined) };
  }

  async write({ done, joined }: KeptRounds): Promise<void> {
    if (joined !== null)
      await this.#storage.write(AREA, this.#joined(done.length), writeJoined(joined));
    const index = { kind: 'headlight.rounds', version: 1, identity: this.#identity, done };
    await this.#storage.write(
      AREA,
      `${folder(this.#project)}index.json`,
      new TextEncoder().encode(JSON.stringify(index)),
    );
  }

  #joined(round: number): string {
    return `${folder(this.#project)}joined-${round}`;
  }
}

export function discardRounds(storage: Storage, project: string): Promise<void> {
  return storage.deleteAll(AREA, folder(project));
}

function folder(project: string): string {
  return `${project}/rounds/`;
}

function parse(bytes: Uint8Array): v.InferOutput<typeof indexSchema> {
  try {
    return v.parse(indexSchema, JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw damaged(cause);
  }
}

function writeJoined({ rows, labels, hard, confidence, soft }: JoinedRows): Uint8Array {
  const tensor = (
    dtype: CheckpointTensor['dtype'],
    values: Int32Array | Uint8Array | Float64Array,
  ): CheckpointTensor => ({
    dtype,
    shape: [values.length],
    data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });
  return writeSafetensors(
    new Map([
      ['rows', tensor('I32', rows)],
      ['labels', tensor('I32', labels)],
      ['hard', tensor('U8', hard)],
      ['confidence', tensor('F64', confidence)],
      ['soft', tensor('F64', soft)],
    ]),
  );
}

function readJoined(bytes: Uint8Array): JoinedRows {
  const { tensors } = readSafetensors(bytes);
  // A copy is aligned, a view into the file need not be.
  const take = (name: string, dtype: CheckpointTensor['dtype']): ArrayBuffer => {
    const tensor = tensors.get(name);
    if (tensor?.dtype !== dtype) throw damaged();
    return tensor.data.slice().buffer;
  };
  return {
    rows: new Int32Array(take('rows', 'I32')),
    labels: new Int32Array(take('labels', 'I32')),
    hard: new Uint8Array(take('hard', 'U8')),
    confidence: new Float64Array(take('confidence', 'F64')),
    soft: new Float64Array(take('soft', 'F64')),
  };
}

function damaged(cause?: unknown): HeadlightError {
  return new HeadlightError('bad-project', 'The rounds of this self-training cannot be read.', {
    hint: 'Discard the unfinished fine-tune and start again.',
    cause,
  });
}
