/** A graph whose weights are moved to files beside it, as `onnx.save(..., save_as_external_data=True)` writes it. */
import { readModel, writeModel, type Model, type Tensor } from '../../src/graph/onnx';
import { MessageWriter } from '../../src/graph/onnx/protobuf';

/** What the graph says of its tensors instead of the truth. */
export interface Places {
  readonly location?: string;
  readonly offset?: string;
  readonly length?: string;
}

/** Smaller ones stay in the graph: shapes are read from it before anything else. */
const SMALL = 64;

/** @param fileOf the file of a tensor by its number. */
export function intoExternal(
  bytes: Uint8Array,
  fileOf: (tensor: number) => string,
  lie: Places = {},
): { readonly graph: Uint8Array; readonly files: ReadonlyMap<string, Uint8Array> } {
  const model = readModel(bytes);
  const files = new Map<string, number[]>();
  const moved = model.graph.initializers.map((tensor, i) => {
    if (tensor.data.byteLength <= SMALL) return tensor;
    const name = fileOf(i);
    const file = files.get(name) ?? [];
    files.set(name, file);
    const place = {
      location: name,
      offset: String(file.length),
      length: String(tensor.data.byteLength),
      ...lie,
    };
    file.push(...tensor.data);
    return elsewhere(tensor, place);
  });
  const changed: Model = { ...model, graph: { ...model.graph, initializers: moved } };
  return {
    graph: writeModel(changed),
    files: new Map([...files].map(([name, data]) => [name, Uint8Array.from(data)])),
  };
}

/** `external_data` (13) and `data_location` EXTERNAL (14) of a `TensorProto` without raw data. */
function elsewhere(tensor: Tensor, place: Readonly<Record<string, string>>): Tensor {
  const fields = new MessageWriter();
  for (const [key, value] of Object.entries(place))
    fields.message(13, new MessageWriter().string(1, key).string(2, value));
  fields.int(14, 1);
  return { ...tensor, data: new Uint8Array(0), extraFields: fields.finish() };
}
