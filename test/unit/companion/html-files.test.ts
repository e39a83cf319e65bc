/** What the command line writes as one HTML file: the classifier page and the report. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { reviews, runHeadlight, writeTinyEncoder } from '../../helpers/command';
import { temporaryFolder } from '../../helpers/temporary-folder';

let folder: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyEncoder(join(folder, 'encoder'), 1);
  await writeFile(join(folder, 'reviews.csv'), reviews(80, 0));
});

test('a report without texts, that loads nothing', async () => {
  const { code, stderr, stdout } = await runHeadlight(folder, [
    ...['train', 'reviews.csv', '--encoder', './encoder', '--C', '1', '--no-baselines', '--json'],
    ...['--report', 'out/report.html'],
  ]);
  expect(stderr).toContain('Report written to out/report.html');
  expect(code).toBe(0);
  const record = JSON.parse(stdout) as {
    readonly metrics: { readonly test: { readonly accuracy: number } };
    readonly data: { readonly classes: readonly string[] };
  };
  const html = await readFile(join(folder, 'out/report.html'), 'utf8');
  expect(html).toContain(`${(100 * record.metrics.test.accuracy).toFixed(1)}\u00a0%`);
  for (const label of record.data.classes) expect(html).toContain(`>${label}</th>`);
  expect(html).not.toMatch(/<script|https?:|src=|href=/);
  const [, text = ''] = reviews(80, 0).split('\n');
  expect(text.length).toBeGreaterThan(10);
  expect(html).not.toContain(text.split(',')[0]);
});

test('what cannot be written is refused before anything is computed', async () => {
  await mkdir(join(folder, 'a-folder.html'), { recursive: true });
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['--standalone', 'page'], 'Let it end in .html: --standalone page.html'],
    [['--report', 'a-folder.html'], '--report a-folder.html is a folder.'],
  ];
  for (const [flags, said] of cases) {
    const { code, stderr } = await runHeadlight(folder, ['train', 'reviews.csv', ...flags]);
    expect(stderr).toContain(said);
    expect(code).toBe(1);
  }
});

test('a page in 8 bits is refused of a probe before it is trained again', async () => {
  const { code } = await runHeadlight(folder, [
    ...['train', 'reviews.csv', '--encoder', './encoder', '--C', '1', '--no-baselines'],
    ...['--out', 'kept'],
  ]);
  expect(code).toBe(0);
  const again = await runHeadlight(folder, [
    ...['run', 'kept/recipe.json', '--data', '.', '--encoder', './encoder'],
    ...['--standalone', 'page.html', '--standalone-q8'],
  ]);
  expect(again.stderr).toContain('--standalone-q8 is of a fine-tune');
  expect(again.stderr).not.toContain('Embedding');
  expect(again.stdout).toBe('');
  expect(again.code).toBe(1);
});

test('what was trained is told, also when a page cannot be written', async () => {
  await writeFile(join(folder, 'in-the-way'), '');
  const { code, stderr, stdout } = await runHeadlight(folder, [
    ...['train', 'reviews.csv', '--encoder', './encoder', '--C', '1', '--no-baselines', '--json'],
    ...['--report', 'in-the-way/report.html'],
  ]);
  expect(stderr).toContain('in-the-way/report.html');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toHaveProperty('metrics.test.accuracy');
});
