/** Functions of the rooms below that are being written, as this room expects them. */
import type { Job } from '../base';
import * as learning from '../learning/finetune';
import type { FinetuneEstimate, FinetuneRequest, FinetuneResult } from '../learning/finetune';
import * as models from '../models';
import type {
  ClassifierGraphOptions,
  EncoderFiles,
  TextTokenizer,
  TrainableModel,
  TrainableOptions,
} from '../models';
import type { Storage } from '../platform';
import type { UnfinishedFinetune } from './finetuning-types';

interface Learning {
  finetune(request: FinetuneRequest, signal?: AbortSignal): Job<FinetuneResult>;
  estimateFinetune(request: FinetuneRequest, signal?: AbortSignal): Job<FinetuneEstimate>;
  readUnfinished(
    storage: Storage,
    scope: string,
  ): Promise<
    | (Omit<UnfinishedFinetune, 'choice'> & { readonly identity: string; readonly meta: unknown })
    | null
  >;
  discardFinetune(storage: Storage, scope: string): Promise<void>;
}
interface Models {
  openTrainableModel(files: EncoderFiles, options: TrainableOptions): TrainableModel;
  classifierModelGraph(files: EncoderFiles, options: ClassifierGraphOptions): Uint8Array;
}
/** What the tokenizer is to learn. */
export interface PairTokenizer extends TextTokenizer {
  encodePair(
    text: string,
    pair: string,
    maxTokens: number,
  ): {
    readonly ids: readonly number[];
    readonly types: readonly number[];
    readonly truncated: boolean;
  };
  /** `words`: which word each token belongs to; -1 for special tokens. */
  encodeWords(
    words: readonly string[],
    maxTokens: number,
  ): {
    readonly ids: readonly number[];
    readonly words: readonly number[];
    readonly truncated: boolean;
  };
}
const trainer = learning as unknown as Learning;
const makers = models as unknown as Models;

export const finetune: Learning['finetune'] = (...given) => trainer.finetune(...given);
export const estimateFinetune: Learning['estimateFinetune'] = (...given) =>
  trainer.estimateFinetune(...given);
export const readUnfinished: Learning['readUnfinished'] = (...given) =>
  trainer.readUnfinished(...given);
export const discardFinetune: Learning['discardFinetune'] = (...given) =>
  trainer.discardFinetune(...given);
export const openTrainableModel: Models['openTrainableModel'] = (...given) =>
  makers.openTrainableModel(...given);
export const classifierModelGraph: Models['classifierModelGraph'] = (...given) =>
  makers.classifierModelGraph(...given);
