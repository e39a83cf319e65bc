/**
 * A model's own classes beside the labels of the data: which mean the same. By name, whatever the case; nameless
 * classes (`LABEL_3`) by their number where the labels are numbers. The rest is for the person to say.
 */
import { HeadlightError } from '../base';
import type { OwnClassifier } from '../models';
import type { OwnSettings, Task } from '../project';

export type ClassMatches = OwnSettings['classes'];

/** Case, and what stands between words, make no difference. */
function plain(name: string): string {
  return name
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ');
}

const NAMELESS = /^LABEL_(\d+)$/;

/**
 * @param classes of the model, in the order of its logits.
 * @param labels of the data.
 * @returns each class with the label that is called alike; null where none is.
 */
export function matchClasses(classes: readonly string[], labels: readonly string[]): ClassMatches {
  const known = new Map<string, string>();
  for (const label of labels) if (!known.has(plain(label))) known.set(plain(label), label);
  return classes.map((name) => {
    if (labels.includes(name)) return { name, label: name };
    const number = NAMELESS.exec(name)?.[1];
    const label = known.get(plain(name)) ?? (number === undefined ? undefined : known.get(number));
    return { name, label: label ?? null };
  });
}

/**
 * Sentences on what is not matched; empty when everything is.
 * @param task of the model.
 */
export function matchNotes(matches: ClassMatches, labels: readonly string[], task: Task): string[] {
  const meant = new Set(matches.map(({ label }) => label));
  const without = labels.filter((label) => !meant.has(label));
  const out = matches.filter(({ label }) => label === null).map(({ name }) => name);
  const notes: string[] = [];
  if (without.length > 0)
    notes.push(
      `No class of the model means ${said(without)}: ${without.length === 1 ? 'it is' : 'they are'} never predicted, and rows that have ${without.length === 1 ? 'it' : 'them'} count as wrong.`,
    );
  if (out.length > 0)
    notes.push(
      `Left out of the model’s classes: ${said(out)}.${task === 'multi_label' ? '' : ' Their share of the probability goes to the others.'}`,
    );
  return notes;
}

/** Why names alone may not say what the classes mean; null when they do. */
export function namelessHint(classes: readonly string[]): string | null {
  if (!classes.some((name) => NAMELESS.test(name))) return null;
  return 'The model’s classes have no names (LABEL_0, …). Its model card says what they mean; a wrong choice here makes every figure wrong.';
}

function said(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => `“${name}”`);
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/**
 * The classes as they are to be used.
 * @param chosen null: matched by name.
 * @throws HeadlightError `bad-setting` when they are not the model's, a label is not the data's, or none means any.
 */
export function checkMatches(
  { classes }: OwnClassifier,
  labels: readonly string[],
  chosen: ClassMatches | null,
): ClassMatches {
  const matches = chosen ?? matchClasses(classes, labels);
  const both = `The model’s classes are ${said(classes)}; the labels of the data are ${said(labels)}.`;
  if (matches.length !== classes.length || !matches.every(({ name }, at) => name === classes[at]))
    throw new HeadlightError(
      'bad-setting',
      'The classes that were matched are not those of the model.',
      { hint: both },
    );
  const stranger = matches.find(({ label }) => label !== null && !labels.includes(label));
  if (stranger !== undefined)
    throw new HeadlightError(
      'bad-setting',
      `The class “${stranger.name}” was to mean “${stranger.label ?? ''}”, which is no label of the data.`,
      { hint: both },
    );
  if (matches.every(({ label }) => label === null))
    throw new HeadlightError(
      'bad-setting',
      'None of the model’s classes is called like a label of the data.',
      { hint: `${both} Say which means which; on the command line with --map.` },
    );
  return matches;
}

/**
 * @throws HeadlightError `bad-setting` when the model's classifier is of another kind than the data's labels,
 *   or cannot be used.
 */
export function checkTask(name: string, own: OwnClassifier | undefined, task: Task): OwnClassifier {
  if (own === undefined)
    throw new HeadlightError('bad-setting', `${name} has no classifier of its own.`, {
      hint: 'Train a probe on it, or fine-tune it; or choose a model that was fine-tuned as a classifier.',
    });
  const problem = own.problem ?? mismatch(own.task, task);
  if (problem === null) return own;
  throw new HeadlightError(
    'bad-setting',
    `The classifier of ${name} cannot be used here: ${problem}`,
    {
      hint: 'Train a probe on it, or fine-tune it.',
    },
  );
}

const GIVES: Readonly<Record<Task, string>> = {
  classification: 'one class a text',
  multi_label: 'several labels a text',
  token_classification: 'a tag for each word',
};

/** A sentence; null when they fit. */
export function mismatch(own: Task, data: Task): string | null {
  return own === data ? null : `it gives ${GIVES[own]}, and the data have ${GIVES[data]}.`;
}
