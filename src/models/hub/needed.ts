/** Which of a repository's files a model needs, small ones first: what cannot be used is seen before its weights come. */
import { HeadlightError } from '../../base';
import { tokenizerNames } from '../text';
import type { Precision } from '../types';
import { SENTENCE_FILES } from './sentence-transformers';
import { chooseWeightFiles, type WeightFiles } from './weight-files';

const OPTIONAL = ['tokenizer_config.json', ...SENTENCE_FILES];
/** Configurations of what follows the transformer, as sentence-transformers numbers them: `1_Pooling/config.json`. */
const MODULE = /^\d{1,2}_[A-Za-z]\w*\/config\.json$/;

export interface NeededFiles {
  readonly weights: WeightFiles;
  /** All of them, the weights last. */
  readonly names: readonly string[];
}

/**
 * @param names all that the repository has
 * @throws HeadlightError `bad-model`, saying what is missing.
 */
export function neededFiles(
  names: readonly string[],
  precision: Precision,
  id: string,
): NeededFiles {
  const weights = chooseWeightFiles(names, precision, id);
  // An architecture that has no such tokenizer is refused when it is made.
  const required = ['config.json', ...tokenizerNames(names)];
  for (const name of required) {
    if (names.includes(name)) continue;
    throw new HeadlightError('bad-model', `${id} has no ${name}.`, {
      hint: 'Headlight reads models with config.json, tokenizer.json and model.safetensors or an exported model.onnx; choose one that has them.',
    });
  }
  const small = [
    ...required,
    ...OPTIONAL.filter((name) => names.includes(name)),
    ...names.filter((name) => MODULE.test(name)),
  ];
  return { weights, names: [...small, ...weights.files.filter((name) => !small.includes(name))] };
}
