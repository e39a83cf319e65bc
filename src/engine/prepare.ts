/**
 * From stored files and a choice to what can be learned from: tables, labelled texts, a split. The same
 * function serves the page's summary, training, a run's rows and the command line, so that all of them
 * speak of the same rows.
 */
import { HeadlightError } from '../base';
import {
  auditData,
  drawTexts,
  labelNames,
  labelSentences,
  labelTexts,
  namesOf,
  splitRepaired,
  splitSentences,
  TAGS_COLUMN,
  WORDS_COLUMN,
  type AuditFinding,
  type FileParts,
  type LabelledTexts,
  type Repair,
  type Split,
  type Table,
} from '../data';
import {
  type DataChange,
  type DataChoice,
  type DataRepair,
  type SetLabel,
  type Task,
} from '../project';
import { checkColumns, fileParts, usedTables } from './chosen-tables';
import type { MadeLabels } from './labelling';
import { setLabels } from './mend';
import { withRowsPerClass } from './rows-per-class';

export interface Prepared {
  readonly task: Task;
  /** The tables that are used, in the order of the project's files; those of names too. */
  readonly tables: readonly Table[];
  readonly data: LabelledTexts;
  readonly split: Split;
  readonly changes: readonly DataChange[];
  readonly audit: readonly AuditFinding[];
  /** Of labels that are made here; else null. */
  readonly made: MadeLabels | null;
}

/**
 * @throws HeadlightError `bad-setting` when a column or file is missing, `bad-labels` when the labels
 *   cannot be learned from.
 */
export function prepare(tables: readonly Table[], choice: DataChoice): Prepared {
  const { text, label } = checkColumns(choice);
  const used = usedTables(tables, choice);
  const data = used.filter(({ name }) => choice.files[name] !== 'names');
  const parts = fileParts(choice);
  if (data.some(({ format }) => format === 'conll')) return ofSentences(used, data, choice, parts);
  if (label.kind === 'made')
    throw new HeadlightError('internal', 'labels that are made here need their state');
  const read = labelTexts(data, text, label, choice.textPairColumn);
  const drawn = choice.useRows === null ? read : drawTexts(read, choice.useRows, seedOf(choice));
  const { repairs, byHand, names } = repairsOf(choice, used, drawn);
  const repaired = splitRepaired(drawn, choice.split, parts, data, repairs);
  const mended = setLabels(repaired.data, repaired.split, byHand, labelNames(repairs).name);
  const prepared: Prepared = {
    task: drawn.targets === null ? 'classification' : 'multi_label',
    tables: used,
    data: mended.data,
    split: repaired.split,
    changes: [...repaired.changes, ...mended.changes],
    made: null,
    audit: auditData({
      tables: data,
      data: mended.data,
      texts: choice.textPairColumn === null ? [text] : [text, choice.textPairColumn],
      label,
      split: repaired.split,
      shuffled: isShuffled(choice),
      names,
    }),
  };
  return withRowsPerClass(prepared, choice);
}

/** What there is to say of data that cannot be divided as was chosen; empty when not even labels are read. */
export function auditOnly(tables: readonly Table[], choice: DataChoice): readonly AuditFinding[] {
  try {
    const { text, label } = checkColumns(choice);
    if (label.kind === 'made') return [];
    const used = usedTables(tables, choice).filter(({ name }) => choice.files[name] !== 'names');
    if (used.some(({ format }) => format === 'conll')) return [];
    const data = labelTexts(used, text, label, choice.textPairColumn);
    return auditData({ tables: used, data, texts: [text], label, shuffled: isShuffled(choice) });
  } catch (error) {
    if (!(error instanceof HeadlightError) || error.code === 'internal') throw error;
    return [];
  }
}

function isShuffled({ split }: DataChoice): boolean {
  return split.method !== 'stratified' || split.shuffle !== false;
}

function seedOf({ split }: DataChoice): number {
  return split.method === 'stratified' ? split.seed : 0;
}

function ofSentences(
  used: readonly Table[],
  data: readonly Table[],
  choice: DataChoice,
  parts: FileParts,
): Prepared {
  const other = data.find(({ format }) => format !== 'conll');
  if (other !== undefined) {
    throw new HeadlightError(
      'bad-setting',
      `${other.name} is a table, the other file has a tag for each word (CoNLL).`,
      { hint: 'Give files of the same kind.' },
    );
  }
  const [repair] = choice.repairs;
  if (repair !== undefined) {
    throw new HeadlightError('bad-setting', `Tags of words cannot be repaired (${repair.kind}).`, {
      hint: 'Mend the file, and drop it again.',
    });
  }
  const read = labelSentences(data, WORDS_COLUMN, TAGS_COLUMN);
  const drawn = choice.useRows === null ? read : drawTexts(read, choice.useRows, seedOf(choice));
  const split = splitSentences(drawn, choice.split, parts, data);
  const audit = auditData({
    tables: data,
    data: drawn,
    texts: [WORDS_COLUMN],
    label: { kind: 'column', column: TAGS_COLUMN },
    split,
    shuffled: isShuffled(choice),
  });
  const prepared: Prepared = {
    task: 'token_classification',
    tables: used,
    data: drawn,
    split,
    changes: [],
    audit,
    made: null,
  };
  return withRowsPerClass(prepared, choice);
}

interface Repairs {
  readonly repairs: readonly Repair[];
  readonly byHand: readonly SetLabel[];
  /** Names of labels that are numbers, by a file of names. */
  readonly names: Readonly<Record<string, string>> | null;
}

/** A file of names counts as a repair that was accepted: its role says so. */
function repairsOf(choice: DataChoice, used: readonly Table[], data: LabelledTexts): Repairs {
  const repairs = choice.repairs.filter((repair) => repair.kind !== 'set_label');
  const byHand = choice.repairs.filter(isByHand);
  const file = used.find(({ name }) => choice.files[name] === 'names');
  if (file === undefined) return { repairs, byHand, names: null };
  const names = namesOf(file, data.classes);
  if (names === null) {
    throw new HeadlightError('bad-setting', `${file.name} has not a name for every label.`, {
      hint: 'Choose another file of names, one name a line for labels 0, 1, 2, …; or none.',
    });
  }
  const isNamed = repairs.some(({ kind }) => kind === 'name_labels');
  return {
    repairs: isNamed ? repairs : [...repairs, { kind: 'name_labels', names }],
    byHand,
    names,
  };
}

function isByHand(repair: DataRepair): repair is SetLabel {
  return repair.kind === 'set_label';
}
