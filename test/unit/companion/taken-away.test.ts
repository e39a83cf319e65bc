/**
 * What is taken away of each encoder that ships: transformers.js and `headlight predict` give the engine's
 * probabilities with the classifier's zip, and `headlight predict` does with the whole project's.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { env, pipeline } from '@huggingface/transformers';
import Papa from 'papaparse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import { classifierArchive, createEngine, type Engine, type RunView } from '../../../src/engine';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import { AREAS } from '../../../src/platform';
import { createNodePlatform, withMemoryAreas } from '../../../src/platform/node';

const ROOT = resolve(import.meta.dirname, '../../..');
const TEXTS = [
  'Where is my parcel?',
  'I was charged twice for the same order, please pay one of them back.',
  'The zip broke on the second day',
  '=SUM of my invoices is wrong',
  'Straße, naïve café: 送料は?',
];

let scratch: string;
let engine: Engine;
let sample: Uint8Array;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'headlight-taken-'));
  const platform = await createNodePlatform({ home: join(scratch, 'home') });
  const storage = withMemoryAreas(platform.storage, [...AREAS]);
  engine = createEngine({ ...platform, storage });
  env.allowRemoteModels = false;
  env.localModelPath = `${scratch}/`;
  const text = await readFile(join(ROOT, 'public/samples/support-inbox.csv'), 'utf8');
  const { data } = Papa.parse<string[]>(text.trim());
  sample = new TextEncoder().encode(Papa.unparse(data.slice(0, 150)));
  await writeFile(join(scratch, 'new.csv'), Papa.unparse([['message'], ...TEXTS.map((t) => [t])]));
});

afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

async function predictedByCommand(model: string, classes: readonly string[]): Promise<number[][]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      ...['--import', import.meta.resolve('tsx'), join(ROOT, 'companion/main.ts')],
      ...['predict', model, 'new.csv', '--quiet'],
    ],
    { cwd: scratch, env: { ...process.env, HEADLIGHT_HOME: join(scratch, 'command') } },
  );
  const rows = Papa.parse<Record<string, string>>(stdout.replace(/^\ufeff/, '').trim(), {
    header: true,
  }).data;
  return rows.map((row) => classes.map((label) => Number(row[`probability: ${label}`] ?? NaN)));
}

function expectSame(
  there: readonly (readonly number[])[],
  here: readonly (readonly number[])[],
): void {
  expect(there.length).toBe(here.length);
  here.forEach((row, at) => {
    row.forEach((share, index) => {
      expect(Math.abs((there[at]?.[index] ?? NaN) - share)).toBeLessThan(1e-4);
    });
  });
}

describe.each(['headlight-instant-en', 'all-MiniLM-L6-v2'])('%s', (id) => {
  let project: string;
  let run: RunView;
  let classes: readonly string[];
  let here: readonly (readonly number[])[];
  let zip: string;

  beforeAll(async () => {
    const entry = (await engine.listEncoders()).find(({ info }) => info.reference.id === id);
    if (entry === undefined) throw new Error(`${id} does not ship`);
    const view = await finish(engine.createProject([{ name: `${id}.csv`, bytes: sample }]));
    project = view.id;
    run = await finish(
      engine.train(project, {
        encoder: entry.info.reference,
        embed: entry.info.defaults,
        device: 'cpu',
        head: { ...DEFAULT_LOGISTIC, C: 10 },
      }),
    );
    ({ probabilities: here, classes } = await engine.predictTexts(project, run.id, TEXTS));
    zip = join(scratch, `${id}.zip`);
  });

  it('the classifier runs in transformers.js', async () => {
    const file = await finish(engine.export(project, run.id, 'onnx'));
    await writeFile(zip, file.bytes);
    for (const [path, bytes] of classifierArchive(file.bytes, file.name)) {
      await mkdir(dirname(join(scratch, id, path)), { recursive: true });
      await writeFile(join(scratch, id, path), bytes);
    }
    const classify = await pipeline('text-classification', id, { dtype: 'fp32' });
    // `top_k: null` is every class, as the classifier's README says; the type knows numbers only.
    const options = { top_k: null } as unknown as { top_k: number };
    const there: number[][] = [];
    for (const text of TEXTS) {
      const answer = (await classify(text, options)) as { label: string; score: number }[];
      there.push(classes.map((label) => answer.find((one) => one.label === label)?.score ?? NaN));
    }
    await classify.dispose();
    expectSame(there, here);
  });

  it('the classifier runs on the command line', async () => {
    expectSame(await predictedByCommand(zip, classes), here);
  });

  it('the project runs on the command line', async () => {
    const file = await finish(engine.export(project, null, 'project'));
    const path = join(scratch, `${id}-project.zip`);
    await writeFile(path, file.bytes);
    expectSame(await predictedByCommand(path, classes), here);
  });
});
