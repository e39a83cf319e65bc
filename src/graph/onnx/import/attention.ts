/**
 * ONNX Runtime's fused attention as plain products, softmax and transposes. Scores are
 * query · key * scale + bias, the bias 0 where a token may be attended to and `mask_filter_value` where
 * not; keys and values of earlier runs (past) stand before this run's.
 *
 * Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md (Attention,
 * MultiHeadAttention)
 */
import { MICROSOFT } from '../builder';
import type { Attribute } from '../model';
import { unsupported, type Handler, type Handlers, type NodeCall } from './call';
import { castTo, type Value } from './rewriter';

const LOWEST = -3.4028234663852886e38;

const int = (value: number): Attribute => ({ type: 'int', value: BigInt(value) });

/** What attention is made of, each [batch, heads, tokens, size a head]. */
interface Parts {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  readonly mask: Value | null;
  /** Added to the scores: broadcasts to [batch, heads, tokens, tokens of keys]. */
  readonly bias: Value | null;
  readonly past: number;
}

/** [batch, tokens, heads * size] to [batch, heads, tokens, size]. */
function perHead(call: NodeCall, value: Value, heads: number): Value {
  const [batch, tokens, width] = value.dims as [number, number, number];
  return call.transpose(call.reshape(value, batch, tokens, heads, width / heads), 0, 2, 1, 3);
}

/** [batch, tokens, heads * size] out of the parts. */
function attend(call: NodeCall, parts: Parts): Value {
  const { query, key, value, bias } = parts;
  const [batch, heads, tokens, size] = query.dims as [number, number, number, number];
  const keys = key.dims[2] ?? 0;
  // A scale of 0 is what exporters write for "not given".
  const scale = call.float('scale', 0) || 1 / Math.sqrt(size);
  let scores = call.add('MatMul', [call.scaled(query, scale), call.transpose(key, 0, 1, 3, 2)]);
  if (bias) scores = call.add('Add', [scores, bias]);
  const mask = parts.mask ? maskBias(call, parts.mask, [batch, tokens, keys]) : null;
  const causal = call.int('unidirectional', 0) ? causalBias(call, tokens, keys, parts.past) : null;
  // The lower of the two: their sum could be minus infinity for a whole row, and softmax then undefined.
  const hidden = mask && causal ? call.add('Min', [mask, causal]) : (mask ?? causal);
  if (hidden) scores = call.add('Add', [scores, hidden]);
  const weights = call.add('Softmax', [scores], { axis: int(-1) });
  const mixed = call.transpose(call.add('MatMul', [weights, value]), 0, 2, 1, 3);
  return call.reshape(mixed, batch, tokens, heads * (value.dims[3] ?? 0));
}

function causalBias(call: NodeCall, tokens: number, keys: number, past: number): Value {
  const values = Array.from({ length: tokens * keys }, (_, i) =>
    (i % keys) - past > Math.floor(i / keys) ? LOWEST : 0,
  );
  return call.graph.numbers('float32', [1, 1, tokens, keys], values);
}

/**
 * 0 or `mask_filter_value`, broadcasting to [batch, heads, tokens, keys], from any of the mask's forms:
 * lengths [batch]; ends and starts [2 * batch]; 1 and 0 as [batch, keys], [batch, tokens, keys] or
 * [batch, 1, longest, longest].
 */
function maskBias(
  call: NodeCall,
  mask: Value,
  [batch, tokens, keys]: readonly [number, number, number],
): Value {
  const seen = seenKeys(call, mask, [batch, tokens, keys]);
  const { graph } = call;
  const filter = graph.scalar(call.float('mask_filter_value', -10000));
  return call.add('Where', [seen, graph.scalar(0), filter]);
}

function seenKeys(
  call: NodeCall,
  mask: Value,
  [batch, tokens, keys]: readonly [number, number, number],
): Value {
  const { graph } = call;
  if (mask.dims.length === 1) {
    const positions = graph.numbers(
      'int32',
      [1, 1, 1, keys],
      Array.from({ length: keys }, (_, i) => i),
    );
    const [count] = mask.dims;
    if (count === batch)
      return call.add('Less', [positions, call.reshape(asInt32(call, mask), batch, 1, 1, 1)]);
    if (count !== 2 * batch) unsupported(`its mask of the shape [${count}]`);
    const bounds = asInt32(call, mask);
    const part = (from: number): Value =>
      call.reshape(
        call.add('Slice', [
          bounds,
          graph.integers(from * batch),
          graph.integers((from + 1) * batch),
          graph.integers(0),
        ]),
        batch,
        1,
        1,
        1,
      );
    return call.add('And', [
      call.add('Less', [positions, part(0)]),
      call.add('GreaterOrEqual', [positions, part(1)]),
    ]);
  }
  const allowed = call.add('Cast', [mask], castTo('bool'));
  const shape = mask.dims.join();
  if (shape === [batch, keys].join()) return call.reshape(allowed, batch, 1, 1, keys);
  if (shape === [batch, tokens, keys].join()) return call.reshape(allowed, batch, 1, tokens, keys);
  const longest = mask.dims[2] ?? 0;
  if (shape !== [batch, 1, longest, longest].join() || longest < keys)
    unsupported(`its mask of the shape [${mask.dims.join(', ')}]`);
  const past = keys - tokens;
  return call.add('Slice', [
    allowed,
    graph.integers(past, 0),
    graph.integers(past + tokens, keys),
    graph.integers(2, 3),
  ]);
}

function asInt32(call: NodeCall, value: Value): Value {
  return call.add('Cast', [value], castTo('int32'));
}

/** The past, where there is any, before this run's keys or values. */
function behind(call: NodeCall, past: Value | null, now: Value): Value {
  return past && past.dims[2] !== 0 ? call.add('Concat', [past, now], { axis: int(2) }) : now;
}

/** Inputs: x [batch, tokens, in], weights [in, q + k + v], bias, mask, past [2, batch, heads, …], scores' bias. */
const attention: Handler = (call) =>
  attentionOf(call, call.input(0), call.input(1, 'weights'), call.optional(2), {
    mask: call.optional(3),
    past: call.optional(4),
    bias: call.optional(5),
  });

/** Attention whose query, key and value are one product: also the heart of QAttention. */
export function attentionOf(
  call: NodeCall,
  input: Value,
  weights: Value,
  bias: Value | null,
  rest: { readonly mask: Value | null; readonly past: Value | null; readonly bias: Value | null },
): readonly (Value | null)[] {
  if (call.int('do_rotary', 0)) unsupported('rotary positions in it');
  if (call.int('past_present_share_buffer', 0)) unsupported('a past that shares its buffer');
  const heads = call.int('num_heads', 1);
  const width = weights.dims[1] ?? 0;
  const sizes = call.ints('qkv_hidden_sizes') ?? [width / 3, width / 3, width / 3];
  const product = call.add('MatMul', [input, weights]);
  const joined = bias ? call.add('Add', [product, bias]) : product;
  const [query, key, value] = call.graph
    .addAll('Split', [joined, call.graph.integers(...sizes)], new Map([['axis', int(2)]]))
    .map((part) => perHead(call, part, heads)) as [Value, Value, Value];
  const past = rest.past;
  const half = (which: number): Value | null =>
    past && call.add('Gather', [past, call.graph.numbers('int64', [], [which])], { axis: int(0) });
  const [keys, values] = [behind(call, half(0), key), behind(call, half(1), value)];
  const output = attend(call, {
    query,
    key: keys,
    value: values,
    mask: rest.mask,
    bias: rest.bias,
    past: past?.dims[3] ?? 0,
  });
  if (!call.wants(1)) return [output];
  const stacked = [keys, values].map((part) =>
    call.add('Unsqueeze', [part, call.graph.integers(0)]),
  );
  return [output, call.add('Concat', stacked, { axis: int(0) })];
}

/**
 * Inputs: query [batch, tokens, width], key and value (the same, or already [batch, heads, tokens, size]),
 * bias [q + k + v], mask, scores' bias, past key and value. Packed forms are
 * query [batch, tokens, heads, 3, size] and key [batch, tokens, heads, 2, size].
 */
const multiHeadAttention: Handler = (call) => {
  const heads = call.int('num_heads', 1);
  const [query, key, value] = [call.input(0, 'query'), call.optional(1), call.optional(2)];
  const bias = call.optional(3);
  const packed = (from: Value, which: number): Value =>
    call.transpose(
      call.add('Gather', [from, call.graph.numbers('int64', [], [which])], { axis: int(3) }),
      0,
      2,
      1,
      3,
    );
  let parts: readonly [Value, Value, Value];
  if (!key) {
    if (bias) unsupported('a bias on a packed query');
    parts = [packed(query, 0), packed(query, 1), packed(query, 2)];
  } else if (!value) {
    if (bias) unsupported('a bias on a packed key');
    parts = [perHead(call, query, heads), packed(key, 0), packed(key, 1)];
  } else {
    const widths = [query, key, value].map((part) =>
      part.dims.length === 3 ? part.dims[2]! : heads * part.dims[3]!,
    );
    const biases = bias
      ? call.graph.addAll(
          'Split',
          [bias, call.graph.integers(...widths)],
          new Map([['axis', int(0)]]),
        )
      : [];
    parts = [query, key, value].map((part, i) => {
      if (part.dims.length === 4) return part;
      return perHead(call, biases[i] ? call.add('Add', [part, biases[i]]) : part, heads);
    }) as [Value, Value, Value];
  }
  const [pastKey, pastValue] = [call.optional(6), call.optional(7)];
  if (call.optional(8) || call.optional(9)) unsupported('a past that shares its buffer');
  const [keys, values] = [behind(call, pastKey, parts[1]), behind(call, pastValue, parts[2])];
  const output = attend(call, {
    query: parts[0],
    key: keys,
    value: values,
    mask: call.optional(4),
    bias: call.optional(5),
    past: pastKey?.dims[2] ?? 0,
  });
  return [output, keys, values];
};

export const ATTENTION_HANDLERS: Handlers = {
  [`${MICROSOFT}:Attention`]: attention,
  [`${MICROSOFT}:MultiHeadAttention`]: multiHeadAttention,
};
