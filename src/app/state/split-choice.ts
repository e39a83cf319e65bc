/** The split as the page's fields say it: shares in percent, parts by value; wrong values are refused in words. */
import type { Part } from '../../data';
import {
  labelColumns,
  type ColumnValues,
  type DataChoice,
  type FileRole,
  type ProjectView,
} from '../../engine';

type Split = DataChoice['split'];
export type ShareSplit = Extract<Split, { method: 'stratified' }>;
export type ColumnSplit = Extract<Split, { method: 'column' }>;

export type Read<Value> = { readonly value: Value } | { readonly problem: string };

export const DEFAULT_SPLIT: ShareSplit = { method: 'stratified', testShare: 0.2, seed: 0 };
export const DEFAULT_VALIDATION = 0.1;
/** A column of more values than this is no column of parts. */
export const MOST_PARTS = 50;

/** A share in percent as typed: `20`, `12.5`, `12,5 %`. @param other the share of the other part that is set aside. */
export function readShare(typed: string, what: string, other: number): Read<number> {
  const number = Number(typed.replace('%', '').replace(',', '.').trim() || Number.NaN);
  if (Number.isNaN(number)) return { problem: 'Type a number of percent, such as 20.' };
  if (number <= 0 || number >= 100)
    return { problem: `The ${what} part needs more than 0 % and less than 100 %.` };
  const share = Math.round(number * 1000) / 100_000;
  if (share + other >= 1)
    return {
      problem: `With ${asPercent(other)} % set aside already, nothing would be left to train on.`,
    };
  return { value: share };
}

/** `20`, `12.5`. */
export function asPercent(share: number): string {
  return String(Number((share * 100).toFixed(3)));
}

export function readSeed(typed: string): Read<number> {
  const number = Number(typed.trim() || Number.NaN);
  return Number.isSafeInteger(number) && number >= 0
    ? { value: number }
    : { problem: 'A seed is a whole number from 0 on.' };
}

/** Empty means all. */
export function readRows(typed: string, least = 2): Read<number | null> {
  const plain = typed.replaceAll(/[,\s\u00a0]/g, '');
  if (plain === '') return { value: null };
  const number = Number(plain);
  return Number.isSafeInteger(number) && number >= least
    ? { value: number }
    : { problem: `Type a whole number of rows from ${least} on, or nothing to use all.` };
}

/** With some settings changed; what is as by default is left out, so that the same split is the same. */
export function withShare(
  split: ShareSplit,
  change: {
    readonly testShare?: number;
    readonly validationShare?: number;
    readonly seed?: number;
    readonly shuffle?: boolean;
    readonly stratify?: boolean;
    readonly groups?: string | null;
  },
): ShareSplit {
  const { validationShare = 0, shuffle = true, stratify = true } = { ...split, ...change };
  const groups = change.groups === undefined ? (split.groups ?? null) : change.groups;
  return {
    method: 'stratified',
    testShare: change.testShare ?? split.testShare,
    ...(validationShare > 0 ? { validationShare } : {}),
    seed: change.seed ?? split.seed,
    ...(shuffle ? {} : { shuffle }),
    ...(stratify ? {} : { stratify }),
    ...(groups === null ? {} : { groups }),
  };
}

/** Columns whose few values could name parts: not those of text and label. */
export function partColumns({ choice, findings }: ProjectView): readonly string[] {
  const { label, split } = choice;
  const taken = new Set([
    choice.textColumn,
    choice.textPairColumn,
    ...(label === null ? [] : labelColumns(label)),
  ]);
  return findings.columns
    .filter(
      ({ name, distinct }) =>
        (split.method === 'column' && split.column === name) ||
        (!taken.has(name) && distinct >= 2 && distinct <= MOST_PARTS),
    )
    .map(({ name }) => name);
}

/** What a column's values say: parts by their names; unknown ones are unused, and the rarest is the test. */
export function byColumn(column: string, { values }: ColumnValues): ColumnSplit {
  const parts: Record<string, Part> = {};
  for (const { value, part } of values) parts[value] = part ?? 'unused';
  const has = (part: Part): boolean => Object.values(parts).includes(part);
  if (!has('test') && has('validation')) {
    for (const value of Object.keys(parts))
      if (parts[value] === 'validation') parts[value] = 'test';
  }
  if (!has('train') && !has('test')) {
    const [, ...rarer] = values;
    for (const { value } of values) parts[value] = 'train';
    const last = rarer.at(-1);
    if (last !== undefined) parts[last.value] = 'test';
  }
  return { method: 'column', column, parts };
}

/**
 * A split by files: as the roles are. When none is the test part, the last of several training files becomes it, else
 * the last file that is not used, else the last one that was held for validation; the others stay what they were.
 */
export function byFiles({ files }: DataChoice): Pick<DataChoice, 'files' | 'split'> {
  const split = { method: 'files' } as const;
  const names = Object.keys(files);
  const of = (role: FileRole): string[] => names.filter((name) => files[name] === role);
  if (of('test').length > 0) return { files, split };
  const [, ...more] = of('train');
  const test = more.at(-1) ?? of('unused').at(-1) ?? of('validation').at(-1);
  return { files: test === undefined ? files : { ...files, [test]: 'test' }, split };
}

/** How many files hold rows. */
export function dataFiles({ files }: Pick<DataChoice, 'files'>): number {
  return Object.values(files).filter((role) => role !== 'names').length;
}
