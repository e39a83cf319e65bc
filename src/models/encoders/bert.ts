/**
 * BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) and DistilBERT as a graph, from config and
 * weights; the same numbers as `transformers.BertModel` (token types all 0) and `DistilBertModel` in
 * evaluation mode.
 */
import { attribute, type GraphBuilder, makeTensor, MICROSOFT, type Value } from '../../graph/onnx';
import type { TransformerConfig } from './config';
import type { TokenInputs } from './inputs';
import { layoutOf, type LayerNames, type Layout } from './layout';
import { MASKED } from './pooling';
import type { Matrix, Weights } from './weights';

/**
 * Adds the embeddings and the first `layers` layers.
 * @returns hidden states by layer: 0 after the embeddings, k after the k-th layer; [batch, tokens, hidden].
 */
export function addBert(
  builder: GraphBuilder,
  { ids, mask }: TokenInputs,
  config: TransformerConfig,
  weights: Weights,
  layers: number,
): readonly Value[] {
  const bert = new BertGraph(builder, config, weights);
  const states = [bert.embeddings(ids)];
  const bias = layers === 0 ? null : bert.attentionBias(mask);
  for (let layer = 0; layer < layers; layer++) {
    const before = states[layer];
    if (before !== undefined && bias !== null) states.push(bert.layer(layer, before, bias));
  }
  return states;
}

class BertGraph {
  readonly #builder: GraphBuilder;
  readonly #config: TransformerConfig;
  readonly #weights: Weights;
  readonly #layout: Layout;

  constructor(builder: GraphBuilder, config: TransformerConfig, weights: Weights) {
    this.#builder = builder;
    this.#config = config;
    this.#weights = weights;
    this.#layout = layoutOf(config);
  }

  /** Word + position + token type 0, normalised. */
  embeddings(ids: Value): Value {
    const b = this.#builder;
    const { hiddenSize, maxTokens, vocabSize } = this.#config;
    const words = this.#gatherRows(
      this.#layout.words,
      this.#weights.matrix(this.#layout.words, vocabSize, hiddenSize),
      ids,
    );
    const length = b.add('Shape', [ids], { start: attribute.int(1), end: attribute.int(2) });
    const positions = b.add('Slice', [
      b.tensor(
        makeTensor(
          'embeddings.position_and_type_embeddings',
          'float32',
          [maxTokens, hiddenSize],
          this.#positionTable(),
        ),
      ),
      b.integers(0),
      length,
      b.integers(0),
    ]);
    const sum = b.add('Add', [words, b.withDims(positions, ['tokens', hiddenSize])]);
    return this.#layerNorm(this.#layout.embeddingsNorm, sum);
  }

  /** 0 where a token may be attended to, MASKED where not: [batch, 1, 1, tokens], for every head and query. */
  attentionBias(mask: Value): Value {
    const b = this.#builder;
    const penalty = b.add('Mul', [b.add('Sub', [b.scalar(1), mask]), b.scalar(MASKED)]);
    return b.add('Unsqueeze', [penalty, b.integers(1, 2)]);
  }

  layer(index: number, input: Value, bias: Value): Value {
    const b = this.#builder;
    const { hiddenSize, intermediateSize } = this.#config;
    const names = this.#layout.layer(index);
    const attended = this.#linear(
      names.attentionOutput,
      this.#attention(names, input, bias),
      hiddenSize,
      hiddenSize,
    );
    const middle = this.#layerNorm(names.attentionNorm, b.add('Add', [attended, input]));
    const wide = this.#activate(
      this.#linear(names.intermediate, middle, hiddenSize, intermediateSize),
    );
    const narrow = this.#linear(names.output, wide, intermediateSize, hiddenSize);
    return this.#layerNorm(names.outputNorm, b.add('Add', [narrow, middle]));
  }

  #attention(names: LayerNames, input: Value, bias: Value): Value {
    const b = this.#builder;
    const { hiddenSize, heads } = this.#config;
    const parts = [names.query, names.key, names.value];
    // One product for query, key and value: three times as wide, once over the input.
    const joined = b.add('Add', [
      this.#product(
        `${names.query}+key+value.weight`,
        parts.map((part) => this.#weights.matrix(`${part}.weight`, hiddenSize, hiddenSize)),
        input,
      ),
      b.tensor(
        makeTensor(
          `${names.query}+key+value.bias`,
          'float32',
          [3 * hiddenSize],
          concatenateFloats(parts.map((part) => this.#weights.vector(`${part}.bias`, hiddenSize))),
        ),
      ),
    ]);
    const split = b.addAll('Split', [joined, b.integers(hiddenSize, hiddenSize, hiddenSize)], {
      axis: attribute.int(2),
    });
    const [query, key, value] = split as [Value, Value, Value];
    // Plain operators, not the fused MultiHeadAttention: with a bias and more than 16 tokens that one is
    // wrong on WebGPU (0.05 off, ONNX Runtime 1.31-dev), and on CPU and WASM it is no faster.
    const size = hiddenSize / heads;
    const perHead = (joinedHeads: Value, order: readonly number[]): Value =>
      b.add('Transpose', [b.add('Reshape', [joinedHeads, b.integers(0, 0, heads, size)])], {
        perm: attribute.ints(order),
      });
    const scaled = b.add('Mul', [perHead(query, [0, 2, 1, 3]), b.scalar(1 / Math.sqrt(size))]);
    const scores = b.add('MatMul', [scaled, perHead(key, [0, 2, 3, 1])]);
    const weights = b.add('Softmax', [b.add('Add', [scores, bias])], { axis: attribute.int(-1) });
    const mixed = b.add('MatMul', [weights, perHead(value, [0, 2, 1, 3])]);
    return b.add('Reshape', [
      b.add('Transpose', [mixed], { perm: attribute.ints([0, 2, 1, 3]) }),
      b.integers(0, 0, hiddenSize),
    ]);
  }

  #activate(value: Value): Value {
    switch (this.#config.activation) {
      case 'gelu':
        return this.#builder.add('Gelu', [value], {}, MICROSOFT);
      case 'gelu_tanh':
        return this.#builder.add('FastGelu', [value], {}, MICROSOFT);
      case 'relu':
        return this.#builder.add('Relu', [value]);
    }
  }

  #layerNorm(at: string, value: Value): Value {
    const b = this.#builder;
    const { hiddenSize, layerNormEpsilon } = this.#config;
    const [scale, shift] = ['weight', 'bias'].map((part) =>
      b.tensor(
        makeTensor(
          `${at}.${part}`,
          'float32',
          [hiddenSize],
          this.#weights.vector(`${at}.${part}`, hiddenSize),
        ),
      ),
    ) as [Value, Value];
    return b.add('LayerNormalization', [value, scale, shift], {
      axis: attribute.int(-1),
      epsilon: attribute.float(layerNormEpsilon),
    });
  }

  #linear(at: string, value: Value, from: number, to: number): Value {
    const b = this.#builder;
    const matrix = this.#weights.matrix(`${at}.weight`, to, from);
    const bias = makeTensor(`${at}.bias`, 'float32', [to], this.#weights.vector(`${at}.bias`, to));
    return b.add('Add', [this.#product(`${at}.weight`, [matrix], value), b.tensor(bias)]);
  }

  /** value [batch, tokens, in] times the transposes of [out, in] matrices, side by side. */
  #product(name: string, matrices: readonly Matrix[], value: Value): Value {
    const b = this.#builder;
    const inner = matrices[0]?.columns ?? 0;
    const outer = matrices.reduce((total, matrix) => total + matrix.rows, 0);
    if (matrices.every((matrix) => matrix.scales === null)) {
      const weight = new Float32Array(inner * outer);
      transposeInto(weight, matrices, outer);
      return b.add('MatMul', [
        value,
        b.tensor(makeTensor(name, 'float32', [inner, outer], weight)),
      ]);
    }
    const integers = new Int8Array(inner * outer);
    transposeInto(integers, matrices, outer);
    const scales = concatenateFloats(
      matrices.map((matrix) => matrix.scales ?? new Float32Array(0)),
    );
    // Not DequantizeLinear: ONNX Runtime would fuse that with MatMul into a kernel that also rounds the
    // activations to 8 bits (0.006 off, and not the same on every device). A Cast and a Mul are folded
    // once, when the session is made, and then it is an ordinary MatMul.
    const weight = b.add('Mul', [
      b.add('Cast', [b.tensor(makeTensor(name, 'int8', [inner, outer], integers))], {
        to: attribute.elementType('float32'),
      }),
      b.tensor(makeTensor(`${name}.scale`, 'float32', [outer], scales)),
    ]);
    return b.add('MatMul', [value, weight]);
  }

  #gatherRows(name: string, table: Matrix, ids: Value): Value {
    return gatherRows(this.#builder, name, table, ids);
  }

  /** [maxTokens, hidden]: position embeddings, plus token type 0's where there are types: every token gets it. */
  #positionTable(): Float32Array {
    const { hiddenSize, maxTokens } = this.#config;
    const { positions, types } = this.#layout;
    const table = Float32Array.from(this.#weights.floats(positions, maxTokens, hiddenSize));
    if (types === null) return table;
    const type = this.#weights.floats(types, this.#weights.rows(types, hiddenSize), hiddenSize);
    for (let i = 0; i < table.length; i++) table[i] = (table[i] ?? 0) + (type[i % hiddenSize] ?? 0);
    return table;
  }
}

/**
 * Rows of a table by id: [batch, tokens, hidden]. An 8-bit table stays 8-bit in memory: only the rows that
 * are looked up become floats.
 */
export function gatherRows(builder: GraphBuilder, name: string, table: Matrix, ids: Value): Value {
  const dims = [table.rows, table.columns];
  if (table.values instanceof Float32Array)
    return builder.add('Gather', [
      builder.tensor(makeTensor(name, 'float32', dims, table.values)),
      ids,
    ]);
  const scales = table.scales ?? new Float32Array(table.rows).fill(1);
  const rows = builder.add(
    'Cast',
    [builder.add('Gather', [builder.tensor(makeTensor(name, 'int8', dims, table.values)), ids])],
    { to: attribute.elementType('float32') },
  );
  const scale = builder.add('Gather', [
    builder.tensor(makeTensor(`${name}.scale`, 'float32', [table.rows, 1], scales)),
    ids,
  ]);
  return builder.add('Mul', [rows, scale]);
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

function concatenateFloats(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
