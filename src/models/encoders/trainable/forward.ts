/**
 * The forward pass as nodes of a training graph, every parameter an input. Activations stay
 * [batch * tokens, hidden], so that linear layers are plain Gemm, whose gradients are plain Gemm too. The
 * operators are those that WebGPU has kernels for; nothing but constant shapes and axes is int64.
 */
import { HeadlightError } from '../../../base';
import { attribute, MICROSOFT, type GraphBuilder, type Value } from '../../../graph/onnx';
import type { DropoutRates, TransformerConfig } from '../config';
import { layoutOf, type LayerNames, type Layout } from '../layout';
import { MASKED } from '../pooling';
import type { Forward, ForwardOptions, Parameter, TrainableOptions } from '../trainable-types';
import { Dropout } from './dropout';
import { adapterNames } from './lora';

/** What an unsigned byte has for 0. */
const MIDDLE = 128;

/** As sentence-transformers (`Normalize`), squared. */
const NORM_EPSILON_SQUARED = 1e-24;

/**
 * @throws HeadlightError `bad-setting` when there are more tokens than positions, or the base is kept in half
 *   precision on WebGPU: many of its devices compute none, and 8 bits are smaller and work on all of them.
 */
export function addForward(
  builder: GraphBuilder,
  model: ForwardModel,
  options: ForwardOptions,
): Forward {
  const { maxTokens } = model.config;
  if (options.tokens > maxTokens)
    throw new HeadlightError(
      'bad-setting',
      `This encoder reads at most ${maxTokens} tokens, not ${options.tokens}.`,
      { hint: `Choose a max_length of at most ${maxTokens}.` },
    );
  const { method } = model.options;
  if (options.device === 'webgpu' && method.name === 'lora' && method.base === 'fp16')
    throw new HeadlightError(
      'bad-setting',
      'On WebGPU the base of LoRA cannot be kept in half precision.',
      { hint: 'Choose the base in 8 bits (int8), which is smaller still, or in 32 bits (fp32).' },
    );
  return new ForwardGraph(builder, model, options).build();
}

export interface ForwardModel {
  readonly config: TransformerConfig;
  readonly options: TrainableOptions;
  readonly parameters: ReadonlyMap<string, Parameter>;
}

class ForwardGraph {
  readonly #b: GraphBuilder;
  readonly #config: TransformerConfig;
  readonly #layout: Layout;
  readonly #task: TrainableOptions;
  readonly #parameters: ReadonlyMap<string, Parameter>;
  readonly #options: ForwardOptions;
  readonly #dropout: Dropout;
  readonly #rates: DropoutRates;
  /** Parameters as float32 values, by name. */
  readonly #values = new Map<string, Value>();

  constructor(
    builder: GraphBuilder,
    { config, options: task, parameters }: ForwardModel,
    options: ForwardOptions,
  ) {
    this.#b = builder;
    this.#config = config;
    this.#layout = layoutOf(config);
    this.#task = task;
    this.#parameters = parameters;
    this.#options = options;
    this.#dropout = new Dropout(builder, options.training);
    const all = task.dropout;
    this.#rates =
      all === null
        ? config.dropout
        : { hidden: all, attention: all, textClassifier: all, tokenClassifier: all };
  }

  build(): Forward {
    const { batch, tokens } = this.#options;
    const mask = this.#b.input('attention_mask', 'float32', [batch, tokens]);
    const boundaries: string[] = [];
    let hidden = this.#embeddings();
    boundaries.push(hidden.name);
    const bias = this.#attentionBias(mask);
    for (let index = 0; index < this.#config.layers; index++) {
      hidden = this.#layer(index, hidden, bias);
      boundaries.push(hidden.name);
    }
    return {
      output: this.#head(hidden, mask),
      dropout: this.#dropout.sites,
      boundaries,
      parameters: [...this.#values.keys()],
    };
  }

  /** Word + position + token type, normalised: [batch * tokens, hidden]. */
  #embeddings(): Value {
    const b = this.#b;
    const { batch, tokens } = this.#options;
    const { hiddenSize: hidden } = this.#config;
    const { prefix, words, positions, types, embeddingsNorm } = this.#layout;
    const shape = b.integers(batch, tokens, hidden);
    const places = b.add('Slice', [
      this.#parameter(prefix + positions),
      b.integers(0),
      b.integers(tokens),
      b.integers(0),
    ]);
    let sum = b.add('Add', [b.add('Reshape', [this.#words(prefix + words), shape]), places]);
    if (types !== null) {
      const ids = b.input('token_type_ids', 'int32', [batch, tokens]);
      sum = b.add('Add', [sum, b.add('Gather', [this.#parameter(prefix + types), ids])]);
    }
    const flat = b.add('Reshape', [sum, b.integers(batch * tokens, hidden)]);
    return this.#dropHidden(this.#layerNorm(prefix + embeddingsNorm, flat));
  }

  /** Rows of the word table: [batch * tokens, hidden] or [batch, tokens, hidden]. */
  #words(name: string): Value {
    const b = this.#b;
    const { batch, tokens, table } = this.#options;
    const { hiddenSize } = this.#config;
    if (table === 'host') return b.input('word_rows', 'float32', [batch * tokens, hiddenSize]);
    const ids = b.input('input_ids', 'int32', [batch, tokens]);
    const precision = this.#find(name).values.precision;
    if (precision === 'fp32') return b.add('Gather', [this.#parameter(name), ids]);
    // Only the rows that are looked up become floats.
    const { dims } = this.#find(name);
    const stored = b.input(name, precision === 'fp16' ? 'float16' : this.#bytes, dims);
    this.#values.set(name, stored);
    let rows = this.#toFloat(b.add('Gather', [stored, ids]));
    if (precision === 'fp16') return rows;
    if (this.#bytes === 'uint8') rows = b.add('Sub', [rows, b.scalar(MIDDLE)]);
    const scales = b.input(`${name}.scale`, 'float32', [dims[0] ?? 0]);
    const scale = b.add('Unsqueeze', [b.add('Gather', [scales, ids]), b.integers(2)]);
    return b.add('Mul', [rows, scale]);
  }

  /** 0 where a token may be attended to, MASKED where not: [batch, 1, 1, tokens]. */
  #attentionBias(mask: Value): Value {
    const b = this.#b;
    const { batch, tokens } = this.#options;
    const penalty = b.add('Mul', [b.add('Sub', [b.scalar(1), mask]), b.scalar(MASKED)]);
    return b.add('Reshape', [penalty, b.integers(batch, 1, 1, tokens)]);
  }

  #layer(index: number, input: Value, bias: Value): Value {
    const b = this.#b;
    const names = this.#layout.layer(index);
    const at = (name: string): string => this.#layout.prefix + name;
    let attended = this.#linear(at(names.attentionOutput), this.#attention(names, input, bias));
    if (this.#layout.attentionOutputDropout) attended = this.#dropHidden(attended);
    const middle = this.#layerNorm(at(names.attentionNorm), b.add('Add', [attended, input]));
    const wide = this.#activate(this.#linear(at(names.intermediate), middle));
    const narrow = this.#dropHidden(this.#linear(at(names.output), wide));
    return this.#layerNorm(at(names.outputNorm), b.add('Add', [narrow, middle]));
  }

  #attention(names: LayerNames, input: Value, bias: Value): Value {
    const b = this.#b;
    const { batch, tokens } = this.#options;
    const { hiddenSize: hidden, heads } = this.#config;
    const size = hidden / heads;
    const perHead = (name: string, order: readonly number[]): Value =>
      b.add(
        'Transpose',
        [
          b.add('Reshape', [
            this.#linear(this.#layout.prefix + name, input),
            b.integers(batch, tokens, heads, size),
          ]),
        ],
        { perm: attribute.ints(order) },
      );
    const query = b.add('Mul', [perHead(names.query, [0, 2, 1, 3]), b.scalar(1 / Math.sqrt(size))]);
    const scores = b.add('MatMul', [query, perHead(names.key, [0, 2, 3, 1])]);
    const weights = this.#dropout.apply(
      b.add('Softmax', [b.add('Add', [scores, bias])], { axis: attribute.int(-1) }),
      [batch, heads, tokens, tokens],
      this.#rates.attention,
    );
    const mixed = b.add('MatMul', [weights, perHead(names.value, [0, 2, 1, 3])]);
    return b.add('Reshape', [
      b.add('Transpose', [mixed], { perm: attribute.ints([0, 2, 1, 3]) }),
      b.integers(batch * tokens, hidden),
    ]);
  }

  #head(hidden: Value, mask: Value): Value {
    const b = this.#b;
    const { task, head, classes } = this.#task;
    const { batch, tokens } = this.#options;
    const { hiddenSize: size } = this.#config;
    const { classifier, headDense, headActivation } = this.#layout;
    const { tokenClassifier, textClassifier } = this.#rates;
    if (task === 'token') {
      const kept = this.#dropout.apply(hidden, [batch * tokens, size], tokenClassifier);
      return b.add('Reshape', [this.#linear(classifier, kept), b.integers(batch, tokens, classes)]);
    }
    const stacked = b.add('Reshape', [hidden, b.integers(batch, tokens, size)]);
    if (task === 'embedding') return this.#normalize(this.#mean(stacked, mask));
    const pooled =
      head === 'mean'
        ? this.#mean(stacked, mask)
        : b.add(headActivation, [this.#linear(headDense, this.#first(stacked))]);
    return this.#linear(classifier, this.#dropout.apply(pooled, [batch, size], textClassifier));
  }

  /** [CLS] of each text: [batch, hidden]. */
  #first(stacked: Value): Value {
    const b = this.#b;
    const first = b.add('Slice', [stacked, b.integers(0), b.integers(1), b.integers(1)]);
    return b.add('Reshape', [first, b.integers(this.#options.batch, this.#config.hiddenSize)]);
  }

  /** The mean over the tokens that are there; every text has one. */
  #mean(stacked: Value, mask: Value): Value {
    const b = this.#b;
    const { batch, tokens } = this.#options;
    const sum = b.add('MatMul', [b.add('Reshape', [mask, b.integers(batch, 1, tokens)]), stacked]);
    const count = b.add('ReduceSum', [mask, b.integers(1)], { keepdims: attribute.int(1) });
    return b.add('Div', [
      b.add('Reshape', [sum, b.integers(batch, this.#config.hiddenSize)]),
      count,
    ]);
  }

  /** Each row at length 1. */
  #normalize(rows: Value): Value {
    const b = this.#b;
    const squares = b.add('ReduceSum', [b.add('Mul', [rows, rows]), b.integers(1)], {
      keepdims: attribute.int(1),
    });
    const norm = b.add('Sqrt', [b.add('Add', [squares, b.scalar(NORM_EPSILON_SQUARED)])]);
    return b.add('Div', [rows, norm]);
  }

  #dropHidden(value: Value): Value {
    const { batch, tokens } = this.#options;
    const dims = [batch * tokens, this.#config.hiddenSize];
    return this.#dropout.apply(value, dims, this.#rates.hidden);
  }

  #activate(value: Value): Value {
    switch (this.#config.activation) {
      case 'gelu':
        return this.#b.add('Gelu', [value], {}, MICROSOFT);
      case 'gelu_tanh':
        return this.#b.add('FastGelu', [value], {}, MICROSOFT);
      case 'relu':
        return this.#b.add('Relu', [value]);
    }
  }

  #layerNorm(at: string, value: Value): Value {
    const inputs = [value, this.#parameter(`${at}.weight`), this.#parameter(`${at}.bias`)];
    return this.#b.add('LayerNormalization', inputs, {
      axis: attribute.int(-1),
      epsilon: attribute.float(this.#config.layerNormEpsilon),
    });
  }

  /** x W^T + b, and what an adapter adds. */
  #linear(at: string, value: Value): Value {
    const b = this.#b;
    const turned = { transB: attribute.int(1) };
    const inputs = [value, this.#parameter(`${at}.weight`), this.#parameter(`${at}.bias`)];
    const whole = b.add('Gemm', inputs, turned);
    const { method } = this.#task;
    const names = adapterNames(at);
    if (method.name !== 'lora' || !this.#parameters.has(names.a)) return whole;
    const dims = [value.dims?.[0], value.dims?.[1]].map(Number);
    const kept = this.#dropout.apply(value, dims, method.dropout);
    const narrow = b.add('Gemm', [kept, this.#parameter(names.a)], turned);
    const delta = b.add('Gemm', [narrow, this.#parameter(names.b)], {
      ...turned,
      alpha: attribute.float(method.alpha / method.rank),
    });
    return b.add('Add', [whole, delta]);
  }

  /** A parameter as float32, its input added when it is first asked for. */
  #parameter(name: string): Value {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const value = this.#input(this.#find(name));
    this.#values.set(name, value);
    return value;
  }

  #input({ name, dims, values }: Parameter): Value {
    const b = this.#b;
    if (values.precision === 'fp32') return b.input(name, 'float32', dims);
    if (values.precision === 'fp16') return this.#toFloat(b.input(name, 'float16', dims));
    const stored = b.input(name, this.#bytes, dims);
    const scales = b.input(`${name}.scale`, 'float32', [dims[0] ?? 0]);
    if (this.#bytes === 'int8') {
      const rows = this.#toFloat(stored);
      return b.add('Mul', [rows, b.add('Unsqueeze', [scales, b.integers(1)])]);
    }
    const middle = b.constant('uint8', [dims[0] ?? 0], new Uint8Array(dims[0] ?? 0).fill(MIDDLE));
    return b.add('DequantizeLinear', [stored, scales, middle], { axis: attribute.int(0) });
  }

  /** What 8-bit integers are fed as. WebGPU has no kernels for signed ones: there they are moved up by 128. */
  get #bytes(): 'int8' | 'uint8' {
    return this.#options.device === 'webgpu' ? 'uint8' : 'int8';
  }

  #toFloat(value: Value): Value {
    return this.#b.add('Cast', [value], { to: attribute.elementType('float32') });
  }

  #find(name: string): Parameter {
    const parameter = this.#parameters.get(name);
    if (parameter === undefined)
      throw new HeadlightError('internal', `A trainable model has no parameter "${name}".`);
    return parameter;
  }
}
