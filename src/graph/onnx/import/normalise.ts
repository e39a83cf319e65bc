/**
 * ONNX's own operators of opsets 7 to 22 as those of opset 17: axes that moved from attribute to input and
 * back, defaults that changed, and operators that are short for others. What is not here is the same in
 * all these opsets.
 *
 * Source: https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */
import type { Attribute, Tensor } from '../model';
import { MICROSOFT } from '../builder';
import { makeTensor } from '../tensor';
import { axisOf } from './array';
import { unsupported, type Handler, type Handlers, type NodeCall } from './call';
import type { Value } from './rewriter';

const int = (value: number): Attribute => ({ type: 'int', value: BigInt(value) });
const ints = (values: readonly number[]): Attribute => ({
  type: 'ints',
  value: values.map(BigInt),
});

/** Passes the node on with other attributes and, where given, other inputs. */
function emit(
  call: NodeCall,
  inputs: readonly (Value | null)[] = call.inputs,
  attributes: ReadonlyMap<string, Attribute> = call.node.attributes,
): readonly Value[] {
  return call.graph.addAll(call.node.opType, trimmed(inputs), attributes);
}

/** Without the optional inputs that are left out at the end. */
function trimmed(inputs: readonly (Value | null)[]): readonly (Value | null)[] {
  return inputs.slice(0, inputs.findLastIndex((value) => value !== null) + 1);
}

function without(call: NodeCall, ...names: string[]): Map<string, Attribute> {
  return new Map([...call.node.attributes].filter(([name]) => !names.includes(name)));
}

/** Squeeze, Unsqueeze and ReduceSum take their axes as an input since 13. */
const axesToInput: Handler = (call) => {
  const axes = call.opset < 13 ? call.ints('axes') : null;
  if (!axes) return emit(call);
  return emit(call, [call.input(0), call.graph.integers(...axes)], without(call, 'axes'));
};

/** The other reductions take them as an input since 18; opset 17 has an attribute. */
const axesToAttribute: Handler = (call) => {
  if (!call.optional(1)) {
    // No axes: nothing is reduced, or everything.
    if (call.int('noop_with_empty_axes', 0)) return call.input(0);
    return emit(call, [call.input(0)], without(call, 'noop_with_empty_axes'));
  }
  const axes = call.integers(1, 'axes');
  if (axes.length === 0 && call.int('noop_with_empty_axes', 0)) return call.input(0);
  const attributes = without(call, 'axes', 'noop_with_empty_axes');
  if (axes.length > 0) attributes.set('axes', ints(axes));
  return emit(call, [call.input(0)], attributes);
};

/** A reduction of the squares or absolute values: plain operators, so that it has a gradient. */
function sumOf(prepare: (call: NodeCall, value: Value) => Value, root: boolean): Handler {
  return (call) => {
    const axes = call.optional(1) ? call.integers(1, 'axes') : (call.ints('axes') ?? []);
    const value = prepare(call, call.input(0));
    const all = axes.length > 0 ? axes : value.dims.map((_, axis) => axis);
    const sum = call.add('ReduceSum', [value, call.graph.integers(...all)], {
      keepdims: int(call.int('keepdims', 1)),
    });
    return root ? call.add('Sqrt', [sum]) : sum;
  };
}

const square = (call: NodeCall, value: Value): Value => call.add('Mul', [value, value]);

/** Before 13, softmax was over all axes from `axis` on, which was 1 where it was not given. */
const softmax: Handler = (call) => {
  const value = call.input(0);
  const rank = value.dims.length;
  const axis = axisOf(call.int('axis', call.opset < 13 ? 1 : -1), rank);
  if (call.opset >= 13 || axis === rank - 1)
    return call.add(call.node.opType, [value], { axis: int(axis) });
  const rows = value.dims.slice(0, axis).reduce((product, dim) => product * dim, 1);
  const flat = call.add(call.node.opType, [call.reshape(value, rows, -1)], { axis: int(1) });
  return call.reshape(flat, ...value.dims);
};

const split: Handler = (call) => {
  const value = call.input(0);
  const axis = axisOf(call.int('axis', 0), value.dims.length);
  const count = call.int('num_outputs', call.node.outputs.length);
  const size = Math.ceil(value.dims[axis]! / count);
  const equal = Array.from({ length: count }, (_, i) =>
    Math.max(0, Math.min(size, value.dims[axis]! - i * size)),
  );
  const sizes = call.optional(1) ? call.integers(1, 'sizes') : (call.ints('split') ?? equal);
  const attributes = new Map([['axis', int(axis)]]);
  return call.graph.addAll('Split', [value, call.graph.integers(...sizes)], attributes);
};

const slice: Handler = (call) => {
  if (call.opset >= 10) return emit(call);
  const [starts, ends] = [call.ints('starts') ?? [], call.ints('ends') ?? []];
  const axes = call.ints('axes') ?? starts.map((_, axis) => axis);
  const lists = [starts, ends, axes].map((list) => call.graph.integers(...list));
  return emit(call, [call.input(0), ...lists], new Map());
};

const clip: Handler = (call) => {
  if (call.opset >= 11) return emit(call);
  const bound = (name: string): Value | null =>
    call.node.attributes.has(name) ? call.graph.scalar(call.float(name, 0)) : null;
  return emit(call, [call.input(0), bound('min'), bound('max')], new Map());
};

const pad: Handler = (call) => {
  const value = call.input(0);
  const rank = value.dims.length;
  const filler = call.opset < 11 ? call.graph.scalar(call.float('value', 0)) : call.optional(2);
  let pads = call.opset < 11 ? (call.ints('pads') ?? []) : call.integers(1, 'pads');
  if (call.optional(3)) {
    const axes = call.integers(3, 'axes').map((axis) => axisOf(axis, rank));
    const all = new Array<number>(2 * rank).fill(0);
    axes.forEach((axis, i) => {
      all[axis] = pads[i]!;
      all[axis + rank] = pads[i + axes.length]!;
    });
    pads = all;
  }
  if (call.text('mode', 'constant') === 'wrap') unsupported('its mode "wrap"');
  return emit(call, [value, call.graph.integers(...pads), filler], without(call, 'pads', 'value'));
};

/** A model that is imported is never in training: nothing is dropped. */
const dropout: Handler = (call) => {
  const value = call.input(0);
  if (!call.wants(1)) return [value];
  const count = value.dims.reduce((product, dim) => product * dim, 1);
  return [value, call.graph.numbers('bool', value.dims, new Array<number>(count).fill(1))];
};

const constant: Handler = (call) => {
  const tensor = call.tensor('value');
  if (tensor) return call.graph.weightOrConstant(renamed(tensor, call.node.outputs[0] ?? ''));
  const [name, value] = [...call.node.attributes][0] ?? ['', null];
  switch (value?.type) {
    case 'float':
      return call.graph.numbers('float32', [], [value.value]);
    case 'floats':
      return call.graph.numbers('float32', [value.value.length], value.value);
    case 'int':
      return call.graph.numbers('int64', [], [Number(value.value)]);
    case 'ints':
      return call.graph.integers(...value.value.map(Number));
    default:
      return unsupported(`a constant given as ${name || 'nothing'}`);
  }
};

function renamed(tensor: Tensor, name: string): Tensor {
  return { ...tensor, name };
}

/** Sum, Max and Min of many as pairs; Mean divided by their number. */
function pairwise(opType: string, mean = false): Handler {
  return (call) => {
    const values = call.inputs.map((_, i) => call.input(i));
    const total = values
      .slice(1)
      .reduce((sum, value) => call.add(opType, [sum, value]), values[0]!);
    return mean ? call.scaled(total, 1 / values.length) : total;
  };
}

const layerNorm: Handler = (call) => {
  if (call.wants(1) || call.wants(2)) unsupported('its outputs Mean and InvStdDev');
  const scale = call.input(1);
  const shift = call.optional(2);
  const inputs = shift ? [call.input(0), scale, shift] : [call.input(0), scale];
  return call.add('LayerNormalization', inputs, {
    axis: int(call.int('axis', -1)),
    epsilon: { type: 'float', value: call.float('epsilon', 1e-5) },
  });
};

/** x / root mean square(x) * scale, over the axes from `axis` on. */
export function rootMeanSquareNorm(
  call: NodeCall,
  value: Value,
  scale: Value,
  axis: number,
): Value {
  const from = axisOf(axis, value.dims.length);
  const axes = value.dims.map((_, i) => i).slice(from);
  const mean = call.add('ReduceMean', [square(call, value)], {
    axes: ints(axes),
    keepdims: int(1),
  });
  const epsilon = call.graph.scalar(call.float('epsilon', 1e-5));
  const root = call.add('Sqrt', [call.add('Add', [mean, epsilon])]);
  return call.add('Mul', [call.add('Div', [value, root]), scale]);
}

const rmsNorm: Handler = (call) => [
  rootMeanSquareNorm(call, call.input(0), call.input(1), call.int('axis', -1)),
];

const lpNorm: Handler = (call) => {
  const value = call.input(0);
  if (call.int('p', 2) !== 2) unsupported('any norm but the second');
  const axes = call.graph.integers(axisOf(call.int('axis', -1), value.dims.length));
  const sum = call.add('ReduceSum', [square(call, value), axes], { keepdims: int(1) });
  return call.add('Div', [value, call.add('Sqrt', [sum])]);
};

/** The exact Gelu, or its tanh form. */
const gelu: Handler = (call) => {
  const tanh = call.text('approximate', 'none') === 'tanh';
  return call.add(tanh ? 'FastGelu' : 'Gelu', [call.input(0)], {}, MICROSOFT);
};

const flatten: Handler = (call) => {
  const { dims } = call.input(0);
  const axis = call.int('axis', 1);
  const rows = dims.slice(0, axis < 0 ? axis + dims.length : axis);
  return call.reshape(
    call.input(0),
    rows.reduce((product, dim) => product * dim, 1),
    -1,
  );
};

const logSumExp: Handler = (call) => {
  const axes = call.optional(1) ? call.integers(1, 'axes') : (call.ints('axes') ?? []);
  const value = call.input(0);
  const all = axes.length > 0 ? axes : value.dims.map((_, axis) => axis);
  const kept = { axes: ints(all), keepdims: int(1) };
  const top = call.add('ReduceMax', [value], kept);
  const sum = call.add(
    'ReduceSum',
    [call.add('Exp', [call.add('Sub', [value, top])]), call.graph.integers(...all)],
    { keepdims: int(1) },
  );
  const result = call.add('Add', [call.add('Log', [sum]), top]);
  return call.int('keepdims', 1)
    ? result
    : call.add('Squeeze', [result, call.graph.integers(...all)]);
};

/** Casts keep no half precision: everything that was float16 is float32. */
const cast: Handler = (call) => {
  const to = call.int('to', 0);
  const half = to === 10 || to === 16;
  return call.add('Cast', [call.input(0)], { to: int(half ? 1 : to) });
};

const castLike: Handler = (call) => {
  const codes: Readonly<Record<string, number>> = { float32: 1, int32: 6, int64: 7, bool: 9 };
  const to =
    codes[call.input(1).elementType] ?? unsupported(`a cast to ${call.input(1).elementType}`);
  return call.add('Cast', [call.input(0)], { to: int(to) });
};

const constantOfShape: Handler = (call) => {
  const filler = call.tensor('value');
  const half = filler?.elementType === 'float16' || filler?.elementType === 'bfloat16';
  if (!filler || !half) return emit(call);
  const wide = call.graph.weightOrConstant(renamed(filler, `${call.node.name}/filler`)).constant!;
  return emit(call, call.inputs, new Map([['value', { type: 'tensor', value: wide }]]));
};

export const STANDARD_HANDLERS: Handlers = {
  ':Squeeze': axesToInput,
  ':Unsqueeze': axesToInput,
  ':ReduceSum': axesToInput,
  ':ReduceMean': axesToAttribute,
  ':ReduceMax': axesToAttribute,
  ':ReduceMin': axesToAttribute,
  ':ReduceProd': axesToAttribute,
  ':ReduceL1': sumOf((call, value) => call.add('Abs', [value]), false),
  ':ReduceL2': sumOf(square, true),
  ':ReduceSumSquare': sumOf(square, false),
  ':ReduceLogSumExp': logSumExp,
  ':Softmax': softmax,
  ':LogSoftmax': softmax,
  ':Split': split,
  ':Slice': slice,
  ':Clip': clip,
  ':Pad': pad,
  ':Dropout': dropout,
  ':Constant': constant,
  ':ConstantOfShape': constantOfShape,
  ':Sum': pairwise('Add'),
  ':Max': pairwise('Max'),
  ':Min': pairwise('Min'),
  ':Mean': pairwise('Add', true),
  ':Reciprocal': (call) =>
    call.add('Div', [
      call.graph.weightOrConstant(
        makeTensor(`${call.node.name}/one`, 'float32', [], Float32Array.of(1)),
      ),
      call.input(0),
    ]),
  ':LayerNormalization': layerNorm,
  ':RMSNormalization': rmsNorm,
  ':SimplifiedLayerNormalization': rmsNorm,
  ':LpNormalization': lpNorm,
  ':Gelu': gelu,
  ':Flatten': flatten,
  ':Cast': cast,
  ':CastLike': castLike,
};
