/**
 * Bytes to `Model`. Everything the file says is checked before it is believed; whatever is wrong ends in
 * HeadlightError `bad-model` that names the part. Tensor data are views into the given bytes.
 */
import {
  type Attribute,
  type Dim,
  type Graph,
  type Model,
  type Node,
  type Tensor,
  type TensorType,
  type ValueInfo,
} from './model';
import { fromFiles, type ExternalSource } from './external';
import { badModel, concatenate, MessageReader } from './protobuf';
import { elementTypeOf, extra, readEntry, readTensor } from './read-tensor';

const NO_FILES: ReadonlyMap<string, Uint8Array> = new Map();
/** Exporters write one file, or one a tensor: no graph has nearly as many. */
const MOST_FILES = 10_000;

/**
 * Reads an ONNX file (`ModelProto`). Functions, training info and the like are kept unread.
 * @param external the files that hold values of tensors, by the names that `externalFiles` gives.
 * @throws HeadlightError `bad-model` when it is not one, is damaged, or such a file is missing or too short.
 */
export function readModel(
  bytes: Uint8Array,
  external: ReadonlyMap<string, Uint8Array> = NO_FILES,
): Model {
  return read(bytes, fromFiles(external));
}

/**
 * The files that hold values of the graph's tensors, relative to the graph's own folder, each once, in the order
 * in which the graph names them; none where the graph holds all its values. No tensor is read.
 * @throws HeadlightError `bad-model` as `readModel`, when a name leads out of the folder, and when there are more
 *   than any export has.
 */
export function externalFiles(bytes: Uint8Array): readonly string[] {
  const files = new Set<string>();
  read(bytes, ({ file }) => {
    files.add(file);
    if (files.size > MOST_FILES)
      throw badModel(`The graph keeps its weights in more than ${MOST_FILES} files.`);
    return null;
  });
  return [...files];
}

function read(bytes: Uint8Array, source: ExternalSource): Model {
  // Node's Buffer is a Uint8Array whose subarray and slice do something else.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new MessageReader(plain, 'model');
  let irVersion = 0;
  const opsets: { domain: string; version: number }[] = [];
  let producerName = '';
  let producerVersion = '';
  const metadata = new Map<string, string>();
  const graphParts: Uint8Array[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        irVersion = reader.integer();
        break;
      case 2:
        producerName = reader.string();
        break;
      case 3:
        producerVersion = reader.string();
        break;
      case 7:
        // A message that comes in several parts is their concatenation: files grown by appending rely on it.
        graphParts.push(reader.bytes());
        break;
      case 8:
        opsets.push(readOpset(reader.message('opset import')));
        break;
      case 14: {
        const [key, value] = readEntry(reader.message('metadata'));
        metadata.set(key, value);
        break;
      }
      default:
        reader.keep();
    }
  }
  const first = graphParts[0];
  if (first === undefined || irVersion < 1 || opsets.length === 0)
    throw badModel('This is not an ONNX model: it has no graph, no version or no operator set.');
  const graphBytes = graphParts.length === 1 ? first : concatenate(graphParts);
  const graph = readGraph(new MessageReader(graphBytes, 'graph', 1), source);
  return { irVersion, opsets, producerName, producerVersion, metadata, graph, ...extra(reader) };
}

function readOpset(reader: MessageReader): { domain: string; version: number } {
  let domain = '';
  let version = 0;
  while (reader.next()) {
    if (reader.field === 1) domain = reader.string();
    else if (reader.field === 2) version = reader.integer();
    else reader.keep();
  }
  // ONNX's own domain has two spellings.
  return { domain: domain === 'ai.onnx' ? '' : domain, version };
}

function readGraph(reader: MessageReader, source: ExternalSource): Graph {
  let name = '';
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfo: ValueInfo[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        nodes.push(readNode(reader.message('node'), source));
        break;
      case 2:
        name = reader.string();
        break;
      case 5:
        initializers.push(readTensor(reader.message('tensor'), source));
        break;
      case 11:
        inputs.push(readValueInfo(reader.message('input')));
        break;
      case 12:
        outputs.push(readValueInfo(reader.message('output')));
        break;
      case 13:
        valueInfo.push(readValueInfo(reader.message('value info')));
        break;
      default:
        reader.keep();
    }
  }
  return { name, nodes, initializers, inputs, outputs, valueInfo, ...extra(reader) };
}

function readNode(reader: MessageReader, source: ExternalSource): Node {
  let name = '';
  let opType = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        inputs.push(reader.string());
        break;
      case 2:
        outputs.push(reader.string());
        break;
      case 3:
        name = reader.string();
        break;
      case 4:
        opType = reader.string();
        break;
      case 5: {
        const [key, attribute] = readAttribute(reader.message('attribute'), source);
        if (attributes.has(key)) throw badModel(`The node "${name}" has two attributes "${key}".`);
        attributes.set(key, attribute);
        break;
      }
      case 7:
        domain = reader.string();
        break;
      default:
        reader.keep();
    }
  }
  if (opType === '') throw badModel(`The node "${name}" names no operator.`);
  if (domain === 'ai.onnx') domain = '';
  return { name, opType, domain, inputs, outputs, attributes, ...extra(reader) };
}

function readAttribute(reader: MessageReader, source: ExternalSource): [string, Attribute] {
  let name = '';
  let code = 0;
  let float = 0;
  let int = 0n;
  let string = '';
  let tensor: Tensor | undefined;
  let graph: Graph | undefined;
  const floats: number[] = [];
  const ints: bigint[] = [];
  const strings: string[] = [];
  const tensors: Tensor[] = [];
  const graphs: Graph[] = [];
  // Files older than IR version 2 leave the type out: then it is that of the one value there is.
  let seen = 0;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        name = reader.string();
        break;
      case 20:
        code = reader.integer();
        break;
      case 2:
        float = reader.float();
        seen = 1;
        break;
      case 3:
        int = reader.int64();
        seen = 2;
        break;
      case 4:
        string = reader.string();
        seen = 3;
        break;
      case 5:
        tensor = readTensor(reader.message('tensor'), source);
        seen = 4;
        break;
      case 6:
        graph = readGraph(reader.message('graph'), source);
        seen = 5;
        break;
      case 7:
        reader.floats(floats);
        seen = 6;
        break;
      case 8:
        reader.int64s(ints);
        seen = 7;
        break;
      case 9:
        strings.push(reader.string());
        seen = 8;
        break;
      case 10:
        tensors.push(readTensor(reader.message('tensor'), source));
        seen = 9;
        break;
      case 11:
        graphs.push(readGraph(reader.message('graph'), source));
        seen = 10;
        break;
      default:
        reader.keep();
    }
  }
  const rest = extra(reader);
  const missing = (): never => {
    throw badModel(`The attribute "${name}" has no value.`);
  };
  switch (code === 0 ? seen : code) {
    case 1:
      return [name, { type: 'float', value: float, ...rest }];
    case 2:
      return [name, { type: 'int', value: int, ...rest }];
    case 3:
      return [name, { type: 'string', value: string, ...rest }];
    case 4:
      return [name, { type: 'tensor', value: tensor ?? missing(), ...rest }];
    case 5:
      return [name, { type: 'graph', value: graph ?? missing(), ...rest }];
    case 6:
      return [name, { type: 'floats', value: floats, ...rest }];
    case 7:
      return [name, { type: 'ints', value: ints, ...rest }];
    case 8:
      return [name, { type: 'strings', value: strings, ...rest }];
    case 9:
      return [name, { type: 'tensors', value: tensors, ...rest }];
    case 10:
      return [name, { type: 'graphs', value: graphs, ...rest }];
    default:
      return [name, { type: 'other', code, ...rest }];
  }
}

function readValueInfo(reader: MessageReader): ValueInfo {
  let name = '';
  let type: TensorType | null = null;
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) {
      type = readType(reader.message('type'));
      if (type === null) reader.keepRead();
    } else reader.keep();
  }
  return { name, type, ...extra(reader) };
}

/** null when it is not a tensor's. */
function readType(reader: MessageReader): TensorType | null {
  let type: TensorType | null = null;
  while (reader.next()) {
    if (reader.field === 1) type = readTensorType(reader.message('tensor type'));
    else reader.keep();
  }
  return type;
}

function readTensorType(reader: MessageReader): TensorType {
  let code = 0;
  let dims: Dim[] | null = null;
  while (reader.next()) {
    if (reader.field === 1) code = reader.integer();
    else if (reader.field === 2) {
      dims = [];
      const shape = reader.message('shape');
      while (shape.next()) {
        if (shape.field === 1) dims.push(readDim(shape.message('dimension')));
        else shape.keep();
      }
    } else reader.keep();
  }
  return { elementType: elementTypeOf(code, 'A value'), dims };
}

function readDim(reader: MessageReader): Dim {
  let dim: Dim = null;
  while (reader.next()) {
    if (reader.field === 1) dim = reader.integer();
    else if (reader.field === 2) dim = reader.string();
    else reader.keep();
  }
  // Exporters write -1 or '' for "not known".
  return dim === '' || (typeof dim === 'number' && dim < 0) ? null : dim;
}
