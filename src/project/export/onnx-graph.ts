/** The graph of a trained model, as the models' room is about to give it: with the precision that it is kept in. */
import * as models from '../../models';
import type { ClassifierGraphOptions, EncoderFiles } from '../../models';
import type { OnnxVariant } from './loading';

export const { classifierModelGraph } = models as unknown as {
  readonly classifierModelGraph: (
    files: EncoderFiles,
    options: ClassifierGraphOptions & { readonly variant: OnnxVariant },
  ) => Uint8Array;
};
