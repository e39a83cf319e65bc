/**
 * Promise: hypotheses are the templates with the classes in them, and scores are the formulas of transformers'
 * zero-shot pipeline. That whole models score as that pipeline shows test/unit/engine/labelling/nli.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { toHeadlightError } from '../../../../src/base';
import {
  hypothesesOf,
  needNliLabels,
  nliLabels,
  zeroShotScores,
  type Hypotheses,
} from '../../../../src/learning/labelling';
import type { OwnClassifier } from '../../../../src/models';

function classifier(...classes: string[]): OwnClassifier {
  return { task: 'classification', classes, problem: null };
}

function named(...names: string[]) {
  return names.map((name) => ({ name, description: '' }));
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    const { code, message } = toHeadlightError(error);
    return `${code}: ${message}`;
  }
  throw new Error('nothing was refused');
}

describe('which logits say entailment and contradiction', () => {
  it.each([
    ['microsoft/deberta-large-mnli', ['CONTRADICTION', 'NEUTRAL', 'ENTAILMENT'], 2, 0],
    ['typeform/distilbert-base-uncased-mnli', ['ENTAILMENT', 'NEUTRAL', 'CONTRADICTION'], 0, 2],
    ['cross-encoder/nli-deberta-v3-small', ['contradiction', 'entailment', 'neutral'], 1, 0],
    ['neutral first', ['neutral', 'Entails', 'contradicts'], 1, 2],
    ['MoritzLaurer/…zeroshot-v2.0', ['entailment', 'not_entailment'], 0, 1],
    ['two classes, turned', ['Not Entailment', 'Entailment'], 1, 0],
  ])('%s', (_, classes, entailment, contradiction) => {
    expect(nliLabels(classifier(...classes))).toEqual({ entailment, contradiction });
  });

  it('goes by label2id where that says something else than id2label', () => {
    const nameless = classifier('LABEL_0', 'LABEL_1', 'LABEL_2');
    const label2id = { neutral: 0, entailment: 2, contradiction: 1 };
    expect(nliLabels({ ...nameless, label2id })).toEqual({ entailment: 2, contradiction: 1 });
  });

  it('never guesses: a model that does not name both is refused with its labels', () => {
    for (const classes of [
      ['LABEL_0', 'LABEL_1', 'LABEL_2'],
      ['entailment', 'neutral', 'other'],
      ['contradiction', 'neutral'],
      ['not_entailment', 'other', 'entailment'],
      ['entailment'],
      [],
    ]) {
      expect(nliLabels(classifier(...classes)), classes.join()).toBeNull();
      const said = refusal(() => needNliLabels('mine', classifier(...classes)));
      for (const name of classes) expect(said).toContain(`“${name}”`);
      expect(said).toMatch(/^bad-setting: .*mine/);
    }
    expect(
      nliLabels({ ...classifier('entailment', 'contradiction'), task: 'token_classification' }),
    ).toBeNull();
    expect(nliLabels(undefined)).toBeNull();
    expect(refusal(() => needNliLabels('mine', undefined))).toContain('has no classifier');
  });
});

describe('hypotheses', () => {
  it('put the description, else the name, wherever the template has {}, and none twice', () => {
    const classes = [
      { name: 'refund', description: ' the customer wants a refund ' },
      { name: 'cost $& $1', description: '' },
    ];
    const templates = ['It says that {}.', '{}: {}', 'It says that {}.'];
    const { texts, places } = hypothesesOf(classes, templates);
    expect(texts).toEqual([
      'It says that the customer wants a refund.',
      'It says that cost $& $1.',
      'the customer wants a refund: the customer wants a refund',
      'cost $& $1: cost $& $1',
    ]);
    expect([...places]).toEqual([0, 1, 2, 3, 0, 1]);
  });

  it('are refused without a class, a template, or a place in it', () => {
    expect(refusal(() => hypothesesOf([], ['{}']))).toContain('no labels');
    expect(refusal(() => hypothesesOf(named('a'), []))).toContain('no template');
    expect(refusal(() => hypothesesOf(named('a'), ['It is so.']))).toContain('“It is so.”');
  });
});

describe('scores', () => {
  const asked: Hypotheses = hypothesesOf(named('a', 'b', 'c'), ['{}']);
  const logits = { entailment: [2, -1, 0.5], contradiction: [0, 3, 0.5] };

  it('of one label are the softmax of entailment, whatever the contradiction', () => {
    const scores = zeroShotScores(logits, asked, false);
    const exps = [2, -1, 0.5].map(Math.exp);
    const sum = exps.reduce((a, b) => a + b);
    exps.forEach((value, k) => expect(scores[k]).toBeCloseTo(value / sum, 12));
    const moved = { entailment: [102, 99, 100.5], contradiction: [7, 8, 9] };
    zeroShotScores(moved, asked, false).forEach((value, k) =>
      expect(value).toBeCloseTo(scores[k] ?? NaN, 12),
    );
  });

  it('of several labels are each the softmax of contradiction and entailment', () => {
    const scores = zeroShotScores(logits, asked, true);
    [2, -1, 0.5].forEach((yes, k) => {
      const no = logits.contradiction[k] ?? NaN;
      expect(scores[k]).toBeCloseTo(Math.exp(yes) / (Math.exp(yes) + Math.exp(no)), 12);
    });
    const alone = hypothesesOf(named('a'), ['{}']);
    const single = { entailment: [2], contradiction: [0] };
    expect(zeroShotScores(single, alone, false)[0]).toBeCloseTo(scores[0] ?? NaN, 12);
  });

  it('stay numbers for logits that would overflow', () => {
    const wild = { entailment: [900, -900, 0], contradiction: [-900, 900, 0] };
    expect([...zeroShotScores(wild, asked, false)]).toEqual([1, 0, 0]);
    expect([...zeroShotScores(wild, asked, true)]).toEqual([1, 0, 0.5]);
  });

  it('of several templates are the mean of each one’s', () => {
    const both = hypothesesOf(named('a', 'b'), ['{}', 'not {}']);
    const entailment = [1, 0, -2, 3];
    const contradiction = [0, 1, 2, -1];
    for (const several of [false, true]) {
      const mean = zeroShotScores({ entailment, contradiction }, both, several);
      const each = [0, 2].map((from) =>
        zeroShotScores(
          {
            entailment: entailment.slice(from, from + 2),
            contradiction: contradiction.slice(from, from + 2),
          },
          hypothesesOf(named('a', 'b'), ['{}']),
          several,
        ),
      );
      mean.forEach((value, k) =>
        expect(value).toBeCloseTo(((each[0]?.[k] ?? NaN) + (each[1]?.[k] ?? NaN)) / 2, 12),
      );
    }
  });
});
