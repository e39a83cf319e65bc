/** Everything that is found out about some tables, as plain JSON: for `headlight inspect` and for the page. */
import { HeadlightError } from '../base';
import { auditData, auditRagged, type TokenLimit } from './audit';
import { dataTables, findColumns, findFileParts } from './columns';
import { TAGS_COLUMN, WORDS_COLUMN } from './conll';
import { drawTexts } from './draw';
import { classCounts, labelSentences, labelTexts } from './labels';
import { splitRepaired } from './repair';
import { splitSentences, type FileParts } from './split';
import type {
  AuditFinding,
  ColumnFindings,
  LabelChoice,
  LabelledTexts,
  Part,
  Repair,
  RepairChange,
  RowProblem,
  Split,
  SplitSettings,
  Table,
} from './types';
import { looksLikeNames, namesOf } from './wizard';

export type DataTask = 'classification' | 'multi_label' | 'token_classification';

/** What the person says otherwise than the wizard; what is left out is as found. */
export interface InspectOptions {
  readonly text?: string;
  /** Null: no second text. */
  readonly pair?: string | null;
  readonly label?: LabelChoice;
  readonly split?: SplitSettings;
  /** Which part each file is. */
  readonly fileParts?: Readonly<Record<string, Part>>;
  /** Use so many rows. */
  readonly useRows?: number | null;
  readonly repairs?: readonly Repair[];
  readonly limit?: TokenLimit | null;
}

export interface InspectedFile {
  readonly name: string;
  /** `names`: a list of names for labels that are numbers; `other`: read, but not used. */
  readonly role: 'data' | 'names' | 'other';
  readonly format: Table['format'];
  readonly encoding: Table['encoding'];
  readonly delimiter: Table['delimiter'];
  readonly hasHeader: boolean;
  readonly headerReason: string | null;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly problemCount: number;
  /** Rows that were left out, which can be downloaded as they stand. */
  readonly rejected: number;
  /** The first 20. */
  readonly problems: readonly RowProblem[];
  /** How the file was read, where that was not plain. */
  readonly notes: readonly string[];
}

export interface InspectReport {
  readonly files: readonly InspectedFile[];
  readonly findings: ColumnFindings;
  /** Which part each file is, where their names say so. */
  readonly fileParts: {
    readonly parts: Readonly<Record<string, Part>>;
    readonly reason: string;
  } | null;
  readonly task: DataTask | null;
  /** Rows that can be learned from, and those that cannot, by reason. */
  readonly rows: number;
  readonly leftOut: LabelledTexts['leftOut'];
  readonly classes: readonly {
    readonly label: string;
    readonly name: string | null;
    readonly rows: number;
  }[];
  readonly split: {
    readonly settings: SplitSettings;
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    readonly droppedFromTrain: number;
    readonly alsoInTraining: number;
    readonly notes: readonly string[];
  } | null;
  readonly audit: readonly AuditFinding[];
  readonly changes: readonly RepairChange[];
  /** Why this cannot be trained as it is; null when it can. */
  readonly problem: { readonly message: string; readonly hint: string | null } | null;
}

/** The choices that the findings come to: what is trained when the person changes nothing. */
export function suggestedSplit(
  findings: ColumnFindings,
  fileParts: InspectReport['fileParts'],
): SplitSettings {
  const { split } = findings;
  if (split !== null) return { method: 'column', column: split.column, parts: split.parts };
  if (fileParts !== null) return { method: 'files' };
  return { method: 'stratified', testShare: 0.2, seed: 0 };
}

/** Never throws for what is wrong with the data: that stands in `problem`. */
export function inspectTables(
  tables: readonly Table[],
  options: InspectOptions = {},
): InspectReport {
  const words = tables.length > 0 && tables.every(({ format }) => format === 'conll');
  const findings = words ? wordFindings(tables) : findColumns(tables);
  const used = dataTables(tables, findings);
  const fileParts = findFileParts(used);
  const report: InspectReport = {
    files: tables.map((table) => fileOf(table, used, findings)),
    findings,
    fileParts,
    task: null,
    rows: 0,
    leftOut: [],
    classes: [],
    split: null,
    audit: auditRagged(tables),
    changes: [],
    problem: null,
  };
  try {
    return { ...report, ...learnable(tables, used, findings, fileParts, words, options) };
  } catch (error) {
    if (!(error instanceof HeadlightError) || error.code === 'internal') throw error;
    return { ...report, problem: problemOf(error) };
  }
}

function problemOf(error: HeadlightError): NonNullable<InspectReport['problem']> {
  return { message: error.message, hint: error.hint ?? null };
}

function learnable(
  tables: readonly Table[],
  used: readonly Table[],
  findings: ColumnFindings,
  fileParts: InspectReport['fileParts'],
  words: boolean,
  options: InspectOptions,
): Partial<InspectReport> {
  const text = options.text ?? findings.text?.column;
  const label = options.label ?? findings.labelChoice?.choice;
  if (text === undefined || label === undefined) {
    const missing = text === undefined ? 'texts' : 'labels';
    throw new HeadlightError('bad-setting', `No column looks like one of ${missing}.`, {
      hint: `Choose the column that holds the ${missing}.`,
    });
  }
  const pair = options.pair === undefined ? (findings.pair?.column ?? null) : options.pair;
  const all = words
    ? labelSentences(used, WORDS_COLUMN, TAGS_COLUMN)
    : labelTexts(used, text, label, pair);
  const { useRows = null, repairs = [] } = options;
  const data = useRows === null ? all : drawTexts(all, useRows, 0);
  const counts = words ? null : classCounts(data);
  const lists = tables.filter((table) => !used.includes(table) && looksLikeNames(table));
  const names = lists.map((table) => namesOf(table, data.classes)).find((found) => found !== null);
  const settings = options.split ?? suggestedSplit(findings, fileParts);
  const files: FileParts =
    settings.method === 'files' ? (options.fileParts ?? fileParts?.parts ?? null) : null;

  let mended: { data: LabelledTexts; split: Split | null; changes: readonly RepairChange[] } = {
    data,
    split: null,
    changes: [],
  };
  let problem: InspectReport['problem'] = null;
  try {
    mended = words
      ? { data, split: splitSentences(data, settings, files, used), changes: [] }
      : splitRepaired(data, settings, files, used, repairs);
  } catch (error) {
    // Without a split there is still an audit, which may say what to mend.
    if (!(error instanceof HeadlightError) || error.code === 'internal') throw error;
    problem = problemOf(error);
  }
  const audit = auditData({
    tables: used,
    data: mended.data,
    texts: pair === null ? [text] : [text, pair],
    label,
    split: mended.split,
    shuffled: settings.method !== 'stratified' || settings.shuffle !== false,
    limit: options.limit ?? null,
    names: names ?? null,
  });
  const { split } = mended;
  return {
    task: words ? 'token_classification' : data.targets === null ? 'classification' : 'multi_label',
    rows: data.texts.length,
    leftOut: data.leftOut,
    classes: data.classes.map((name, index) => ({
      label: name,
      name: names?.[name] ?? null,
      rows: counts?.[index] ?? 0,
    })),
    split:
      split === null
        ? null
        : {
            settings,
            train: split.train.length,
            validation: split.validation.length,
            test: split.test.length,
            droppedFromTrain: split.droppedFromTrain.length,
            alsoInTraining: split.alsoInTraining.length,
            notes: split.notes,
          },
    audit,
    changes: mended.changes,
    problem,
  };
}

function wordFindings(tables: readonly Table[]): ColumnFindings {
  const label = { column: TAGS_COLUMN, reason: 'a tag for each word' };
  return {
    ...findColumns(tables),
    text: { column: WORDS_COLUMN, reason: 'the words of a sentence, from a CoNLL file' },
    pair: null,
    label,
    labelChoice: { choice: { kind: 'column', column: TAGS_COLUMN }, reason: label.reason },
    split: null,
    id: null,
    names: null,
  };
}

function fileOf(table: Table, used: readonly Table[], findings: ColumnFindings): InspectedFile {
  return {
    name: table.name,
    role: table.name === findings.names?.file ? 'names' : used.includes(table) ? 'data' : 'other',
    format: table.format,
    encoding: table.encoding,
    delimiter: table.delimiter,
    hasHeader: table.hasHeader,
    headerReason: table.headerReason ?? null,
    rows: table.rowCount,
    columns: table.columns.map(({ name }) => name),
    problemCount: table.problemCount,
    rejected: table.rejected.count,
    problems: table.problems.slice(0, 20),
    notes: table.notes ?? [],
  };
}
