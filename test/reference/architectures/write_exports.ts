/**
 * Writes what a user takes away of each architecture: the Hugging Face folder of its golden model, and the adapter of
 * a LoRA training, for load_exports.py.
 *
 *     npx tsx test/reference/architectures/write_exports.ts OUT
 */
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  openTrainableModel,
  TRANSFORMERS,
  type TrainMethod,
  safetensorsWeights,
} from '../../../src/models';
import { hfFolder, peftAdapter, type ModelParts } from '../../../src/project';
import { tinyParts } from '../../helpers/export-parts';

const out = process.argv[2];
if (out === undefined) throw new Error('usage: write_exports.ts OUT');
const here = new URL('./', import.meta.url);

async function write(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, bytes] of files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
}

for (const name of TRANSFORMERS.filter((one) => one !== 'bert' && one !== 'distilbert')) {
  const config = readFileSync(new URL(`${name}.config.json`, here));
  const weights = safetensorsWeights(readFileSync(new URL(`${name}.safetensors`, here)));
  const golden = JSON.parse(readFileSync(new URL(`${name}.json`, here), 'utf8')) as {
    readonly targets: readonly string[];
  };
  const open = (method: TrainMethod) =>
    openTrainableModel(
      { config, weights },
      { task: 'text', head: 'stock', classes: 3, method, dropout: 0, seed: 1 },
    );
  const parts: ModelParts = {
    ...tinyParts('bert', 'text'),
    config: JSON.parse(config.toString()) as Record<string, unknown>,
    maxTokens: 20,
    checkpoint: open({ name: 'full' }).checkpoint(new Map()),
  };
  await write(
    join(out, name),
    hfFolder(parts, { onnx: ['fp32'], weights: true, repository: null }),
  );
  const method = {
    name: 'lora',
    rank: 2,
    alpha: 4,
    dropout: 0,
    base: 'fp32',
    targets: golden.targets,
  } as const;
  const lora = open(method);
  const trained = new Map(
    [...lora.parameters.values()]
      .filter(({ name: key }) => key.includes('lora_B'))
      .map(({ name: key, values }) => [
        key,
        values.data.map((_: number, i: number) => Math.sin(i)),
      ]),
  ) as ReadonlyMap<string, Float32Array>;
  const adapter = lora.adapter(trained);
  await write(join(out, `${name}-adapter`), peftAdapter({ ...parts, adapter, method }));
  const merged = { ...parts, checkpoint: lora.checkpoint(trained) };
  await write(
    join(out, `${name}-merged`),
    hfFolder(merged, { onnx: [], weights: true, repository: null }),
  );
}
