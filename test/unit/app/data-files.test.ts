/** The files of a project as the page holds them, over the real engine: roles, pasted text, what is refused. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { App } from '../../../src/app/state/app.svelte';
import { roleMeaning, ROLES, withRole } from '../../../src/app/state/file-roles';
import { pastedFile, pastedFiles } from '../../../src/app/state/pasted';
import type { Project } from '../../../src/app/state/project.svelte';
import { Theme } from '../../../src/app/state/theme.svelte';
import { createEngine, type Engine } from '../../../src/engine';
import { createNodePlatform, withMemoryAreas } from '../../../src/platform/node';
import { fakeShell } from '../../helpers/fake-shell';
import { temporaryFolder } from '../../helpers/temporary-folder';

let home: string;
let engine: Engine;
let app: App;

beforeAll(async () => {
  home = await temporaryFolder();
  const platform = await createNodePlatform({ home });
  const storage = withMemoryAreas(platform.storage, ['projects', 'files', 'runs', 'settings']);
  engine = createEngine({ ...platform, storage });
});

afterAll(() => rm(home, { recursive: true, force: true }));

beforeEach(() => {
  app = new App(engine, fakeShell(), new Theme(() => undefined));
});

const csv = (name: string, rows = 40, from = 0): File =>
  new File(
    [
      `text,topic\n${Array.from({ length: rows }, (_, at) => `the ${at % 2 === 0 ? 'parcel' : 'bill'} of case ${from + at},${at % 2 === 0 ? 'delivery' : 'payment'}`).join('\n')}\n`,
    ],
    name,
  );

function open(): Project {
  if (app.project === null) throw new Error('no project is open');
  return app.project;
}

async function give(file: string, role: (typeof ROLES)[number]['role']): Promise<void> {
  await open().configure(withRole(open().view, file, role));
  expect(open().data.error).toBeNull();
}

describe('roles', () => {
  it('a test file makes the files the split, and leaving it makes the split a share again', async () => {
    await app.take([csv('a.csv', 60), csv('b.csv', 30, 100), csv('c.csv', 30, 200)]);
    expect(open().view.choice.split.method).toBe('stratified');
    await give('b.csv', 'test');
    await give('c.csv', 'validation');
    expect(open().view.choice.split).toEqual({ method: 'files' });
    expect(open().view.summary).toMatchObject({ trainRows: 60, validationRows: 30, testRows: 30 });
    await give('c.csv', 'train');
    await give('b.csv', 'train');
    expect(open().view.choice.split).toMatchObject({ method: 'stratified', testShare: 0.2 });
    expect(open().view.summary).toMatchObject({ trainRows: 96, testRows: 24 });
  });

  it('none of all combinations is a blind alley: it can be learned from, or the page says what to do', async () => {
    await app.take([csv('a.csv', 24), csv('b.csv', 12, 100), csv('c.csv', 12, 200)]);
    const roles = ROLES.map(({ role }) => role);
    let learnable = 0;
    for (const first of roles)
      for (const second of roles)
        for (const third of roles) {
          for (const [name, role] of [
            ['a.csv', first],
            ['b.csv', second],
            ['c.csv', third],
          ] as const) {
            await open().configure(withRole(open().view, name, role));
          }
          const { summary, problem, choice } = open().view;
          const which = `${first} ${second} ${third}`;
          expect(open().data.error, which).toBeNull();
          if (summary === null) expect(problem?.hint ?? '', which).toMatch(/\w+ .*\./);
          else {
            learnable++;
            // What the page says of each file is what happens to its rows.
            const parts: Record<string, number> = {};
            for (const { name, rows } of open().view.files) {
              const said = roleMeaning(choice, name);
              const part =
                /learned from\.$/.test(said) && !said.includes('not learned')
                  ? 'train'
                  : /^Only tested/.test(said)
                    ? 'test'
                    : /^Thresholds/.test(said)
                      ? 'validation'
                      : 'none';
              parts[part] = (parts[part] ?? 0) + rows;
            }
            const { trainRows, validationRows, testRows } = summary;
            if (choice.split.method === 'files') {
              expect([trainRows, validationRows, testRows], which).toEqual([
                parts['train'] ?? 0,
                parts['validation'] ?? 0,
                parts['test'] ?? 0,
              ]);
            } else expect(trainRows + validationRows + testRows, which).toBe(parts['train']);
          }
        }
    // With a training file, without a list of names (none fits these labels), and not validation without a test.
    expect(learnable).toBe(25);
  });

  it('one list of names at a time', async () => {
    const names = (name: string): File => new File(['delivery\npayment\n'], name);
    await app.take([csv('a.csv'), names('one.txt'), names('two.txt')]);
    await give('one.txt', 'names');
    await give('two.txt', 'names');
    expect(open().view.choice.files).toMatchObject({ 'one.txt': 'unused', 'two.txt': 'names' });
  });
});

describe('files that come and go', () => {
  it('a refused one leaves everything as it was', async () => {
    await app.take([csv('a.csv')]);
    const before = open().view;
    for (const [file, words] of [
      [new File([], 'empty.csv'), /empty\.csv is empty/],
      [csv('a.csv', 10), /has a file called a\.csv/],
    ] as const) {
      expect(await open().addFiles([file])).toBe(false);
      expect(open().data.error?.message).toMatch(words);
      expect(open().data.error?.hint).not.toBeNull();
      expect(open().view).toBe(before);
    }
    // Half of what is given is not kept either.
    expect(await open().addFiles([csv('b.csv'), new File([], 'empty.csv')])).toBe(false);
    expect(await open().addFiles([csv('b.csv', 40, 100)])).toBe(true);
    expect(open().view.files.map(({ name }) => name)).toEqual(['a.csv', 'b.csv']);
    expect(await open().removeFile('a.csv')).toBe(true);
    expect(open().view.choice.files).toEqual({ 'b.csv': 'train' });
    expect(open().view.summary).not.toBeNull();
  });

  it('a file that is not used is read otherwise, too', async () => {
    await app.take([csv('a.csv'), new File(['x;y\n1;2\n3;4\n'], 'other.csv')]);
    await give('other.csv', 'unused');
    await open().configure({ parse: { 'other.csv': { delimiter: ',' } } });
    expect(open().view.files[1]?.columnNames).toHaveLength(1);
    await open().configure({ parse: {} });
    expect(open().view.files[1]?.columnNames).toEqual(['x', 'y']);
  });

  it('a zip among other files is not taken for a project', async () => {
    await app.take([csv('a.csv'), new File(['PK'], 'b.zip')]);
    expect(app.opening.error?.message).toContain('b.zip');
    expect(app.project).toBeNull();
  });

  it('rows that could not be read come back as CSV, with line and reason', async () => {
    const text = await csv('a.csv').text();
    await app.take([new File([`${text}one,two,three,four\n`], 'a.csv')]);
    expect(open().view.files[0]?.rejectedCount).toBe(1);
    const file = await open().leftOut('a.csv');
    const saved = new TextDecoder().decode(file?.bytes);
    expect(file?.name).toBe('a-left-out.csv');
    expect(saved).toMatch(/42,.*one,two,three,four/);
  });
});

describe('pasted text', () => {
  it('is a table of tabs when most lines have one, else a text; a new name beside those that are taken', () => {
    expect(pastedFile('text\ttopic\nhello\ta\n').name).toBe('pasted.tsv');
    expect(pastedFile('one, two\nthree\tfour\nfive\n').name).toBe('pasted.txt');
    expect(pastedFile('a\tb', ['pasted.tsv', 'pasted-2.tsv']).name).toBe('pasted-3.tsv');
  });

  it('goes before a picture of the same cells; files without text are files', async () => {
    const picture = new File(['x'], 'image.png');
    const holds = (text: string) => ({
      files: [picture] as unknown as FileList,
      getData: () => text,
    });
    const [file] = pastedFiles(holds('a\tb\nc\td'));
    expect(await file?.text()).toBe('a\tb\nc\td');
    expect(pastedFiles(holds('  '))).toEqual([picture]);
  });

  it('becomes a project by the way of any file', async () => {
    await app.take([pastedFile(await csv('x').text())]);
    expect(open().view.files[0]).toMatchObject({ name: 'pasted.txt', format: 'table', rows: 40 });
    expect(open().view.choice.textColumn).toBe('text');
  });
});
