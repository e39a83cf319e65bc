/**
 * A checkpoint in several files, by an index: `model.safetensors.index.json` or `pytorch_model.bin.index.json`.
 * Nothing that the index says is believed: every tensor must be in the file that it names, and in no other.
 */
import { HeadlightError, readJson } from '../../base';
import { MOST_TENSORS, shown, type Checkpoint, type CheckpointTensor } from './checkpoint';

const MOST_INDEX_BYTES = 32e6;
/** `{"weight_map": {"name": "file"}}`, with metadata of one object more. */
const MOST_DEPTH = 8;
const MOST_SHARDS = 1000;

/**
 * The file of each tensor.
 * @param name of the index, for the error message.
 * @throws HeadlightError `bad-model` when it is no index, or names files outside of the model's folder.
 */
export function readShardIndex(bytes: Uint8Array, name: string): ReadonlyMap<string, string> {
  const index = readJson(bytes, name, { maxBytes: MOST_INDEX_BYTES, maxDepth: MOST_DEPTH });
  const map = isRecord(index) ? index['weight_map'] : undefined;
  if (!isRecord(map)) throw wrong(`${name} has no "weight_map"`);
  const entries = Object.entries(map);
  if (entries.length > MOST_TENSORS) throw wrong(`${name} names ${entries.length} tensors`);
  const places = new Map<string, string>();
  for (const [tensor, shard] of entries) {
    if (typeof shard !== 'string') throw wrong(`${name} names no file for "${shown(tensor)}"`);
    // Beside the index, and of the same kind.
    const kind = name.includes('safetensors') ? '.safetensors' : '.bin';
    if (!/^[\w-][\w.-]*$/.test(shard) || !shard.endsWith(kind))
      throw wrong(`${name} names the file “${shown(shard)}”, which cannot be a part of the model`);
    places.set(tensor, shard);
  }
  if (places.size === 0) throw wrong(`${name} names no tensors`);
  const shards = new Set(places.values());
  if (shards.size > MOST_SHARDS) throw wrong(`${name} names ${shards.size} files`);
  return places;
}

/**
 * The tensors of all files. What a file holds beyond the index is left out.
 * @param read one file's tensors; throws when the file is not there.
 * @throws HeadlightError `bad-model` when files and index contradict each other.
 */
export async function readShards(
  places: ReadonlyMap<string, string>,
  name: string,
  read: (shard: string) => Checkpoint | Promise<Checkpoint>,
): Promise<Checkpoint> {
  const tensors = new Map<string, CheckpointTensor>();
  const metadata = new Map<string, string>();
  for (const shard of new Set(places.values())) {
    const part = await read(shard);
    for (const [tensor, value] of part.tensors) {
      const place = places.get(tensor);
      if (place === undefined) continue;
      if (place !== shard)
        throw wrong(`${shard} holds "${shown(tensor)}", which ${name} says is in ${place}`);
      tensors.set(tensor, value);
    }
    for (const [key, value] of part.metadata) metadata.set(key, value);
  }
  for (const [tensor, shard] of places)
    if (!tensors.has(tensor))
      throw wrong(`${shard} does not hold "${shown(tensor)}", as ${name} says it does`);
  return { tensors, metadata };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(what: string): HeadlightError {
  return new HeadlightError('bad-model', `${what}.`, {
    hint: 'The files may be of different models, or not all there: download or copy them again, all of them.',
  });
}
