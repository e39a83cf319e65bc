/** Turning to a split by files takes no file for what it was not chosen to be. */
import { expect, test } from 'vitest';
import { byFiles } from '../../../src/app/state/split-choice';
import type { DataChoice, FileRole } from '../../../src/engine';

function roles(files: Readonly<Record<string, FileRole>>): DataChoice['files'] {
  const { files: found, split } = byFiles({
    files,
    textColumn: 'text',
    textPairColumn: null,
    label: { kind: 'column', column: 'label' },
    useRows: null,
    split: { method: 'stratified', testShare: 0.2, seed: 0 },
    repairs: [],
    parse: {},
  });
  expect(split).toEqual({ method: 'files' });
  return found;
}

test('a test file that waited is the test part again', () => {
  const files = { a: 'train', b: 'test', c: 'unused' } as const;
  expect(roles(files)).toEqual(files);
});

test('of several training files the last is the test part; what is held or left aside stays so', () => {
  expect(roles({ a: 'train', b: 'train', c: 'validation', d: 'unused', e: 'names' })).toEqual({
    ...{ a: 'train', b: 'test', c: 'validation', d: 'unused', e: 'names' },
  });
});

test('beside a single training file one that is not used is the test part, before one for validation', () => {
  expect(roles({ a: 'train', b: 'unused', c: 'validation' })).toEqual({
    ...{ a: 'train', b: 'test', c: 'validation' },
  });
  expect(roles({ a: 'train', b: 'validation' })).toEqual({ a: 'train', b: 'test' });
});
