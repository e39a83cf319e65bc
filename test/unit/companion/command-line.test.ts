/** The command as a person runs it: a process with arguments, streams and an exit code. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  callHeadlight,
  reviews,
  runHeadlight,
  scoresOfPredicted,
  writeTinyEncoder,
  type CommandResult,
} from '../../helpers/command';
import { temporaryFolder } from '../../helpers/temporary-folder';

interface RunRecord {
  readonly kind: string;
  readonly data: { readonly classes: readonly string[] };
  readonly encoder: { readonly device: string };
  readonly metrics: {
    readonly train: { readonly accuracy: number };
    readonly test: { readonly accuracy: number; readonly rows: number; readonly log_loss: number };
  };
}

let folder: string;
const headlight = (args: readonly string[], interruptAt?: RegExp): Promise<CommandResult> =>
  runHeadlight(folder, args, interruptAt);

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyEncoder(join(folder, 'encoder'), 1);
  await writeTinyEncoder(join(folder, 'other-encoder'), 2);
  await writeFile(join(folder, 'train.csv'), reviews(120, 0));
  await writeFile(join(folder, 'test.csv'), reviews(40, 1000));
  await writeFile(join(folder, 'texts.csv'), `text\n${'the film was good and long\n'.repeat(30)}`);
  await writeFile(join(folder, 'unclosed.csv'), 'text,label\n"good,praise\nbad,blame\n');
});
const TRAIN = ['train', 'train.csv', '--test', 'test.csv', '--encoder', './encoder'];

describe('train, then use and repeat it', () => {
  let record: RunRecord;
  let trained: CommandResult;
  beforeAll(async () => {
    trained = await headlight([...TRAIN, '--C', '1', '--out', 'classifier', '--json']);
    expect(trained.stderr).toContain('Embedding texts');
    expect(trained.code).toBe(0);
    record = JSON.parse(trained.stdout) as RunRecord;
  });

  test('the record on stdout is JSON alone, with an honest report', () => {
    expect(record.kind).toBe('headlight.run');
    expect(record.data.classes).toEqual(['blame', 'praise']);
    expect(record.metrics.test.rows).toBe(40);
    expect(record.metrics.test.accuracy).toBeGreaterThan(0.9);
  });

  test('the classifier is written whole', async () => {
    expect((await readdir(join(folder, 'classifier'))).sort()).toEqual([
      'README.md',
      'config.json',
      'head.json',
      'onnx',
      'recipe.json',
      'run.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
  });

  test('neither texts nor a copy of the folder stay on the disk', async () => {
    const left = await readdir(join(folder, 'home'), { recursive: true });
    expect(left.filter((name) => /^(projects|files|features|runs|models)\/./.test(name))).toEqual(
      [],
    );
  });

  test('predict labels a file just as the report says', async () => {
    const { code, stdout } = await headlight(['predict', 'classifier', 'test.csv', '--quiet']);
    expect(code).toBe(0);
    const { header, accuracy, logLoss } = scoresOfPredicted(stdout);
    expect(header).toBe('text,label,prediction,probability: blame,probability: praise');
    expect(accuracy).toBeCloseTo(record.metrics.test.accuracy, 10);
    expect(logLoss).toBeCloseTo(record.metrics.test.log_loss, 4);
  });

  test('predict writes to a file, and says that it holds texts', async () => {
    const args = ['predict', 'classifier', 'test.csv', '--out', 'new/labelled.csv'];
    const { code, stdout, stderr } = await headlight(args);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('holds the texts');
    expect(await readFile(join(folder, 'new/labelled.csv'), 'utf8')).toContain('praise');
  });

  test('run gives the same numbers, also for a recipe of the page', async () => {
    const path = join(folder, 'classifier', 'recipe.json');
    const recipe = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(join(folder, 'page.json'), JSON.stringify({ ...recipe, device: 'wasm' }));
    const args = ['run', 'page.json', '--encoder', './encoder', '--json'];
    const { code, stdout, stderr } = await headlight(args);
    expect(code).toBe(0);
    expect(stderr).toContain('ran on wasm');
    const again = JSON.parse(stdout) as RunRecord;
    expect(again.encoder.device).toBe('cpu');
    expect(again.metrics).toEqual(record.metrics);
  });

  test('run refuses data that is not there, other bytes, and other weights', async () => {
    const recipe = join('classifier', 'recipe.json');
    const missing = await headlight(['run', recipe, '--encoder', './encoder']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('train.csv');
    await mkdir(join(folder, 'changed'));
    await writeFile(join(folder, 'changed', 'train.csv'), reviews(121, 0));
    await writeFile(join(folder, 'changed', 'test.csv'), reviews(40, 1000));
    const changed = await headlight(['run', recipe, '--data', 'changed']);
    expect(changed.code).toBe(1);
    expect(changed.stderr).toContain('SHA-256');
    const other = await headlight(['run', recipe, '--data', '.', '--encoder', './other-encoder']);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('other weights');
  });

  test('a report for people, where JSON was not asked for', async () => {
    const { code, stdout } = await headlight([...TRAIN, '--C', '1', '--quiet']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/accuracy +\S+ +\S+ +0\.5 /);
    expect(stdout).toContain('95 % interval');
    expect(stdout).toMatch(/praise +\S+ +\S+ +\S+ +20\n/);
  });
});

describe('what cannot be done is said, with an exit code', () => {
  test('2: no such option', async () => {
    const { code, stdout, stderr } = await headlight(['train', 'train.csv', '--colour']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/unknown option/);
  });

  test.each([
    ['no such command', ['tarin', 'train.csv'], /unknown command/],
    ['no file named', ['train'], /missing required argument/],
    ['a penalty that is none', ['train', 'train.csv', '--C', '0'], /above 0, or cv/],
    ['a share that is none', ['train', 'train.csv', '--test-share', '1'], /between 0 and 1/],
    ['a layer that is none', ['train', 'train.csv', '--layer', '-1'], /whole number/],
    [
      'a precision that is none',
      ['train', 'train.csv', '--precision', 'fp12'],
      /fp32, fp16, q8, q4/,
    ],
  ])('2: %s', async (_, args, message) => {
    const { code, stdout, stderr } = await callHeadlight(folder, args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  test('1: no such file', async () => {
    const { code, stdout, stderr } = await headlight(['train', 'none.csv']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/no file none\.csv/);
  });

  test.each([
    ['a quote that never closes', ['train', 'unclosed.csv'], /Line 2: A quote[^]*never closes/],
    [
      'no labels',
      ['train', 'texts.csv'],
      /No label column[^]*there are: text\.\nWithout.*headlight label/,
    ],
    ['no such column', [...TRAIN, '--label', 'topic'], /no column “topic”[^]*text, label/],
    ['no such layer', [...TRAIN, '--layer', '3'], /no layer 3[^]*0 .* to 2/],
    ['no such device', [...TRAIN, '--device', 'cuda'], /cannot run models on cuda[^]*cpu/],
    ['no such folder', ['train', 'train.csv', '--encoder', './none'], /no folder or zip \.\/none/],
    ['no such encoder', ['train', 'train.csv', '--encoder', 'none'], /no encoder none/],
    ['a folder that holds other files', [...TRAIN, '--out', 'encoder'], /holds other files/],
    [
      'no classifier',
      ['predict', 'encoder', 'test.csv'],
      /^(?![^]*Answers with)[^]*encoder has no classifier of its own/,
    ],
    ['no recipe', ['run', 'encoder/config.json'], /not a headlight\.recipe/],
  ])('1: %s', async (_, args, message) => {
    const { code, stdout, stderr } = await callHeadlight(folder, args);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([1, '']);
  });

  test('130: stopped by Ctrl-C', async () => {
    const { code, stdout, stderr } = await headlight(TRAIN, /Embedding texts/);
    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toContain('Stopped.');
  });

  test('0: help, with examples', async () => {
    const { code, stdout } = await headlight(['train', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('--test-share');
    expect(stdout).toContain('npx headlight train reviews.csv');
  });
});
