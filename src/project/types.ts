/**
 * A recipe is what was asked, a run what came out. Both are small JSON documents with a schemaVersion;
 * `migrate.ts` brings old ones up to date. docs/formats.md documents every key.
 */
import type { CurvePoint } from '../base';
import type { EncodingName, ParseSettings, SplitSettings, Table } from '../data';
import type { EntityScores, MajorityBaseline, Metrics } from '../learning/evaluate';
import type { FinetuneResult, FinetuneSettings } from '../learning/finetune';
import type { FitReport, LogisticSettings } from '../learning/heads';
import type { EmbedSettings, EncoderReference } from '../models';
import type { Device } from '../platform';

export const RECIPE_VERSION = 2;
export const RUN_VERSION = 2;
export const PROJECT_VERSION = 2;

/** A class a text, or a class a word. */
export type Task = 'classification' | 'token_classification';

export interface RecipeFile {
  /** File name, without folders. */
  readonly name: string;
  /** SHA-256 of the bytes; `headlight run` refuses other bytes. */
  readonly sha256: string;
  readonly format: Table['format'];
  readonly encoding: EncodingName;
  readonly delimiter: Table['delimiter'];
  readonly hasHeader: boolean;
}

interface RecipeBase {
  readonly kind: 'headlight.recipe';
  readonly schemaVersion: typeof RECIPE_VERSION;
  readonly task: Task;
  readonly data: {
    readonly train: RecipeFile;
    readonly test: RecipeFile | null;
    readonly text: string;
    /** The column of second texts; null for single texts. */
    readonly text_pair: string | null;
    readonly label: string;
  };
  readonly split: SplitSettings;
  readonly encoder: EncoderReference & { readonly revision: string };
  readonly device: Device;
}

/** A head on frozen features. */
export interface ProbeRecipe extends RecipeBase {
  readonly method: 'probe';
  readonly task: 'classification';
  readonly embed: EmbedSettings;
  readonly head: LogisticSettings;
}

/** The encoder trained with its head. */
export interface FinetuneRecipe extends RecipeBase {
  readonly method: 'finetune';
  readonly finetune: FinetuneSettings;
}

export type Recipe = ProbeRecipe | FinetuneRecipe;

interface RecordBase {
  readonly kind: 'headlight.run';
  readonly schemaVersion: typeof RUN_VERSION;
  readonly task: Task;
  readonly data: {
    readonly train: RecipeFile & { readonly rows: number };
    readonly test: (RecipeFile & { readonly rows: number }) | null;
    readonly text: string;
    readonly text_pair: string | null;
    readonly label: string;
    readonly classes: readonly string[];
    readonly left_out: readonly { readonly reason: string; readonly rows: number }[];
  };
  readonly split: SplitSettings & {
    readonly train_rows: number;
    readonly test_rows: number;
    readonly dropped_from_train: number;
    readonly notes: readonly string[];
  };
  /** Of texts; for token classification of words. */
  readonly metrics: {
    readonly train: Metrics;
    readonly test: Metrics;
    readonly baseline: MajorityBaseline;
  };
  readonly environment: Readonly<Record<string, string>>;
}

interface RecordEncoder extends EncoderReference {
  readonly device: Device;
  readonly architecture: string;
  readonly hidden_size: number;
  readonly notes: readonly string[];
}

export interface ProbeRecord extends RecordBase {
  readonly method: 'probe';
  readonly task: 'classification';
  readonly encoder: RecordEncoder & EmbedSettings;
  readonly head: LogisticSettings & { readonly fit: FitReport };
  readonly timing: {
    readonly load_seconds: number;
    readonly embed_seconds: number;
    readonly fit_seconds: number;
    readonly evaluate_seconds: number;
    readonly total_seconds: number;
    /** Unique texts embedded in this run (the rest came from committed shards). */
    readonly texts_embedded: number;
    readonly texts_from_cache: number;
    readonly texts_per_second: number | null;
  };
}

/** How a fine-tune went. */
export interface FinetuneReport {
  readonly history: readonly CurvePoint[];
  /** The optimiser step whose weights are kept, and how many there were to be. */
  readonly step: number;
  readonly steps: number;
  readonly ended: FinetuneResult['ended'];
  readonly trainable_parameters: number;
  readonly parameters: number;
  /** Rows that were trained on, and rows of the training part that evaluations during training used. */
  readonly train_rows: number;
  readonly validation_rows: number;
  readonly tokens_per_second: number | null;
  /** The step of the checkpoint that training went on from; null when it ran in one go. */
  readonly resumed_at_step: number | null;
}

export interface FinetuneRecord extends RecordBase {
  readonly method: 'finetune';
  readonly encoder: RecordEncoder;
  readonly finetune: FinetuneSettings & { readonly fit: FinetuneReport };
  /** Token classification only: whole entities, as seqeval counts them. */
  readonly entities: { readonly train: EntityScores; readonly test: EntityScores } | null;
  readonly timing: {
    readonly load_seconds: number;
    readonly tokenize_seconds: number;
    /** All sittings together. */
    readonly train_seconds: number;
    readonly evaluate_seconds: number;
    /** Of the last sitting. */
    readonly total_seconds: number;
  };
}

export type RunRecord = ProbeRecord | FinetuneRecord;

/** A run as it is kept: its record, and the recipe that makes it again. */
export interface RunDocument {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly recipe: Recipe;
  readonly record: RunRecord;
}

/** What the person decided about the data; every field has been found or defaulted first. */
export interface DataChoice {
  readonly trainFile: string;
  readonly testFile: string | null;
  readonly textColumn: string | null;
  /** Second texts, for pairs (premise and hypothesis, question and answer); null for single texts. */
  readonly textPairColumn: string | null;
  readonly labelColumn: string | null;
  readonly split: SplitSettings;
  readonly parse: ParseSettings;
}

/** A project as it is kept; the files' bytes and the runs stand beside it in storage. */
export interface ProjectRecord {
  readonly kind: 'headlight.project';
  readonly schemaVersion: typeof PROJECT_VERSION;
  readonly id: string;
  readonly name: string;
  readonly created: number;
  readonly modified: number;
  readonly files: readonly {
    readonly name: string;
    readonly sha256: string;
    readonly bytes: number;
  }[];
  readonly choice: DataChoice;
  /** Rows and classes that can be learned from, for the list of projects. */
  readonly rows: number;
  readonly classes: number;
}
