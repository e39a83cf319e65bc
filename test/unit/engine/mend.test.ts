/** Labels mended by hand go with their class when it is joined to another or gets its name. */
import { expect, test } from 'vitest';
import { finish } from '../../../src/base';
import { fileOfBytes, readTable } from '../../../src/data';
import { prepare } from '../../../src/engine/prepare';
import type { DataChoice, DataRepair } from '../../../src/project';

async function labels(repairs: readonly DataRepair[]): Promise<readonly string[]> {
  const lines = Array.from({ length: 24 }, (_, row) => `text number ${row},${row % 3}`);
  const bytes = new TextEncoder().encode(['text,label', ...lines].join('\n'));
  const choice: DataChoice = {
    files: { 'a.csv': 'train' },
    textColumn: 'text',
    textPairColumn: null,
    label: { kind: 'column', column: 'label' },
    useRows: null,
    split: { method: 'stratified', testShare: 0.25, seed: 0 },
    repairs,
    parse: {},
  };
  const { data } = prepare([await finish(readTable(fileOfBytes('a.csv', bytes)))], choice);
  return [...data.labels].slice(0, 3).map((label) => data.classes[label] ?? '');
}

const MENDED: DataRepair = { kind: 'set_label', file: 'a.csv', row: 0, labels: ['1'] };

test('a mended label is a label of the row', async () => {
  expect(await labels([])).toEqual(['0', '1', '2']);
  expect(await labels([MENDED])).toEqual(['1', '1', '2']);
});

test('it gets its name with the others, in any order', async () => {
  const named: DataRepair = { kind: 'name_labels', names: { 0: 'sad', 1: 'glad', 2: 'calm' } };
  expect(await labels([MENDED, named])).toEqual(['glad', 'glad', 'calm']);
  expect(await labels([named, MENDED])).toEqual(['glad', 'glad', 'calm']);
});

test('it is joined with the others', async () => {
  expect(await labels([MENDED, { kind: 'join_labels', from: ['1'], to: '2' }])).toEqual([
    ...['2', '2', '2'],
  ]);
});

test('of a class that was left out it is said, not guessed', async () => {
  await expect(labels([MENDED, { kind: 'drop_class', label: '1' }])).rejects.toThrow(
    'There is no label “1” here. a.csv, line 2 was given it by hand.',
  );
});
