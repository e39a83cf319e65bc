/**
 * Whether an unfinished fine-tune belongs to what is chosen now. Its checkpoint fits only the texts and the
 * encoder that it was begun with; what differs is named, so that the person decides what becomes of it.
 */
import { canonicalJson } from '../../base';
import type { DataChoice, UnfinishedFinetune } from '../../engine';
import type { EncoderReference } from '../../models';
import { percent } from './format';

export interface Difference {
  /** As the page calls it: `Column of texts`. */
  readonly setting: string;
  /** When the fine-tune was begun. */
  readonly was: string;
  readonly now: string;
}

const SETTINGS: Readonly<Record<string, string>> = {
  files: 'Files',
  trainFile: 'Training file',
  testFile: 'Test file',
  textColumn: 'Column of texts',
  textPairColumn: 'Column of second texts',
  labelColumn: 'Column of labels',
  label: 'Labels',
  useRows: 'Rows that are used',
  rowsPerClass: 'Rows a class to train on',
  split: 'Split',
  repairs: 'Repairs of the data',
  parse: 'How the file is read',
};

/** What of the data is chosen otherwise; empty when the checkpoint fits. */
export function dataDifferences(begun: DataChoice, now: DataChoice): readonly Difference[] {
  const after = new Map<string, unknown>(Object.entries(now));
  return Object.entries(begun).flatMap(([name, was]: [string, unknown]) => {
    const is = after.get(name);
    return canonicalJson(was) === canonicalJson(is)
      ? []
      : [{ setting: SETTINGS[name] ?? name, was: inWords(name, was), now: inWords(name, is) }];
  });
}

/** The same, and the encoder where another is chosen. */
export function differences(
  { data, choice }: UnfinishedFinetune,
  now: DataChoice,
  encoder: EncoderReference | null,
): readonly Difference[] {
  const found = dataDifferences(data, now);
  return encoder === null || isSame(choice.encoder, encoder)
    ? found
    : [...found, { setting: 'Encoder', ...encodersInWords(choice.encoder, encoder) }];
}

/** The one that was begun with is pinned to a revision; the chosen one may stand for whichever is here. */
function isSame(begun: EncoderReference, now: EncoderReference): boolean {
  return (
    begun.source === now.source &&
    begun.id === now.id &&
    begun.precision === now.precision &&
    (now.revision === null || now.revision === begun.revision)
  );
}

/** By name alone where that tells them apart. */
function encodersInWords(
  begun: EncoderReference,
  now: EncoderReference,
): Pick<Difference, 'was' | 'now'> {
  if (begun.id !== now.id) return { was: begun.id, now: now.id };
  const whole = ({ id, precision, revision, source }: EncoderReference): string =>
    [id, precision, revision?.slice(0, 7) ?? '', source].filter((part) => part !== '').join(', ');
  return { was: whole(begun), now: whole(now) };
}

function inWords(name: string, value: unknown): string {
  if (name === 'split' && isRecord(value)) return splitInWords(value);
  if (name === 'useRows' && value === null) return 'all';
  if (name === 'rowsPerClass')
    return isRecord(value) ? `${String(value['rows'])}, seed ${String(value['seed'])}` : 'all';
  const said = plain(value);
  if (said !== '') return said;
  return name === 'parse' ? 'as found' : 'none';
}

function splitInWords(split: Readonly<Record<string, unknown>>): string {
  if (split['method'] === 'files') return 'a test file of its own';
  if (split['method'] !== 'stratified') return plain(split);
  const { method: _method, testShare, validationShare, seed, ...rest } = split;
  const parts = [`${percent(Number(testShare), 0)} for the test`];
  if (typeof validationShare === 'number' && validationShare > 0) {
    parts.push(`${percent(validationShare, 0)} for validation`);
  }
  parts.push(`seed ${String(seed)}`);
  if (Object.keys(rest).length > 0) parts.push(plain(rest));
  return parts.join(', ');
}

/** Values as they are, with the names of those that would say nothing alone. */
function plain(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value === '\t') return 'tab';
  if (Array.isArray(value)) return value.map(plain).join(', ');
  if (isRecord(value)) {
    return Object.entries(value)
      .map(([name, one]) => (name === 'kind' ? '' : `${name} ${plain(one)}`))
      .filter((words) => words !== '')
      .join(', ');
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
