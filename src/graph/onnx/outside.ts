/**
 * A model whose large tensors stand outside of its bytes, each as a file of its own: what a session is made of.
 * So the bytes of a graph are a few kilobytes, and a weight that is a view into a checkpoint is never copied
 * on this side: the runtime takes it from there.
 *
 * Source: https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
 */
import type { Model, Tensor } from './model';
import { MessageWriter } from './protobuf';
import { writeModel } from './write';

export interface ModelWithExternal {
  readonly bytes: Uint8Array;
  /** By the location that the tensors name. */
  readonly external: ReadonlyMap<string, Uint8Array>;
}

/** Smaller ones stay inside: shapes and axes must be known while the graph is read. */
const SMALLEST = 1024;
/** `TensorProto.DataLocation.EXTERNAL` */
const EXTERNAL = 1;

/** @throws HeadlightError `bad-model` when what is left inside is larger than 2 GB. */
export function writeModelWithExternal(model: Model): ModelWithExternal {
  const external = new Map<string, Uint8Array>();
  const initializers = model.graph.initializers.map((tensor) => {
    if (tensor.elementType === 'string' || tensor.data.length < SMALLEST) return tensor;
    const location = `weight.${external.size}`;
    external.set(location, tensor.data);
    return outside(tensor, location);
  });
  return { bytes: writeModel({ ...model, graph: { ...model.graph, initializers } }), external };
}

/** The tensor with its values elsewhere: `external_data` (13) and `data_location` (14). */
function outside(tensor: Tensor, location: string): Tensor {
  const writer = new MessageWriter().kept(tensor.extraFields);
  const { length } = tensor.data;
  for (const [key, value] of [
    ['location', location],
    ['length', String(length)],
  ] as const)
    writer.message(13, new MessageWriter().string(1, key).string(2, value));
  writer.int(14, EXTERNAL);
  return { ...tensor, data: new Uint8Array(0), extraFields: writer.finish() };
}
