/**
 * ONNX Runtime's fused operators as plain ones, all but attention: normalisation with the residual sum in
 * it, embeddings, Gelu with its bias, products with transposes in them.
 *
 * Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { MICROSOFT } from '../builder';
import type { Attribute } from '../model';
import { unsupported, type Handler, type Handlers, type NodeCall } from './call';
import { rootMeanSquareNorm } from './normalise';
import type { Value } from './rewriter';

function layerNorm(call: NodeCall, value: Value, gamma: Value, beta: Value | null): Value {
  const epsilon: Attribute = { type: 'float', value: call.float('epsilon', 1e-12) };
  const inputs = beta ? [value, gamma, beta] : [value, gamma];
  return call.add('LayerNormalization', inputs, { axis: { type: 'int', value: -1n }, epsilon });
}

/** Outputs: normalised, mean, inverse deviation, the sum. The two in the middle are for training only. */
const skipLayerNorm =
  (simplified: boolean): Handler =>
  (call) => {
    if (call.wants(1) || call.wants(2)) unsupported('its outputs mean and inv_std_var');
    const bias = call.optional(simplified ? 3 : 4);
    const first = bias ? call.add('Add', [call.input(0), bias]) : call.input(0);
    const sum = call.add('Add', [first, call.input(1)]);
    const normal = simplified
      ? rootMeanSquareNorm(call, sum, call.input(2), -1)
      : layerNorm(call, sum, call.input(2), call.optional(3));
    return [normal, null, null, sum];
  };

/** Inputs: ids, segments, word, position and segment tables, gamma, beta, mask, positions. */
export const embedLayerNorm: Handler = (call) => {
  const ids = call.input(0, 'input ids');
  const [batch, tokens] = [ids.dims[0] ?? 0, ids.dims[1] ?? 0];
  const gather = (table: Value, rows: Value): Value =>
    call.add('Gather', [table, rows], { axis: { type: 'int', value: 0n } });
  const positions =
    call.optional(8) ??
    call.graph.numbers(
      'int64',
      [1, tokens],
      Array.from({ length: tokens }, (_, i) => i),
    );
  let sum = call.add('Add', [gather(call.input(2), ids), gather(call.input(3), positions)]);
  const [segments, segmentTable] = [call.optional(1), call.optional(4)];
  if (segments && segmentTable) sum = call.add('Add', [sum, gather(segmentTable, segments)]);
  const normal = layerNorm(call, sum, call.input(5), call.input(6));
  return [normal, call.wants(1) ? maskIndex(call, batch) : null, sum];
};

/** How many tokens of each text are not padding, [batch], int32. */
function maskIndex(call: NodeCall, batch: number): Value {
  const mask = call.optional(7);
  if (!mask) return call.graph.numbers('int32', [batch], new Array<number>(batch).fill(0));
  const narrow = call.add('Cast', [mask], { to: { type: 'int', value: 6n } });
  return call.add('ReduceSum', [narrow, call.graph.integers(1)], {
    keepdims: { type: 'int', value: 0n },
  });
}

/** Gelu, its tanh form or its sigmoid form, of the input plus an optional bias. */
function geluOf(opType: string): Handler {
  return (call) => {
    const bias = call.optional(1);
    const value = bias ? call.add('Add', [call.input(0), bias]) : call.input(0);
    return call.add(opType, [value], {}, MICROSOFT);
  };
}

const quickGelu: Handler = (call) => {
  const value = call.input(0);
  const gate = call.add('Sigmoid', [call.scaled(value, call.float('alpha', 1.702))]);
  return call.add('Mul', [value, gate]);
};

/** The last two axes swapped, and for `transBatch` the first moved behind the others of the batch. */
function transposed(call: NodeCall, value: Value, swap: boolean, batch: boolean): Value {
  const rank = value.dims.length;
  if (rank < 2 || (!swap && !batch)) return value;
  let order = value.dims.map((_, axis) => axis);
  // transBatch: [M, batch…, K] is read as [batch…, M, K].
  if (batch) order = [...order.slice(1, -1), 0, rank - 1];
  if (swap) order = [...order.slice(0, -2), order.at(-1)!, order.at(-2)!];
  return call.transpose(value, ...order);
}

const fusedMatMul: Handler = (call) => {
  const [a, b] = ['A', 'B'].map((which, i) =>
    transposed(
      call,
      call.input(i),
      call.int(`trans${which}`, 0) === 1,
      call.int(`transBatch${which}`, 0) === 1,
    ),
  ) as [Value, Value];
  return call.scaled(call.add('MatMul', [a, b]), call.float('alpha', 1));
};

const ACTIVATIONS = new Set(['Relu', 'Tanh', 'Sigmoid', 'LeakyRelu']);

const fusedGemm: Handler = (call) => {
  const activation = call.text('activation', '');
  if (!ACTIVATIONS.has(activation)) unsupported(`its activation "${activation}"`);
  const attributes = new Map(
    [...call.node.attributes].filter(([name]) => !name.startsWith('activation')),
  );
  const inputs = call.inputs.filter((value) => value !== null);
  const product = call.graph.addAll('Gemm', inputs, attributes)[0]!;
  return call.add(activation, [product]);
};

export const FUSED_HANDLERS: Handlers = {
  [`${MICROSOFT}:SkipLayerNormalization`]: skipLayerNorm(false),
  [`${MICROSOFT}:SkipSimplifiedLayerNormalization`]: skipLayerNorm(true),
  [`${MICROSOFT}:EmbedLayerNormalization`]: embedLayerNorm,
  [`${MICROSOFT}:Gelu`]: geluOf('Gelu'),
  [`${MICROSOFT}:BiasGelu`]: geluOf('Gelu'),
  [`${MICROSOFT}:FastGelu`]: geluOf('FastGelu'),
  [`${MICROSOFT}:QuickGelu`]: quickGelu,
  [`${MICROSOFT}:FusedMatMul`]: fusedMatMul,
  [`${MICROSOFT}:TransposeMatMul`]: fusedMatMul,
  [`${MICROSOFT}:FusedGemm`]: fusedGemm,
};
