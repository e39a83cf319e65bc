/** Which of a model's files hold its weights: a checkpoint before an export, safetensors before a pickle. */
import { canonicalJson, HeadlightError, sha256 } from '../../base';
import { readSafetensors } from '../checkpoints';
import type { EncoderWeights } from '../encoders';
import type { Precision } from '../types';
import { chooseExport, readExternal, usualExternal } from './onnx-files';

export interface WeightFiles {
  readonly format: 'safetensors' | 'pytorch' | 'onnx';
  /** The index, or the one file, first. */
  readonly files: readonly string[];
}

const SAFETENSORS = ['model.safetensors', 'model_q8.safetensors'];
/**
 * @param names all that the model has, relative to its folder
 * @param id the model's, for the error message
 * @throws HeadlightError `bad-model`, naming what there is instead; `bad-setting` when there are only exported
 *   graphs, and none of them in this precision or a larger one.
 */
export function chooseWeightFiles(
  names: readonly string[],
  precision: Precision,
  id: string,
): WeightFiles {
  const one = (candidates: readonly string[]): string | undefined =>
    candidates.find((candidate) => names.includes(candidate));
  const safetensors = one(SAFETENSORS);
  if (safetensors !== undefined) return { format: 'safetensors', files: [safetensors] };
  const onnx = chooseExport(names, precision, id);
  if (onnx !== null) return { format: 'onnx', files: [onnx, ...usualExternal(onnx, names)] };
  const found = names.includes('model.safetensors.index.json')
    ? 'its weights are split over several files'
    : names.includes('pytorch_model.bin')
      ? 'only pytorch_model.bin'
      : 'no weights that Headlight can read';
  throw new HeadlightError('bad-model', `${id} has no model.safetensors: ${found}.`, {
    hint: 'Choose a model, or a revision of it, that has model.safetensors or onnx/model.onnx. A pytorch_model.bin is not read, since it can run code.',
  });
}

/** The weights of a file whose name is known. */
export function oneWeightFile(name: string): WeightFiles {
  return { format: name.endsWith('.onnx') ? 'onnx' : 'safetensors', files: [name] };
}

/**
 * Reads the weights. Nothing is copied: tensors are views into the files.
 * @param weights of a graph with all files that it names: `withExternalFiles`.
 * @throws HeadlightError `bad-model` when a file is missing, cut short or damaged.
 */
export function readWeights(
  weights: WeightFiles,
  read: (name: string) => Uint8Array,
): EncoderWeights {
  const file = read(weights.files[0] ?? '');
  return weights.format === 'onnx'
    ? { kind: 'onnx', model: file, external: readExternal(weights, read) }
    : { kind: 'checkpoint', checkpoint: readSafetensors(file) };
}

/** SHA-256 of the one file; of several, that of their hashes by name, as canonical JSON. */
export async function hashWeights(
  weights: WeightFiles,
  read: (name: string) => Uint8Array,
): Promise<string> {
  const [first = '', ...more] = weights.files;
  if (more.length === 0) return sha256(read(first));
  const hashes: Record<string, string> = {};
  for (const name of weights.files) hashes[name] = await sha256(read(name));
  return sha256(canonicalJson(hashes));
}
