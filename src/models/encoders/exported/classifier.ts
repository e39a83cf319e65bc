/** The classifier inside of an exported graph: its own output `logits`, of texts and of pairs. */
import { HeadlightError } from '../../../base';
import { readModel, type Model, type ValueInfo } from '../../../graph/onnx';
import type { EncoderWeights } from '../encoder-weights';
import { exportedClassifier, type OwnClassifier } from '../own-classifier';
import { Extension } from './extension';

const LOGITS = 'logits';

/** The output [batch, classes]. */
function logitsOf({ graph }: Model): ValueInfo | undefined {
  return graph.outputs.find(({ name, type }) => {
    const isFloat = type?.elementType === 'float32' || type?.elementType === 'float16';
    return name === LOGITS && isFloat && (type.dims === null || type.dims.length === 2);
  });
}

/** @returns null when the graph has no logits of texts, or config.json names another kind of model. */
export function classifierOfExport(config: Uint8Array, source: Model): OwnClassifier | null {
  const logits = logitsOf(source);
  if (logits === undefined) return null;
  const columns = logits.type?.dims?.at(-1);
  return exportedClassifier(config, typeof columns === 'number' ? columns : null);
}

/**
 * The graph itself with the inputs `input_ids`, `attention_mask` and, where it asks for them, `token_type_ids` (int64
 * [batch, tokens]), and the one output `logits`, float32 [batch, classes].
 * @throws HeadlightError `bad-model` when the weights are a checkpoint, or the graph has no logits.
 */
export function exportedClassifierModel(weights: EncoderWeights): Model {
  if (weights.kind !== 'onnx') throw new HeadlightError('internal', 'a checkpoint is no export');
  const source = readModel(weights.model, weights.external);
  const logits = logitsOf(source);
  if (logits === undefined)
    throw new HeadlightError('bad-model', 'The exported graph has no output “logits” of texts.');
  const graph = new Extension(source, null, true);
  const columns = logits.type?.dims?.at(-1);
  graph.output(
    graph.after.cast(logits.name, 'float32'),
    LOGITS,
    typeof columns === 'number' ? columns : 'classes',
  );
  return graph.model();
}
