/**
 * Similarity as a teacher: a class is a direction in the space of the encoder's embeddings, its prototype, made of what
 * the person says of it (its name, alone and in a short sentence, and its description where it has one) and of a few
 * example texts; a text belongs to the class whose direction it is nearest to (cosine). Nearest prototypes as Snell,
 * Swersky and Zemel 2017, with words in the place of examples as Yin, Hay and Roth 2019.
 *
 * One label: softmax of the cosines over the temperature. Several: cosines mean something else in every encoder, so each
 * label is measured against ordinary sentences: a text has the label when it is further towards it than they are by
 * more than three times their spread, and the sigmoid of what it has beyond, over the temperature, says how likely.
 */
import { HeadlightError } from '../../base';
import type { Matrix } from '../heads';
import { ORDINARY_SENTENCES } from './similarity-sentences';
import type { LabelledClass, Votes } from './types';

/** How a name becomes a text: the best of those tried (docs/labelling.md). */
const TEMPLATES = ['{}', 'The topic is {}.'];
/** The name counts as much as so many examples, the description as many again; measured there, too. */
const WORTH_EXAMPLES = 4;
/** Standard deviations above ordinary sentences from which a text has a label. */
const SPREADS = 3;

type PartKind = 'name' | 'description' | 'example' | 'ordinary';

/** What is to be embedded for the classes, and what each text is. */
export interface PrototypeTexts {
  readonly texts: readonly string[];
  /** Beside `texts`; `class` is null for the ordinary sentences. */
  readonly parts: readonly {
    readonly class: string | null;
    readonly of: PartKind;
  }[];
  /** Their names, in order. */
  readonly classes: readonly string[];
}

export interface Prototypes {
  /** [classes, columns], each of unit length. */
  readonly directions: Matrix;
  /** [classes]: the cosine above which a text has the label, where it may have several. */
  readonly levels: Float64Array;
}

/** @throws HeadlightError `bad-setting` for fewer than two classes. */
export function prototypeTexts(classes: readonly LabelledClass[]): PrototypeTexts {
  if (classes.length < 2) {
    throw new HeadlightError('bad-setting', 'Similarity needs at least two classes.', {
      hint: 'Name another class.',
    });
  }
  const texts: string[] = [];
  const parts: PrototypeTexts['parts'][number][] = [];
  const add = (text: string, part: PrototypeTexts['parts'][number]): void => {
    texts.push(text);
    parts.push(part);
  };
  for (const { name, description, examples } of classes) {
    for (const template of TEMPLATES) {
      const text = template.replace('{}', () => name);
      add(text, { class: name, of: 'name' });
    }
    if (description.trim() !== '') add(description.trim(), { class: name, of: 'description' });
    for (const example of examples)
      if (example.trim() !== '') add(example.trim(), { class: name, of: 'example' });
  }
  for (const sentence of ORDINARY_SENTENCES) add(sentence, { class: null, of: 'ordinary' });
  return { texts, parts, classes: classes.map(({ name }) => name) };
}

/**
 * @param features of `asked.texts`, [texts, columns].
 * @throws HeadlightError `bad-setting` naming a class that the encoder knows no word of.
 */
export function makePrototypes(
  { texts, parts, classes }: PrototypeTexts,
  features: Matrix,
): Prototypes {
  const { columns, data } = features;
  if (features.rows !== texts.length)
    throw new HeadlightError('internal', 'The classes were not embedded as they were asked for.');
  /** The mean direction of what is known of a class in one way, counted as so many examples. */
  const addTo = (direction: Float64Array, name: string, of: PartKind, worth?: number): void => {
    const sum = new Float64Array(columns);
    let count = 0;
    parts.forEach((part, row) => {
      if (part.class !== name || part.of !== of) return;
      addUnit(sum, data.subarray(row * columns, (row + 1) * columns), 1);
      count++;
    });
    addUnit(direction, sum, worth ?? count);
  };
  const directions = new Float32Array(classes.length * columns);
  classes.forEach((name, k) => {
    const direction = new Float64Array(columns);
    // Of a name that the encoder does not know, the sentence around it would be all that is left.
    const bare = parts.findIndex((part) => part.class === name && part.of === 'name');
    if (lengthOf(data.subarray(bare * columns, (bare + 1) * columns)) > 0)
      addTo(direction, name, 'name', WORTH_EXAMPLES);
    addTo(direction, name, 'description', WORTH_EXAMPLES);
    addTo(direction, name, 'example');
    const length = lengthOf(direction);
    if (length === 0) {
      throw new HeadlightError('bad-setting', `The encoder knows no word of the class “${name}”.`, {
        hint: 'Describe the class in other words, or give it a few example texts.',
      });
    }
    directions.set(
      direction.map((value) => value / length),
      k * columns,
    );
  });
  const matrix = { rows: classes.length, columns, data: directions };
  return { directions: matrix, levels: levelsOf(parts, features, matrix) };
}

/** [classes]: mean and three times the spread of the cosines of ordinary sentences. */
function levelsOf(
  parts: PrototypeTexts['parts'],
  { columns, data }: Matrix,
  directions: Matrix,
): Float64Array {
  const rows = [...parts.keys()].filter((row) => parts[row]!.of === 'ordinary');
  const ordinary = new Float32Array(rows.length * columns);
  rows.forEach((row, at) => {
    ordinary.set(data.subarray(row * columns, (row + 1) * columns), at * columns);
  });
  const cosines = cosinesOf({ rows: rows.length, columns, data: ordinary }, directions);
  return Float64Array.from({ length: directions.rows }, (_, k) => {
    const own = rows.map((_row, at) => cosines[at * directions.rows + k]!).filter(Number.isFinite);
    const mean = own.reduce((sum, one) => sum + one, 0) / Math.max(1, own.length);
    const squares = own.reduce((sum, one) => sum + (one - mean) ** 2, 0);
    return mean + SPREADS * Math.sqrt(squares / Math.max(1, own.length));
  });
}

/**
 * @param features of the texts, [texts, columns]; a text of which the encoder knows no word (a row of zeros) gets no
 *   vote.
 * @param temperature above 0.
 * @returns [texts, classes].
 * @throws HeadlightError `internal` for features of another width.
 */
export function similarityVotes(
  features: Matrix,
  { directions, levels }: Prototypes,
  temperature: number,
  several: boolean,
): Votes {
  const classes = directions.rows;
  const votes = Float32Array.from(cosinesOf(features, directions));
  for (let at = 0; at < votes.length; at += classes) {
    const row = votes.subarray(at, at + classes);
    if (several)
      for (let k = 0; k < classes; k++)
        row[k] = 1 / (1 + Math.exp((levels[k]! - row[k]!) / temperature));
    else softmax(row, temperature);
  }
  return votes;
}

/** In place; NaN stays NaN. */
function softmax(row: Float32Array, temperature: number): void {
  let largest = -Infinity;
  for (const value of row) largest = Math.max(largest, value);
  const shares = Float64Array.from(row, (value) => Math.exp((value - largest) / temperature));
  const sum = shares.reduce((total, share) => total + share, 0);
  row.set(shares.map((share) => share / sum));
}

/** [rows, directions]; NaN for rows of zeros. */
function cosinesOf({ rows, columns, data }: Matrix, directions: Matrix): Float64Array {
  if (columns !== directions.columns)
    throw new HeadlightError('internal', 'The texts and the classes are of different encoders.');
  const cosines = new Float64Array(rows * directions.rows);
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * columns, (i + 1) * columns);
    const length = lengthOf(row);
    for (let k = 0; k < directions.rows; k++) {
      let dot = 0;
      for (let j = 0, at = k * columns; j < columns; j++, at++)
        dot += row[j]! * directions.data[at]!;
      cosines[i * directions.rows + k] = length > 0 ? dot / length : NaN;
    }
  }
  return cosines;
}

/** Adds a vector as if it were of unit length, times a factor; nothing of zeros. */
function addUnit(sum: Float64Array, vector: Float32Array | Float64Array, factor: number): void {
  const length = lengthOf(vector);
  if (length === 0) return;
  for (let j = 0; j < sum.length; j++) sum[j]! += (factor * vector[j]!) / length;
}

function lengthOf(vector: Float32Array | Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}
