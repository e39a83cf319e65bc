import { describe, expect, it } from 'vitest';
import { spansOf, stretches } from '../../../src/app/parts/entities';

describe('entities of BIO labels', () => {
  it('begin at B, go on with I of the same type, and end before anything else', () => {
    expect(spansOf(['B-PER', 'I-PER', 'O', 'B-LOC', 'B-LOC', 'I-ORG'])).toEqual([
      { from: 0, to: 2, type: 'PER' },
      { from: 3, to: 4, type: 'LOC' },
      { from: 4, to: 5, type: 'LOC' },
      { from: 5, to: 6, type: 'ORG' },
    ]);
  });
  it('an I after O begins one too, as seqeval counts it', () => {
    expect(spansOf(['O', 'I-LOC', 'I-LOC'])).toEqual([{ from: 1, to: 3, type: 'LOC' }]);
  });
});

describe('a marked sentence', () => {
  const words = ['Ada', 'Lovelace', 'met', 'Charles', 'Babbage', 'in', 'London'];
  const actual = spansOf(['B-PER', 'I-PER', 'O', 'B-PER', 'I-PER', 'O', 'B-LOC']);

  it('says what is right, missed, of another type, and none', () => {
    const predicted = spansOf(['B-PER', 'I-PER', 'B-ORG', 'O', 'O', 'O', 'B-ORG']);
    expect(
      stretches(words, predicted, actual).map(({ text, mark, label }) => [text, mark, label]),
    ).toEqual([
      ['Ada Lovelace', 'right', 'PER'],
      ['met', 'extra', 'ORG, is none'],
      ['Charles Babbage', 'missed', 'PER missed'],
      ['in', 'plain', ''],
      ['London', 'other', 'ORG, is LOC'],
    ]);
  });
  it('an entity with one wrong end is not right', () => {
    const predicted = spansOf(['B-PER', 'O', 'O', 'O', 'O', 'O', 'O']);
    const [first, second] = stretches(words, predicted, actual);
    expect(first).toMatchObject({ text: 'Ada', mark: 'other' });
    expect(second).toMatchObject({ text: 'Lovelace', mark: 'missed' });
  });
  it('without labels shows what was found', () => {
    const found = stretches(words, actual, null);
    expect(found.filter(({ mark }) => mark !== 'plain').map(({ label }) => label)).toEqual([
      'PER',
      'PER',
      'LOC',
    ]);
    expect(found.map(({ text }) => text).join(' ')).toBe(words.join(' '));
  });
});
