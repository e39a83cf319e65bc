/** A fine-tuned checkpoint as an ordinary ONNX classifier, weights inside: what is predicted with and taken away. */
import { HeadlightError } from '../../base';
import {
  attribute,
  GraphBuilder,
  makeTensor,
  MICROSOFT,
  writeModel,
  type Model,
  type Value,
} from '../../graph/onnx';
import type { Device } from '../../platform';
import { formFor, type Arithmetic } from './arithmetic';
import { groupClasses } from './class-groups';
import { parseEncoderConfig, type TransformerConfig } from './config';
import { checkpointOf, type EncoderFiles } from './encoder-weights';
import { addBody } from './frozen';
import { addTokenInputs } from './inputs';
import { layoutOf } from './layout';
import { pool } from './pooling';
import type { ClassifierGraphOptions } from './trainable-types';
import { Weights } from './weights';

const ARITHMETIC: Readonly<Record<NonNullable<ClassifierGraphOptions['variant']>, Arithmetic>> = {
  fp32: 'float32',
  fp16: 'float16',
  quantized: 'integer',
  q4: 'float32',
};

/**
 * ONNX bytes, to be kept or taken away: see `classifierModel`.
 * @throws HeadlightError as there.
 */
export function classifierModelGraph(
  files: EncoderFiles,
  options: ClassifierGraphOptions,
): Uint8Array {
  return writeModel(classifierModel(files, options));
}

/**
 * A graph with the inputs `input_ids`, `attention_mask` and, for BERT, `token_type_ids` (int64 [batch,
 * tokens]) and the output `logits`, float32 [batch, classes], or [batch, tokens, classes] for tokens.
 *
 * `fp16` computes the encoder in half precision, the head in single; `quantized` multiplies 8-bit integers,
 * the activations rounded as they come; `q4` keeps matrices and words in 4 bits and multiplies in single precision.
 * All are files for transformers.js (`_fp16`, `_quantized`, `_q4`).
 *
 * @param files config.json and a checkpoint with a head, as `TrainableModel.checkpoint` gives it.
 * @param device where it will be run at once: weights are then views of the checkpoint wherever they can be. Absent:
 *   for any reader of ONNX.
 * @throws HeadlightError `bad-model` when the head is missing or of another size, or the files do not fit.
 */
export function classifierModel(
  files: EncoderFiles,
  options: ClassifierGraphOptions,
  device?: Device,
): Model {
  const config = parseEncoderConfig(files.config);
  if (config.modelType === 'headlight-static')
    throw new HeadlightError('bad-model', 'A static encoder has no classifier of its own.');
  const arithmetic = ARITHMETIC[options.variant ?? 'fp32'];
  const layout = layoutOf(config);
  const weights = new Weights(
    checkpointOf(files.weights),
    options.variant === 'q4' ? 'q4' : (options.precision ?? 'as-kept'),
    ['', layout.prefix],
    layout.words,
  );
  const builder = new GraphBuilder({ name: config.modelType });
  const inputs = addTokenInputs(builder);
  const types = !layout.tokenTypes
    ? null
    : builder.input('token_type_ids', 'int64', ['batch', 'tokens']);
  const form = device === undefined ? 'turned' : formFor(device);
  const states = addBody(builder, { ...inputs, types }, config, weights, config.layers, {
    arithmetic,
    form,
  });
  const last = states.at(-1);
  if (last === undefined) throw new HeadlightError('internal', 'An encoder has no hidden states.');
  const head = new Head(builder, config, weights);
  const logits = head.logits(last, inputs.mask, options);
  const { groups, classes } = options;
  const labelled = groups === undefined ? logits : groupClasses(builder, logits, classes, groups);
  builder.output(labelled, 'logits');
  return builder.build();
}

/** Always in single precision: it is small, and its sums decide. */
class Head {
  readonly #builder: GraphBuilder;
  readonly #config: TransformerConfig;
  readonly #weights: Weights;

  constructor(builder: GraphBuilder, config: TransformerConfig, weights: Weights) {
    this.#builder = builder;
    this.#config = config;
    this.#weights = weights;
  }

  logits(hidden: Value, mask: Value, { task, head, classes }: ClassifierGraphOptions): Value {
    const b = this.#builder;
    const stock = layoutOf(this.#config).head;
    if (task === 'token') {
      const rows = this.#single(hidden);
      const dense = stock.denseForTokens ? this.#dense(rows) : rows;
      return this.#linear(stock.tokenClassifier, dense, classes);
    }
    if (head === 'mean') {
      const pooled = pool(b, this.#single(hidden), mask, 'mean');
      return this.#linear(stock.tokenClassifier, pooled, classes);
    }
    const whole = stock.pooling === 'mean' ? this.#single(hidden) : hidden;
    const pooled = this.#single(pool(b, whole, mask, stock.pooling));
    const dense = stock.dense === null ? pooled : this.#dense(pooled);
    return this.#linear(stock.classifier, dense, classes, stock.classifierBias);
  }

  /** Linear layer, activation, LayerNorm, as far as the stock head has them. */
  #dense(value: Value): Value {
    const b = this.#builder;
    const { hiddenSize, layerNormEpsilon } = this.#config;
    const { dense, denseBias, activation, norm } = layoutOf(this.#config).head;
    const linear = dense === null ? value : this.#linear(dense, value, hiddenSize, denseBias);
    const active = b.add(activation, [linear], {}, activation === 'Gelu' ? MICROSOFT : '');
    if (norm === null) return active;
    const parts = norm.bias ? ['weight', 'bias'] : ['weight'];
    const weights = parts.map((part) => this.#tensor(`${norm.name}.${part}`, [hiddenSize]));
    return b.add('LayerNormalization', [active, ...weights], {
      axis: attribute.int(-1),
      epsilon: attribute.float(layerNormEpsilon),
    });
  }

  /** Of rows [batch, hidden] or stacked ones. */
  #linear(name: string, value: Value, out: number, bias = true): Value {
    const b = this.#builder;
    const weight = this.#tensor(`${name}.weight`, [out, this.#config.hiddenSize]);
    const shift = bias ? this.#tensor(`${name}.bias`, [out]) : null;
    if (value.dims?.length === 2) {
      const inputs = shift === null ? [value, weight] : [value, weight, shift];
      return b.add('Gemm', inputs, { transB: attribute.int(1) });
    }
    const turned = b.add('Transpose', [weight], { perm: attribute.ints([1, 0]) });
    const product = b.add('MatMul', [value, turned]);
    return shift === null ? product : b.add('Add', [product, shift]);
  }

  #single(value: Value): Value {
    if (value.elementType === 'float32') return value;
    return this.#builder.add('Cast', [value], { to: attribute.elementType('float32') });
  }

  #tensor(name: string, dims: readonly number[]): Value {
    const values = this.#weights.absolute(name, dims);
    if (values === null)
      throw new HeadlightError(
        'bad-model',
        `The checkpoint has no head "${name}" of the shape [${dims.join(', ')}].`,
        { hint: 'Choose a checkpoint with a classifier of as many classes as its labels.' },
      );
    return this.#builder.tensor(makeTensor(name, 'float32', dims, values));
  }
}
