/** A config and its parameters as a model whose graphs can be made; what leaves it needs its weights, and is added. */
import { HeadlightError } from '../../../base';
import type { TransformerConfig } from '../config';
import { layoutOf } from '../layout';
import type { Parameter, TrainableModel, TrainableOptions } from '../trainable-types';
import { addForward } from './forward';

export function modelOf(
  config: TransformerConfig,
  parameters: ReadonlyMap<string, Parameter>,
  options: TrainableOptions,
): Omit<TrainableModel, 'checkpoint' | 'adapter'> {
  const layout = layoutOf(config);
  const find = ({ name }: Pick<Parameter, 'name'>): Parameter => {
    const parameter = parameters.get(name);
    if (parameter !== undefined) return parameter;
    throw new HeadlightError('internal', `A trainable model has no parameter "${name}".`);
  };
  return {
    architecture: config.modelType,
    options,
    hiddenSize: config.hiddenSize,
    layers: config.layers,
    maxTokens: config.maxTokens,
    tokenTypes: layout.tokenTypes,
    wordTable: layout.prefix + layout.words,
    parameters,
    forward: (builder, forwardOptions) =>
      addForward(
        builder,
        { config, options, find, has: (name) => parameters.has(name) },
        forwardOptions,
      ),
  };
}
