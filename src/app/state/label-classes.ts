/** The classes of a labelling as they are edited: pure changes, and what is wrong with them in plain sentences. */
import type { LabelledClass, LabellingSettings, TeacherSettings } from '../../learning/labelling';

/** More examples than this say nothing new to the similarity teacher. */
export const MOST_EXAMPLES = 20;
const LONGEST_NAME = 100;

/** What is wrong with the name of a class among the others; null: nothing. */
export function nameProblem(name: string, others: readonly string[]): string | null {
  const plain = name.trim();
  if (plain === '') return 'Type a name.';
  if (plain.length > LONGEST_NAME)
    return `A name is at most ${LONGEST_NAME} characters; say more in the description.`;
  const same = others.find((other) => other.trim().toLowerCase() === plain.toLowerCase());
  return same === undefined ? null : `“${same}” is there already.`;
}

/** What stops all of the labelling; null: nothing. */
export function classesProblem(classes: readonly LabelledClass[]): string | null {
  if (classes.length === 0) return 'Name the classes: at least two.';
  if (classes.length === 1) return 'One class is no choice: name another.';
  for (const [at, { name }] of classes.entries()) {
    const others = classes.filter((_, other) => other < at).map((one) => one.name);
    const problem = nameProblem(name, others);
    if (problem !== null) return problem;
  }
  return null;
}

/** Names as they are pasted: one a line, or divided by commas; those that are there already are left out. */
export function pastedNames(text: string, there: readonly string[]): string[] {
  const parts = text.includes('\n') ? text.split(/\r?\n/) : text.split(/[,;]/);
  const names: string[] = [];
  for (const part of parts) {
    const name = part.trim();
    if (nameProblem(name, [...there, ...names]) === null) names.push(name);
  }
  return names;
}

/** With texts as examples, one a line; empty lines, copies, and what is too many are left out. */
export function withExamples(one: LabelledClass, text: string): LabelledClass {
  const examples = [...one.examples];
  for (const line of text.split(/\r?\n/)) {
    const plain = line.trim();
    if (plain !== '' && !examples.includes(plain) && examples.length < MOST_EXAMPLES)
      examples.push(plain);
  }
  return { ...one, examples };
}

export function moved<Item>(items: readonly Item[], from: number, to: number): Item[] {
  const rest = items.filter((_, at) => at !== from);
  const item = items[from];
  if (item === undefined || to < 0 || to >= items.length) return [...items];
  return [...rest.slice(0, to), item, ...rest.slice(to)];
}

/** New names of classes by old ones. */
export const NONE_RENAMED: ReadonlyMap<string, string> = new Map();

export function renamedTo(
  before: ReadonlyMap<string, string>,
  from: string,
  to: string,
): ReadonlyMap<string, string> {
  return renamedAgain(before, new Map([[from, to]]));
}

/** Names that are changed again: from the first to the last. */
export function renamedAgain(
  first: ReadonlyMap<string, string>,
  then: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const renamed = new Map([...first].map(([from, to]) => [from, then.get(to) ?? to] as const));
  const between = new Set(first.values());
  for (const [from, to] of then) if (!between.has(from)) renamed.set(from, to);
  return new Map([...renamed].filter(([from, to]) => from !== to));
}

/** The prior that belongs to other classes is of no use; that of reordered ones would be, but is asked anew. */
function withoutPrior(settings: LabellingSettings): LabellingSettings {
  return settings.accept.prior === null
    ? settings
    : { ...settings, accept: { ...settings.accept, prior: null } };
}

/** Settings with other classes: rules go with the class that they vote for. */
export function withClasses(
  settings: LabellingSettings,
  classes: readonly LabelledClass[],
  renamed: { readonly from: string; readonly to: string } | null = null,
): LabellingSettings {
  const names = new Set(classes.map(({ name }) => name));
  const teachers = settings.teachers.map((teacher): TeacherSettings => {
    if (teacher.kind !== 'rules') return teacher;
    return {
      ...teacher,
      rules: teacher.rules
        .map((rule) => (rule.class === renamed?.from ? { ...rule, class: renamed.to } : rule))
        .filter((rule) => names.has(rule.class)),
    };
  });
  const sameNames =
    settings.classes.length === classes.length &&
    settings.classes.every(({ name }, at) => name === classes[at]?.name || renamed !== null);
  const next = { ...settings, classes, teachers };
  return sameNames ? next : withoutPrior(next);
}
