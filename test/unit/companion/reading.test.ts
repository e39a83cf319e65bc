/** Files on the command line: read in pieces, with the flags that the reader's own advice names. */
import { appendFile, mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { hashOf, openSource } from '../../../companion/files';
import { describeProgress } from '../../../companion/progress-line';
import { finish, HeadlightError } from '../../../src/base';
import { readTable } from '../../../src/data';
import { reviews, runHeadlight, writeTinyEncoder, type CommandResult } from '../../helpers/command';
import { temporaryFolder } from '../../helpers/temporary-folder';

let folder: string;
const headlight = (args: readonly string[]): Promise<CommandResult> => runHeadlight(folder, args);
const ROWS = 60;

beforeAll(async () => {
  folder = await temporaryFolder();
  const lines = reviews(ROWS, 0).trim().split('\n');
  lines.splice(20, 0, '"the cat never closed .,praise');
  await writeFile(join(folder, 'open.csv'), `${lines.join('\n')}\n`);
});

describe('a file that is read in pieces', () => {
  test('gives exactly the bytes that are asked for, and leaves nothing open', async () => {
    const path = join(folder, 'bytes.bin');
    const bytes = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7) % 251);
    await writeFile(path, bytes);
    const before = (await readdir('/proc/self/fd')).length;
    const file = await openSource(path);
    expect([file.name, file.size]).toEqual(['bytes.bin', 5000]);
    for (const [start, end] of [
      [0, 5000],
      [10, 20],
      [4990, 9000],
      [5000, 5000],
    ] as const) {
      expect(await file.slice(start, end)).toEqual(bytes.slice(start, end));
    }
    // The empty string's and a known SHA-256, as sha256sum says.
    const abc = join(folder, 'abc');
    await writeFile(abc, 'abc');
    expect(await hashOf(await openSource(abc))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect((await readdir('/proc/self/fd')).length).toBe(before);
  });

  test('a path that is no file is named', async () => {
    await mkdir(join(folder, 'sub'), { recursive: true });
    await expect(openSource(join(folder, 'none.csv'))).rejects.toThrow(/There is no file .*none/);
    await expect(openSource(join(folder, 'sub'))).rejects.toThrow(/sub is a folder/);
  });

  test('a file that shrinks meanwhile is an error, not half a table', async () => {
    const path = join(folder, 'shrinks.csv');
    await writeFile(path, 'text,label\n');
    // Beyond what the beginning is looked at: what follows is read in pieces.
    const block = 'a text that is long enough to fill a file,some label\n'.repeat(20_000);
    for (let piece = 0; piece < 12; piece++) await appendFile(path, block);
    const file = await openSource(path);
    expect(file.size).toBeGreaterThan(10_000_000);
    const job = readTable(file);
    await job.next();
    await truncate(path, 9_000_000);
    const error = await finish(job).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HeadlightError);
    expect(String(error)).toContain('shrinks.csv was changed while it was read');
  });
});

describe('flags of reading', () => {
  test('the advice of the reader names its flag, and the flag does what it says', async () => {
    const found = await headlight(['inspect', 'open.csv']);
    expect(found.stdout).toContain('Read quotes as plain characters (--no-quotes)');
    expect(found.stdout).toContain(`open.csv: 19 rows`);
    // A small file is told in its own unit.
    expect(found.stderr).toMatch(/Reading open\.csv: 0 of \d+ kB/);
    expect(found.stderr).not.toContain('0 of 0');
    const plain = await headlight(['inspect', 'open.csv', '--no-quotes', '--quiet']);
    expect(plain.stdout).toContain(`open.csv: ${ROWS + 1} rows`);
    expect(plain.stdout).not.toContain('problems');
    expect(plain.stderr).toBe('');
  });

  test('a sheet that is not there: the message says which are', async () => {
    const workbook = join(import.meta.dirname, '../../fixtures/data/small.xlsx');
    const { code, stderr } = await headlight(['inspect', workbook, '--sheet', 'Nowhere']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/has no sheet “Nowhere”.*Its sheets are: \w+/s);
  });

  test('what was set stands in the recipe: it is repeated on the same rows', async () => {
    await writeTinyEncoder(join(folder, 'encoder'), 1);
    const flags = ['--no-quotes', '--encoder', './encoder', '--C', '1', '--no-baselines'];
    const trained = await headlight(['train', 'open.csv', ...flags, '--out', 'made', '--json']);
    expect(trained.stderr).toMatch(/48 rows to train on, 13 to test on/); // 61 rows
    const again = await headlight([
      ...['run', 'made/recipe.json', '--data', '.', '--encoder', './encoder', '--json'],
    ]);
    const metrics = ({ stdout }: CommandResult): unknown =>
      (JSON.parse(stdout) as { readonly metrics: unknown }).metrics;
    expect(metrics(again)).toEqual(metrics(trained));
  });
});

test('megabytes of a large file, kilobytes of a small one', () => {
  const at = (done: number, total: number): string =>
    describeProgress({
      ...{ phase: 'Reading a.csv', done, total, unit: 'MB' },
      ...{ rate: null, secondsLeft: null },
    });
  expect(at(0, 0.0123)).toBe('Reading a.csv: 0 of 13 kB');
  expect(at(0.0123, 0.0123)).toBe('Reading a.csv: 13 of 13 kB');
  expect(at(12.5, 60)).toBe('Reading a.csv: 12.5 of 60 MB');
});
