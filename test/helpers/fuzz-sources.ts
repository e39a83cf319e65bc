/** Readers of what comes from elsewhere, for mutated files: zips, with the model in them, and manifests of web folders. */
import { readdirSync, readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { finish } from '../../src/base';
import { fileOfBytes } from '../../src/data';
import { hostManifest, readManifest, readModelZip, ZipFile } from '../../src/models';
import { queueLocks } from '../../src/platform';
import { memoryStorage } from './memory-storage';
import type { FuzzReader, Random } from './model-fuzz';
import { tinyModelFiles } from './tiny-model';

const FOLDER = new URL('../reference/zips/', import.meta.url);
/** What the smallest bound of a zip lets through; see `MOST_RATIO`. */
const MOST_OF_ONE = 200;

function sha256(seed: string): string {
  return seed.repeat(64).slice(0, 64);
}

const listed = [
  { name: 'config.json', bytes: 400, sha256: sha256('a1') },
  { name: '1_Pooling/config.json', bytes: 100, sha256: sha256('b2') },
  { name: 'model.safetensors', bytes: 90_000_000, sha256: sha256('c3') },
];

export function manifestReader(): FuzzReader {
  const about = { name: 'School BERT', description: 'For the lab course.', licence: 'MIT' };
  const kept = {
    ...{ format: 'headlight.model', version: 1, source: 'hub', id: 'ada/tiny', licence: null },
    ...{ revision: 'abc123'.padEnd(40, '0'), files: listed },
  };
  const files = [
    { name: 'host', bytes: hostManifest(about, listed) },
    { name: 'kept', bytes: new TextEncoder().encode(JSON.stringify(kept)) },
  ];
  return {
    name: 'manifest',
    files,
    read(bytes) {
      const { files: named } = readManifest(bytes, 'a host');
      for (const { name, bytes: size, sha256: hash } of named) {
        const inside = name.split('/').every((part) => !['', '.', '..'].includes(part));
        if (!inside || !Number.isSafeInteger(size) || size < 0 || !/^[0-9a-f]{64}$/.test(hash))
          throw new Error(`broken: ${name} of ${size} bytes was let through`);
      }
    },
  };
}

export function zipReader(): FuzzReader {
  const files = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.zip'))
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(new URL(name, FOLDER))) }));
  const model = Object.fromEntries(
    tinyModelFiles({ hidden: 8, layers: 1 }).map(({ name, bytes }) => [`tiny/${name}`, bytes]),
  );
  files.push({ name: 'model.zip', bytes: zipSync(model, { level: 6 }) });
  const carried = {
    ...{ format: 'headlight.model', version: 1, source: 'hub', id: 'ada/tiny', licence: null },
    ...{ revision: 'abc123'.padEnd(40, '0'), files: listed.slice(0, 2) },
  };
  const config = new TextEncoder().encode('{"model_type":"bert"}');
  files.push({
    name: 'carried.zip',
    bytes: zipSync({
      'config.json': config,
      '1_Pooling/config.json': config,
      'headlight-model.json': new TextEncoder().encode(JSON.stringify(carried)),
    }),
  });
  return {
    name: 'zip',
    files,
    async read(bytes, name, random) {
      const file = fileOfBytes(name, bytes);
      const zip = await ZipFile.open(file);
      if (random.integer(2) === 0) {
        const place = { storage: memoryStorage(), locks: queueLocks() };
        await finish(readModelZip(place, file, 'fp32'));
        return;
      }
      await readAll(zip, bytes.length);
    },
    mutate: damageRecords,
  };
}

async function readAll(zip: ZipFile, packed: number): Promise<void> {
  let total = 0;
  for (const name of zip.names) {
    if (name.split('/').includes('..') || name.startsWith('/'))
      throw new Error(`broken: ${name} leaves the folder`);
    for await (const piece of zip.pieces(name)) total += piece.length;
    if (total > MOST_OF_ONE * packed + zip.names.length * 2 ** 20)
      throw new Error(`broken: ${total} bytes came of ${packed}`);
  }
}

const SIGNATURES = [0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50];

/** Numbers in the zip's own records: sizes, places, methods, flags, counts. */
function damageRecords(zip: Uint8Array, random: Random): Uint8Array {
  const made = zip.slice();
  const view = new DataView(made.buffer);
  const records: number[] = [];
  for (let at = 0; at + 4 <= made.length; at++)
    if (SIGNATURES.includes(view.getUint32(at, true))) records.push(at);
  for (let edits = 1 + random.integer(3); edits > 0 && records.length > 0; edits--) {
    const record = records[random.integer(records.length)] ?? 0;
    const at = record + 4 + 2 * random.integer(24);
    if (at + 4 > made.length) continue;
    const value = [0, 1, 8, 0xffff, 0xffffffff, 0x7fffffff, random.integer(made.length + 1)];
    const chosen = value[random.integer(value.length)] ?? 0;
    if (random.integer(2) === 0) view.setUint16(at, chosen & 0xffff, true);
    else view.setUint32(at, chosen, true);
  }
  return made;
}
