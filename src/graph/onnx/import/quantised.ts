/**
 * Quantised weights as plain float ones. Where ONNX Runtime also rounds the activations to 8 bits in every
 * run (dynamic quantisation), the imported graph does not: it computes with the dequantised weights and
 * the activations as they are, which is nearer to the model before it was quantised.
 *
 * How: `DynamicQuantizeLinear(x)` becomes x itself with the scale 1 and the zero point 0, and
 * `MatMulInteger` an ordinary product with the weights less their zero point; the scale that follows is
 * then multiplied into the weights.
 *
 * Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md,
 * https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
 */
import { MICROSOFT } from '../builder';
import { elementCount } from '../tensor';
import { badModel } from '../protobuf';
import { axisOf, numbersIn } from './array';
import { attentionOf } from './attention';
import { unsupported, type Handler, type Handlers, type NodeCall } from './call';
import { embedLayerNorm } from './fused';
import type { Value } from './rewriter';

/** The name a weight had before it was quantised, as ONNX Runtime's tools lengthen it. */
function plainName(name: string): string {
  return name.replace(
    /_(quantized|Q4|Q8|Q4G\d*|DQ_Q4|DQ_Q8)$|(\.qweight|\.weight_Q[48]G?\d*)$/,
    '',
  );
}

/**
 * (value - zero point) * scale.
 * @param axis along which scales and zero points lie when they are not one; with a block size each holds
 *   for that many neighbours along it.
 */
function dequantised(
  call: NodeCall,
  value: Value,
  scale: Value | null,
  zero: Value | null,
  axis: number,
  blockSize = 0,
): Value {
  const { graph } = call;
  const { dims } = value;
  const at = dims.length > 0 ? axisOf(axis, dims.length) : 0;
  return graph.weight(plainName(value.name), dims, () => {
    const values = valuesOf(value, 'quantised weight');
    const scales = scale ? valuesOf(scale, 'scale') : [1];
    const zeros = zero ? valuesOf(zero, 'zero point') : new Float32Array(scales.length);
    const result = new Float32Array(values.length);
    const inner = dims.slice(at + 1).reduce((product, dim) => product * dim, 1);
    const size = dims[at] ?? 1;
    const many = scales.length > 1 || zeros.length > 1;
    const blocks = blockSize > 0 ? Math.ceil(size / blockSize) : size;
    const apart = blockSize > 0 ? (values.length / Math.max(1, size)) * blocks : size;
    for (const given of [scales, zeros])
      if (given.length !== 1 && values.length > 0 && given.length !== apart)
        throw badModel(`It has ${given.length} scales or zero points where ${apart} belong.`);
    for (let i = 0; i < result.length; i++) {
      const position = Math.floor(i / inner) % size;
      const block = blockSize > 0 ? Math.floor(position / blockSize) : position;
      const outer =
        blockSize > 0 ? Math.floor(i / (inner * size)) * blocks * inner + (i % inner) : 0;
      const n = !many ? 0 : blockSize > 0 ? outer + block * inner : block;
      result[i] =
        (values[i]! - zeros[zeros.length > 1 ? n : 0]!) * scales[scales.length > 1 ? n : 0]!;
    }
    return result;
  });
}

/** @throws HeadlightError `bad-model` when they are not known. */
function valuesOf(value: Value, what: string): ArrayLike<number> {
  if (!value.constant) throw badModel(`Its ${what} is known only when it runs.`);
  return numbersIn(value.constant);
}

export const dequantizeLinear: Handler = (call) => {
  const value = call.input(0);
  const [scale, zero] = [call.input(1, 'scale'), call.optional(2)];
  const axis = call.int('axis', 1);
  const block = call.int('block_size', 0);
  if (value.constant) {
    const oneRank = elementCount(scale.dims) === 1 ? 0 : axis;
    return dequantised(call, value, scale, zero, oneRank, block);
  }
  // Q then DQ on a value of the run: it is only rounded.
  if (isFloat(value)) return value;
  const { producer } = value;
  const table = producer?.inputs[0];
  // A table's rows, looked up before they are dequantised: dequantise the table.
  if (producer?.opType === 'Gather' && table?.constant && elementCount(scale.dims) === 1)
    return call.add(
      'Gather',
      [dequantised(call, table, scale, zero, 0), producer.inputs[1] ?? null],
      Object.fromEntries(producer.attributes),
    );
  return unsupported('integers that are made in the run and dequantised');
};

export function isFloat(value: Value): boolean {
  return value.elementType === 'float32' || value.elementType === 'float64';
}

/** Static quantisation of an activation: not rounded here. */
const quantizeLinear: Handler = (call) => {
  if (call.input(0).constant) return unsupported('constants that are quantised in the run');
  return call.input(0);
};

const dynamicQuantizeLinear: Handler = (call) => [
  call.input(0),
  call.graph.scalar(1),
  call.graph.numbers('uint8', [], [0]),
];

export const matMulInteger: Handler = (call) => {
  const [a, b] = [call.input(0), call.input(1)];
  if (!isFloat(a)) unsupported('integers that are not the quantised form of an activation');
  if (isFloat(b)) return call.add('MatMul', [a, b]);
  const weight = columns(call, b, null, call.optional(3));
  call.graph.unscaled.add(weight);
  return call.add('MatMul', [a, weight]);
};

/** A quantised matrix [in, out] with one scale and zero point, or one an output. */
function columns(call: NodeCall, b: Value, scale: Value | null, zero: Value | null): Value {
  return dequantised(call, b, scale, zero, b.dims.length - 1);
}

function withBias(call: NodeCall, product: Value, bias: Value | null): Value {
  return bias ? call.add('Add', [product, bias]) : product;
}

/** Inputs: a, b, a's scale, b's scale, a's zero point, b's zero point, bias. */
const matMulIntegerToFloat: Handler = (call) => {
  const b = columns(call, call.input(1), call.input(3), call.optional(5));
  return withBias(call, call.add('MatMul', [call.input(0), b]), call.optional(6));
};

/** Inputs: a, b, b's scale, b's zero point, bias. */
const dynamicQuantizeMatMul: Handler = (call) => {
  const b = columns(call, call.input(1), call.input(2), call.optional(3));
  return withBias(call, call.add('MatMul', [call.input(0), b]), call.optional(4));
};

/** Inputs: x, weights, bias, x's scale, the weights' scale, mask, x's zero point, the weights', past. */
const quantisedAttention: Handler = (call) => {
  const weights = columns(call, call.input(1), call.input(4), call.optional(7));
  return attentionOf(call, call.input(0), weights, call.optional(2), {
    mask: call.optional(5),
    past: call.optional(8),
    bias: null,
  });
};

/**
 * Weights [out, blocks, bytes a block] of 4 or 8 bits, a scale and a zero point (absent: the middle) a
 * block of `block_size` inputs.
 */
const matMulNBits: Handler = (call) => {
  const { graph } = call;
  const [inner, outer] = [call.int('K', 0), call.int('N', 0)];
  const [bits, size] = [call.int('bits', 4), call.int('block_size', 32)];
  if (bits !== 4 && bits !== 8) unsupported(`weights of ${bits} bits`);
  if (call.optional(4)) unsupported('weights in an order of their own (g_idx)');
  const [inputs, outputs] = [blockCount(inner, 'K'), blockCount(outer, 'N')];
  const blocks = Math.ceil(inputs / blockCount(size, 'block_size'));
  const zeroInput = call.optional(3);
  const perByte = 8 / bits;
  const [weights, scaleInput] = [call.input(1, 'weights'), call.input(2, 'scales')];
  const rowBytes = (blocks * size) / perByte;
  if (elementCount(weights.dims) !== outputs * rowBytes)
    throw badModel(`Its weights [${weights.dims.join(', ')}] are not ${outputs} times ${inputs}.`);
  const dims = [inputs, outputs];
  const weight = graph.weight(plainName(weights.name), dims, () => {
    const packed = valuesOf(weights, 'weights');
    const scales = valuesOf(scaleInput, 'scales');
    const zeros = zeroInput ? valuesOf(zeroInput, 'zero points') : null;
    const wide = zeroInput !== null && isFloat(zeroInput);
    requireAtLeast(scales, outputs * blocks, 'scales');
    if (zeros)
      requireAtLeast(zeros, outputs * (wide ? blocks : Math.ceil(blocks / perByte)), 'zero points');
    const nibble = (values: ArrayLike<number>, row: number, bytes: number, i: number): number => {
      const byte = values[row * bytes + Math.floor(i / perByte)]!;
      return bits === 8 ? byte : (byte >> (4 * (i % 2))) & 15;
    };
    const result = new Float32Array(inputs * outputs);
    for (let row = 0; row < outputs; row++)
      for (let column = 0; column < inputs; column++) {
        const block = Math.floor(column / size);
        const zero =
          zeros === null
            ? 2 ** (bits - 1)
            : wide
              ? zeros[row * blocks + block]!
              : nibble(zeros, row, Math.ceil(blocks / perByte), block);
        const value = nibble(packed, row, rowBytes, column);
        result[column * outputs + row] = (value - zero) * scales[row * blocks + block]!;
      }
    return result;
  });
  return withBias(call, call.add('MatMul', [call.input(0), weight]), call.optional(5));
};

function requireAtLeast(values: ArrayLike<number>, count: number, what: string): void {
  if (values.length < count)
    throw badModel(`It has ${values.length} ${what} where ${count} belong.`);
}

function blockCount(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 1) throw badModel(`Its ${what} is ${value}.`);
  return value;
}

/**
 * Rows of a table of 4 or 8 bits, a scale and a zero point for each block of a row.
 * Inputs: table (bytes of two where it is uint8 and 4 bits), ids, scales, zero points.
 */
const gatherBlockQuantized: Handler = (call) => {
  const [table, ids, scales] = [call.input(0, 'table'), call.input(1, 'ids'), call.input(2)];
  const zeros = call.optional(3);
  const bits = call.int('bits', 4);
  const size = blockCount(call.int('block_size', 128), 'block_size');
  const [rows, width] = [table.dims[0] ?? 0, table.dims[1] ?? 0];
  const packed = table.elementType === 'uint8' && bits === 4;
  const last = call.int('quantize_axis', 1);
  if (table.dims.length !== 2 || call.int('gather_axis', 0) !== 0 || (last !== 1 && last !== -1))
    unsupported('blocks that do not lie along the rows of a table');
  if (bits !== 4 && bits !== 8) unsupported(`weights of ${bits} bits`);
  const columns = packed ? 2 * width : width;
  const blocks = Math.ceil(columns / size);
  const weight = call.graph.weight(plainName(table.name), [rows, columns], () => {
    const nibbles = (value: Value, count: number): ArrayLike<number> => {
      const values = valuesOf(value, 'table');
      if (!packed) return values;
      const bytes = Math.ceil(count / 2);
      return Uint8Array.from({ length: rows * count }, (_, i) => {
        const at = i % count;
        return (values[Math.floor(i / count) * bytes + (at >> 1)]! >> (4 * (at & 1))) & 15;
      });
    };
    const values = nibbles(table, columns);
    const factors = valuesOf(scales, 'scales');
    requireAtLeast(factors, rows * blocks, 'scales');
    if (zeros)
      requireAtLeast(
        valuesOf(zeros, 'zero points'),
        rows * (packed ? Math.ceil(blocks / 2) : blocks),
        'zero points',
      );
    const zero = zeros ? nibbles(zeros, blocks) : null;
    const middle = table.elementType === 'uint8' ? 2 ** (bits - 1) : 0;
    return Float32Array.from({ length: rows * columns }, (_, i) => {
      const block = Math.floor(i / columns) * blocks + Math.floor((i % columns) / size);
      return (values[i]! - (zero?.[block] ?? middle)) * factors[block]!;
    });
  });
  return call.add('Gather', [weight, ids], { axis: { type: 'int', value: 0n } });
};

/** Inputs as EmbedLayerNormalization's, its tables and vectors 8-bit, their scales and zero points behind. */
const quantisedEmbedding: Handler = (call) => {
  const float = (index: number): Value | null => {
    const value = call.optional(index);
    const zero = call.optional(index + 11);
    return value && dequantised(call, value, call.input(index + 6, 'scale'), zero, 0);
  };
  const tables = [2, 3, 4, 5, 6].map(float);
  return embedLayerNorm(
    call.with([call.optional(0), call.optional(1), ...tables, call.optional(7)]),
  );
};

/** A product whose factor is the scale of an integer weight: the weight takes it. */
const multiply: Handler = (call) => {
  const [a, b] = [call.input(0), call.input(1)];
  return (
    scaledProduct(call, a, b) ??
    scaledProduct(call, b, a) ??
    scaledTable(call, a, b) ??
    call.add('Mul', [a, b])
  );
};

/** MatMulInteger's output times the scale that undoes the quantisation. */
function scaledProduct(call: NodeCall, product: Value, scale: Value): Value | null {
  const [input, weight] = product.producer?.inputs ?? [];
  const isProduct = product.producer?.opType === 'MatMul' && input && weight && scale.constant;
  if (!isProduct || !call.graph.unscaled.has(weight)) return null;
  const table = scaledColumns(call, weight, scale);
  return table && call.add('MatMul', [input, table]);
}

/** A matrix of integers times its scale: what Headlight itself writes. */
function scaledTable(call: NodeCall, table: Value, scale: Value): Value | null {
  const isTable = table.constant && !table.weight && table.dims.length === 2 && scale.constant;
  return isTable && elementCount(table.dims) > 1 ? scaledColumns(call, table, scale) : null;
}

function scaledColumns(call: NodeCall, weight: Value, scale: Value): Value | null {
  const width = weight.dims.at(-1) ?? 1;
  const count = elementCount(scale.dims);
  if (count > 1 && (count !== width || scale.dims.at(-1) !== width)) return null;
  return call.graph.weight(plainName(weight.name), weight.dims, () => {
    const table = numbersIn(weight.constant!);
    const scales = numbersIn(scale.constant!);
    return Float32Array.from(table, (value, i) => value * scales[count > 1 ? i % width : 0]!);
  });
}

export const QUANTISED_HANDLERS: Handlers = {
  ':Mul': multiply,
  ':DequantizeLinear': dequantizeLinear,
  [`${MICROSOFT}:DequantizeLinear`]: dequantizeLinear,
  ':QuantizeLinear': quantizeLinear,
  [`${MICROSOFT}:QuantizeLinear`]: quantizeLinear,
  ':DynamicQuantizeLinear': dynamicQuantizeLinear,
  ':MatMulInteger': matMulInteger,
  [`${MICROSOFT}:MatMulIntegerToFloat`]: matMulIntegerToFloat,
  [`${MICROSOFT}:DynamicQuantizeMatMul`]: dynamicQuantizeMatMul,
  [`${MICROSOFT}:QEmbedLayerNormalization`]: quantisedEmbedding,
  [`${MICROSOFT}:QAttention`]: quantisedAttention,
  [`${MICROSOFT}:MatMulNBits`]: matMulNBits,
  [`${MICROSOFT}:GatherBlockQuantized`]: gatherBlockQuantized,
};
