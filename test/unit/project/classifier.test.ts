/**
 * The classifier that is taken away, in other people's hands: transformers.js loads the folder as it is
 * and gives the page's probabilities, also where the encoder came with the three needed files alone.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import { classifierArchive, createEngine, type Engine } from '../../../src/engine';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import type { ModelFile } from '../../../src/models';
import { AREAS } from '../../../src/platform';
import { createNodePlatform, withMemoryAreas } from '../../../src/platform/node';
import { tinyModelFiles, tinyTexts } from '../../helpers/tiny-model';

let scratch: string;
let engine: Engine;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'headlight-classifier-'));
  const platform = await createNodePlatform({ home: join(scratch, 'home') });
  const storage = withMemoryAreas(platform.storage, [...AREAS]);
  engine = createEngine({ ...platform, storage });
  env.allowRemoteModels = false;
  env.localModelPath = `${scratch}/`;
});

afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

/** The tiny encoder, a probe of three classes on it, and both ways to the same texts' probabilities. */
async function compare(
  name: string,
  files: readonly ModelFile[],
  texts: readonly string[],
): Promise<{ here: readonly (readonly number[])[]; there: readonly (readonly number[])[] }> {
  const { info } = await finish(engine.addFolderEncoder(name, files, 'fp32'));
  const rows = tinyTexts(60).map((text, row) => `${text},${['red', 'green', 'blue'][row % 3]}`);
  const csv = new TextEncoder().encode(`text,label\n${rows.join('\n')}\n`);
  const project = await finish(engine.createProject([{ name: `${name}.csv`, bytes: csv }]));
  const run = await finish(
    engine.train(project.id, {
      encoder: info.reference,
      embed: { ...info.defaults, maxTokens: 12 },
      device: 'cpu',
      head: { ...DEFAULT_LOGISTIC, C: 1, standardize: true },
    }),
  );
  const zip = await finish(engine.export(project.id, run.id, 'onnx'));
  for (const [path, bytes] of classifierArchive(zip.bytes, zip.name)) {
    await mkdir(dirname(join(scratch, name, path)), { recursive: true });
    await writeFile(join(scratch, name, path), bytes);
  }
  const here = await engine.predictTexts(project.id, run.id, texts);
  const classify = await pipeline('text-classification', name, { dtype: 'fp32' });
  // `top_k: null` is every class, as the classifier's README says; the type knows numbers only.
  const options = { top_k: null } as unknown as { top_k: number };
  const answers = (await classify([...texts], options)) as unknown as {
    label: string;
    score: number;
  }[][];
  await classify.dispose();
  const there = answers.map((answer) =>
    here.classes.map((label) => answer.find((one) => one.label === label)?.score ?? NaN),
  );
  return { here: here.probabilities, there };
}

function padsToEight(file: ModelFile): ModelFile {
  if (file.name !== 'tokenizer.json') return file;
  const json = JSON.parse(new TextDecoder().decode(file.bytes)) as Record<string, unknown>;
  const own = {
    truncation: { max_length: 8, strategy: 'LongestFirst', stride: 0, direction: 'Right' },
    padding: {
      strategy: { Fixed: 8 },
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: '[PAD]',
    },
  };
  return { ...file, bytes: new TextEncoder().encode(JSON.stringify({ ...json, ...own })) };
}

it.each([
  ['with all its files', tinyModelFiles()],
  [
    'with config.json, model.safetensors and tokenizer.json alone',
    tinyModelFiles().filter(({ name }) => name !== 'tokenizer_config.json'),
  ],
  // As sentence-transformers saves them.
  ['whose tokenizer.json cuts and pads to 8 tokens itself', tinyModelFiles().map(padsToEight)],
])('an encoder %s: transformers.js gives the same probabilities', async (what, files) => {
  // Of different lengths, so that they are padded; two are longer than the 12 tokens and are cut.
  const long = 'the movie was good '.repeat(9);
  const texts = [...tinyTexts(6, 9, 6), long, `bad ${long}`];
  const { here, there } = await compare(what.replaceAll(/\W+/g, '-'), files, texts);
  expect(new Set(here.map((row) => row.map((share) => share.toFixed(3)).join())).size).toBe(8);
  here.forEach((row, at) => {
    row.forEach((share, index) => {
      expect(Math.abs((there[at]?.[index] ?? NaN) - share)).toBeLessThan(1e-4);
    });
  });
});
