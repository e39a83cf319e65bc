import { describe, expect, it } from 'vitest';
import { App } from '../../../src/app/state/app.svelte';
import { isRight } from '../../../src/app/state/gather';
import { Theme } from '../../../src/app/state/theme.svelte';
import { FakeEngine } from '../../helpers/fake-engine';
import { fakeShell } from '../../helpers/fake-shell';
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

describe('a file with labelled words', () => {
  const conll = Array.from(
    { length: 20 },
    () => 'Ada B-PER\nLovelace I-PER\nlived O\nin O\nLondon B-LOC\n. O\n',
  ).join('\n');

  async function tagged(engine = new FakeEngine()) {
    const app = new App(engine, fakeShell(), new Theme(() => undefined));
    await app.start(null);
    await app.take([new File([conll], 'tagged.conll')]);
    await app.finetune('start');
    const { project } = app;
    const run = project?.run ?? null;
    if (project === null || run === null) throw new Error('no run');
    return { project, run, engine };
  }

  it('can only be fine-tuned on', async () => {
    const { project } = await tagged();
    expect(project.isTagging).toBe(true);
    expect(project.canProbe).toBe(false);
    project.choose('probe');
    expect(project.way).toBe('finetune');
  });

  it('its test sentences are put together from their words, in the order of the file', async () => {
    const { project, run } = await tagged();
    await project.sentences.read(run);
    const sentences = project.sentences.of(run) ?? [];
    expect(sentences).toHaveLength(20);
    expect(sentences.map(({ line }) => line)).toEqual(
      [...sentences.map(({ line }) => line)].sort((a, b) => a - b),
    );
    for (const { words, actual } of sentences) {
      expect(words.join(' ')).toBe('Ada Lovelace lived in London .');
      expect(actual).toEqual(['B-PER', 'I-PER', 'O', 'O', 'B-LOC', 'O']);
    }
    // The engine in memory misses every fifth word: some sentences lose an entity, some only an O.
    expect(sentences.some((sentence) => isRight(sentence))).toBe(true);
    expect(sentences.some((sentence) => !isRight(sentence))).toBe(true);
  });

  it('with too many words is not put together, and says so', async () => {
    class Large extends FakeEngine {
      override async runRows() {
        return { total: 1e6, rows: [] };
      }
    }
    const { project, run } = await tagged(new Large());
    await project.sentences.read(run);
    expect(project.sentences.tooMany).toBe(true);
    expect(project.sentences.of(run)).toBeNull();
  });
});
