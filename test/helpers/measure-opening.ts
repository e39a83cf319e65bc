/**
 * A process of its own that opens a model's folder and says what memory it took: `tsx measure-opening.ts SMALL FOLDER`.
 * SMALL is opened first, so that only the files count. Prints JSON: bytes.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { finish } from '../../src/base';
import type { SourceFile } from '../../src/data';
import {
  addFolder,
  checkpointOf,
  float32Values,
  readFolderFiles,
  type EncoderWeights,
} from '../../src/models';
import { peakMemory } from './peak-memory';

/** Not copied. */
const plain = ({ buffer, byteOffset, byteLength }: Buffer): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

async function filesOf(folder: string): Promise<SourceFile[]> {
  return Promise.all(
    (await readdir(folder)).map(async (name): Promise<SourceFile> => {
      const path = join(folder, name);
      const { size } = await stat(path);
      return { name, size, slice: async () => plain(await readFile(path)) };
    }),
  );
}

/** Opens the folder, then asks for every weight as a graph does, one after another. */
async function open(
  folder: string,
): Promise<{ readonly kept: EncoderWeights; readonly sum: number }> {
  const files = await finish(readFolderFiles('model', await filesOf(folder), 'fp32'));
  const { weights } = await finish(addFolder(null, 'model', files, 'fp32'));
  let sum = 0;
  for (const [name, tensor] of checkpointOf(weights).tensors) {
    sum += float32Values(tensor, name)[0] ?? 0;
    // What is not held any more is no fault of the reader.
    if (tensor.data.length > 1e6) globalThis.gc?.();
  }
  return { kept: weights, sum };
}

const [small = '', folder = ''] = process.argv.slice(2);
await open(small);
const { rss, arrayBuffers } = process.memoryUsage();
const { kept, sum } = await open(folder);
process.stdout.write(
  JSON.stringify({
    peak: (await peakMemory()) - rss,
    held: process.memoryUsage().arrayBuffers - arrayBuffers,
    kind: kept.kind,
    sum,
  }),
);
