/**
 * The similarity teacher follows the geometry: the nearest direction wins, how far is all that counts, the temperature
 * says how sure; of several labels each is measured against ordinary sentences.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/base';
import type { Matrix } from '../../../../src/learning/heads';
import {
  makePrototypes,
  prototypeTexts,
  similarityVotes,
  type LabelledClass,
  type PrototypeTexts,
} from '../../../../src/learning/labelling';

const COLUMNS = 64;

function classOf(name: string, description = '', examples: readonly string[] = []): LabelledClass {
  return { name, description, examples };
}

/** Embeddings by text, any text another direction; the same text always the same. */
function embed(texts: readonly string[]): Matrix {
  const data = new Float32Array(texts.length * COLUMNS);
  texts.forEach((text, row) => {
    let seed = 7;
    for (const sign of text) seed = (seed * 31 + (sign.codePointAt(0) ?? 0)) % 1_000_003;
    const random = seededRandom(seed);
    for (let j = 0; j < COLUMNS; j++) data[row * COLUMNS + j] = random.normal();
  });
  return { rows: texts.length, columns: COLUMNS, data };
}

const THREE = [
  classOf('red'),
  classOf('green', 'of the colour of grass'),
  classOf('blue', '', ['the sky', 'the sea']),
];

function votesOf(
  classes: readonly LabelledClass[],
  texts: readonly string[],
  { temperature = 0.05, several = false, features = embed(texts) } = {},
): Float32Array {
  const asked = prototypeTexts(classes);
  return similarityVotes(features, makePrototypes(asked, embed(asked.texts)), temperature, several);
}

function textsOf({ texts, parts }: PrototypeTexts, of: string): string[] {
  return texts.filter((_text, at) => parts[at]?.of === of);
}

describe('what is embedded for the classes', () => {
  it('is each name, the description where there is one, and every example', () => {
    const asked = prototypeTexts([...THREE, classOf('black', '  ', [' ', 'coal '])]);
    expect(textsOf(asked, 'description')).toEqual(['of the colour of grass']);
    expect(textsOf(asked, 'example')).toEqual(['the sky', 'the sea', 'coal']);
    const named = textsOf(asked, 'name').map((text) => /red|green|blue|black/.exec(text)?.[0]);
    expect([...new Set(named)]).toEqual(asked.classes);
    expect(asked.classes).toEqual(['red', 'green', 'blue', 'black']);
  });

  it('takes a name as it is, signs of a template included', () => {
    expect(textsOf(prototypeTexts([classOf('{} $& $1'), classOf('b')]), 'name')[0]).toContain(
      '{} $& $1',
    );
  });

  it('is refused for fewer than two classes', () => {
    expect(() => prototypeTexts([classOf('one')])).toThrow(/at least two/);
  });
});

describe('a vote', () => {
  const texts = Array.from({ length: 60 }, (_, i) => `text ${i}`);

  it('is certain of a text that is the description, or the only example', () => {
    const classes = [classOf('a', 'first thing'), classOf('b', '', ['second thing']), classOf('c')];
    const votes = votesOf(classes, ['first thing'], { temperature: 0.01 });
    expect(votes[0]).toBeGreaterThan(0.99);
  });

  it('sums to 1', () => {
    const votes = votesOf(THREE, texts);
    for (let row = 0; row < texts.length; row++) {
      const own = [...votes.subarray(3 * row, 3 * row + 3)];
      expect(own.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 5);
    }
  });

  it('does not change when texts are longer vectors, and goes with its class when classes change places', () => {
    const features = embed(texts);
    const longer = { ...features, data: features.data.map((value) => 17 * value) };
    const votes = votesOf(THREE, texts);
    votesOf(THREE, texts, { features: longer }).forEach((share, at) =>
      expect(share).toBeCloseTo(votes[at]!, 5),
    );
    const turned = votesOf([THREE[2]!, THREE[0]!, THREE[1]!], texts);
    for (let row = 0; row < texts.length; row++)
      [2, 0, 1].forEach((from, to) =>
        expect(turned[3 * row + to]).toBeCloseTo(votes[3 * row + from]!, 6),
      );
  });

  it('has odds that are the difference of the cosines over the temperature', () => {
    // Two temperatures give two readings of one difference.
    const warm = votesOf(THREE, texts, { temperature: 0.4 });
    const cold = votesOf(THREE, texts, { temperature: 0.2 });
    for (let row = 0; row < texts.length; row++) {
      const odds = (votes: Float32Array): number => Math.log(votes[3 * row]! / votes[3 * row + 1]!);
      expect(odds(cold)).toBeCloseTo(2 * odds(warm), 3);
    }
  });

  it('is none for a text of which the encoder knows no word', () => {
    const features = { rows: 2, columns: COLUMNS, data: new Float32Array(2 * COLUMNS) };
    features.data[COLUMNS] = 1;
    for (const several of [false, true]) {
      const votes = votesOf(THREE, ['', 'x'], { features, several });
      expect([...votes.subarray(0, 3)]).toEqual([NaN, NaN, NaN]);
      expect(votes.subarray(3).every(Number.isFinite)).toBe(true);
    }
  });

  it('cannot be had of a class that the encoder knows no word of: it is named', () => {
    const asked = prototypeTexts(THREE);
    const features = embed(asked.texts);
    asked.parts.forEach((part, row) => {
      // As a table of words does: of “The topic is red.” the other words are left.
      if (part.class === 'red' && asked.texts[row] === 'red')
        features.data.fill(0, row * COLUMNS, (row + 1) * COLUMNS);
    });
    expect(() => makePrototypes(asked, features)).toThrow(
      expect.objectContaining({
        code: 'bad-setting',
        message: expect.stringContaining('“red”') as string,
      }) as Error,
    );
  });
});

describe('of several labels', () => {
  it('few ordinary sentences have one: about what is left beyond three spreads', () => {
    const random = seededRandom(3);
    const texts = Array.from({ length: 2000 }, () => `anything ${random.integer(1e9)}`);
    const votes = votesOf(THREE, texts, { several: true });
    const share = votes.filter((one) => one >= 0.5).length / votes.length;
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(0.03);
  });

  it('a text that is what is said of a label has it, whatever the others are', () => {
    const text = 'of the colour of grass';
    for (const classes of [
      THREE,
      THREE.slice(0, 2),
      [...THREE, classOf('more'), classOf('still more')],
    ])
      expect(votesOf(classes, [text], { several: true })[1]).toBeGreaterThan(0.9);
    // The others do not touch it: probabilities stand each for itself.
    const alone = votesOf(THREE.slice(0, 2), [text], { several: true })[1]!;
    expect(votesOf(THREE, [text], { several: true })[1]).toBeCloseTo(alone, 6);
  });
});
