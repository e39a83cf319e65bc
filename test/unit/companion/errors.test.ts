/** `headlight errors`: a label that was flipped is named by file and line, also as CSV; wrong flags are refused. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { callHeadlight, type CommandResult } from '../../helpers/command';
import { temporaryFolder } from '../../helpers/temporary-folder';

let folder: string;
const headlight = (args: readonly string[]): Promise<CommandResult> => callHeadlight(folder, args);
const THINGS = [
  'red apple',
  'green pear',
  'sweet plum',
  'ripe cherry',
  'yellow lemon',
  'sour grape',
];
const PLACES = [
  'north coast',
  'deep valley',
  'old harbour',
  'high mountain',
  'wide river',
  'far island',
];

beforeAll(async () => {
  folder = await temporaryFolder();
  const lines = THINGS.flatMap((thing, at) =>
    PLACES.flatMap((place, row) => [
      `I ate a ${thing} and then a ${THINGS[(at + row + 1) % 6] ?? ''},fruit`,
      `We went from the ${place} to the ${PLACES[(at + row + 1) % 6] ?? ''},journey`,
    ]),
  );
  // Lines 12, 22, 32 and 42 of the file: fruits that say journey.
  for (const at of [10, 20, 30, 40]) lines[at] = (lines[at] ?? '').replace(/fruit$/, 'journey');
  await writeFile(join(folder, 'texts.csv'), `${['text,label', ...lines].join('\n')}\n`);
});

describe('labels that are likely wrong', () => {
  test(
    'are named by file and line, with what they would be, and leave as CSV',
    { timeout: 120_000 },
    async () => {
      const { code, stdout, stderr } = await headlight([
        ...['errors', 'texts.csv', '--encoder', 'headlight-instant-en', '--device', 'cpu'],
        ...['--out', 'suspicious.csv', '--quiet'],
      ]);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^[1-4] of 72 labels look wrong/);
      const named = stdout.match(
        /texts\.csv:[1-4]2 \[(train|test)\] journey -> fruit \(\d+\.\d %/g,
      );
      const csv = (await readFile(join(folder, 'suspicious.csv'), 'utf8')).trimEnd().split('\r\n');
      expect(csv).toHaveLength(1 + (named?.length ?? 0));
      for (const line of csv.slice(1)) expect(line).toMatch(/^texts\.csv,[1-4]2,.*I ate a /);
    },
  );

  test('are not looked for in one fold, nor by what is for training', async () => {
    const folds = await headlight(['errors', 'texts.csv', '--folds', '1']);
    expect(folds.code).toBe(2);
    expect(folds.stderr).toContain('at least 2');
    const { code, stderr } = await headlight(['errors', 'texts.csv', '--no-baselines']);
    expect(code).toBe(2);
    expect(stderr).toContain("unknown option '--no-baselines'");
  });
});
