/**
 * Zero-shot classification by natural language inference: a text is a premise, each class a hypothesis, and the
 * logits of entailment and contradiction say how well the class fits. The scores are those of transformers'
 * `ZeroShotClassificationPipeline`, averaged over the templates; the ids of the two are read, never guessed.
 * @see https://arxiv.org/abs/1909.00161 (Yin, Hay and Roth 2019)
 */
import { HeadlightError } from '../../base';
import type { OwnClassifier } from '../../models';
import type { LabelledClass } from './types';

/** Places among a classifier's logits. */
export interface NliLabels {
  readonly entailment: number;
  /** Of a model of two classes: that of “not entailment”. */
  readonly contradiction: number;
}

/** Where a template takes the class. */
export const PLACE = '{}';

const ENTAILMENT = /^entail/i;
const CONTRADICTION = /^contra/i;
const NOT_ENTAILMENT = /^(?:not?|non)[\s_-]*entail/i;

/**
 * Where a classifier says entailment and contradiction: the first label that begins so, whatever the case, in
 * `label2id` where it says something of its own, else in the order of the classes.
 *
 * Entailment is found as transformers' pipeline finds it. Of contradiction that pipeline takes the first class, or
 * the last where entailment is the first; here it is read, so that a model whose first class is “neutral” is asked
 * what it was trained for. A model of two classes contradicts by “not entailment”, which is the pipeline's rule too.
 *
 * @returns null when it does not name both: it is no NLI model.
 */
export function nliLabels(
  classifier: Pick<OwnClassifier, 'task' | 'classes' | 'label2id'> | undefined,
): NliLabels | null {
  if (classifier === undefined || classifier.task === 'token_classification') return null;
  // Without a name for each, not even their number is known.
  if (classifier.classes.length === 0) return null;
  const named: readonly (readonly [string, number])[] =
    classifier.label2id === undefined
      ? classifier.classes.map((name, id) => [name, id] as const)
      : Object.entries(classifier.label2id);
  const idOf = (says: RegExp): number | undefined =>
    named.find(([name]) => says.test(name.trim()))?.[1];
  const entailment = idOf(ENTAILMENT);
  const contradiction =
    idOf(CONTRADICTION) ?? (named.length === 2 ? idOf(NOT_ENTAILMENT) : undefined);
  if (entailment === undefined || contradiction === undefined) return null;
  return entailment === contradiction ? null : { entailment, contradiction };
}

/** @throws HeadlightError `bad-setting` naming the model's labels when it is no NLI model. */
export function needNliLabels(model: string, classifier: OwnClassifier | undefined): NliLabels {
  const labels = nliLabels(classifier);
  if (labels !== null) return labels;
  const hint =
    'Choose a model that was trained on natural language inference (NLI), such as microsoft/deberta-large-mnli.';
  if (classifier === undefined)
    throw new HeadlightError(
      'bad-setting',
      `${model} has no classifier, so it cannot say whether a label follows from a text.`,
      { hint: `${hint} With this one, use the similarity teacher.` },
    );
  const names = Object.keys(classifier.label2id ?? {});
  const said = (names.length > 0 ? names : classifier.classes).map((name) => `“${name}”`);
  throw new HeadlightError(
    'bad-setting',
    `The labels of ${model} are ${listed(said)}: none of them says “entailment”, or none “contradiction”, so it cannot say whether a label follows from a text.`,
    { hint: `${hint} If this one was, its config.json must name them in label2id.` },
  );
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown || 'not named';
}

/** What is asked of every text: each distinct hypothesis once. */
export interface Hypotheses {
  readonly texts: readonly string[];
  /** [templates, classes]: places in `texts`. */
  readonly places: Int32Array;
  readonly templates: number;
  readonly classes: number;
}

/**
 * Every template with every class: its description, else its name.
 * @throws HeadlightError `bad-setting` when there is no class or template, or a template has no `{}`.
 */
export function hypothesesOf(
  classes: readonly Pick<LabelledClass, 'name' | 'description'>[],
  templates: readonly string[],
): Hypotheses {
  if (classes.length === 0)
    throw new HeadlightError('bad-setting', 'There are no labels to ask a teacher about.', {
      hint: 'Name the labels first.',
    });
  if (templates.length === 0)
    throw new HeadlightError('bad-setting', 'The zero-shot teacher has no template.', {
      hint: 'Give it one, such as “This example is {}.”',
    });
  const texts: string[] = [];
  const known = new Map<string, number>();
  const places = new Int32Array(templates.length * classes.length);
  templates.forEach((template, t) => {
    const parts = template.split(PLACE);
    if (parts.length < 2)
      throw new HeadlightError(
        'bad-setting',
        `The template “${template}” has no place for a label.`,
        {
          hint: 'Put {} where the label comes, as in “This example is {}.”',
        },
      );
    classes.forEach(({ name, description }, k) => {
      const text = parts.join(description.trim() === '' ? name : description.trim());
      const place = known.get(text) ?? texts.length;
      if (place === texts.length) texts.push(text);
      known.set(text, place);
      places[t * classes.length + k] = place;
    });
  });
  return { texts, places, templates: templates.length, classes: classes.length };
}

/** Logits of one text with each distinct hypothesis: [hypotheses] each. */
export interface NliLogits {
  readonly entailment: ArrayLike<number>;
  readonly contradiction: ArrayLike<number>;
}

/**
 * Scores of one text: [classes].
 *
 * One label: softmax of the entailment logits over the classes, summing to 1. Several, or a single class: of each
 * class the softmax of contradiction and entailment, which is the sigmoid of their difference. Of several templates
 * the mean of these.
 */
export function zeroShotScores(
  logits: NliLogits,
  { places, templates, classes }: Hypotheses,
  several: boolean,
): Float64Array {
  const scores = new Float64Array(classes);
  for (let t = 0; t < templates; t++) {
    const own = places.subarray(t * classes, (t + 1) * classes);
    const entailment = Float64Array.from(own, (place) => logits.entailment[place] ?? NaN);
    const shares =
      several || classes === 1
        ? entailment.map((value, k) => sigmoid(value - (logits.contradiction[own[k] ?? 0] ?? NaN)))
        : softmax(entailment);
    shares.forEach((share, k) => (scores[k] = (scores[k] ?? 0) + share / templates));
  }
  return scores;
}

function softmax(logits: Float64Array): Float64Array {
  const most = Math.max(...logits);
  const values = logits.map((logit) => Math.exp(logit - most));
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map((value) => value / sum);
}

/** Without overflow on either side. */
function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x > 0 ? 1 : e) / (1 + e);
}
