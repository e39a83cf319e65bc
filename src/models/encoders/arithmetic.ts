/**
 * In which numbers a graph with weights inside computes: products, lookups and constants for each way.
 *
 * - `float32`: 8-bit weights, where there are any, become floats when the session is made;
 * - `float16`: weights and activations in half precision;
 * - `integer`: products of 8-bit integers, the activations rounded as they come (dynamic quantisation).
 */
import { attribute, type GraphBuilder, makeTensor, type Value } from '../../graph/onnx';
import { halfBits } from '../checkpoints';
import { quantizeRows } from './quantize';
import type { Matrix } from './weights';

export type Arithmetic = 'float32' | 'float16' | 'integer';

/** Weights of unsigned bytes have their zero here. */
const ZERO_POINT = 128;

export class Numbers {
  readonly #builder: GraphBuilder;
  readonly #arithmetic: Arithmetic;
  readonly #made = new Map<string, Value>();

  constructor(builder: GraphBuilder, arithmetic: Arithmetic) {
    this.#builder = builder;
    this.#arithmetic = arithmetic;
  }

  /** What activations are of. */
  get elementType(): 'float32' | 'float16' {
    return this.#arithmetic === 'float16' ? 'float16' : 'float32';
  }

  scalar(value: number): Value {
    return this.elementType === 'float16'
      ? this.#builder.constant('float16', [], halfBits(Float32Array.of(value)))
      : this.#builder.scalar(value);
  }

  /** A weight that is not multiplied with: biases, LayerNorm, small tables. */
  floats(name: string, dims: readonly number[], values: Float32Array): Value {
    return this.#builder.tensor(
      this.elementType === 'float16'
        ? makeTensor(name, 'float16', dims, halfBits(values))
        : makeTensor(name, 'float32', dims, values),
    );
  }

  /** The value in the type of activations. */
  cast(value: Value): Value {
    if (value.elementType === this.elementType) return value;
    return this.#builder.add('Cast', [value], { to: attribute.elementType(this.elementType) });
  }

  /** value [batch, tokens, in] times the transposes of [out, in] matrices, side by side. */
  product(name: string, matrices: readonly Matrix[], value: Value): Value {
    const b = this.#builder;
    if (this.#arithmetic === 'integer') return this.#integerProduct(name, matrices, value);
    const weight = this.#once(name, () => this.#weight(name, matrices));
    return b.add('MatMul', [value, weight]);
  }

  #weight(name: string, matrices: readonly Matrix[]): Value {
    const b = this.#builder;
    const inner = matrices[0]?.columns ?? 0;
    const outer = matrices.reduce((total, matrix) => total + matrix.rows, 0);
    if (matrices.every((matrix) => matrix.scales === null)) {
      const weight = new Float32Array(inner * outer);
      transposeInto(weight, matrices, outer);
      return this.floats(name, [inner, outer], weight);
    }
    const integers = new Int8Array(inner * outer);
    transposeInto(integers, matrices, outer);
    // Not DequantizeLinear: ONNX Runtime would fuse that with MatMul into a kernel that also rounds the
    // activations to 8 bits (0.006 off, and not the same on every device). A Cast and a Mul are folded
    // once, when the session is made, and then it is an ordinary MatMul.
    return b.add('Mul', [
      this.cast(b.tensor(makeTensor(name, 'int8', [inner, outer], integers))),
      this.floats(`${name}.scale`, [outer], scalesOf(matrices)),
    ]);
  }

  /** Weights that are used again (shared layers) stand in the graph once. */
  #once(name: string, make: () => Value): Value {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const value = make();
    this.#made.set(name, value);
    return value;
  }

  /**
   * As onnxruntime's `quantize_dynamic` writes it, whose kernels every device has; a scale a channel. Both
   * sides are unsigned: on processors without VNNI the mixed kernel adds up in 16 bits and overflows.
   */
  #integerProduct(name: string, matrices: readonly Matrix[], value: Value): Value {
    const b = this.#builder;
    const inner = matrices[0]?.columns ?? 0;
    const outer = matrices.reduce((total, matrix) => total + matrix.rows, 0);
    const rounded = matrices.map(quantized);
    const weight = this.#once(`${name}_quantized`, () => {
      const signed = new Int8Array(inner * outer);
      transposeInto(signed, rounded, outer);
      const unsigned = Uint8Array.from(signed, (byte) => byte + ZERO_POINT);
      return b.tensor(makeTensor(`${name}_quantized`, 'uint8', [inner, outer], unsigned));
    });
    const [bytes, scale, zero] = b.addAll('DynamicQuantizeLinear', [value]) as [
      Value,
      Value,
      Value,
    ];
    const sums = b.add('MatMulInteger', [
      bytes,
      weight,
      zero,
      b.constant('uint8', [], Uint8Array.of(ZERO_POINT)),
    ]);
    const scales = this.#once(`${name}_scale`, () =>
      b.tensor(makeTensor(`${name}_scale`, 'float32', [outer], scalesOf(rounded))),
    );
    return b.add('Mul', [this.cast(sums), b.add('Mul', [scale, scales])]);
  }

  /**
   * Rows of a table by id: [batch, tokens, hidden]. An 8-bit table stays 8-bit in memory: only the rows that
   * are looked up become floats.
   */
  rows(name: string, given: Matrix, ids: Value): Value {
    const b = this.#builder;
    const table = this.#arithmetic === 'integer' ? quantized(given) : given;
    const dims = [table.rows, table.columns];
    if (table.values instanceof Float32Array)
      return b.add('Gather', [this.floats(name, dims, table.values), ids]);
    const scales = table.scales ?? new Float32Array(table.rows).fill(1);
    const rows = this.cast(
      b.add('Gather', [b.tensor(makeTensor(name, 'int8', dims, table.values)), ids]),
    );
    const scale = b.add('Gather', [this.floats(`${name}.scale`, [table.rows, 1], scales), ids]);
    return b.add('Mul', [rows, scale]);
  }
}

interface QuantizedMatrix extends Matrix {
  readonly values: Int8Array;
  readonly scales: Float32Array;
}

function quantized(matrix: Matrix): QuantizedMatrix {
  const { rows, columns, values, scales } = matrix;
  if (values instanceof Int8Array)
    return { rows, columns, values, scales: scales ?? new Float32Array(rows).fill(1) };
  return { rows, columns, ...quantizeRows(values, rows, columns) };
}

/** Writes the transposes of [rows, columns] matrices side by side into [columns, width], block by block. */
function transposeInto(
  into: Float32Array | Int8Array,
  matrices: readonly Matrix[],
  width: number,
): void {
  const block = 32;
  let offset = 0;
  for (const { rows, columns, values } of matrices) {
    for (let row0 = 0; row0 < rows; row0 += block)
      for (let column0 = 0; column0 < columns; column0 += block)
        for (let row = row0; row < Math.min(rows, row0 + block); row++)
          for (let column = column0; column < Math.min(columns, column0 + block); column++)
            into[column * width + offset + row] = values[row * columns + column] ?? 0;
    offset += rows;
  }
}

function scalesOf(matrices: readonly Matrix[]): Float32Array {
  return concatenateFloats(matrices.map((matrix) => matrix.scales ?? new Float32Array(0)));
}

export function concatenateFloats(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
