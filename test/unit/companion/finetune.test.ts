/** `headlight finetune` as a person runs it: a process with arguments, streams and an exit code. */
import { classFigures } from '../../../src/project';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { withHyphens } from '../../../companion/finetune-settings';
import type { FinetuneRecord } from '../../../src/project';
import {
  callHeadlight,
  reviews,
  runHeadlight,
  scoresOfPredicted,
  writeTinyEncoder,
  type CommandResult,
} from '../../helpers/command';
import { temporaryFolder } from '../../helpers/temporary-folder';

let folder: string;
const headlight = (args: readonly string[], interruptAt?: RegExp): Promise<CommandResult> =>
  runHeadlight(folder, args, interruptAt);
const WITH_TOKEN = { HF_TOKEN: 'hf_of_a_test' };

const ANIMALS = ['dog', 'cat'];
function animals(rows: number, from: number): string {
  return Array.from({ length: rows }, (_, at) => {
    const animal = ANIMALS[at % 2] ?? '';
    return `the\tO\nn${from + at}\tO\n${animal}\tB-PET\nran\tO\n`;
  }).join('\n');
}

const FINETUNE = ['finetune', 'train.csv', '--test', 'test.csv', '--encoder', './encoder'];
const QUICK = ['--learning-rate', '2e-3', '--num-train-epochs', '2', '--max-length', '32'];

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyEncoder(join(folder, 'encoder'), 1);
  await writeFile(join(folder, 'train.csv'), reviews(120, 0));
  await writeFile(join(folder, 'test.csv'), reviews(40, 1000));
  await writeFile(join(folder, 'train.conll'), animals(60, 0));
  await writeFile(join(folder, 'test.conll'), animals(20, 100));
});

describe('fine-tune, then use and repeat it', () => {
  let record: FinetuneRecord;
  let trained: CommandResult;
  beforeAll(async () => {
    trained = await headlight([...FINETUNE, ...QUICK, '--out', 'model', '--json']);
    expect(trained.stderr).toContain('Fine-tuning');
    expect(trained.code).toBe(0);
    record = JSON.parse(trained.stdout) as FinetuneRecord;
  });

  test('the record on stdout is JSON alone, with an honest report and the settings asked for', () => {
    expect(record).toMatchObject({ kind: 'headlight.run', method: 'finetune' });
    expect(classFigures(record).test.rows).toBe(40);
    expect(classFigures(record).test.accuracy).toBeGreaterThan(0.9);
    expect(record.finetune).toMatchObject({
      learning_rate: 2e-3,
      num_train_epochs: 2,
      max_length: 32,
      weight_decay: 0,
    });
  });

  test('each evaluation is told', () => {
    expect(trained.stderr.match(/held-out loss 0\.\d+, accuracy/g)).toHaveLength(2);
  });

  test('the model is written as a Hugging Face folder, with ONNX, run and recipe', async () => {
    const names = (await readdir(join(folder, 'model'), { recursive: true })).sort();
    for (const name of [
      'README.md',
      'config.json',
      'model.safetensors',
      join('onnx', 'model.onnx'),
      'recipe.json',
      'run.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
      expect(names).toContain(name);
    const config = JSON.parse(await readFile(join(folder, 'model', 'config.json'), 'utf8')) as {
      readonly id2label: Readonly<Record<string, string>>;
    };
    expect(config.id2label).toEqual({ '0': 'blame', '1': 'praise' });
  });

  test('neither texts nor a checkpoint stay on the disk', async () => {
    const left = await readdir(join(folder, 'home'), { recursive: true, withFileTypes: true });
    const files = left.filter((entry) => entry.isFile()).map(({ parentPath }) => parentPath);
    expect(
      files.filter((path) => /home.(projects|files|features|runs|models|checkpoints)/.test(path)),
    ).toEqual([]);
  });

  test('predict labels a file with that folder just as the report says', async () => {
    const { code, stdout } = await headlight(['predict', 'model', 'test.csv', '--quiet']);
    expect(code).toBe(0);
    const { header, accuracy, logLoss } = scoresOfPredicted(stdout);
    expect(header).toBe('text,label,prediction,probability: blame,probability: praise');
    expect(accuracy).toBeCloseTo(classFigures(record).test.accuracy, 10);
    expect(logLoss).toBeCloseTo(classFigures(record).test.log_loss, 4);
  });

  test('run gives the same numbers, also for a recipe of the page', async () => {
    const path = join(folder, 'model', 'recipe.json');
    const recipe = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(join(folder, 'page.json'), JSON.stringify({ ...recipe, device: 'wasm' }));
    const args = ['run', 'page.json', '--encoder', './encoder', '--json'];
    const { code, stdout, stderr } = await headlight(args);
    expect(code).toBe(0);
    expect(stderr).toContain('ran on wasm');
    expect((JSON.parse(stdout) as FinetuneRecord).metrics).toEqual(classFigures(record));
  });

  test('stopped by Ctrl-C, the same command goes on, and ends the same', async () => {
    const long = [...FINETUNE, ...QUICK, '--num_train_epochs', '12', '--json'];
    const stopped = await headlight(long, /held-out loss/);
    expect([stopped.code, stopped.stdout]).toEqual([130, '']);
    const step = /Step (\d+) of \d+ is kept: the same command goes on/.exec(stopped.stderr)?.[1];
    expect(Number(step)).toBeGreaterThan(0);
    const resumed = await headlight(long);
    expect(resumed.stderr).toContain(`Goes on from step ${step ?? ''}`);
    const whole = await headlight([...long, '--no-resume']);
    expect(whole.stderr).not.toContain('Goes on');
    const [there, here] = [resumed, whole].map(
      ({ stdout }) => JSON.parse(stdout) as FinetuneRecord,
    );
    expect(there?.finetune.fit.resumed_at_step).toBe(Number(step));
    expect(here?.finetune.fit.resumed_at_step).toBeNull();
    expect(there?.metrics).toEqual(here?.metrics);
  });

  test('a report for people, where JSON was not asked for', async () => {
    const lora = ['--method', 'lora', '--lora-rank', '4', '--out', 'lora'];
    const { code, stdout } = await headlight([...FINETUNE, ...QUICK, ...lora, '--quiet']);
    expect(code).toBe(0);
    expect(stdout).toContain('fine-tuned: LoRA, rank 4');
    expect(stdout).toMatch(/majority class +TF-IDF\n *accuracy +\S+ +\S+ +0\.5 +\S+\n/);
    expect(stdout).toContain('95 % interval');
    expect(await readdir(join(folder, 'lora', 'adapter'))).toContain('adapter_config.json');
  });

  test('few labels: pairs are learned from, told in the report and kept in the recipe', async () => {
    const pairs = ['--objective', 'contrastive', '--num_iterations', '2', '--head-C', '10'];
    const rows = ['--learning-rate', '2e-3', '--train-rows', '16', '--max-length', '32'];
    const args = [...FINETUNE, ...pairs, ...rows, '--quiet', '--out', 'few'];
    const { code, stdout } = await callHeadlight(folder, args);
    expect(code).toBe(0);
    expect(stdout).toContain(
      'learned from 32 pairs of texts of one class and 32 of different classes',
    );
    expect(stdout).toContain('C = 10');
    const again = await callHeadlight(folder, [
      ...['run', 'few/recipe.json', '--data', '.', '--encoder', './encoder', '--json'],
    ]);
    const { finetune } = JSON.parse(again.stdout) as FinetuneRecord;
    expect(finetune).toMatchObject({
      objective: 'contrastive',
      num_iterations: 2,
      head_C: 10,
      head: 'mean',
      per_device_train_batch_size: 16,
      fit: { steps: 4, pairs: { positive: 32, negative: 32 } },
    });
  });

  test('an estimate, and nothing trained', async () => {
    const { code, stdout } = await headlight([...FINETUNE, ...QUICK, '--estimate']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+ steps of \d+\.\d+ s: about /);
    expect(stdout).toContain('Memory: about');
  });
});

test('a CoNLL file: words are tagged, and predicted', async () => {
  const args = ['finetune', 'train.conll', '--test', 'test.conll', '--encoder', './encoder'];
  const { code, stdout, stderr } = await headlight([
    ...args,
    ...['--learning-rate', '5e-3', '--num-train-epochs', '5', '--out', 'tagger'],
  ]);
  expect(code).toBe(0);
  expect(stderr).toContain('60 sentences to train on, 20 to test on, 2 tags.');
  expect(stderr).toContain('PET: 60 entities to train on, 20 to test on.');
  expect(stdout).toMatch(/PET +1 +1 +1 +20\n/);
  await writeFile(join(folder, 'new.csv'), 'words\nthe dog ran\n');
  const predicted = await headlight(['predict', 'tagger', 'new.csv', '--quiet']);
  expect(predicted.stdout.replace('\ufeff', '').trim().split(/\r?\n/)).toEqual([
    'words,prediction',
    'the dog ran,O B-PET O',
  ]);
});

describe('what cannot be done is said, with an exit code', () => {
  test.each([
    ['a setting that is none', [...FINETUNE, '--learning-rate', 'high'], /Give a number/],
    ['a method that is none', [...FINETUNE, '--method', 'magic'], /full, last, lora/],
    ['a preset that is none', [...FINETUNE, '--preset', 'slow'], /quick, careful/],
  ])('2: %s', async (_, args, message) => {
    const { code, stdout, stderr } = await callHeadlight(folder, args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  test.each([
    ['a setting out of range', [...FINETUNE, '--learning-rate', '-1'], /learning_rate/],
    ['pairs without their objective', [...FINETUNE, '--num-iterations', '5'], /objective/],
    ['a flag of another method', [...FINETUNE, '--lora-rank', '4'], /belongs to --method lora/],
    ['no such column', [...FINETUNE, '--text-pair', 'second'], /no column “second”/],
    ['a push without a token', [...FINETUNE, '--push-to-hub', 'a/b'], /HF_TOKEN/],
    ['private without a push', [...FINETUNE, '--private'], /belongs to --push-to-hub/],
    [
      'a place that cannot be written',
      [...FINETUNE, '--out', 'train.csv/model'],
      /cannot be written/,
    ],
    [
      'static embeddings',
      ['finetune', 'train.csv', '--encoder', 'headlight-instant-en'],
      /no layers that could be fine-tuned/,
    ],
  ])('1: %s', async (_, args, message) => {
    const { code, stdout, stderr } = await callHeadlight(folder, args);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([1, '']);
  });
});

describe('nothing is computed in vain', () => {
  test('a repository’s name that is none is refused before training', async () => {
    const args = [...FINETUNE, '--push-to-hub', 'no-owner'];
    const { code, stdout, stderr } = await runHeadlight(folder, args, undefined, WITH_TOKEN);
    expect(stderr).toMatch(/no-owner.*cannot be a repository/);
    expect(stderr).not.toContain('Fine-tuning');
    expect([code, stdout]).toEqual([1, '']);
  });

  test('a folder for --out that was only looked at is not left behind', async () => {
    const args = [...FINETUNE, '--out', 'new/model', '--learning-rate', '-1'];
    expect((await headlight(args)).code).toBe(1);
    expect(await readdir(folder)).not.toContain('new');
  });

  test('where the upload fails, the report is printed and the model stands in a folder', async () => {
    const args = [...FINETUNE, ...QUICK, '--push-to-hub', 'someone/tiny', '--json', '--quiet'];
    const nobody = ['--model-host', 'http://127.0.0.1:9'];
    const run = await runHeadlight(folder, [...args, ...nobody], undefined, WITH_TOKEN);
    expect(run.code).toBe(1);
    expect(JSON.parse(run.stdout)).toMatchObject({ kind: 'headlight.run', method: 'finetune' });
    const kept = /not lost: it is in (tiny-\w+)\./.exec(run.stderr)?.[1] ?? 'none';
    expect(await readdir(join(folder, kept))).toContain('model.safetensors');
    const predicted = await headlight(['predict', kept, 'test.csv', '--quiet']);
    expect(predicted.code).toBe(0);
  });

  test('a loss that is no number any more: no promise that the same command goes on', async () => {
    const { code, stderr } = await headlight([...FINETUNE, '--learning-rate', '1e30']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/not a number[^]*learning_rate/);
    expect(stderr).not.toContain('same command goes on');
  });

  test('more rows asked for than there are is told', async () => {
    const args = [...FINETUNE, ...QUICK, '--train-rows', '5000', '--estimate'];
    expect((await headlight(args)).stderr).toContain('There are 120 rows to train on');
  });
});

test('settings are understood under their own names too; other arguments are left alone', () => {
  expect(withHyphens(['--learning_rate', '1e-3', '--max_length=8', '--my_flag', 'a_b'])).toEqual([
    '--learning-rate',
    '1e-3',
    '--max-length=8',
    '--my_flag',
    'a_b',
  ]);
});
