/**
 * Readers of checkpoints for mutated files: safetensors, indexes of parts, and what torch.save writes. What is read
 * keeps its promises: every tensor has the bytes of its shape, and lies in the file.
 */
import { readFileSync } from 'node:fs';
import {
  readPytorch,
  readSafetensors,
  readShardIndex,
  readShards,
  writeSafetensors,
  type Checkpoint,
} from '../../src/models/checkpoints';
import { byteLengthOf } from '../../src/models/checkpoints/checkpoint';
import { archiveOf, checkpointFile, op, statePickle, tensorPickle } from './checkpoint-files';
import type { FuzzReader, Random } from './model-fuzz';

const ENCODERS = new URL('../reference/encoders/', import.meta.url);

/** Bytes of tensors that are put in order one by one: no more than there are in the file. */
function checkCheckpoint({ tensors }: Checkpoint, most: number): void {
  for (const [name, tensor] of tensors) {
    const bytes = byteLengthOf(tensor.dtype, tensor.shape);
    const { data } = tensor;
    if (data.length !== bytes) throw new Error(`broken: ${name} has ${data.length} bytes`);
    if (data.length > most) throw new Error(`broken: ${name} is larger than its file`);
  }
}

export function safetensorsReader(): FuzzReader {
  const types = new Uint8Array(readFileSync(new URL('types.safetensors', ENCODERS)));
  const small = writeSafetensors(new Map([...readSafetensors(types).tensors].slice(0, 2)), {
    note: 'small',
  });
  return {
    name: 'safetensors',
    files: [
      { name: 'types', bytes: types },
      { name: 'small', bytes: small },
    ],
    mutate: mutateHeader,
    read(bytes) {
      checkCheckpoint(readSafetensors(bytes), bytes.length);
    },
  };
}

export function indexReader(): FuzzReader {
  const names = ['model.safetensors.index.json', 'pytorch_model.bin.index.json'];
  const files = names.map((name) => ({ name, bytes: checkpointFile(`bert-${name}`) }));
  const parts = new Map(
    ['00001', '00002', '00003']
      .map((number) => `model-${number}-of-00003.safetensors`)
      .map((name) => [name, readSafetensors(checkpointFile(`bert-${name}`))]),
  );
  return {
    name: 'index',
    files,
    mutate: mutateText,
    async read(bytes, file) {
      const places = readShardIndex(bytes, file);
      for (const shard of places.values())
        if (!/^[\w.-]+$/.test(shard) || shard.startsWith('.'))
          throw new Error(`broken: ${shard} was let through`);
      const empty: Checkpoint = { tensors: new Map(), metadata: new Map() };
      const { tensors } = await readShards(places, file, (shard) => parts.get(shard) ?? empty);
      if (tensors.size !== places.size) throw new Error('broken: a tensor is missing');
    },
  };
}

export function pytorchReader(): FuzzReader {
  const names = ['types', 'strided', 'strided-legacy', 'strided-protocol4', 'module'];
  return {
    name: 'pytorch',
    files: [
      ...names.map((name) => ({ name, bytes: checkpointFile(`${name}.bin`) })),
      { name: 'small', bytes: archiveOf(statePickle(tensorPickle())) },
    ],
    mutate: mutatePickle,
    async read(bytes) {
      checkCheckpoint(await readPytorch(bytes), bytes.length);
    },
  };
}

const NUMBERS = [
  '0',
  '1',
  '-1',
  '9',
  '4294967295',
  '9007199254740993',
  '1e400',
  '1.5',
  'null',
  '"x"',
];
const WORDS = ['{', '}', '[', ']', ',', '"__proto__"', '"F32"', '"BF16"', '"I64"', '"shape"', '""'];

/** Numbers and words of the JSON text changed, so that it stays JSON more often. */
function mutateText(bytes: Uint8Array, random: Random): Uint8Array {
  let text = new TextDecoder().decode(bytes);
  for (let edits = 1 + random.integer(3); edits > 0; edits--) {
    const places = [...text.matchAll(/\d+|"[^"]*"|[[\]{}]/g)];
    const place = places[random.integer(Math.max(1, places.length))];
    if (place === undefined) break;
    const list = /^\d/.test(place[0]) && random.integer(4) > 0 ? NUMBERS : WORDS;
    const other = random.integer(3) === 0 ? places[random.integer(places.length)]?.[0] : undefined;
    const word = other ?? list[random.integer(list.length)] ?? '';
    text = text.slice(0, place.index) + word + text.slice(place.index + place[0].length);
  }
  return new TextEncoder().encode(text);
}

/** As `mutateText`, of the header, whose length is set right again. */
function mutateHeader(bytes: Uint8Array, random: Random): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = mutateText(bytes.subarray(8, 8 + length), random);
  const made = new Uint8Array(8 + header.length + bytes.length - 8 - length);
  new DataView(made.buffer).setBigUint64(0, BigInt(header.length), true);
  made.set(header, 8);
  made.set(bytes.subarray(8 + length), 8 + header.length);
  return made;
}

/** Instructions that go into a pickle: known ones, dangerous ones, and any byte. */
const INSTRUCTIONS: readonly (readonly number[])[] = [
  op.none,
  op.false,
  op.mark,
  op.tuple,
  op.noItems,
  op.dict,
  op.setItems,
  op.call,
  op.build,
  op.persistent,
  op.int(-1),
  op.int(1 << 30),
  op.long(2n ** 62n),
  op.put(0),
  op.get(0),
  op.get(3),
  op.text('weight'),
  op.global('os', 'system'),
  op.global('collections', 'OrderedDict'),
  op.global('torch', 'FloatStorage'),
  op.global('torch._utils', '_rebuild_tensor_v2'),
  [0x85],
  [0x87],
  [0x5d],
  [0x61],
  [0x65],
  [0x93],
  [0x94],
];

/** A pickle with other instructions in it, in a zip that is whole. */
function mutatePickle(bytes: Uint8Array, random: Random): Uint8Array {
  const start = bytes.indexOf(0x80);
  const stop = bytes.indexOf(0x2e, bytes.length > 600 ? 600 : 100);
  const isArchive = bytes[0] === 0x50;
  const pickle = isArchive
    ? [...bytes.subarray(start, stop < 0 ? undefined : stop + 1)]
    : [...statePickle(tensorPickle())];
  for (let edits = 1 + random.integer(4); edits > 0; edits--) {
    const at = 2 + random.integer(Math.max(1, pickle.length - 2));
    const instruction = INSTRUCTIONS[random.integer(INSTRUCTIONS.length)] ?? [];
    const kind = random.integer(4);
    if (kind === 0) pickle.splice(at, 0, ...instruction);
    else if (kind === 1) pickle.splice(at, instruction.length, ...instruction);
    else if (kind === 2) pickle[at] = random.integer(256);
    else {
      const from = 2 + random.integer(pickle.length);
      pickle.splice(at, 0, ...pickle.slice(from, from + random.integer(40)));
    }
  }
  return archiveOf(Uint8Array.from(pickle), {
    'data/0': new Uint8Array(24),
    'data/1': new Uint8Array(6),
  });
}
