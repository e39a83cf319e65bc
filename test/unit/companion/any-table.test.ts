/** Data of other shapes on the command line: what is found out, several labels a text, parts as files. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  callHeadlight,
  runHeadlight,
  writeTinyEncoder,
  type CommandResult,
} from '../../helpers/command';
import { temporaryFolder } from '../../helpers/temporary-folder';

let folder: string;
const headlight = (args: readonly string[]): Promise<CommandResult> => runHeadlight(folder, args);

const ROWS = 120;
/** A text that says one thing, both, or neither; every text is different. */
const has = (row: number): [boolean, boolean] => [row % 2 === 0, row % 3 === 0];
function comments(): string {
  const lines = Array.from({ length: ROWS }, (_, row) => {
    const [good, bad] = has(row);
    const said = `${good ? 'great ' : ''}the cat${bad ? ' poor' : ''} on a mat ${row}`;
    return `"${said}",${Number(good)},${Number(bad)},${row % 5 === 4 ? 'test' : 'train'}`;
  });
  return `comment,praise,blame,part\n${lines.join('\n')}\n`;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyEncoder(join(folder, 'encoder'), 1);
  await writeFile(join(folder, 'comments.csv'), comments());
});

describe('inspect', () => {
  test('says what was found and why, in words and as JSON, and trains nothing', async () => {
    const said = await headlight(['inspect', 'comments.csv']);
    expect(said.code).toBe(0);
    expect(said.stdout).toContain('Task: multi_label');
    expect(said.stdout).toContain('praise, blame');
    expect(said.stdout).toMatch(/Split: “part”/);
    const json = await headlight(['inspect', 'comments.csv', '--json']);
    const report = JSON.parse(json.stdout) as {
      readonly task: string;
      readonly rows: number;
      readonly split: { readonly train: number; readonly test: number };
      readonly findings: { readonly labelChoice: { readonly choice: unknown } };
    };
    expect(report.task).toBe('multi_label');
    expect(report.rows).toBe(ROWS);
    expect(report.findings.labelChoice.choice).toEqual({
      kind: 'columns',
      columns: ['praise', 'blame'],
    });
    expect([report.split.train, report.split.test]).toEqual([96, 24]);
  });
});

describe('several labels a text', () => {
  test('train, the parts as files, predict: the same figures', async () => {
    const flags = ['--encoder', './encoder', '--split', '0.5/0.25/0.25', '--C', '10'];
    const trained = await headlight([
      ...['train', 'comments.csv', '--label', 'praise,blame', ...flags, '--no-baselines'],
      ...['--out', 'classifier', '--parts', 'parts', '--json'],
    ]);
    expect(trained.stderr).toContain('for validation');
    expect(trained.code).toBe(0);
    const record = JSON.parse(trained.stdout) as {
      readonly task: string;
      readonly metrics: {
        readonly test: { readonly rows: number; readonly micro: { readonly f1_score: number } };
      };
    };
    expect(record.task).toBe('multi_label');
    expect((await readdir(join(folder, 'parts'))).sort()).toEqual([
      'test.csv',
      'train.csv',
      'validation.csv',
    ]);
    const labelled = await headlight(['predict', 'classifier', 'parts/test.csv', '--out', 'p.csv']);
    expect(labelled.code).toBe(0);
    const lines = (await readFile(join(folder, 'p.csv'), 'utf8')).trim().split('\r\n').slice(1);
    expect(lines).toHaveLength(record.metrics.test.rows);
    let both = 0;
    let either = 0;
    for (const line of lines) {
      const [, praise = '', blame = '', , prediction = ''] = line.split(',');
      const given = prediction.replaceAll('"', '').split(';');
      [praise === '1' && 'praise', blame === '1' && 'blame'].forEach((label, at) => {
        const name = ['praise', 'blame'][at] ?? '';
        if (label !== false) either++;
        if (given.includes(name)) either++;
        if (label !== false && given.includes(name)) both += 2;
      });
    }
    expect(both / either).toBeCloseTo(record.metrics.test.micro.f1_score, 10);
  });

  test('the report names each label with its threshold', async () => {
    const { stdout, code } = await headlight([
      ...['train', 'comments.csv', '--encoder', './encoder', '--head', 'mlp', '--hidden', '8'],
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/label \(test\).*threshold/);
    expect(stdout).toContain('A hidden layer of 8 units');
    expect(stdout).toMatch(/TF-IDF/);
  });
});

describe('flags that do not fit', () => {
  test.each([
    [['--split', '0.8/0.3'], 'shares of one whole'],
    [['--repair', 'spelling'], 'nothing to repair'],
    [['--repair', 'spelling', '--repair', 'none'], 'nothing to repair called “spelling”'],
    [['--split-column', 'praise'], 'do not say which part'],
    [['--head', 'mlp', '--C', '3'], '--head logistic'],
    [['--label', 'praise,blam'], 'no column “blam”'],
  ])('%j: the message says what there is', async (flags, words) => {
    const { code, stderr } = await callHeadlight(folder, [
      ...['train', 'comments.csv', '--encoder', './encoder', ...flags],
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(words);
  });
});
