/** The values that can be named where labels are made here: those of the rows that are held out to measure by. */
import { beforeEach, expect, test } from 'vitest';
import { finish } from '../../../../src/base';
import { truthValues } from '../../../../src/engine/look';
import { Projects } from '../../../../src/engine/projects';
import type { DataChoice } from '../../../../src/project';
import { memoryStorage } from '../../../helpers/memory-storage';

const file = (name: string, lines: readonly string[]) => ({
  name,
  bytes: new TextEncoder().encode(`${lines.join('\n')}\n`),
});
let projects: Projects;
beforeEach(() => {
  projects = new Projects(memoryStorage());
});

/** What is offered for naming, with the rows that say it. */
async function offered(
  files: readonly ReturnType<typeof file>[],
  change: Partial<DataChoice>,
  several = false,
): Promise<Record<string, number>> {
  const view = await finish(projects.create([...files]));
  const classes = ['bad', 'good'];
  const label = { kind: 'made', classes, several, truth: 'label', names: { '0': 'bad' } } as const;
  await finish(
    projects.configure(view.id, { ...view.choice, textColumn: 'text', label, ...change }),
  );
  const { values, distinct } = await truthValues(projects, view.id);
  expect(distinct).toBe(values.length);
  return Object.fromEntries(values.map(({ value, rows }) => [value, rows]));
}

const train = file('train.csv', ['text,label', 'one,0', 'two,1', 'three,of train']);
const held = file('held.csv', ['text,label', 'four,0', 'five,7', 'six, 7 ', 'seven,']);
const ROLES: DataChoice['files'] = { 'train.csv': 'train', 'held.csv': 'test' };

test('are those of a held-out file, also where the others have no such column', async () => {
  const split = { method: 'files' } as const;
  expect(await offered([train, held], { files: ROLES, split })).toEqual({ '0': 1, '7': 2 });
  const plain = file('train.csv', ['text,number', 'one,1', 'two,2', 'three,3']);
  expect(await offered([plain, held], { files: ROLES, split })).toEqual({ '0': 1, '7': 2 });
});

test('are those of held-out parts', async () => {
  const one = file('one.csv', [
    'text,label,part',
    ...['a b,0,train', 'c d,1,train', 'e f,2,dev', 'g h,3,test', 'i j,4,left'],
  ]);
  const parts = { train: 'train', dev: 'validation', test: 'test', left: 'unused' } as const;
  const split = { method: 'column', column: 'part', parts } as const;
  expect(await offered([one], { files: { 'one.csv': 'train' }, split })).toEqual({
    '2': 1,
    '3': 1,
  });
});

test('are all where a share is drawn: any row may be held out', async () => {
  const split = { method: 'stratified', testShare: 0.5, seed: 0 } as const;
  expect(await offered([train], { files: { 'train.csv': 'train' }, split })).toEqual({
    '0': 1,
    '1': 1,
    'of train': 1,
  });
});

test('of several labels each stands by itself, as it is read', async () => {
  const several = file('held.csv', ['text;label', 'four;"0|1"', 'five;1', 'six;[]']);
  const split = { method: 'files' } as const;
  expect(await offered([train, several], { files: ROLES, split }, true)).toEqual({
    '0': 1,
    '1': 2,
  });
});
