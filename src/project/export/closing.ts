/**
 * Long texts in transformers.js: it cuts the closing special token (BERT's [SEP]) off with the rest, where
 * Python's tokenizers and Headlight keep it. The graph that is taken away puts it back, so that its logits are
 * the same there; texts that have it, and shorter ones, stay as they are.
 */
import { GraphBuilder, readModel, withoutDeadCode, writeModel, type Model } from '../../graph/onnx';
import { addTokenInputs, type ClosingToken } from '../../models';

const IDS = 'input_ids';
const CLOSED = 'closing/input_ids';

/** @param model ONNX bytes with the inputs `input_ids` and `attention_mask`, int64 [batch, tokens]. */
export function keepClosingToken(model: Uint8Array, closing: ClosingToken): Uint8Array {
  const whole = readModel(model);
  const before = closingNodes(closing);
  const { graph } = whole;
  return writeModel({
    ...whole,
    graph: {
      ...graph,
      nodes: [
        ...before.graph.nodes,
        ...graph.nodes.map((node) =>
          node.inputs.includes(IDS)
            ? { ...node, inputs: node.inputs.map((name) => (name === IDS ? CLOSED : name)) }
            : node,
        ),
      ],
      initializers: [...before.graph.initializers, ...graph.initializers],
    },
  });
}

function closingNodes(closing: ClosingToken): Model {
  const builder = new GraphBuilder({ name: 'closing', prefix: 'closing/' });
  builder.output(addTokenInputs(builder, closing).ids, CLOSED);
  return withoutDeadCode(builder.build());
}
