/** The ways in which labels can stand in the columns of a table, as the person chooses among them. */
import { canonicalJson } from '../../base';
import type { ColumnProfile, LabelChoice, LabelFinding } from '../../data';
import { binaryValue, type ProjectView } from '../../engine';

/** The value of “several columns” among names of columns; no column can be called so. */
export const SEVERAL = '\0several';
/** The value of “made here” among names of columns. */
export const MADE = '\0made';

/** Signs that people put between labels; a blank is any white space. */
export const LABEL_DELIMITERS = [',', ';', '|', '/', '+', ' '] as const;

export function delimiterName(delimiter: string): string {
  return delimiter === ' ' ? 'spaces' : `“${delimiter}”`;
}

export function isSameChoice(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/** Columns whose examples are all 0 or 1, yes or no: each could be a label of its own. */
export function binaryColumns(columns: readonly ColumnProfile[]): readonly string[] {
  return columns
    .filter(
      ({ distinct, examples }) =>
        distinct >= 1 &&
        distinct <= 2 &&
        examples.every((example) => binaryValue(example.trim()) !== null),
    )
    .map(({ name }) => name);
}

/** Those that can be ticked as labels side by side: what is ticked now, what was found, what looks so. */
export function tickable({ choice, findings }: ProjectView): readonly string[] {
  const found = severalFound(findings.labelChoice);
  const ticked = choice.label?.kind === 'columns' ? choice.label.columns : [];
  const wanted = new Set([
    ...binaryColumns(findings.columns),
    ...(found?.columns ?? []),
    ...ticked,
  ]);
  return findings.columns
    .map(({ name }) => name)
    .filter(
      (name) => wanted.has(name) && name !== choice.textColumn && name !== choice.textPairColumn,
    );
}

function severalFound(
  finding: LabelFinding | null,
): Extract<LabelChoice, { kind: 'columns' }> | null {
  const all = finding === null ? [] : [finding, ...(finding.alternatives ?? [])];
  for (const { choice } of all) if (choice.kind === 'columns') return choice;
  return null;
}

/** What is chosen when the person picks “several columns”: as found, else all that look so. */
export function severalColumns(view: ProjectView): LabelChoice {
  return (
    severalFound(view.findings.labelChoice) ?? {
      kind: 'columns',
      columns: binaryColumns(view.findings.columns).filter(
        (name) => name !== view.choice.textColumn && name !== view.choice.textPairColumn,
      ),
    }
  );
}

/** More values of a column than this are no classes to begin with. */
const MOST_CLASSES = 30;

type ChoiceView = Pick<ProjectView, 'choice' | 'findings' | 'files'>;

/** Whether texts were found and no labels, or none where they are to be learned from: they can be made here. */
export function lacksLabels(view: ChoiceView): boolean {
  const { choice, findings } = view;
  if (choice.textColumn === null) return false;
  if (choice.label === null) return findings.labelChoice === null;
  return bareFiles(view).length > 0;
}

/** Files to train on of which none has the column of labels that held-out files have. */
export function bareFiles({ choice, files }: ChoiceView): readonly string[] {
  const { label } = choice;
  if (label?.kind !== 'column' || !holdsOut(choice)) return [];
  const train = files.filter(({ role }) => role === 'train');
  const lack = train.filter(({ columnNames }) => !columnNames.includes(label.column));
  return lack.length === train.length ? lack.map(({ name }) => name) : [];
}

/** Whether rows are held out by file or by a column, so that a column can say the truth of them. */
export function holdsOut({ split, files }: ProjectView['choice']): boolean {
  if (split.method === 'column') {
    const parts = Object.values(split.parts);
    return parts.includes('test') || parts.includes('validation');
  }
  const roles = Object.values(files);
  return split.method === 'files' && (roles.includes('test') || roles.includes('validation'));
}

/**
 * Labels that are made here, to begin with: the classes are those of the labels that were read, where they have names,
 * and their column is the truth of the rows that are held out.
 */
export function madeChoice(view: ProjectView): Extract<LabelChoice, { kind: 'made' }> {
  const { label } = view.choice;
  if (label?.kind === 'made') return label;
  const names = view.summary?.classes.map((one) => one.label) ?? namesHeldOut(view);
  const named =
    names.length <= MOST_CLASSES && names.some((name) => !/^-?\d+([.,]\d+)?$/.test(name));
  return {
    kind: 'made',
    classes: named && view.summary?.task !== 'token_classification' ? names : [],
    several: view.summary?.task === 'multi_label',
    truth: label?.kind === 'column' && holdsOut(view.choice) ? label.column : null,
    names: {},
  };
}

/** The labels of held-out files beside files without any, where the few examples that are known are all of them. */
function namesHeldOut(view: ProjectView): readonly string[] {
  const { label } = view.choice;
  if (label?.kind !== 'column' || bareFiles(view).length === 0) return [];
  const column = view.findings.columns.find(({ name }) => name === label.column);
  return column?.examples.length === column?.distinct ? [...(column?.examples ?? [])].sort() : [];
}

/** With a column of labels ticked or not, in the order of the table; null when none would be left. */
export function withTick(
  view: ProjectView,
  choice: Extract<LabelChoice, { kind: 'columns' }>,
  column: string,
  ticked: boolean,
): LabelChoice | null {
  const columns = tickable(view).filter((name) =>
    name === column ? ticked : choice.columns.includes(name),
  );
  return columns.length === 0 ? null : { ...choice, columns };
}

/** In words: `“topic”`, `several labels in “tags”, divided by “;”`, `6 columns: toxic, …`. */
export function labelWords(choice: LabelChoice): string {
  if (choice.kind === 'made') return `made here: ${choice.classes.join(', ')}`;
  if (choice.kind === 'column') return `“${choice.column}”`;
  if (choice.kind === 'delimited')
    return `several labels in “${choice.column}”, divided by ${delimiterName(choice.delimiter)}`;
  const shown = choice.columns.slice(0, 3).join(', ');
  const rest = choice.columns.length > 3 ? ', …' : '';
  const one = choice.exclusive === true ? ', one a text' : '';
  return `${choice.columns.length} columns (${shown}${rest})${one}`;
}
