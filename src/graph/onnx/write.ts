/** `Model` to bytes: the reverse of `readModel`. Weights are copied once, into the result. */
import {
  ELEMENT_TYPES,
  type Attribute,
  type Graph,
  type Model,
  type Node,
  type Tensor,
  type TensorType,
  type ValueInfo,
} from './model';
import { MessageWriter } from './protobuf';

/**
 * Writes an ONNX file (`ModelProto`).
 * @throws HeadlightError `bad-model` when it would be larger than 2 GB.
 */
export function writeModel(model: Model): Uint8Array {
  const writer = new MessageWriter().int(1, model.irVersion);
  if (model.producerName !== '') writer.string(2, model.producerName);
  if (model.producerVersion !== '') writer.string(3, model.producerVersion);
  writer.message(7, graphMessage(model.graph));
  for (const { domain, version } of model.opsets)
    writer.message(8, new MessageWriter().string(1, domain).int(2, version));
  for (const [key, value] of model.metadata)
    writer.message(14, new MessageWriter().string(1, key).string(2, value));
  return writer.kept(model.extraFields).finish();
}

function graphMessage(graph: Graph): MessageWriter {
  const writer = new MessageWriter();
  for (const node of graph.nodes) writer.message(1, nodeMessage(node));
  writer.string(2, graph.name);
  for (const tensor of graph.initializers) writer.message(5, tensorMessage(tensor));
  for (const info of graph.inputs) writer.message(11, valueInfoMessage(info));
  for (const info of graph.outputs) writer.message(12, valueInfoMessage(info));
  for (const info of graph.valueInfo) writer.message(13, valueInfoMessage(info));
  return writer.kept(graph.extraFields);
}

function nodeMessage(node: Node): MessageWriter {
  const writer = new MessageWriter();
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  if (node.name !== '') writer.string(3, node.name);
  writer.string(4, node.opType);
  for (const [name, attribute] of node.attributes)
    writer.message(5, attributeMessage(name, attribute));
  if (node.domain !== '') writer.string(7, node.domain);
  return writer.kept(node.extraFields);
}

function attributeMessage(name: string, attribute: Attribute): MessageWriter {
  const writer = new MessageWriter().string(1, name);
  switch (attribute.type) {
    case 'float':
      writer.float(2, attribute.value).int(20, 1);
      break;
    case 'int':
      writer.int(3, attribute.value).int(20, 2);
      break;
    case 'string':
      writer.string(4, attribute.value).int(20, 3);
      break;
    case 'tensor':
      writer.message(5, tensorMessage(attribute.value)).int(20, 4);
      break;
    case 'graph':
      writer.message(6, graphMessage(attribute.value)).int(20, 5);
      break;
    case 'floats':
      // Not packed: onnx.proto declares these lists without `packed`, and strict readers follow it.
      for (const value of attribute.value) writer.float(7, value);
      writer.int(20, 6);
      break;
    case 'ints':
      for (const value of attribute.value) writer.int(8, value);
      writer.int(20, 7);
      break;
    case 'strings':
      for (const value of attribute.value) writer.string(9, value);
      writer.int(20, 8);
      break;
    case 'tensors':
      for (const value of attribute.value) writer.message(10, tensorMessage(value));
      writer.int(20, 9);
      break;
    case 'graphs':
      for (const value of attribute.value) writer.message(11, graphMessage(value));
      writer.int(20, 10);
      break;
    case 'other':
      if (attribute.code !== 0) writer.int(20, attribute.code);
      break;
  }
  return writer.kept(attribute.extraFields);
}

function tensorMessage(tensor: Tensor): MessageWriter {
  const writer = new MessageWriter();
  for (const dim of tensor.dims) writer.int(1, dim);
  writer.int(2, ELEMENT_TYPES[tensor.elementType].code);
  if (tensor.name !== '') writer.string(8, tensor.name);
  if (tensor.elementType === 'string')
    for (const value of tensor.strings ?? []) writer.string(6, value);
  else writer.bytes(9, tensor.data);
  return writer.kept(tensor.extraFields);
}

function valueInfoMessage(info: ValueInfo): MessageWriter {
  const writer = new MessageWriter().string(1, info.name);
  if (info.type !== null) writer.message(2, typeMessage(info.type));
  return writer.kept(info.extraFields);
}

function typeMessage(type: TensorType): MessageWriter {
  const tensorType = new MessageWriter().int(1, ELEMENT_TYPES[type.elementType].code);
  if (type.dims !== null) {
    const shape = new MessageWriter();
    for (const dim of type.dims) {
      const dimension = new MessageWriter();
      if (typeof dim === 'number') dimension.int(1, dim);
      else if (dim !== null) dimension.string(2, dim);
      shape.message(1, dimension);
    }
    tensorType.message(2, shape);
  }
  return new MessageWriter().message(1, tensorType);
}
