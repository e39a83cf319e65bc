/** A file of texts beside held-out files with labels: labels are to be made for the one, and the others measure them. */
import { beforeAll, describe, expect, test } from 'vitest';
import { bareFiles, lacksLabels, madeChoice } from '../../../src/app/state/label-ways';
import { finish } from '../../../src/base';
import { createEngine, type Engine, type ProjectView } from '../../../src/engine';
import { createNodePlatform } from '../../../src/platform/node';
import { temporaryFolder } from '../../helpers/temporary-folder';

let engine: Engine;
beforeAll(async () => {
  engine = createEngine(await createNodePlatform({ home: await temporaryFolder() }));
});

const lines = (rows: number, cells: (row: number) => string): string =>
  Array.from({ length: rows }, (_, row) => cells(row)).join('\n');
const ALONE =
  `sentence\n${lines(30, (row) => `this film, number ${row}, is quite a thing to see`)}\n`.replaceAll(
    /, /g,
    ' ',
  );
const labelled = (names: readonly string[]): string =>
  `sentence,label\n${lines(20, (row) => `another film number ${row} was not what I had hoped for,${names[row % names.length] ?? ''}`)}\n`;
const WORDS = labelled(['positive', 'negative']);

function opened(files: Readonly<Record<string, string>>): Promise<ProjectView> {
  const sources = Object.entries(files).map(([name, text]) => ({
    name,
    bytes: new TextEncoder().encode(text),
  }));
  return finish(engine.createProject(sources));
}

describe('texts alone beside labelled ones', () => {
  test.each([
    ['train.csv', 'test.csv'],
    ['reviews.csv', 'dev.csv'],
  ])('%s is to be learned from, %s to be tested with; labels are offered', async (alone, held) => {
    const view = await opened({ [alone]: ALONE, [held]: WORDS });
    expect(view.choice.files).toEqual({ [alone]: 'train', [held]: 'test' });
    expect(view.choice.split).toEqual({ method: 'files' });
    expect(bareFiles(view)).toEqual([alone]);
    expect(lacksLabels(view)).toBe(true);
    const label = madeChoice(view);
    expect(label).toEqual({
      kind: 'made',
      classes: ['negative', 'positive'],
      several: false,
      truth: 'label',
      names: {},
    });
    const made = await finish(engine.configureData(view.id, { ...view.choice, label }));
    // The texts alone have none yet, and that is all that is missing.
    expect(made.problem?.message).toBe('No text has a label yet.');
    const labelling = await engine.labelling(view.id);
    expect(labelling).toMatchObject({ rows: 50, truth_rows: 20 });
  });

  test('a validation file beside the test file stays one', async () => {
    const view = await opened({ 'train.csv': ALONE, 'dev.csv': WORDS, 'test.csv': WORDS });
    expect(view.choice.files).toEqual({
      'train.csv': 'train',
      'dev.csv': 'validation',
      'test.csv': 'test',
    });
    expect(bareFiles(view)).toEqual(['train.csv']);
  });

  test('labels that are numbers are no names of classes', async () => {
    const view = await opened({ 'train.csv': ALONE, 'test.csv': labelled(['0', '1']) });
    expect(madeChoice(view)).toMatchObject({ classes: [], truth: 'label' });
  });

  test('more classes than are known by example are not guessed', async () => {
    const many = labelled(['a one', 'b two', 'c three', 'd four']);
    const view = await opened({ 'train.csv': ALONE, 'test.csv': many });
    expect(madeChoice(view)).toMatchObject({ classes: [], truth: 'label' });
  });
});

describe('nothing of that where it is not so', () => {
  test('a file to predict, without labels, is left aside', async () => {
    const view = await opened({ 'train.csv': WORDS, 'test.csv': ALONE });
    expect(view.choice.files).toEqual({ 'train.csv': 'train', 'test.csv': 'unused' });
    expect(lacksLabels(view)).toBe(false);
    expect(view.problem).toBeNull();
  });

  test('nor are more texts beside labelled ones that nothing calls held out', async () => {
    const view = await opened({ 'labelled.csv': WORDS, 'more.csv': ALONE });
    expect(view.choice.files).toEqual({ 'labelled.csv': 'train', 'more.csv': 'unused' });
    expect(lacksLabels(view)).toBe(false);
  });

  test('a held-out file without labels is not learned from', async () => {
    const view = await opened({ 'texts.csv': ALONE, 'dev.csv': ALONE, 'test.csv': WORDS });
    expect(view.choice.files).toEqual({
      'texts.csv': 'train',
      'dev.csv': 'unused',
      'test.csv': 'test',
    });
  });

  test('two labelled files are train and test', async () => {
    const view = await opened({
      'train.csv': WORDS,
      'test.csv': WORDS.replaceAll('another', 'that'),
    });
    expect(view.choice.files).toEqual({ 'train.csv': 'train', 'test.csv': 'test' });
    expect(lacksLabels(view)).toBe(false);
  });
});
