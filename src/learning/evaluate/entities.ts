/**
 * Entity-level scores of tagged words, as seqeval's default mode counts them: an entity is right when its
 * type, its first and its last word are. Ill-formed sequences (`I-` without `B-`) are read as conlleval does.
 *
 * Source: https://github.com/chakki-works/seqeval (`get_entities`, `classification_report`)
 */
import { HeadlightError } from '../../base';

/** Entity-level precision, recall and F1; micro average, and by type in alphabetical order. */
export interface EntityScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1_score: number;
  readonly support: number;
  readonly per_type: readonly {
    readonly type: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1_score: number;
    readonly support: number;
  }[];
}

/** Words `first` to `last`, both counted. */
export interface Entity {
  readonly type: string;
  readonly first: number;
  readonly last: number;
}

/** The entities of one sequence of tags: `B-PER`, `I-PER`, `O`, … (also `E-`, `S-`, and bare letters). */
export function entitiesOf(tags: readonly string[]): Entity[] {
  const entities: Entity[] = [];
  let before = 'O';
  let typeBefore = '';
  let first = 0;
  for (let i = 0; i <= tags.length; i++) {
    const whole = tags[i] ?? 'O';
    const tag = whole.charAt(0);
    const type = typeOf(whole);
    if (ends(before, tag, typeBefore !== type))
      entities.push({ type: typeBefore, first, last: i - 1 });
    if (starts(before, tag, typeBefore !== type)) first = i;
    before = tag;
    typeBefore = type;
  }
  return entities;
}

/** What follows the first `-`; all after the letter where there is none; `_` for a bare letter. */
function typeOf(tag: string): string {
  const rest = tag.slice(1);
  const dash = rest.indexOf('-');
  const type = dash < 0 ? rest : rest.slice(dash + 1);
  return type === '' ? '_' : type;
}

function ends(before: string, tag: string, otherType: boolean): boolean {
  if (before === 'E' || before === 'S') return true;
  const inside = before === 'B' || before === 'I';
  if (inside && (tag === 'B' || tag === 'S' || tag === 'O')) return true;
  return before !== 'O' && before !== '.' && otherType;
}

function starts(before: string, tag: string, otherType: boolean): boolean {
  if (tag === 'B' || tag === 'S') return true;
  const outside = before === 'E' || before === 'S' || before === 'O';
  if (outside && (tag === 'E' || tag === 'I')) return true;
  return tag !== 'O' && tag !== '.' && otherType;
}

interface Counts {
  actual: number;
  predicted: number;
  right: number;
}

/**
 * @param actual tags of each sequence.
 * @param predicted tags of the same words.
 * @throws HeadlightError `internal` when the two do not have the same words.
 */
export function entityScores(
  actual: readonly (readonly string[])[],
  predicted: readonly (readonly string[])[],
): EntityScores {
  if (actual.length !== predicted.length)
    throw new HeadlightError('internal', 'The tags of other sequences were predicted.');
  const counts = new Map<string, Counts>();
  const of = (type: string): Counts => {
    const found = counts.get(type) ?? { actual: 0, predicted: 0, right: 0 };
    counts.set(type, found);
    return found;
  };
  actual.forEach((tags, row) => {
    const guesses = predicted[row] ?? [];
    if (guesses.length !== tags.length)
      throw new HeadlightError(
        'internal',
        `Sequence ${row + 1} has ${tags.length} words, but ${guesses.length} tags were predicted.`,
      );
    const wanted = new Set<string>();
    for (const entity of entitiesOf(tags)) {
      of(entity.type).actual += 1;
      wanted.add(keyOf(entity));
    }
    for (const entity of entitiesOf(guesses)) {
      of(entity.type).predicted += 1;
      if (wanted.has(keyOf(entity))) of(entity.type).right += 1;
    }
  });
  const total: Counts = { actual: 0, predicted: 0, right: 0 };
  for (const one of counts.values()) {
    total.actual += one.actual;
    total.predicted += one.predicted;
    total.right += one.right;
  }
  return {
    ...scores(total),
    per_type: [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([type, one]) => ({ type, ...scores(one) })),
  };
}

function keyOf({ type, first, last }: Entity): string {
  return `${first} ${last} ${type}`;
}

/** Undefined shares are 0, as `zero_division=0`. */
function scores({ actual, predicted, right }: Counts): Omit<EntityScores, 'per_type'> {
  const precision = predicted === 0 ? 0 : right / predicted;
  const recall = actual === 0 ? 0 : right / actual;
  const sum = precision + recall;
  return {
    precision,
    recall,
    f1_score: sum === 0 ? 0 : (2 * precision * recall) / sum,
    support: actual,
  };
}
