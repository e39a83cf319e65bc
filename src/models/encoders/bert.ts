/**
 * BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) and DistilBERT as a graph, from config and
 * weights; the same numbers as `transformers.BertModel` and `DistilBertModel` in evaluation mode.
 */
import { attribute, type GraphBuilder, MICROSOFT, type Value } from '../../graph/onnx';
import { concatenateFloats, Numbers, type Arithmetic } from './arithmetic';
import type { TransformerConfig } from './config';
import type { TokenInputs } from './inputs';
import { layoutOf, type LayerNames, type Layout } from './layout';
import { MASKED } from './pooling';
import type { Weights } from './weights';

/** As MASKED, within half precision. */
const MASKED_HALF = -60000;

/**
 * Adds the embeddings and the first `layers` layers.
 * @returns hidden states by layer: 0 after the embeddings, k after the k-th layer; [batch, tokens, hidden],
 *   float16 where the arithmetic is.
 */
export function addBert(
  builder: GraphBuilder,
  { ids, mask, types = null }: TokenInputs,
  config: TransformerConfig,
  weights: Weights,
  layers: number,
  arithmetic: Arithmetic = 'float32',
): readonly Value[] {
  const bert = new BertGraph(builder, config, weights, arithmetic);
  const states = [bert.embeddings(ids, types)];
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
  readonly #numbers: Numbers;

  constructor(
    builder: GraphBuilder,
    config: TransformerConfig,
    weights: Weights,
    arithmetic: Arithmetic,
  ) {
    this.#builder = builder;
    this.#config = config;
    this.#weights = weights;
    this.#layout = layoutOf(config);
    this.#numbers = new Numbers(builder, arithmetic);
  }

  /** Word + position + token type, normalised. Without `types` every token is of type 0. */
  embeddings(ids: Value, types: Value | null): Value {
    const b = this.#builder;
    const { hiddenSize, maxTokens, vocabSize } = this.#config;
    const { words } = this.#layout;
    const rows = this.#numbers.rows(words, this.#weights.matrix(words, vocabSize, hiddenSize), ids);
    const length = b.add('Shape', [ids], { start: attribute.int(1), end: attribute.int(2) });
    const positions = b.add('Slice', [
      this.#numbers.floats(
        types === null ? 'embeddings.position_and_type_embeddings' : this.#layout.positions,
        [maxTokens, hiddenSize],
        this.#positionTable(types === null),
      ),
      b.integers(0),
      length,
      b.integers(0),
    ]);
    let sum = b.add('Add', [rows, b.withDims(positions, ['tokens', hiddenSize])]);
    if (types !== null) sum = b.add('Add', [sum, this.#typeRows(types)]);
    return this.#layerNorm(this.#layout.embeddingsNorm, sum);
  }

  /** 0 where a token may be attended to, MASKED where not: [batch, 1, 1, tokens], for every head and query. */
  attentionBias(mask: Value): Value {
    const b = this.#builder;
    const masked = this.#numbers.elementType === 'float16' ? MASKED_HALF : MASKED;
    const penalty = b.add('Mul', [b.add('Sub', [b.scalar(1), mask]), b.scalar(masked)]);
    return b.add('Unsqueeze', [this.#numbers.cast(penalty), b.integers(1, 2)]);
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
      this.#numbers.product(
        `${names.query}+key+value.weight`,
        parts.map((part) => this.#weights.matrix(`${part}.weight`, hiddenSize, hiddenSize)),
        input,
      ),
      this.#numbers.floats(
        `${names.query}+key+value.bias`,
        [3 * hiddenSize],
        concatenateFloats(parts.map((part) => this.#weights.vector(`${part}.bias`, hiddenSize))),
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
    const scaled = b.add('Mul', [
      perHead(query, [0, 2, 1, 3]),
      this.#numbers.scalar(1 / Math.sqrt(size)),
    ]);
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
    const { hiddenSize, layerNormEpsilon } = this.#config;
    const [scale, shift] = [`${at}.weight`, `${at}.bias`].map((name) =>
      this.#numbers.floats(name, [hiddenSize], this.#weights.vector(name, hiddenSize)),
    ) as [Value, Value];
    return this.#builder.add('LayerNormalization', [value, scale, shift], {
      axis: attribute.int(-1),
      epsilon: attribute.float(layerNormEpsilon),
    });
  }

  #linear(at: string, value: Value, from: number, to: number): Value {
    const matrix = this.#weights.matrix(`${at}.weight`, to, from);
    return this.#builder.add('Add', [
      this.#numbers.product(`${at}.weight`, [matrix], value),
      this.#numbers.floats(`${at}.bias`, [to], this.#weights.vector(`${at}.bias`, to)),
    ]);
  }

  #typeRows(ids: Value): Value {
    const name = this.#layout.types ?? '';
    const { hiddenSize } = this.#config;
    const rows = this.#weights.rows(name, hiddenSize);
    const table = this.#weights.floats(name, rows, hiddenSize);
    return this.#builder.add('Gather', [
      this.#numbers.floats(name, [rows, hiddenSize], table),
      ids,
    ]);
  }

  /** [maxTokens, hidden]: position embeddings; with token type 0's, where there are types and all are 0. */
  #positionTable(withType: boolean): Float32Array {
    const { hiddenSize, maxTokens } = this.#config;
    const { positions, types } = this.#layout;
    const table = Float32Array.from(this.#weights.floats(positions, maxTokens, hiddenSize));
    if (types === null || !withType) return table;
    const type = this.#weights.floats(types, this.#weights.rows(types, hiddenSize), hiddenSize);
    for (let i = 0; i < table.length; i++) table[i] = (table[i] ?? 0) + (type[i % hiddenSize] ?? 0);
    return table;
  }
}
