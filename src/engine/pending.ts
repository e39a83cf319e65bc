/** Functions of the rooms below that are being written, as this room expects them. */
import * as models from '../models';
import type {
  ClassifierGraphOptions,
  EncoderFiles,
  TextTokenizer,
  TrainableModel,
  TrainableOptions,
} from '../models';

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
const makers = models as unknown as Models;

export const openTrainableModel: Models['openTrainableModel'] = (...given) =>
  makers.openTrainableModel(...given);
export const classifierModelGraph: Models['classifierModelGraph'] = (...given) =>
  makers.classifierModelGraph(...given);
