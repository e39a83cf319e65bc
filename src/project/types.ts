/**
 * A recipe is what was asked, a run what came out. Both are small JSON documents with a schemaVersion;
 * `migrate.ts` brings old ones up to date. docs/formats.md documents every key.
 */
import type { EncodingName, ParseSettings, SplitSettings, Table } from '../data';
import type { MajorityBaseline, Metrics } from '../learning/evaluate';
import type { FitReport, LogisticSettings } from '../learning/heads';
import type { EmbedSettings, EncoderReference } from '../models';
import type { Device } from '../platform';

export const RECIPE_VERSION = 1;
export const RUN_VERSION = 1;
export const PROJECT_VERSION = 1;

export interface RecipeFile {
  /** File name, without folders. */
  readonly name: string;
  /** SHA-256 of the bytes; `headlight run` refuses other bytes. */
  readonly sha256: string;
  readonly encoding: EncodingName;
  readonly delimiter: Table['delimiter'];
  readonly hasHeader: boolean;
}

export interface Recipe {
  readonly kind: 'headlight.recipe';
  readonly schemaVersion: typeof RECIPE_VERSION;
  readonly task: 'classification';
  readonly data: {
    readonly train: RecipeFile;
    readonly test: RecipeFile | null;
    readonly text: string;
    readonly label: string;
  };
  readonly split: SplitSettings;
  readonly encoder: EncoderReference & { readonly revision: string };
  readonly embed: EmbedSettings;
  readonly device: Device;
  readonly head: LogisticSettings;
}

export interface RunRecord {
  readonly kind: 'headlight.run';
  readonly schemaVersion: typeof RUN_VERSION;
  readonly data: {
    readonly train: RecipeFile & { readonly rows: number };
    readonly test: (RecipeFile & { readonly rows: number }) | null;
    readonly text: string;
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
  readonly encoder: EncoderReference &
    EmbedSettings & {
      readonly device: Device;
      readonly architecture: string;
      readonly hidden_size: number;
      readonly notes: readonly string[];
    };
  readonly head: LogisticSettings & { readonly fit: FitReport };
  readonly metrics: {
    readonly train: Metrics;
    readonly test: Metrics;
    readonly baseline: MajorityBaseline;
  };
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
  readonly environment: Readonly<Record<string, string>>;
}

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
