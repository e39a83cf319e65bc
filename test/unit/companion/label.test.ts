/** `headlight label`: texts without labels, the encoder that ships as their teacher, and the recipe that goes on from it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { callHeadlight, writeTinyEncoder, type CommandResult } from '../../helpers/command';
import { temporaryFolder } from '../../helpers/temporary-folder';

let folder: string;
const headlight = (args: readonly string[]): Promise<CommandResult> => callHeadlight(folder, args);

const SAID = [
  ['the invoice was charged twice', 'please refund my payment', 'the price is too high'],
  ['the train left the station', 'our flight to Rome', 'a hotel near the airport'],
] as const;
const text = (row: number): string => `${SAID[row % 2 === 0 ? 0 : 1][row % 3]} (${row})`;
const rows = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);

interface Summary {
  readonly rows: number;
  readonly truth_rows: number;
  readonly accepted: number;
  readonly teachers: readonly {
    readonly name: string;
    readonly voted: number;
    readonly accuracy: { readonly value: number; readonly rows: number } | null;
  }[];
}

beforeAll(async () => {
  folder = await temporaryFolder();
  // The word in the second column is wrong throughout: whoever looked at it would be wrong too.
  const train = rows(0, 24).map((row) => `${text(row)},${row % 2 === 0 ? 1 : 0}`);
  const held = rows(24, 36).map((row) => `${text(row)},${row % 2}`);
  await writeFile(join(folder, 'messages.csv'), `message,kind\n${train.join('\n')}\n`);
  await writeFile(join(folder, 'held.csv'), `message,kind\n${held.join('\n')}\n`);
  await writeFile(
    join(folder, 'rules.txt'),
    'money: invoice, refund\n\ntravel: /\\b(train|flight)\\b/i\n',
  );
});

describe('the encoder that ships, by cosines', () => {
  const asked = [
    ...['label', 'messages.csv', '--labels', 'money,travel', '--device', 'cpu'],
    ...['--descriptions', 'money=prices and payments; travel=trains, flights and hotels'],
    ...['--test', 'held.csv', '--truth', 'kind', '--truth-names', '0=money,1=travel'],
  ];
  let summary: Summary;

  test('labels every row, and is measured on the held-out ones alone', async () => {
    const out = ['--out', 'out.csv', '--recipe', 'recipe.json', '--student', 'probe', '--json'];
    const { code, stdout, stderr } = await headlight([...asked, ...out]);
    expect(stderr).toContain('It holds the texts of messages.csv.');
    expect(code).toBe(0);
    summary = JSON.parse(stdout) as Summary;
    expect(summary).toMatchObject({ rows: 36, truth_rows: 12, accepted: 36 });
    expect(summary.teachers).toMatchObject([
      { name: 'Similarity: all-MiniLM-L6-v2', voted: 36, accuracy: { rows: 12 } },
    ]);
    const lines = (await readFile(join(folder, 'out.csv'), 'utf8')).slice(1).trim().split('\r\n');
    expect(lines[0]).toBe('message,kind,label,confidence,probability: money,probability: travel');
    const labelled = lines.slice(1).map((line) => line.split(','));
    expect(labelled).toHaveLength(24);
    for (const [, , label, confidence, money, travel] of labelled) {
      expect(Number(money) + Number(travel)).toBeCloseTo(1, 5);
      expect(label).toBe(Number(money) >= Number(travel) ? 'money' : 'travel');
      expect(Number(confidence)).toBeCloseTo(Math.max(Number(money), Number(travel)), 5);
    }
    // Of these plain texts it knows most, though the file says the opposite of each.
    const right = labelled.filter(([, kind, label]) => (kind === '1') === (label === 'money'));
    expect(right.length).toBeGreaterThan(18);
  });

  test('headlight run carries the recipe out whole: teacher and student on the same rows', async () => {
    const { code, stdout, stderr } = await headlight(['run', 'recipe.json', '--json']);
    expect(stderr).toContain('Labels are made here: money, travel');
    expect(code).toBe(0);
    const record = JSON.parse(stdout) as {
      readonly labelling: unknown;
      readonly teacher: { readonly rows: number; readonly value: number };
      readonly metrics: { readonly test: { readonly rows: number } };
      readonly split: { readonly train_rows: number };
    };
    expect(record.labelling).toMatchObject({
      tested_by: 'truth',
      rows: { hand: 0, teacher: 24, truth: 12, held_out: 0, left: 0 },
    });
    expect(record.split.train_rows).toBe(24);
    expect(record.metrics.test.rows).toBe(12);
    expect(record.teacher).toMatchObject({
      rows: 12,
      value: summary.teachers[0]?.accuracy?.value,
    });
  });
});

test('a teacher that was dropped into a page is found by its weights, whatever its folder is called', async () => {
  await writeTinyEncoder(join(folder, 'tiny'), 3);
  // The rules see to it that there are texts of both classes to learn from.
  const teachers = ['--teacher', './tiny', '--rules', 'rules.txt'];
  const asked = ['label', 'messages.csv', '--labels', 'money,travel', ...teachers];
  const written = await headlight([...asked, '--recipe', 'by-folder.json', '--json']);
  expect(written.code, written.stderr).toBe(0);
  const recipe = await readFile(join(folder, 'by-folder.json'), 'utf8');
  expect(recipe).toContain('"id": "tiny"');
  await writeFile(
    join(folder, 'page.json'),
    recipe.replace('"id": "tiny"', '"id": "picked files"'),
  );
  const { code, stderr } = await headlight(['run', 'page.json', '--teacher', './tiny', '--json']);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('tiny: votes for 24 of 24 texts');
});

describe('rules', () => {
  test('label what they match, and say that nobody knows how good that is', async () => {
    const asked = ['label', 'messages.csv', '--labels', 'money,travel', '--teacher', 'none'];
    const { code, stdout } = await headlight([
      ...asked,
      '--rules',
      'rules.txt',
      '--out',
      'ruled.csv',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('Your rules: votes for 16 of 24 texts');
    expect(stdout).toContain('Accuracy is unknown: nobody has labelled texts to measure by.');
    const lines = (await readFile(join(folder, 'ruled.csv'), 'utf8')).slice(1).trim().split('\r\n');
    for (const line of lines.slice(1)) {
      const [message = '', , label] = line.split(',');
      const says = /invoice|refund/.test(message)
        ? 'money'
        : /train|flight/.test(message)
          ? 'travel'
          : '';
      expect(label).toBe(says);
    }
  });
});

test('what cannot be asked is told before anything is computed', async () => {
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await headlight(['label', 'messages.csv', ...args]);
    expect(code).not.toBe(0);
    return stderr;
  };
  const two = ['--labels', 'money,travel'];
  await writeFile(join(folder, 'flags.txt'), 'money: /invoice|refund/g\n');
  const ruled = [...two, '--teacher', 'none', '--rules'];
  expect(await refused('--labels', 'money')).toContain('--labels names 1 class.');
  expect(await refused(...ruled, 'rules.txt', '--truth', 'sort')).toContain(
    'messages.csv has no column “sort”.',
  );
  // Not taken for a keyword with slashes.
  expect(await refused(...ruled, 'flags.txt')).toContain(
    'flags.txt: /invoice|refund/g ends in /g.',
  );
});

test('values of the truth that are no class are told, and how to say what they mean', async () => {
  const asked = ['label', 'messages.csv', '--labels', 'money,travel', '--teacher', 'none'];
  const measured = [...asked, '--rules', 'rules.txt', '--test', 'held.csv', '--truth', 'kind'];
  const { stdout } = await headlight(measured);
  expect(stdout).toContain('of no held-out row “kind” says one of the classes');
  expect(stdout).toContain('--truth-names');
  const half = await headlight([...measured, '--truth-names', '0=money']);
  expect(half.stdout).toContain('6 held-out rows are not counted');
  const wrong = await headlight([...measured, '--truth-names', '0=maney']);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('there is no class “maney”');
});

test('an option that would do nothing is refused', async () => {
  const asked = ['label', 'messages.csv', '--labels', 'money,travel', '--teacher', 'none'];
  for (const [said, ...args] of [
    ['--student is of the student', '--student', 'finetune'],
    ['--weighted is of the student', '--weighted'],
    ['--soft-temperature belongs to --soft.', '--soft-temperature', '2', '--recipe', 'r.json'],
    ['--round-threshold belongs to --rounds.', '--round-threshold', '0.8', '--recipe', 'r.json'],
    ['--truth-names belongs to --truth.', '--truth-names', '0=money'],
    ['--test-share holds out', '--test-share', '0.3'],
    ['--test-share divides one file', '--test-share', '0.3', '--test', 'held.csv'],
    ['--seed draws rows of one file', '--seed', '3', '--test', 'held.csv'],
    ['--temperature is of a teacher by cosines.', '--temperature', '0.1'],
    ['--descriptions is not read by rules.', '--descriptions', 'money=prices'],
    ['--max-tokens is of a model', '--max-tokens', '64'],
  ] as const) {
    const { code, stderr } = await headlight([...asked, '--rules', 'rules.txt', ...args]);
    expect(stderr).toContain(`headlight: ${said}`);
    expect(code).toBe(1);
  }
});
