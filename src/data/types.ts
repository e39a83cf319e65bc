/** What the data room hands to the rooms above it. */

export type EncodingName = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

/** A file as the person dropped it. */
export interface SourceFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One cell a row, kept as bytes and decoded when read; a string[] is one too. */
export interface Cells extends Iterable<string> {
  readonly length: number;
  at(row: number): string | undefined;
}

export interface Column {
  readonly name: string;
  /** One cell a row; a cell that the file lacks is ''. */
  readonly cells: readonly string[];
}

/** A row that could not be taken as it stands. */
export interface RowProblem {
  /** Line in the file where the row begins, 1-based, the header counted. */
  readonly line: number;
  readonly problem: string;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rowCount: number;
  /** `conll`: a sentence a row, words and their tags joined by single spaces; see `conll.ts`. */
  readonly format: 'table' | 'conll';
  /** Line in the file where row i begins, 1-based. */
  readonly lines: Int32Array;
  readonly encoding: EncodingName;
  readonly delimiter: ',' | '\t' | ';' | '|';
  /** False when the file has no header; columns are then named `column 1`, `column 2`, … */
  readonly hasHeader: boolean;
  /** Why the first row was taken as header or not, one plain sentence. */
  readonly headerReason?: string;
  readonly problems: readonly RowProblem[];
}

export interface ParseSettings {
  readonly encoding?: EncodingName;
  readonly delimiter?: Table['delimiter'];
  readonly hasHeader?: boolean;
  readonly format?: Table['format'];
}

/** A column picked for a role, and why, in one plain sentence. */
export interface Finding {
  readonly column: string;
  readonly reason: string;
  /** Up to three others that it could be, best first. */
  readonly alternatives?: readonly Finding[];
}

/** Which labels the texts have. */
export type LabelChoice =
  | { readonly kind: 'column'; readonly column: string }
  /** Several binary columns: multi-label. */
  | { readonly kind: 'columns'; readonly columns: readonly string[] }
  /** Several values in a cell: multi-label. */
  | { readonly kind: 'delimited'; readonly column: string; readonly delimiter: string };

export interface LabelFinding {
  readonly choice: LabelChoice;
  readonly reason: string;
  readonly alternatives?: readonly LabelFinding[];
}

/** Where a row belongs. */
export type Part = 'train' | 'validation' | 'test' | 'unused';

export interface SplitFinding {
  readonly column: string;
  /** Value of the column to part. */
  readonly parts: Readonly<Record<string, Part>>;
  readonly reason: string;
  readonly alternatives?: readonly Finding[];
}

/** A file of names for labels that are numbers. */
export interface NamesFinding {
  readonly file: string;
  readonly reason: string;
}

export interface ColumnFindings {
  readonly text: Finding | null;
  /** The second text of each row, where the texts are pairs. */
  readonly pair: Finding | null;
  /** The best column of one label a row. */
  readonly label: Finding | null;
  /** How the labels stand in the file; several labels a row are found here. */
  readonly labelChoice: LabelFinding | null;
  readonly split: SplitFinding | null;
  readonly id: Finding | null;
  readonly names: NamesFinding | null;
  /** Every column with what it looks like, for the person to choose from. */
  readonly columns: readonly ColumnProfile[];
}

export interface ColumnProfile {
  readonly name: string;
  readonly distinct: number;
  readonly empty: number;
  /** Mean length in characters of the non-empty cells. */
  readonly meanLength: number;
  /** Up to three example cells. */
  readonly examples: readonly string[];
}

/** Rows that can be learned from: texts with one label each, or with several. */
export interface LabelledTexts {
  readonly texts: readonly string[];
  /** The second text of each pair; null for single texts. */
  readonly pairs: readonly string[] | null;
  /**
   * Class index of each text, in the order of `classes`. Where `tags` are there: of the type of entity that
   * fills most of the sentence's words (its `B-` tag, or the first of its tags), of `O` where there is none.
   */
  readonly labels: Int32Array;
  /** Class index of each word of each text, words being divided by single spaces; null when texts are classified. */
  readonly tags: readonly Int32Array[] | null;
  /** 0/1 `[rows, classes]` row-major for multi-label; else null. `labels` is then the stratum of the row. */
  readonly targets: Uint8Array | null;
  /** Group of each row (id column), -1 for a row without; or null. */
  readonly groups: Int32Array | null;
  /** Sorted as scikit-learn sorts them (by code point; numerically when all are numbers). */
  readonly classes: readonly string[];
  /** Which row of which table each text came from. */
  readonly origin: readonly RowOrigin[];
  /** Rows left out, counted by reason: no text, no label. */
  readonly leftOut: readonly { readonly reason: string; readonly rows: number }[];
}

export interface RowOrigin {
  readonly file: string;
  /** 0-based row in that table. */
  readonly row: number;
  /** 1-based line in that file. */
  readonly line: number;
}

export type SplitSettings =
  | {
      readonly method: 'stratified';
      /** Share of the test part, in (0, 1). Default 0.2. */
      readonly testShare: number;
      /** Default 0: no validation part. */
      readonly validationShare?: number;
      readonly seed: number;
      /** Default true. */
      readonly shuffle?: boolean;
      /** Default true. */
      readonly stratify?: boolean;
      /** An id column: a group stands on one side. */
      readonly groups?: string;
    }
  | {
      readonly method: 'column';
      readonly column: string;
      /** Value to part; rows of other values are unused. */
      readonly parts: Readonly<Record<string, Part>>;
    }
  | { readonly method: 'files' };

export interface Split {
  /** Indices into LabelledTexts. */
  readonly train: Int32Array;
  /** Empty when there is no validation part. */
  readonly validation: Int32Array;
  readonly test: Int32Array;
  /** Training rows dropped because the same text, exactly or nearly, also stands in another part. */
  readonly droppedFromTrain: Int32Array;
  /** Test rows whose text also stood in training; the figures are also given on the rest when something was dropped. */
  readonly alsoInTraining: Int32Array;
  /** Plain sentences about what was done. */
  readonly notes: readonly string[];
}
