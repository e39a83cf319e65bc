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

const SETTINGS: Readonly<Record<keyof DataChoice, string>> = {
  trainFile: 'Training file',
  testFile: 'Test file',
  textColumn: 'Column of texts',
  textPairColumn: 'Column of second texts',
  labelColumn: 'Column of labels',
  split: 'Split',
  parse: 'How the file is read',
};

/** What of the data is chosen otherwise; empty when the checkpoint fits. */
export function dataDifferences(begun: DataChoice, now: DataChoice): readonly Difference[] {
  const names = Object.keys(SETTINGS) as (keyof DataChoice)[];
  return names
    .filter((name) => canonicalJson(begun[name]) !== canonicalJson(now[name]))
    .map((name) => ({
      setting: SETTINGS[name],
      was: inWords(name, begun),
      now: inWords(name, now),
    }));
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

function inWords(name: keyof DataChoice, choice: DataChoice): string {
  if (name === 'split') {
    const { split } = choice;
    return split.method === 'stratified'
      ? `${percent(split.testShare, 0)} for the test, seed ${split.seed}`
      : 'a test file of its own';
  }
  if (name === 'parse') {
    const { hasHeader, ...rest } = choice.parse;
    const said = Object.values(rest).map((value) => (value === '\t' ? 'tab' : value));
    if (hasHeader !== undefined) said.push(hasHeader ? 'with a header' : 'without a header');
    return said.length === 0 ? 'as found' : said.join(', ');
  }
  return choice[name] ?? 'none';
}
