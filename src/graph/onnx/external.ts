/**
 * Values of tensors that lie in other files than the graph (`external_data`): where, checked, and from files that
 * are at hand. Nothing is believed: a location is the plain name of a file beside the graph, and what is read lies
 * inside of it.
 *
 * Source: https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
 */
import { HeadlightError } from '../../base';
import { badModel } from './protobuf';

/** Where a tensor's values lie. */
export interface ExternalPlace {
  /** Relative to the graph's folder. */
  readonly file: string;
  readonly offset: number;
  /** null: as many bytes as the shape takes. */
  readonly length: number | null;
}

/**
 * Gives the values of a tensor of so many bytes; null when they are not asked for.
 * @throws HeadlightError `bad-model` when they are not there.
 */
export type ExternalSource = (
  place: ExternalPlace,
  tensor: string,
  bytes: number,
) => Uint8Array | null;

const LONGEST_NAME = 1024;

/**
 * @param entries of the tensor's `external_data`.
 * @throws HeadlightError `bad-model` for anything but a file beside the graph.
 */
export function externalPlace(entries: ReadonlyMap<string, string>, tensor: string): ExternalPlace {
  const location = entries.get('location') ?? '';
  const file = location.replace(/^(\.\/)+/, '');
  const parts = file.split('/');
  const isPlain =
    file.length <= LONGEST_NAME &&
    Array.from(file).every((letter) => letter >= ' ' && letter !== '\\' && letter !== ':') &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (!isPlain)
    throw badModel(
      `The tensor "${tensor}" is kept in "${location.slice(0, 80)}", which is no name of a file beside the graph.`,
    );
  const offset = numberOf(entries.get('offset') ?? '0', 'offset', tensor);
  const length = entries.get('length');
  return { file, offset, length: length === undefined ? null : numberOf(length, 'length', tensor) };
}

function numberOf(text: string, what: string, tensor: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value))
    throw badModel(
      `The tensor "${tensor}" has the ${what} "${text.slice(0, 40)}" in its external data.`,
    );
  return value;
}

/** Values as views of files, by their names. */
export function fromFiles(files: ReadonlyMap<string, Uint8Array>): ExternalSource {
  return ({ file, offset, length }, tensor, bytes) => {
    const found = files.get(file);
    if (found === undefined)
      throw new HeadlightError(
        'bad-model',
        `The graph keeps the tensor "${tensor}" in the file ${file}, which is not there.`,
        { hint: `Put ${file} beside the ONNX file, or download the model again.` },
      );
    if (length !== null && length !== bytes)
      throw badModel(
        `The tensor "${tensor}" takes ${bytes} bytes by its shape, but ${length} in ${file}.`,
      );
    if (offset > found.length || bytes > found.length - offset)
      throw badModel(
        `The tensor "${tensor}" lies at byte ${offset} of ${file} and takes ${bytes}, but the file has ${found.length}.`,
      );
    // A plain Uint8Array: the subarray of Node's Buffer is a Buffer, whose slice does not copy.
    return new Uint8Array(found.buffer, found.byteOffset + offset, bytes);
  };
}
