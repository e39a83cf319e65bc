/**
 * Promise: a model's files stand in memory once, from the disk to its tensors, whatever form they come in; and a
 * model that is kept goes to the disk from where it stands. Measured in processes of their own.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { encoderOfShape } from '../../../../bench/finetune/shapes';
import {
  checkpointOf,
  float32Values,
  halfBits,
  writeSafetensors,
  type CheckpointTensor,
} from '../../../../src/models';
import { torchFile } from '../../../helpers/checkpoint-files';
import { temporaryFolder } from '../../../helpers/temporary-folder';
import { tinyModelFiles } from '../../../helpers/tiny-model';

const run = promisify(execFile);
const TSX = import.meta.resolve('tsx');
const helper = (name: string): string =>
  join(import.meta.dirname, '../../../helpers', `${name}.ts`);
const measure = async (name: string, ...args: string[]): Promise<unknown> => {
  const { stdout } = await run(process.execPath, [
    '--expose-gc',
    '--import',
    TSX,
    helper(name),
    ...args,
  ]);
  return JSON.parse(stdout);
};

type Tensors = ReadonlyMap<string, CheckpointTensor>;

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

let folder: string;
/** The tables and the first layer of MiniLM's shape: 55 MB. */
const shape = encoderOfShape('MiniLM');
const config = Buffer.from(
  JSON.stringify({ ...(JSON.parse(text(shape.config)) as object), num_hidden_layers: 1 }),
);
const tensors: Tensors = new Map(
  [...checkpointOf(shape.weights).tensors].filter(([name]) => !/layer\.[1-9]/.test(name)),
);
const tokenizer = tinyModelFiles().filter(({ name }) => name.startsWith('tokenizer'));

async function write(name: string, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const into = join(folder, name);
  await mkdir(into);
  for (const [file, bytes] of Object.entries(files)) await writeFile(join(into, file), bytes);
  return into;
}

const modelOf = (files: Readonly<Record<string, Uint8Array>>): Record<string, Uint8Array> => ({
  'config.json': config,
  ...Object.fromEntries(tokenizer.map(({ name, bytes }) => [name, bytes])),
  ...files,
});

/** One space more in the header: no tensor is aligned. */
function unaligned(file: Uint8Array): Uint8Array {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const made = new Uint8Array(file.length + 1);
  made.set(file.subarray(0, 8 + length));
  made[8 + length] = 0x20;
  made.set(file.subarray(8 + length), 9 + length);
  new DataView(made.buffer).setBigUint64(0, BigInt(length + 1), true);
  return made;
}

function inParts(all: Tensors): Record<string, Uint8Array> {
  const names = [...all.keys()];
  const parts = [names.slice(0, 4), names.slice(4)];
  const files: Record<string, Uint8Array> = {};
  const map: Record<string, string> = {};
  parts.forEach((part, i) => {
    const shard = `model-0000${i + 1}-of-00002.safetensors`;
    files[shard] = writeSafetensors(new Map([...all].filter(([name]) => part.includes(name))));
    for (const name of part) map[name] = shard;
  });
  files['model.safetensors.index.json'] = Buffer.from(JSON.stringify({ weight_map: map }));
  return files;
}

const halves: Tensors = new Map(
  [...tensors].map(([name, tensor]) => {
    const data = new Uint8Array(halfBits(float32Values(tensor, name)).buffer);
    return [name, { dtype: 'F16', shape: tensor.shape, data }];
  }),
);

const FORMS: Readonly<Record<string, () => Record<string, Uint8Array>>> = {
  safetensors: () => ({ 'model.safetensors': writeSafetensors(tensors) }),
  'safetensors, unaligned': () => ({ 'model.safetensors': unaligned(writeSafetensors(tensors)) }),
  'safetensors in parts': () => inParts(tensors),
  'safetensors in half precision': () => ({ 'model.safetensors': writeSafetensors(halves) }),
  'pytorch_model.bin': () => ({ 'pytorch_model.bin': torchFile(tensors) }),
};

let small: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  const files = tinyModelFiles().map(({ name, bytes }) => [name, bytes]);
  small = await write('small', Object.fromEntries(files) as Record<string, Uint8Array>);
});

/** The largest weight, the table of words, as floats: a graph takes them one at a time. */
const LARGEST = 30_522 * 384 * 4;

it.each(Object.keys(FORMS))('%s', async (form) => {
  const files = FORMS[form]?.() ?? {};
  const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  const path = await write(form.replaceAll(/\W/g, '-'), modelOf(files));
  const found = (await measure('measure-opening', small, path)) as {
    readonly peak: number;
    readonly held: number;
  };
  console.log(
    `${form}: ${Math.round(bytes / 1e6)} MB of files, at most ${Math.round(found.peak / 1e6)} MB more memory`,
  );
  // The files are there, once: a second time would be as much again.
  expect(found.held).toBeGreaterThan(0.9 * bytes);
  const asFloats = /unaligned|half|pytorch/.test(form) ? 1.3 * LARGEST : 0;
  expect(found.peak).toBeLessThan(bytes + asFloats + 20e6);
});

it('a model that is kept with its run goes to the disk piece by piece', async () => {
  const more = (await measure('measure-saving', join(folder, 'home'), '100')) as number;
  console.log(`100 MB kept with at most ${Math.round(more / 1e6)} MB more memory`);
  expect(more).toBeLessThan(25e6);
});
