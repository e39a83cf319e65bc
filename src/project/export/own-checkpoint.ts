/**
 * A model's own classifier with the labels of the data in place of its classes, as a checkpoint of `transformers`:
 * where each label is one class, its head keeps the rows of those classes, in the order of the labels.
 */
import { HeadlightError } from '../../base';
import {
  float32Values,
  tensorOf,
  type Checkpoint,
  type CheckpointTensor,
  type ClassGroups,
} from '../../models';
import type { ModelParts } from './parts';
import { stockNames } from './stock-names';

/**
 * @param config the checkpoint's config.json, parsed.
 * @param own how many classes its head has.
 * @throws HeadlightError `bad-model` when the head is missing.
 */
export function ownCheckpoint(
  config: Readonly<Record<string, unknown>>,
  { tensors }: Checkpoint,
  own: number,
  classes: ClassGroups,
  task: ModelParts['task'],
): Pick<ModelParts, 'config' | 'checkpoint' | 'groups'> {
  const rows = classes.groups.map(([first, ...more]) =>
    first === undefined || more.length > 0 ? null : first,
  );
  if (!rows.every((row) => row !== null))
    return { config, checkpoint: tensors, groups: { own, classes } };
  const { head } = stockNames(config).layout;
  const name = task === 'token_classification' ? head.tokenClassifier : head.classifier;
  const checkpoint = new Map(tensors);
  for (const part of ['weight', 'bias']) {
    const tensor = tensors.get(`${name}.${part}`);
    if (tensor !== undefined) checkpoint.set(`${name}.${part}`, picked(tensor, name, rows));
    else if (part === 'weight')
      throw new HeadlightError('bad-model', `The checkpoint has no head "${name}".`);
  }
  return { config, checkpoint };
}

function picked(tensor: CheckpointTensor, name: string, rows: readonly number[]): CheckpointTensor {
  const values = float32Values(tensor, name);
  const [count = 1, ...rest] = tensor.shape;
  const size = values.length / count;
  const kept = new Float32Array(rows.length * size);
  rows.forEach((row, at) => {
    kept.set(values.subarray(row * size, (row + 1) * size), at * size);
  });
  return tensorOf(kept, [rows.length, ...rest]);
}
