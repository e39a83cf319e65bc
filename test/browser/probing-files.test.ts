/** Files of probing tasks, dropped in the page: parts, columns and classes are found without a question. */
import { describe, expect, it } from 'vitest';
import { look, PageScene } from '../helpers/page-scene';

const scene = PageScene.ofThisFile('probing-files');

const WORDS = 'river lamp stone cloud market winter garden window letter island'.split(' ');
const text = (at: number): string =>
  `The ${WORDS[at % 10] ?? ''} saw ${WORDS[Math.floor(at / 10) % 10] ?? ''} number ${at} .`;
const lines = (from: number, to: number, line: (at: number) => string): string =>
  Array.from({ length: to - from }, (_, at) => `${line(from + at)}\n`).join('');
const labelled = (at: number): string => `${text(at)}\t${at % 2 === 0 ? 'O' : 'I'}`;

describe('dropped in the page', () => {
  it('va.txt and te.txt together, and one file of SentEval', async () => {
    const { context, driver, complaints } = await scene.device();
    await driver.dropFiles(
      await scene.file('te.txt', lines(60, 100, labelled)),
      await scene.file('va.txt', lines(0, 60, labelled)),
    );
    await driver.fileNames(2);
    expect(await driver.roleOf('va.txt')).toBe('train');
    expect(await driver.roleOf('te.txt')).toBe('test');
    expect(await driver.isThere('data-problem')).toBe(false);
    expect(await driver.value('label-column')).toContain('column 2');
    expect(await driver.partRows()).toEqual({ train: 60, test: 40 });

    await driver.newProject();
    const part = (at: number): string => (at < 60 ? 'tr' : at < 80 ? 'va' : 'te');
    const row = (at: number): string => `${part(at)}\t${at % 2 === 0 ? 'O' : 'I'}\t${text(at)}`;
    await driver.dropFiles(await scene.file('bigram_shift.txt', lines(0, 100, row)));
    await driver.fileNames(1);
    expect(await driver.partRows()).toEqual({ train: 60, validation: 20, test: 20 });
    expect(await driver.value('label-column')).toContain('column 2');
    expect(await driver.isThere('data-problem')).toBe(false);

    // One file twice: what to do is said, and works.
    await driver.newProject();
    await driver.dropFiles(
      await scene.file('a/va.txt', lines(0, 60, labelled)),
      await scene.file('b/te.txt', lines(0, 60, labelled)),
    );
    await driver.fileNames(2);
    expect(await driver.text('data-problem')).toMatch(
      /Every training row also stands in .*te\.txt/,
    );
    expect(await driver.text('data-problem')).toMatch(/leave te\.txt out \(not used\)/);
    await driver.chooseRole('te.txt', 'unused');
    expect(await driver.isThere('data-problem')).toBe(false);
    expect(await driver.partRows()).toEqual({ train: 48, test: 12 });
    expect(complaints.filter((line) => !/data:,probe|cannot load data:/.test(line))).toEqual([]);
    await context.close();
  });

  it('words with parts of speech say where they can be studied', async () => {
    const { context, driver } = await scene.device();
    const sentence = (at: number): string =>
      `The\tDET\n${WORDS[at % 10] ?? ''}\tNOUN\nsleeps\tVERB\n${at}\tNUM\n`;
    await driver.pick(await scene.file('english.conll', lines(0, 50, sentence)));
    await driver.fileNames(1);
    expect(await driver.text('tagging')).toMatch(/not entities.*studied under Layers/);
    expect((await driver.findings()).map(({ id }) => id)).toContain('plain_tags');
    const said = await driver.page.$eval('#step-data', (step) => step.textContent);
    expect(said).toMatch(/10 to test with, 4 tags/);
    await driver.unfold('train');
    expect(await driver.text('plain-tags')).toMatch(/nothing to train here/);
    expect(await look(driver.page, 'plain-tags', { within: '#step-data' })).toEqual([]);
    await context.close();
  });
});
