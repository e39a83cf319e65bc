/** The same model in another precision, made of the weights that are in memory: nothing is read again. */
import { HeadlightError } from '../../base';
import { checkpointBytes, openEncoderModel } from '../encoders';
import type { Precision } from '../types';
import type { Encoder } from './encoder';

/**
 * @throws HeadlightError `bad-setting` when it cannot be made: of an exported graph, of static embeddings, and of
 *   weights that came in 8 bits.
 */
export function withPrecision(encoder: Encoder, precision: Precision): Encoder {
  const { info, weights } = encoder;
  if (info.reference.precision === precision) return encoder;
  if (weights.kind !== 'checkpoint')
    throw new HeadlightError(
      'bad-setting',
      `${info.name} is kept as the graph that it came as, in ${info.reference.precision}.`,
      {
        hint: 'Other precisions are made of a checkpoint: add the model from its original weights.',
      },
    );
  const config = encoder.files.find(({ name }) => name === 'config.json')?.bytes;
  if (config === undefined) throw new HeadlightError('internal', 'An encoder has no config.json.');
  const model = openEncoderModel({ config, weights }, precision);
  return { ...encoder, info: { ...info, reference: { ...info.reference, precision } }, model };
}

/** Bytes of an encoder's weights as they are kept in memory; null where only its files are known. */
export function weightBytes({ info, weights }: Encoder): number | null {
  if (weights.kind !== 'checkpoint') return null;
  return checkpointBytes(weights.checkpoint, info.reference.precision);
}
