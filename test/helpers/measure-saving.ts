/**
 * A process of its own that keeps a model of MEGABYTES with a run and says what memory that took beyond the model:
 * `tsx measure-saving.ts FOLDER MEGABYTES`. Prints bytes.
 */
import { safetensorsFile, tensorOf, type CheckpointTensor } from '../../src/models';
import { createFolderStorage } from '../../src/platform/node/storage';
import { peakMemory } from './peak-memory';

const [folder = '', megabytes = ''] = process.argv.slice(2);
const storage = await createFolderStorage(folder);
const keep = async (tensors: ReadonlyMap<string, CheckpointTensor>): Promise<void> => {
  const pieces = safetensorsFile(tensors).pieces();
  await storage.writePieces(
    'runs',
    'model.safetensors',
    (async function* inTurn() {
      for (const piece of pieces) yield await Promise.resolve(piece);
    })(),
  );
};
await keep(new Map([['small', tensorOf(new Float32Array(1000), [1000])]]));
const tensors = new Map(
  Array.from({ length: Number(megabytes) / 4 }, (_, i) => [
    `layer.${i}.weight`,
    tensorOf(new Float32Array(1e6).fill(i), [1000, 1000]),
  ]),
);
const { rss } = process.memoryUsage();
await keep(tensors);
process.stdout.write(String((await peakMemory()) - rss));
