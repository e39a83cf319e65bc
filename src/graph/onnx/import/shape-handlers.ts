/**
 * Operators as far as hidden states are looked for: what shape they make, and which values they depend on. Used
 * where weights have no values; attention keeps its softmax [batch, heads, tokens, tokens], by which layers are
 * told apart. Nothing that is made here is ever run.
 */
import { MICROSOFT } from '../builder';
import type { Attribute } from '../model';
import { badModel } from '../protobuf';
import { unsupported, type Handler, type Handlers, type NodeCall } from './call';
import { dequantizeLinear, isFloat, matMulInteger } from './quantised';
import { castTo, type Value } from './rewriter';

const last: Record<string, Attribute> = { axis: { type: 'int', value: -1n } };

/** A value of integers as one of floats, of the same shape. */
function asFloat(call: NodeCall, value: Value): Value {
  if (isFloat(value)) return value;
  return value.constant
    ? call.graph.weight(value.name, value.dims, () => new Float32Array())
    : call.add('Cast', [value], castTo('float32'));
}

/** [batch, tokens, width] as [batch, heads, tokens, size]; what is already so stays. */
function heads(call: NodeCall, value: Value, count: number): Value {
  const [batch, tokens, width] = value.dims;
  if (value.dims.length === 4) return value;
  if (batch === undefined || tokens === undefined || width === undefined || !(count > 0))
    return unsupported(`a query of the shape [${value.dims.join(', ')}]`);
  const size = width / count;
  return call.transpose(call.reshape(value, batch, tokens, count, size), 0, 2, 1, 3);
}

/** Scores, softmax and their mix, as often for keys as there are heads of the query. */
function attended(call: NodeCall, query: Value, others: readonly Value[]): Value {
  const [batch = 0, count = 0, tokens = 0, size = 0] = query.dims;
  // That scores and mix come of keys and values too is kept by a sum of one number of each.
  const bound = others.reduce((sum, other) => {
    const flat = call.reshape(other, -1);
    const total = call.add('ReduceSum', [flat, call.graph.integers(0)], {
      keepdims: { type: 'int', value: 0n },
    });
    return call.add('Add', [sum, total]);
  }, query);
  const scores = call.add('MatMul', [query, call.transpose(bound, 0, 1, 3, 2)]);
  const mixed = call.add('MatMul', [call.add('Softmax', [scores], last), bound]);
  return call.reshape(call.transpose(mixed, 0, 2, 1, 3), batch, tokens, count * size);
}

/** Inputs: query (or query, key and value side by side), key, value, past key, past value, … */
const groupQueryAttention: Handler = (call) => {
  const [count, groups] = [call.int('num_heads', 0), call.int('kv_num_heads', 0)];
  let query = call.input(0, 'query');
  const parts = [call.optional(1), call.optional(2)].filter((value) => value !== null);
  const width = query.dims[2] ?? 0;
  if (parts.length === 0) {
    const size = width / (count + 2 * groups);
    const sizes = call.graph.integers(count * size, 2 * groups * size);
    const axis: Attribute = { type: 'int', value: 2n };
    const [own, rest] = call.graph.addAll('Split', [query, sizes], new Map([['axis', axis]]));
    if (own === undefined || rest === undefined) throw badModel('Its query is not packed.');
    query = own;
    parts.push(rest);
  }
  const output = attended(call, heads(call, query, count), parts);
  if (!call.wants(1) && !call.wants(2)) return output;
  const size = (query.dims[2] ?? 0) / count;
  const past = call.optional(3)?.dims[2] ?? 0;
  const [batch = 0, tokens = 0] = query.dims;
  const present = call.graph.weight(
    `${call.node.name}/present`,
    [batch, groups, past + tokens, size],
    () => new Float32Array(),
  );
  return [output, present, present];
};

/** ONNX's own since opset 23. Inputs: query, key, value, mask, past key, past value. */
const attention: Handler = (call) => {
  const query = call.input(0, 'query');
  const flat = query.dims.length === 3;
  const output = attended(call, heads(call, query, call.int('q_num_heads', 0)), [
    call.input(1, 'key'),
    call.input(2, 'value'),
  ]);
  if (call.wants(1) || call.wants(2) || call.wants(3)) unsupported('its further outputs');
  return flat ? output : heads(call, output, query.dims[1] ?? 0);
};

/** Inputs: values, bytes of weights, scales. */
const matMulBnb4: Handler = (call) => {
  const dims = [call.int('K', 0), call.int('N', 0)];
  if (!dims.every((size) => Number.isSafeInteger(size) && size > 0))
    throw badModel(`Its weights are [${dims.join(', ')}].`);
  const { name } = call.input(1, 'weights');
  const weight = call.graph.weight(name, dims, () => new Float32Array());
  return call.add('MatMul', [call.input(0), weight]);
};

const convInteger: Handler = (call) => {
  const [value, kernel] = [asFloat(call, call.input(0)), asFloat(call, call.input(1))];
  return call.graph.addAll('Conv', [value, kernel], call.node.attributes);
};

export const SHAPE_HANDLERS: Handlers = {
  ':MatMulInteger': (call) => {
    const [a, b] = [call.input(0), call.input(1)];
    if (isFloat(a)) return matMulInteger(call);
    return call.add('MatMul', [asFloat(call, a), asFloat(call, b)]);
  },
  ':DequantizeLinear': (call) => {
    const value = call.input(0);
    const rowsOfTable = value.producer?.opType === 'Gather' && value.producer.inputs[0]?.constant;
    const isKnown = value.constant ?? rowsOfTable ?? isFloat(value);
    return isKnown ? dequantizeLinear(call) : asFloat(call, value);
  },
  ':QuantizeLinear': (call) => call.input(0),
  [`${MICROSOFT}:QuantizeLinear`]: (call) => call.input(0),
  ':ConvInteger': convInteger,
  ':RotaryEmbedding': (call) => call.input(0),
  [`${MICROSOFT}:RotaryEmbedding`]: (call) => call.input(0),
  ':Attention': attention,
  [`${MICROSOFT}:GroupQueryAttention`]: groupQueryAttention,
  [`${MICROSOFT}:MatMulBnb4`]: matMulBnb4,
};
