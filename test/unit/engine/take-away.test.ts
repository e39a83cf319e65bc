/**
 * What the engine hands out of a [CLS] probe: the Hugging Face folder runs in transformers.js with the engine's
 * probabilities, and goes to the Hub.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AutoModelForSequenceClassification, AutoTokenizer, env } from '@huggingface/transformers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import { createEngine, type Engine } from '../../../src/engine';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import type { EncoderReference } from '../../../src/models';
import { AREAS } from '../../../src/platform';
import { createNodePlatform, withMemoryAreas } from '../../../src/platform/node';
import { readArchive } from '../../../src/project';
import { startHubUploadServer, type HubUploadServer } from '../../helpers/hub-upload-server';
import { temporaryFolder } from '../../helpers/temporary-folder';
import { tinyModelFiles, tinyTexts } from '../../helpers/tiny-model';

const TOKEN = 'hf_QzLkNvTqXwPmRsYbGdHjFcZa';
const LONG = 'the movie was good '.repeat(9);

let scratch: string;
let engine: Engine;
let hub: HubUploadServer;
let project: string;
let encoder: EncoderReference;

beforeAll(async () => {
  scratch = await temporaryFolder();
  hub = await startHubUploadServer({ token: TOKEN, owner: 'ada' });
  const platform = await createNodePlatform({ home: join(scratch, 'home') });
  const storage = withMemoryAreas(platform.storage, [...AREAS]);
  engine = createEngine({ ...platform, storage });
  env.allowRemoteModels = false;
  env.localModelPath = `${scratch}/`;
  const added = await finish(engine.addFolderEncoder('tiny', tinyModelFiles(), 'q8'));
  encoder = added.info.reference;
  const rows = tinyTexts(60).map((text, row) => `${text},${['red', 'green', 'blue'][row % 3]}`);
  const bytes = new TextEncoder().encode(`text,label\n${rows.join('\n')}\n`);
  ({ id: project } = await finish(engine.createProject([{ name: 'inbox.csv', bytes }])));
});

afterAll(async () => {
  await hub.close();
});

async function train(normalize: boolean): Promise<string> {
  const { id } = await finish(
    engine.train(project, {
      encoder,
      embed: { layer: 1, pooling: 'cls', normalize, maxTokens: 12 },
      device: 'cpu',
      head: { ...DEFAULT_LOGISTIC, C: 1, standardize: true },
    }),
  );
  return id;
}

it('a probe on layer 1 of an encoder in 8 bits: the same probabilities in transformers.js', async () => {
  const run = await train(false);
  const zip = await finish(engine.export(project, run, 'huggingface'));
  expect(zip.containsTexts).toBe(false);
  for (const [path, bytes] of readArchive(zip.bytes, zip.name)) {
    await mkdir(dirname(join(scratch, 'folder', path)), { recursive: true });
    await writeFile(join(scratch, 'folder', path), bytes);
  }
  const texts = [...tinyTexts(6, 9, 6), LONG];
  const { probabilities, classes } = await engine.predictTexts(project, run, texts);
  const tokenizer = await AutoTokenizer.from_pretrained('folder');
  const model = await AutoModelForSequenceClassification.from_pretrained('folder', {
    dtype: 'fp32',
  });
  expect((model.config as unknown as { id2label: unknown }).id2label).toEqual(
    Object.fromEntries(classes.map((label, index) => [index, label])),
  );
  for (const [at, text] of texts.entries()) {
    const inputs = tokenizer(text, { truncation: true }) as Record<string, unknown>;
    const { logits } = (await model(inputs)) as { logits: { data: Float32Array } };
    const shares = [...logits.data].map(Math.exp);
    const sum = shares.reduce((total, share) => total + share, 0);
    shares.forEach((share, k) => {
      expect(Math.abs(share / sum - (probabilities[at]?.[k] ?? NaN))).toBeLessThan(1e-4);
    });
  }
  await model.dispose();
});

it('a probe on embeddings of unit length: says why it cannot', async () => {
  const run = await train(true);
  await expect(finish(engine.export(project, run, 'huggingface'))).rejects.toMatchObject({
    code: 'bad-setting',
    hint: expect.stringContaining('without “normalize”') as unknown,
  });
});

it('goes to the model host that is set, and its card names the repository', async () => {
  const run = await train(false);
  await engine.setModelHost(hub.host);
  const upload = { repository: 'ada/inbox', token: TOKEN, private: true };
  const { url } = await finish(engine.pushToHub(project, run, upload));
  expect(url).toBe(`${hub.host}/ada/inbox`);
  const files = hub.repositories.get('ada/inbox')?.files ?? new Map<string, Uint8Array>();
  const folder = readArchive(
    (await finish(engine.export(project, run, 'huggingface'))).bytes,
    'zip',
  );
  // The zip also says what it was made of; `headlight predict` reads that.
  const saved = ['recipe.json', 'run.json'];
  expect([...files.keys(), ...saved].sort()).toEqual([...folder.keys()].sort());
  expect(Buffer.from(files.get('model.safetensors') ?? [])).toEqual(
    Buffer.from(folder.get('model.safetensors') ?? [1]),
  );
  expect(new TextDecoder().decode(files.get('README.md'))).toContain("'ada/inbox'");
});

it('a probe that has no such folder goes as ONNX, without what names the person’s file', async () => {
  const run = await train(true);
  await engine.setModelHost(hub.host);
  const notes: (string | undefined)[] = [];
  const upload = { repository: 'ada/unit-length', token: TOKEN, private: true };
  await finish(engine.pushToHub(project, run, upload), ({ note }) => notes.push(note));
  expect(notes.some((note) => note?.includes('goes as ONNX'))).toBe(true);
  const files = hub.repositories.get('ada/unit-length')?.files ?? new Map<string, Uint8Array>();
  expect([...files.keys()].sort()).toEqual(
    ['README.md', 'config.json', 'head.json', 'onnx/model.onnx'].concat([
      'tokenizer.json',
      'tokenizer_config.json',
    ]),
  );
  const texts = [...files].filter(([path]) => !path.endsWith('.onnx'));
  for (const [, bytes] of texts) expect(new TextDecoder().decode(bytes)).not.toContain('inbox.csv');
  expect(new TextDecoder().decode(files.get('README.md'))).toContain("'ada/unit-length'");
});
