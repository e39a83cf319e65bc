/** The engine's part about encoders: where they come from, what is kept of them, what a download would take. */
import type { Job } from '../base';
import type { InputFile } from '../data';
import type {
  CatalogueModel,
  DownloadPlan,
  EncoderInfo,
  EncoderReference,
  KeptModel,
  Precision,
} from '../models';

export interface ModelsEngine {
  /** The usual models of the Hub, with what is known of each before it is downloaded. Ships; asks no address. */
  catalogue(): Promise<readonly CatalogueModel[]>;
  /** What ships, and what has been added on this device. */
  listEncoders(): Promise<readonly EncoderEntry[]>;
  /**
   * Downloads from the Hub (or the mirror that was set), pins the revision to the commit, checks that it loads.
   * Aborting pauses: what has come is kept, and asking again goes on from there.
   * @throws HeadlightError `storage-full` before the first byte where it will not fit.
   */
  addHubEncoder(
    id: string,
    revision: string | null,
    precision: Precision,
    signal?: AbortSignal,
  ): Job<EncoderEntry>;
  /**
   * A dropped folder, or files that were picked one by one, with `config.json`, `tokenizer.json` and weights. Those
   * that belong to the model are found by their names and read; the others stay unread.
   */
  addFolderEncoder(
    name: string,
    files: readonly InputFile[],
    precision: Precision,
    signal?: AbortSignal,
  ): Job<EncoderEntry>;
  /** From a folder on the web with `headlight-model.json`: what it names is downloaded and checked. */
  addHostEncoder(address: string, precision: Precision, signal?: AbortSignal): Job<EncoderEntry>;
  /** From a zip: what `exportModel` saved keeps its source and revision; of any other a folder in it is taken. */
  addZipEncoder(file: InputFile, precision: Precision, signal?: AbortSignal): Job<EncoderEntry>;
  /** A kept model, or one that ships, as a zip for a machine without network. */
  exportModel(
    reference: Pick<EncoderReference, 'source' | 'id' | 'revision'>,
    signal?: AbortSignal,
  ): Job<SavedModel>;
  /** What a download from the Hub would take, asked of the model host; nothing is downloaded. */
  planDownload(id: string, revision: string | null, precision: Precision): Promise<DownloadPlan>;
  /** Every model that is kept, and every download that has not ended; the one added last first. */
  listModels(): Promise<readonly KeptModel[]>;
  /** Reads every file of a kept model and compares it with what was kept. @throws HeadlightError `not-found`. */
  checkModel(model: ModelName, signal?: AbortSignal): Job<ModelCheck>;
  /** With the encoders that were made of it, and what a download left. A null revision: all of them. */
  removeModel(model: ModelName): Promise<void>;
  removeEncoder(reference: EncoderReference): Promise<void>;
}

export interface EncoderEntry {
  readonly info: EncoderInfo;
  /** Whether every file of it is on this device (or ships with the page). */
  readonly cached: boolean;
  /** Bytes kept for it in storage; 0 when it ships and nothing is kept. */
  readonly bytesKept: number;
  /** Milliseconds since the epoch; 0 when never. */
  readonly lastUsed: number;
}

/** What names a kept model, without the precision that is made of it. */
export type ModelName = Pick<EncoderReference, 'source' | 'id' | 'revision'>;

export interface ModelCheck {
  /** How many were read. */
  readonly files: number;
  /** The names of those that are missing or not what was kept. */
  readonly damaged: readonly string[];
}

export interface SavedModel {
  readonly name: string;
  /** Not in memory where the browser can help it. */
  readonly blob: Blob;
}
